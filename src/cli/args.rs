//! What was typed. Nothing here touches the disk; [`super::run`] gives it meaning.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use jiff::civil::Date;

use crate::leak::columns::Mapping;
use crate::ledger::Day;
use crate::table::format::encoding::Encoding;
use crate::table::format::kind::{Format, Said};

/// Mark every copy of a dataset that leaves the house; name the partner whose copy leaked.
#[derive(Debug, Parser)]
#[command(name = "dyepack", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What the help lists last: it is the same for all commands.
const EVERYWHERE: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder of keys, policies and ledger [default: the platform's data folder]
    #[arg(long, global = true, env = "DYEPACK_HOME", hide_env_values = true, value_name = "FOLDER")]
    #[arg(help_heading = EVERYWHERE)]
    pub home: Option<PathBuf>,
    /// Seconds to wait for another dyepack that holds the ledger
    #[arg(long, global = true, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    #[arg(help_heading = EVERYWHERE)]
    pub lock_timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a home: new keys and an empty ledger
    Init {
        /// Leave the keys without a passphrase, readable by your user alone
        #[arg(long)]
        no_passphrase: bool,
    },
    /// The partners who receive copies
    #[command(subcommand)]
    Recipient(Recipient),
    /// The keys that marks are derived from
    #[command(subcommand)]
    Key(super::key::Typed),
    /// What may be marked in a dataset, and by how much
    #[command(subcommand)]
    Policy(Policy),
    /// Mark a file for one recipient and record the release
    Stamp(Stamp),
    /// Say whose copy a leaked file is, and how sure that is
    Trace(Trace),
    /// Open one release for an expert: what its recipient is named by in a leak, and nothing else
    Open(super::dispute::Open),
    /// Check an opening with the ledger's public key alone; no home is needed
    VerifyEvidence(super::dispute::VerifyEvidence),
    /// The signed record of all releases
    #[command(subcommand)]
    Ledger(Ledger),
    /// Do to a copy what might be done to it before it turns up
    #[command(after_help = ATTACK_EXAMPLES)]
    Attack(super::attack::Typed),
    /// Try every attack on a table of your own, and count who is named
    Trial(Trial),
    /// Sealed copies of what was stamped, which make a trace sharper
    #[command(subcommand)]
    Vault(Vault),
    /// The keys of others who sign: approvers, recipients, witnesses
    ///
    /// Without a terminal, the passphrase of such a key file is read from the file named in DYEPACK_SIGNER_PASSPHRASE_FILE;
    /// if that is not set, from the one named in DYEPACK_PASSPHRASE_FILE.
    #[command(subcommand)]
    Signer(super::signer::Typed),
    /// Write the whole home into one encrypted file
    Backup(super::backup::Backup),
    /// Make a home of a backup
    Restore(super::backup::Restore),
    /// Look over the home, and say what to do
    Doctor(super::doctor::Typed),
    /// What recipients sign for, and what of it goes on record
    #[command(subcommand)]
    Receipt(super::receipt::Typed),
    /// The people who may approve what nobody may do alone
    #[command(subcommand)]
    Approver(super::approver::Typed),
    /// Approve copies that the policy gives with an approval alone
    Approve(super::approve::Typed),
    /// The approvals on record
    #[command(subcommand)]
    Approval(super::approve::Listed),
    /// Show the whole story on generated data, in a temporary home
    Demo(Demo),
}

