//! What is done to copies before they turn up: damage by tools, damage on purpose, mixtures and collusion.
//!
//! An [`Attack`] is data: one list serves files of TOML, the command line and the trials, so that none of them can offer what
//! the others lack. Attacks change a [`Table`] in memory; [`gather()`] makes one table of several copies; [`leak`] does a list of
//! attacks, in the order given, and writes the file that turns up.
//!
//! An attacker knows the table that was received, and what the [`Scene`] grants: the policy, or even what each cell says, which
//! nobody outside can know. The strongest attacks of the literature are thus given more than they could have.
//!
//! Invariants: the same seed gives the same leak, so the generator is fixed; no attack fails on any cell's contents, only
//! on columns that are not there or on what it was not told.
//!
//! What lives here: `table` (rows in memory), `amount` (200, or 2 %), `rows`, `columns`, `values`, `numbers`, `dates`, `excel`,
//! `normalise` (what is done, by kind), `file` (how it is written), `collude`, `mix`, `difference` (several copies), `oracle`.

mod amount;
mod collude;
mod columns;
pub mod correlate;
mod dates;
mod difference;
mod excel;
mod file;
mod kind;
mod mix;
mod normalise;
mod numbers;
mod oracle;
mod reason;
mod rows;
mod table;
mod values;

use clap::Subcommand;
use serde::Deserialize;

use crate::error::Result;
use crate::mark::policy::Policy;

pub use amount::Amount;
pub use collude::{STRATEGIES, Strategy};
pub use dates::DatePart;
pub use excel::ExcelDates;
pub use mix::Mixture;
pub use oracle::Oracle;
pub(crate) use reason::toml as bad_toml;
pub use table::Table;

/// The randomness of attacks. Named, so that a seed means the same leak everywhere.
pub type Rng = rand::rngs::Xoshiro256PlusPlus;

/// What the attacker knows beside the copy.
#[derive(Clone, Copy, Default)]
pub struct Scene<'a> {
    /// Which columns identify rows and which may be marked.
    pub policy: Option<&'a Policy>,
    /// What cells say, as only the owner knows.
    pub oracle: Option<&'a Oracle>,
}

