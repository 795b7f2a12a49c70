//! `ledger timestamp request | attach | list`: RFC 3161 timestamps over checkpoints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use data_encoding::HEXLOWER;

use crate::error::Result;
use crate::ledger::heads::Timestamp;
use crate::ledger::timestamp::ANSWER_LIMIT_BYTES;
use crate::report::terminal::grouped;

use super::audit::read_at_most;
use crate::cli::attack::{check_unused, write_file};
use crate::cli::{DONE, Session, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Write a request over the current checkpoint, to be sent to a timestamp authority
    Request {
        /// Where the request goes
        #[arg(short, long, value_name = "FILE.tsq")]
        output: PathBuf,
        /// Replace FILE.tsq if it exists
        #[arg(long)]
        force: bool,
    },
    /// Keep the authority's answer beside its checkpoint
    Attach {
        #[arg(value_name = "FILE.tsr")]
        answer: PathBuf,
    },
    /// List the timestamps, and print how each is checked
    List,
}

pub fn run(session: &Session, command: &Typed) -> Result<u8> {
    match command {
        Typed::Request { output, force } => request(session, output, *force),
        Typed::Attach { answer } => attach(session, answer),
        Typed::List => list(session),
    }
}

fn request(session: &Session, output: &Path, force: bool) -> Result<u8> {
    check_unused(output, force)?;
    let ledger = session.home.ledger(session.wait, "ledger timestamp")?;
    write_file(&ledger.timestamp_request()?, output, force)?;
    terminal::say(format!("request over the checkpoint of {} entries written", grouped(ledger.size())));
    Ok(DONE)
}

fn attach(session: &Session, answer: &Path) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger timestamp")?;
    let kept = ledger
        .keep_timestamp(&read_at_most(answer, ANSWER_LIMIT_BYTES)?)
        .map_err(|error| error.in_file(answer.display().to_string()))?;
    terminal::say(format!(
        "the checkpoint of {} entries existed at {}, if the authority's signature holds; check that with",
        grouped(kept.size),
        kept.stated.time
    ));
    terminal::print(check_with(session, &kept))?;
    Ok(DONE)
}

fn list(session: &Session) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger timestamp")?;
    let mut out = String::new();
    for kept in ledger.timestamps()? {
        let _ = writeln!(out, "{:>9} entries  {}", grouped(kept.size), kept.stated.time);
        out += &check_with(session, &kept);
    }
    if out.is_empty() {
        terminal::say("no timestamps are kept");
    }
    terminal::print(out)?;
    Ok(DONE)
}

/// The command that checks the signature, which dyepack does not.
fn check_with(session: &Session, kept: &Timestamp) -> String {
    let file = session.home.ledger_dir().join(&kept.path);
    let digest = HEXLOWER.encode(&kept.stated.sha256);
    format!("openssl ts -verify -digest {digest} -in '{}' -CAfile AUTHORITY.pem\n", file.display())
}
