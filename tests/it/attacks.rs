//! What is done to a copy before it turns up: damage by tools, damage on purpose, and collusion.

use dyepack::mark::channel::{Embedded, Limits};
use dyepack::mark::policy::{Column, Plan, Policy};
use rand::RngExt as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde::Deserialize;

use crate::lab::{Lab, Rng, Table};
use crate::reference::Scope;

/// One thing that is done to a leak. Attacks are done in the order given; those on bytes come last.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Attack {
    /// Keeps so many rows, at random.
    Subset { rows: usize },
    /// Puts the rows in random order.
    Shuffle,
    /// Adds copies of a share of the rows.
    DuplicateRows { share: f64 },
    /// Removes a column.
    DropColumn { column: String },
    /// Gives a column another name.
    RenameColumn { column: String, to: String },
    /// Puts the columns in random order.
    ReorderColumns,
    /// Writes the header in capitals.
    UpperCaseHeader,
    /// Adds a column in front and one at the end.
    ExtraColumns,
    /// Replaces this share of the cells of marked columns by random neighbours.
    Randomise { share: f64 },
    /// What a spreadsheet does: drops trailing zeros, writes dates as `dd/mm/yyyy hh:mm`.
    Resave,
    /// Another byte between fields.
    Delimiter { byte: char },
    /// Quotes around every field.
    QuoteAll,
    /// CRLF at the ends of lines, and a byte-order mark.
    Windows,
    /// Cuts the file in the middle of its last row.
    CutOff,
    /// Takes the last fields of some rows, and adds some to others.
    RaggedRows { share: f64 },
}

/// Does `attacks` to `table` and writes it.
pub fn leak(mut table: Table, attacks: &[Attack], policy: &Policy, rng: &mut Rng) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new();
    writer.flexible(true);
    let (mut is_windows, mut is_cut) = (false, false);
    for attack in attacks {
        match attack {
            Attack::Delimiter { byte } => drop(writer.delimiter(u8::try_from(*byte).expect("one byte"))),
            Attack::QuoteAll => drop(writer.quote_style(csv::QuoteStyle::Always)),
            Attack::Windows => {
                is_windows = true;
                writer.terminator(csv::Terminator::CRLF);
            }
            Attack::CutOff => is_cut = true,
            attack => attack.change(&mut table, policy, rng),
        }
    }
    let mut bytes = if is_windows { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
    let mut writer = writer.from_writer(&mut bytes);
    writer.write_record(&table.header).expect("memory takes everything");
    table.rows.iter().for_each(|row| writer.write_record(row).expect("memory takes everything"));
    drop(writer);
    if is_cut {
        let last = table.rows.last().map_or(0, |row| row.as_slice().len());
        bytes.truncate(bytes.len() - last / 2);
    }
    bytes
}

impl Attack {
    /// The attacks on the table itself.
    fn change(&self, table: &mut Table, policy: &Policy, rng: &mut Rng) {
        match self {
            Attack::Subset { rows } => *table = table.sample(*rows, rng),
            Attack::Shuffle => table.rows.shuffle(rng),
            Attack::DuplicateRows { share } => {
                let again = table.sample((table.rows.len() as f64 * share) as usize, rng).rows;
                table.rows.extend(again);
            }
            Attack::DropColumn { column } => {
                let kept: Vec<&str> =
                    table.header.iter().map(String::as_str).filter(|c| c != column).collect();
                *table = table.project(&kept);
            }
            Attack::RenameColumn { column, to } => {
                let index = table.index(column);
                table.header[index].clone_from(to);
            }
            Attack::ReorderColumns => {
                let mut order: Vec<usize> = (0..table.header.len()).collect();
                order.shuffle(rng);
                table.header = order.iter().map(|&i| table.header[i].clone()).collect();
                table.rows.iter_mut().for_each(|row| *row = order.iter().map(|&i| &row[i]).collect());
            }
            Attack::UpperCaseHeader => table.header.iter_mut().for_each(|name| *name = name.to_uppercase()),
            Attack::ExtraColumns => {
                table.header.insert(0, "row".into());
                table.header.push("remark".into());
                for (n, row) in table.rows.iter_mut().enumerate() {
                    let number = n.to_string();
                    *row = [number.as_str()].into_iter().chain(row.iter()).chain(["see, there"]).collect();
                }
            }
            Attack::Randomise { share } => randomise(table, policy, *share, rng),
            Attack::Resave => table.map_cells(|_, _, text| resaved(text)),
            Attack::RaggedRows { share } => {
                for row in &mut table.rows {
                    if rng.random_bool(*share) {
                        if rng.random() { row.truncate(row.len() - 2) } else { row.push_field("more") }
                    }
                }
            }
            Attack::Delimiter { .. } | Attack::QuoteAll | Attack::Windows | Attack::CutOff => {
                unreachable!("done when writing")
            }
        }
    }
}