/// One thing that is done to a leak.
#[derive(Clone, Debug, PartialEq, Deserialize, Subcommand)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Attack {
    /// Keep some rows
    Subset {
        /// How many, or a share such as 2%
        #[arg(long)]
        rows: Amount,
        /// Rows that follow each other, in their order [default: any rows, shuffled]
        #[arg(long)]
        #[serde(default)]
        contiguous: bool,
    },
    /// Put the rows in random order
    Shuffle,
    /// Add copies of some rows
    DuplicateRows {
        /// Which share of them
        #[arg(long)]
        share: f64,
    },
    /// Keep one of rows that are equal
    Deduplicate,
    /// Add made-up rows of strangers
    Superset {
        /// How many, or a share of the rows that are there, such as 50%
        #[arg(long)]
        rows: Amount,
    },
    /// Take the last fields of some rows, and add some to others
    RaggedRows {
        /// Of which share of the rows
        #[arg(long)]
        share: f64,
    },

    /// Keep some columns
    KeepColumns {
        /// Their names, with commas between
        #[arg(long, value_delimiter = ',', required = true, value_name = "NAMES")]
        columns: Vec<String>,
    },
    /// Remove a column
    DropColumn {
        /// Its name
        #[arg(long, value_name = "NAME")]
        column: String,
    },
    /// Remove a share of the columns, at random
    DropColumns {
        /// Which share of all columns, rounded up
        #[arg(long)]
        share: f64,
        /// The key columns first
        #[arg(long)]
        #[serde(default)]
        with_key: bool,
    },
    /// Remove the columns that identify rows
    DropKey {
        /// Their names, with commas between [default: those of the policy]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Number the rows anew in the columns that identify them
    ReKey {
        /// Their names, with commas between [default: those of the policy]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Give a column another name
    RenameColumn {
        /// Its name
        #[arg(long, value_name = "NAME")]
        column: String,
        /// Its new name
        #[arg(long, value_name = "NAME")]
        to: String,
    },
    /// Name the columns c1, c2, ..
    RenameAll,
    /// Put the columns in random order
    ReorderColumns,
    /// Add a column in front and one at the end
    ExtraColumns,
    /// Write the header in capitals
    UpperCaseHeader,
    /// Write the header in small letters
    LowerCaseHeader,
    /// Write the header in small letters with underscores: `TotalCost` becomes `total_cost`
    SnakeCaseHeader,
    /// Leave the header out
    NoHeader,

    /// Replace cells by cells of other rows of the column
    Alter {
        /// Which share of the cells
        #[arg(long)]
        share: f64,
        /// Where, with commas between [default: wherever values repeat]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Move cells of marked columns to a random neighbour, as somebody would who knows the policy
    Randomise {
        /// Which share of them
        #[arg(long)]
        share: f64,
    },
    /// Empty cells
    Erase {
        /// Which share of the cells
        #[arg(long)]
        share: f64,
        /// Where, with commas between [default: wherever values repeat]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Write text in small letters
    LowerCaseText {
        /// Where, with commas between [default: in all columns of text]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },

    /// Round numbers
    Round {
        /// Decimals to keep; -1 rounds to tens
        #[arg(long, allow_negative_numbers = true)]
        decimals: i8,
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Cut decimals off
    Truncate {
        /// Decimals to keep
        #[arg(long)]
        decimals: u8,
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Add normally distributed noise to numbers
    Noise {
        /// Its standard deviation, in standard deviations of the column
        #[arg(long)]
        deviations: f64,
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Change the unit of numbers
    Rescale {
        /// What they are multiplied by, such as 100 for cents
        #[arg(long)]
        factor: f64,
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Write numbers as bands: 43 becomes 40-49
    Bands {
        /// How wide
        #[arg(long)]
        width: u32,
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Write 12.50 as 12,50
    DecimalComma {
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Write 1234567.5 as 1,234,567.5
    Thousands {
        /// Where, with commas between [default: in all columns of measured numbers]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },

    /// Cut dates short
    TruncateDates {
        /// The last part that is kept
        #[arg(long)]
        to: DatePart,
        /// Where, with commas between [default: in all columns of dates]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Write dates as dd/mm/yyyy, with their times as they are
    DayFirst {
        /// Where, with commas between [default: in all columns of dates]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },
    /// Take dates that could be either for mm/dd/yyyy, and write them so
    SwapDayMonth {
        /// Where, with commas between [default: in all columns of dates]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },

    /// What saving a table again does: no zeros at the end of decimals, dates as dd/mm/yyyy
    Resave,
    /// A round trip through Excel: dates, zeros at either end, 15 digits
    Excel {
        /// What becomes of dates
        #[arg(long, default_value = "day-first")]
        #[serde(default)]
        dates: ExcelDates,
    },
    /// What an aggregator does: snake_case header, no ids, e-mails and phones in one form, no repeated rows
    Normalise {
        /// The ids, with commas between [default: those of the policy, and what is named or looks like one]
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        #[serde(default)]
        columns: Vec<String>,
    },

    /// Another byte between fields
    Delimiter {
        /// Which
        #[arg(long)]
        byte: char,
    },
    /// Quotes around every field
    QuoteAll,
    /// CRLF at the ends of lines, and a byte-order mark
    Windows,
    /// Cut the file in the middle of its last row
    CutOff,
}

/// How one table is made of several copies.
#[derive(Clone, Debug, PartialEq, Deserialize, Subcommand)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Gather {
    /// Pool several partners' copies of the same rows, and choose where they differ
    Collude {
        /// How
        #[arg(long)]
        strategy: Strategy,
        /// The column that tells rows apart, if the copies have other rows or another order
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// Put rows of several copies, and of strangers, in one file
    Mix(Mixture),
    /// Lay two releases of one partner side by side and empty the cells that differ
    Difference {
        /// The column that tells rows apart [default: those of the policy]
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
}

/// A list of attacks, as a file has it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How one table is made of several; needed for several.
    pub gather: Option<Gather>,
    /// What is done to it, in this order.
    #[serde(default)]
    pub attacks: Vec<Attack>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// If it is no TOML, or names an attack or a setting that does not exist; with line and column.
    pub fn parse(text: &str) -> Result<Plan> {
        toml::from_str(text).map_err(|error| reason::toml(text, &error))
    }
}

/// Makes one table of several copies.
///
/// # Errors
/// If the copies can't be laid over each other, or something that the attack needs is not known.
pub fn gather(copies: &[Table], how: &Gather, scene: &Scene, rng: &mut Rng) -> Result<Table> {
    match how {
        Gather::Collude { strategy, key: None } => collude::collude(copies, *strategy, scene, rng),
        Gather::Collude { strategy, key: Some(key) } => {
            collude::collude(&difference::same_rows(copies, Some(key), scene)?, *strategy, scene, rng)
        }
        Gather::Mix(mixture) => mixture.mix(copies, scene, rng),
        Gather::Difference { key } => difference::erase_differences(copies, key.as_deref(), scene),
    }
}

/// Does `attacks` to `table`, in their order, and writes it. What is done to the file itself is done last.
///
/// # Errors
/// If a column that an attack names is not there, a setting makes no sense, or the scene does not say what it needs.
pub fn leak(table: Table, attacks: &[Attack], scene: &Scene, rng: &mut Rng) -> Result<Vec<u8>> {
    let mut table = table;
    let mut writing = file::Writing::default();
    for attack in attacks {
        if !writing.notes(attack)? {
            attack.change(&mut table, scene, rng)?;
        }
    }
    Ok(writing.write(&table))
}

impl Attack {
    /// What is done to the table itself; nothing for what concerns the file.
    pub fn change(&self, table: &mut Table, scene: &Scene, rng: &mut Rng) -> Result<()> {
        match self {
            Attack::Subset { rows, contiguous } => rows::subset(table, *rows, *contiguous, rng)?,
            Attack::Shuffle => rows::shuffle(table, rng),
            Attack::DuplicateRows { share } => rows::duplicate(table, reason::share(*share)?, rng),
            Attack::Deduplicate => rows::deduplicate(table),
            Attack::Superset { rows } => rows::superset(table, *rows, rng)?,
            Attack::RaggedRows { share } => rows::ragged(table, reason::share(*share)?, rng),
            Attack::KeepColumns { columns } => columns::keep(table, columns)?,
            Attack::DropColumn { column } => columns::drop_named(table, std::slice::from_ref(column))?,
            Attack::DropColumns { share, with_key } => {
                columns::drop_share(table, reason::share(*share)?, *with_key, scene, rng)?;
            }
            Attack::DropKey { columns } => columns::drop_key(table, columns, scene)?,
            Attack::ReKey { columns } => columns::re_key(table, columns, scene)?,
            Attack::RenameColumn { column, to } => columns::rename(table, column, to)?,
            Attack::RenameAll => columns::rename_all(table),
            Attack::ReorderColumns => columns::reorder(table, rng),
            Attack::ExtraColumns => columns::extra(table),
            Attack::UpperCaseHeader => columns::map_header(table, str::to_uppercase),
            Attack::LowerCaseHeader => columns::map_header(table, str::to_lowercase),
            Attack::SnakeCaseHeader => columns::map_header(table, columns::snake_case),
            Attack::Alter { share, columns } => {
                values::alter(table, reason::share(*share)?, columns, scene, rng)?
            }
            Attack::Randomise { share } => values::randomise(table, reason::share(*share)?, scene, rng)?,
            Attack::Erase { share, columns } => {
                values::erase(table, reason::share(*share)?, columns, scene, rng)?
            }
            Attack::LowerCaseText { columns } => values::lower_case(table, columns, scene)?,
            Attack::Noise { deviations, columns } => {
                numbers::add_noise(table, *deviations, columns, scene, rng)?
            }
            Attack::Round { .. }
            | Attack::Truncate { .. }
            | Attack::Rescale { .. }
            | Attack::Bands { .. }
            | Attack::DecimalComma { .. }
            | Attack::Thousands { .. } => numbers::rewrite(table, self, scene)?,
            Attack::TruncateDates { .. } | Attack::DayFirst { .. } | Attack::SwapDayMonth { .. } => {
                dates::rewrite(table, self, scene)?;
            }
            Attack::Resave => excel::resave(table),
            Attack::Excel { dates } => excel::round_trip(table, *dates),
            Attack::Normalise { columns } => normalise::normalise(table, columns, scene)?,
            Attack::NoHeader
            | Attack::Delimiter { .. }
            | Attack::QuoteAll
            | Attack::Windows
            | Attack::CutOff => {}
        }
        Ok(())
    }

    /// Whether it only picks rows and orders them, so that it may as well be done before a copy is stamped.
    pub fn picks_rows(&self) -> bool {
        matches!(self, Attack::Subset { .. } | Attack::Shuffle)
    }
}