#[derive(Debug, Subcommand)]
pub enum Recipient {
    /// Register a partner
    Add {
        /// Short name, used on the command line and in the ledger: a-z, 0-9, `-`, `_`, `.`
        id: String,
        /// Full name
        #[arg(long, value_parser = super::recipients::short_name)]
        name: String,
        /// Whom to call
        #[arg(long, value_parser = super::recipients::short_name)]
        contact: Option<String>,
        #[command(flatten)]
        facts: super::recipients::TypedFacts,
    },
    /// Put on record what is different now, such as a renewed agreement
    Update {
        id: String,
        #[command(flatten)]
        facts: super::recipients::TypedFacts,
    },
    /// List the partners
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one partner and what was given to it
    Show {
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Give this partner nothing more; its old copies can still be traced
    Suspend {
        id: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: Option<String>,
    },
    /// Forget this partner's name and contact for ever, and give it nothing more; the id stays
    Erase {
        id: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: Option<String>,
    },
    /// Give a suspended partner copies again
    Reinstate {
        id: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Put a policy into force
    Adopt {
        file: PathBuf,
        /// Learn from this table what occurs in the marked columns, so that no mark looks out of place
        /// [default: the model in force stays]
        #[arg(long, value_name = "DATA")]
        model: Option<PathBuf>,
        /// Mark without a model from now on
        #[arg(long, conflicts_with = "model")]
        no_model: bool,
    },
    /// Print the policy in force
    Show { dataset: String },
}

/// What is said of a file; the rest is found in it.
#[derive(Clone, Debug, Default, Args)]
pub struct FileSaid {
    /// Format of the file [default: found in the file]
    #[arg(long)]
    pub format: Option<Format>,
    /// Byte between fields of CSV, or `tab` [default: found in the file]
    #[arg(long, value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Encoding of its text, by its name on the web, such as `utf-16le`, `gb18030` or `windows-1252`
    /// [default: found in the file]
    #[arg(long, value_parser = encoding)]
    pub encoding: Option<Encoding>,
    /// Table of a dump or a database, sheet of a workbook [default: the only one]
    #[arg(long, value_name = "NAME", visible_alias = "sheet")]
    pub table: Option<String>,
}

impl FileSaid {
    pub fn said(&self) -> Said {
        let FileSaid { format, delimiter, encoding, ref table } = *self;
        Said { format, delimiter, encoding, table: table.clone() }
    }
}

#[derive(Debug, Args)]
pub struct Stamp {
    /// File to mark, or a folder of files that are one table, or the url of an object, such as `s3://bucket/name`; `-` is
    /// standard input
    #[arg(value_parser = place())]
    pub file: PathBuf,
    /// Dataset whose policy applies
    #[arg(long)]
    pub dataset: String,
    /// Recipients, each of whom gets a copy of its own: the file is read once
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', required_unless_present = "to_all")]
    pub to: Vec<String>,
    /// All recipients who are not suspended
    #[arg(long, conflicts_with = "to")]
    pub to_all: bool,
    /// Where the marked copy goes, a file or a url; `-` is standard output; `{recipient}` in it becomes the recipient's id
    #[arg(short, long, value_name = "OUT", required_unless_present = "dry_run", value_parser = place())]
    pub output: Option<PathBuf>,
    /// Replace OUT if it exists; a folder is never replaced
    #[arg(long)]
    pub force: bool,
    /// Purpose of this release [default: the recipient's]
    #[arg(long)]
    pub purpose: Option<String>,
    /// Legal basis of this release
    #[arg(long)]
    pub legal_basis: Option<String>,
    /// Agreement of this release [default: the recipient's]
    #[arg(long)]
    pub agreement: Option<String>,
    /// Who stamps [default: the user's login name]
    #[arg(long, env = "DYEPACK_OPERATOR", hide_env_values = true)]
    pub operator: Option<String>,
    /// Id of the release; stamping again with it gives the same bytes and no second entry; `{recipient}` in it becomes
    /// the recipient's id. Letters, digits, `.`, `_`, `-` and `/`, not digits alone [default: a new one]
    #[arg(long, value_name = "ID", value_parser = name)]
    pub release_id: Option<String>,
    #[command(flatten)]
    pub said: FileSaid,
    /// Threads that mark [default: one a core]
    #[arg(long)]
    pub threads: Option<usize>,
    /// Flush the copy to the disk before the release is recorded
    #[arg(long)]
    pub sync: bool,
    /// With `-o -`: let the copy go out while it is made. The ledger says before that it is opened, and after how it ended
    #[arg(long, conflicts_with_all = ["dry_run", "to_all", "sync", "force"])]
    pub stream: bool,
    /// Count what would be marked, and say what would be refused; write nothing, record nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the receipt as one line of JSON on standard output, or on standard error after `-o -`
    #[arg(long, conflicts_with = "dry_run")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Trace {
    /// The leaked file, or a folder of them, or the url of one; `-` is standard input
    #[arg(value_parser = place())]
    pub leak: PathBuf,
    #[command(flatten)]
    pub how: HowToTrace,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Put the evidence together in a new folder, signed, and record the trace
    #[arg(long, value_name = "FOLDER")]
    pub evidence: Option<PathBuf>,
    /// Put the leak into it too
    #[arg(long, requires = "evidence")]
    pub include_leak: bool,
}

/// How a leak is read and judged.
#[derive(Debug, Args)]
pub struct HowToTrace {
    /// The owner's unmarked file or folder, to read the leak beside it; `-` is standard input [default: found where the
    /// record says it was, or in the vault]
    #[arg(long, value_name = "FILE", value_parser = place())]
    pub reference: Option<PathBuf>,
    /// Read the leak alone, also if its original is at hand
    #[arg(long, conflicts_with = "reference")]
    pub blind: bool,
    /// Try this dataset alone [default: all whose columns fit]
    #[arg(long)]
    pub dataset: Option<String>,
    /// Look for copies of those key epochs alone whose key is there
    #[arg(long)]
    pub without_lost_keys: bool,
    /// Name nobody unless an innocent would be named less often than this, all tries counted
    #[arg(long, default_value_t = 1e-6, value_parser = alpha)]
    pub alpha: f64,
    /// Which leaked column is which of ours, as `leaked=ours`; `leaked` may be a number, such as `#3`, and `ours`
    /// may be empty: then it is none. May be repeated [default: found by names and contents]
    #[arg(long, value_name = "LEAKED=OURS")]
    pub map: Vec<Mapping>,
    #[command(flatten)]
    pub said: FileSaid,
    /// Threads that read [default: one a core]
    #[arg(long)]
    pub threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// List the entries
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Print one entry exactly as it is stored
    Show {
        /// Number of the entry, from 0, or the id of a release
        entry: String,
    },
    /// Recompute everything from the stored bytes and name the first entry that is wrong
    Verify {
        /// Verifier key to check against, kept somewhere else [default: the one in the ledger]
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
        /// Check a copy of the folder `log/` instead, with the verifier key and nothing else
        #[arg(long, value_name = "FOLDER", requires = "vkey")]
        from: Option<PathBuf>,
        /// A checkpoint of before, kept somewhere else, which the ledger must have grown from
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        /// Print the outcome as JSON on standard output
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Audit(super::ledger::audit::Typed),
    #[command(flatten)]
    Witnesses(super::ledger::witness::Typed),
    /// RFC 3161 timestamps over checkpoints
    #[command(subcommand)]
    Timestamp(super::ledger::timestamp::Typed),
    /// Build the index anew from the log's own files
    Reindex,
    /// Forget releases whose time is up; every proof stays valid
    Prune(super::prune::Typed),
    /// Answer for what was disclosed: to a recipient, in a period, of a dataset, of one person
    #[command(subcommand)]
    Report(super::report::Report),
    /// Write all entries as one flat table
    Export(super::report::Export),
}

#[derive(Debug, Subcommand)]
pub enum Vault {
    /// List the copies
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Decrypt and read every copy, and name those that are damaged
    Verify,
    /// Remove the copies that no release refers to; with limits, others too
    Prune {
        /// Also those whose last release is older than this
        #[arg(long, value_name = "DAYS")]
        older_than: Option<u32>,
        /// Also all but so many of each dataset, those released last; with --older-than, keep so many whatever their age
        #[arg(long, value_name = "N", value_parser = at_least_one)]
        keep: Option<usize>,
        /// Say what would be removed; remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Seed of the generated data
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Patients' stays to generate
    #[arg(long, default_value_t = 20_000)]
    pub rows: u32,
    /// Keep the temporary home and files, and say where they are
    #[arg(long)]
    pub keep: bool,
}

/// What is shown below the list of attacks.
const ATTACK_EXAMPLES: &str = "\
Examples:
  dyepack attack subset --rows 200 --seed 7 stamped.csv -o leak.csv
  dyepack attack collude --strategy minority a.csv b.csv c.csv -o leak.csv
  dyepack attack mix --shares 0.1,0.2 --strangers 0.7 a.csv b.csv -o leak.csv
  dyepack attack --plan attacks.toml stamped.csv -o leak.csv";

#[derive(Debug, Args)]
pub struct Trial {
    /// Your unmarked table; it is only read
    pub file: PathBuf,
    /// Dataset whose policy is tried
    #[arg(long, required_unless_present = "policy")]
    pub dataset: Option<String>,
    /// A policy that is not in force yet, instead; no home is needed then
    #[arg(long, value_name = "POLICY", conflicts_with = "dataset")]
    pub policy: Option<PathBuf>,
    /// How many partners have copies
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub recipients: u32,
    /// How often every attack is tried, with new keys each time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub trials: u32,
    /// Chance: the same seed gives the same outcome
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Try so many rows of the table, drawn at random, instead of all
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<usize>,
    /// Mark by a model of the table, as after `policy adopt --model`
    #[arg(long)]
    pub model: bool,
    /// Trace a second time with the unmarked table at hand
    #[arg(long)]
    pub reference: bool,
    /// Attacks to try instead of the built-in ones
    #[arg(long, value_name = "TOML")]
    pub battery: Option<PathBuf>,
    /// Name nobody unless an innocent would be named less often than this, all tries counted
    #[arg(long, default_value_t = 1e-6, value_parser = alpha)]
    pub alpha: f64,
    #[command(flatten)]
    pub said: FileSaid,
    /// Threads [default: one a core]
    #[arg(long)]
    pub threads: Option<usize>,
    /// Print the scoreboard as JSON on standard output
    #[arg(long)]
    pub json: bool,
    /// Write the scoreboard as text
    #[arg(long, value_name = "OUT")]
    pub text: Option<PathBuf>,
    /// Write the scoreboard as a page with charts
    #[arg(long, value_name = "OUT")]
    pub html: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long)]
    pub force: bool,
}

/// A path, or an url that stands for one. Other urls are kept as they are typed: what is wrong with them is said later, and
/// without what might be secret.
fn place() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(crate::store::local)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a possible number of seconds".to_owned())
}

/// Refuses a limit that would empty the vault by a slip.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("must be a whole number from 1".to_owned()),
    }
}

/// A name that is printed and looked for later: it must be there, and show itself as it is.
pub fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("must be one line of plain text".to_owned());
    }
    Ok(text.to_owned())
}

/// A day, in the one spelling that the ledger has.
pub fn day(text: &str) -> Result<Date, &'static str> {
    text.parse().map(Day::date)
}

fn alpha(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(alpha) if 0.0 < alpha && alpha <= 0.05 => Ok(alpha),
        _ => Err("must lie above 0 and be at most 0.05".to_owned()),
    }
}

fn encoding(label: &str) -> Result<Encoding, String> {
    Encoding::of_label(label).map_err(|error| error.to_string())
}

pub fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [b'"' | b'\n' | b'\r'] => Err("a quote or a line end can't separate fields".to_owned()),
        [byte] => Ok(*byte),
        _ => Err("must be one byte, or `tab`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn delimiters_and_alphas_are_checked() {
        assert_eq!(delimiter("tab"), Ok(b'\t'));
        assert_eq!(delimiter(";"), Ok(b';'));
        assert!(delimiter("\"").is_err() && delimiter(";;").is_err() && delimiter("").is_err());
        assert!(alpha("0").is_err() && alpha("0.5").is_err() && alpha("1e-9").is_ok());
    }
}