/// A cell is hit with probability `share`, and a hit cell reads as a coin.
fn randomise(table: &mut Table, policy: &Policy, share: f64, rng: &mut Rng) {
    let place = |name: &str| table.header.iter().position(|n| n == name);
    let columns = policy.lenient_plan(&place, &[]).columns;
    table.map_cells(|_, index, text| {
        let column = columns.iter().find(|column| column.index == index)?;
        if !rng.random_bool(share) {
            return None;
        }
        // One step or none makes a coin of a number; a category needs a few to forget where it was.
        let mut text = text.to_owned();
        for _ in 0..3 {
            let mut moved = String::new();
            // Whoever randomises does not know spin or bit: any will do.
            let (bit, spin) = (rng.random(), rng.random());
            let done = column.channel.embed(&text, bit, spin, &Limits::default(), &mut moved);
            if done == Some(Embedded::Changed) {
                text = moved;
            }
        }
        Some(text)
    });
}

fn resaved(text: &str) -> Option<String> {
    if let Some((whole, decimals)) = text.split_once('.') {
        let is_number = [whole, decimals].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
        return is_number.then(|| text.trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    // yyyy-mm-dd hh:mm
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
    Some(format!("{day}/{month}/{year} {time}"))
}

/// How colluders choose where their copies differ.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Each row whole, from one of them.
    MixRows,
    /// Each cell from one of them.
    Interleave,
    /// What most of them have.
    Majority,
    /// What the fewest have.
    Minority,
    /// Any of the different texts, however many have it.
    Coin,
    /// The text that reads as 1. They can't know it; the strongest form of the attack is given to them.
    AllOnes,
    /// Nothing.
    EraseDifferences,
}

/// The six of DESIGN 3.3.
pub const STRATEGIES: [Strategy; 6] = [
    Strategy::Interleave,
    Strategy::Majority,
    Strategy::Minority,
    Strategy::Coin,
    Strategy::AllOnes,
    Strategy::EraseDifferences,
];

/// What comes of several copies of the same rows.
pub fn collude(copies: &[Table], strategy: Strategy, lab: &Lab, rng: &mut Rng) -> Table {
    if strategy == Strategy::MixRows {
        let rows = (0..copies[0].rows.len()).map(|r| copies.choose(rng).expect("a copy").rows[r].clone());
        return copies[0].with_rows(rows.collect());
    }
    let bits = Bits::new(lab, &copies[0]);
    let mut mixed = copies[0].clone();
    mixed.map_cells(|r, c, text| {
        let texts = copies.iter().map(|copy| &copy.rows[r][c]);
        if texts.clone().all(|other| other == text) {
            return None;
        }
        let all: Vec<&str> = texts.collect();
        let mut distinct = all.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let holders = |text: &str| all.iter().filter(|&&other| other == text).count();
        // A draw between equals is decided by chance.
        distinct.shuffle(rng);
        let chosen = match strategy {
            Strategy::Interleave => all.choose(rng).copied(),
            Strategy::Majority => distinct.iter().copied().max_by_key(|text| holders(text)),
            Strategy::Minority => distinct.iter().copied().min_by_key(|text| holders(text)),
            Strategy::Coin => distinct.choose(rng).copied(),
            Strategy::AllOnes => {
                distinct.iter().copied().find(|text| bits.read(&copies[0].rows[r], c, text) == Some(true))
            }
            Strategy::EraseDifferences => Some(""),
            Strategy::MixRows => unreachable!("done above"),
        };
        chosen.map(str::to_owned)
    });
    mixed
}

/// What cells say, as only the owner knows.
pub struct Bits<'a> {
    scope: Scope<'a>,
    plan: Plan,
    length: usize,
}

impl<'a> Bits<'a> {
    pub fn new(lab: &'a Lab, table: &Table) -> Bits<'a> {
        Bits {
            scope: Scope { secret: lab.key, dataset: lab.policy().name(), epoch: 1 },
            plan: lab.policy().plan(&table.header, &[]).expect("a table of the dataset"),
            length: lab.policy().code_length() as usize,
        }
    }

    fn read(&self, row: &csv::StringRecord, column: usize, text: &str) -> Option<bool> {
        let column = self.plan.columns.iter().find(|found| found.index == column)?;
        let identity: Vec<&str> = self.plan.identity.iter().map(|&i| &row[i]).collect();
        let (_, spin) = self.scope.carrier(&identity, column.slot, column.rate, self.length)?;
        column.channel.read(text, spin)
    }

    /// How many cells of a row say a bit.
    pub fn carriers(&self, row: &csv::StringRecord) -> usize {
        let says = |column: &&Column| self.read(row, column.index, &row[column.index]).is_some();
        self.plan.columns.iter().filter(says).count()
    }
}
