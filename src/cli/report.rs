//! `ledger report` and `ledger export`: what was typed.
//!
//! What it means is in `answer`, which needs the cargo feature `polars`; without it both commands say so.

#[cfg(not(feature = "polars"))]
mod absent;
#[cfg(feature = "polars")]
mod answer;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

#[cfg(not(feature = "polars"))]
pub use absent::{export, report};
#[cfg(feature = "polars")]
pub use answer::{export, report};

use super::args::day;

/// A report that somebody asks for.
#[derive(Debug, Subcommand)]
#[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "nothing answers them"))]
pub enum Report {
    /// What was disclosed to a recipient
    Recipient {
        /// The recipient's id
        id: String,
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        form: Form,
    },
    /// What was disclosed in a period, to everybody
    Period {
        /// First day, in UTC, such as 2026-01-01
        #[arg(long, value_name = "DATE", value_parser = day)]
        from: Date,
        /// Last day, in UTC
        #[arg(long, value_name = "DATE", value_parser = day)]
        to: Date,
        #[command(flatten)]
        form: Form,
    },
    /// What was disclosed of a dataset
    Dataset {
        /// The dataset's name
        name: String,
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        form: Form,
    },
    /// Accounting of disclosures of one person's data over six years (45 CFR 164.528)
    ///
    /// The person's id is read from a file or from standard input: arguments are seen by others. It is in no output.
    Subject {
        /// File with the person's id, as in the column that the policies name as `subject` [default: standard input]
        #[arg(long, value_name = "FILE")]
        id_file: Option<PathBuf>,
        /// Last day of the six years, in UTC [default: today]
        #[arg(long, value_name = "DATE", value_parser = day)]
        to: Option<Date>,
        /// List recurring disclosures one by one
        #[arg(long)]
        each: bool,
        #[command(flatten)]
        form: Form,
    },
    /// Recipients of personal data, for the record of GDPR article 30
    #[command(name = "article-30")]
    Article30 {
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        form: Form,
    },
    /// Events for a monitoring system, one JSON object a line
    Events {
        /// fhir: an R4 AuditEvent for each disclosure; ocsf: findings (class 2006) on leaks, refusals and copies that did not end
        #[arg(long, value_enum)]
        format: EventFormat,
        #[command(flatten)]
        days: Days,
        #[command(flatten)]
        place: Place,
    },
}

/// Entries of which days.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "nothing answers them"))]
pub struct Days {
    /// First day, in UTC, such as 2026-01-01 [default: the first on record]
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Date>,
    /// Last day, in UTC [default: the last on record]
    #[arg(long, value_name = "DATE", value_parser = day)]
    to: Option<Date>,
}

/// How a report is to look, and where it goes.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "nothing answers them"))]
pub struct Form {
    /// Form of the report; html is one page to print
    #[arg(long, value_enum, default_value_t = DocumentFormat::Text)]
    format: DocumentFormat,
    #[command(flatten)]
    place: Place,
}

/// Where output goes.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "nothing answers them"))]
pub struct Place {
    /// Where it goes [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

/// All entries as one flat table.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "polars"), allow(dead_code, reason = "nothing answers them"))]
pub struct Export {
    /// Format of the table
    #[arg(long, value_enum)]
    format: ExportFormat,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    Text,
    Csv,
    Json,
    Html,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    Fhir,
    Ocsf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Parquet,
    Csv,
    Ndjson,
}
