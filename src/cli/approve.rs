//! `approve` and `approval list`: a second person's leave, signed with that person's own key.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::known::stored_policy;
use crate::ledger::registry::Approved;
use crate::ledger::statement::{Approval, Signed};
use crate::ledger::{Day, Entry, Event, Registry, Verifier};
use crate::report::{json, terminal::grouped};
use crate::stamp::terms::no_policy;

use super::stamp::check_release_id;
use super::{DONE, Session, args, now, operator, recipients, signer, terminal};

#[derive(Debug, Args)]
pub struct Typed {
    /// Dataset that may be given
    #[arg(long)]
    dataset: String,
    /// Recipients who may be given it
    #[arg(long, value_name = "ID,ID", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// Most rows of one copy [default: any number]
    #[arg(long)]
    rows: Option<u64>,
    /// Highest data level [default: the dataset's level now]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    level: Option<u8>,
    /// Last day, in UTC [default: until the approver is removed]
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Day>,
    /// For this one release alone, by the id that it will have
    #[arg(long, value_name = "ID", value_parser = args::name)]
    release_id: Option<String>,
    /// Why, for the ledger
    #[arg(long)]
    reason: Option<String>,
    /// The approver's own key file, of `dyepack signer new`; without a terminal, its passphrase is read from the file named
    /// in DYEPACK_SIGNER_PASSPHRASE_FILE
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who approves [default: the approver whose key it is]
    #[arg(long, value_name = "ID")]
    by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Listed {
    /// List the approvals, and whether they still count
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

pub fn run(session: &Session, typed: Typed) -> Result<u8> {
    check(&typed)?;
    let signer = signer::open(&typed.key)?;
    let vkey = Verifier::new(&signer.name, &signer.key.public())?.to_string();
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "approve")?;
    let registry = Registry::standing(&ledger)?;
    let by = approver(&registry, typed.by, &vkey)?;
    let adopted = registry.in_force(&typed.dataset).ok_or_else(|| no_policy(&registry, &typed.dataset))?;
    for to in &typed.to {
        recipients::known(&registry, to)?;
    }
    if let Some(release) = &typed.release_id
        && (ledger.release(release)?.is_some() || ledger.is_opened(release)?)
    {
        return Err(Error::usage(format!("release `{release}` is on record"))
            .with_hint("what was given can't be approved afterwards"));
    }
    let level = match typed.level {
        Some(level) => level,
        None => stored_policy(&ledger, &adopted.policy)?.level(),
    };
    let approval = Approval {
        ledger: ledger.verifier().name().to_owned(),
        dataset: typed.dataset,
        recipients: typed.to,
        rows: typed.rows,
        level,
        until: typed.until,
        release: typed.release_id,
        reason: typed.reason,
        time: now(),
    };
    let note = Signed::sign(approval, &signer.name, &signer.key)?.render();
    registry.signers.check_approval(ledger.verifier().name(), &by, &note)?;
    let what = said(&by, &note);
    let event = Event::Approved { approver: by, note };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("approved (entry {index}): {what}"));
    Ok(DONE)
}

/// What is mistyped is said before anybody is asked for a passphrase.
fn check(typed: &Typed) -> Result<()> {
    typed.release_id.as_deref().map_or(Ok(()), check_release_id)?;
    if typed.release_id.is_some() && typed.to.len() > 1 {
        return Err(Error::usage("a release has one recipient").with_hint("approve each release by itself"));
    }
    if typed.until.is_some_and(|last_day| Day::of(&now()).is_some_and(|today| today > last_day)) {
        return Err(Error::usage("the last day of the approval is over").with_hint("name a later one"));
    }
    Ok(())
}

/// Whose key it is.
fn approver(registry: &Registry, by: Option<String>, vkey: &str) -> Result<String> {
    let owner = registry.signers.approver_with(vkey);
    match (owner, by) {
        (Some(owner), None) => Ok(owner.to_owned()),
        (Some(owner), Some(by)) if owner == by => Ok(by),
        (Some(owner), Some(by)) => Err(Error::usage(format!("this is the key of `{owner}`, not of `{by}`"))
            .with_hint("everybody approves with a key of their own")),
        (None, _) => Err(Error::usage("this is no approver's key")
            .with_hint(format!("register it with `dyepack approver add ID --vkey {vkey}`"))),
    }
}

/// An approval in one line; its signature is not looked at.
pub fn said(approver: &str, note: &str) -> String {
    let Ok(signed) = Signed::<Approval>::parse(note) else {
        return format!("by {approver}, unreadable");
    };
    let Approval { dataset, recipients, rows, level, until, release, .. } = signed.claimed();
    let mut out = format!("by {approver}: {dataset} to {}, level {level}", recipients.join(", "));
    out +=
        &rows.map_or(", any number of rows".to_owned(), |rows| format!(", at most {} rows", grouped(rows)));
    if let Some(release) = release {
        let _ = write!(out, ", release {release} only");
    }
    if let Some(until) = until {
        let _ = write!(out, ", until {until}");
    }
    out
}

pub fn approvals(session: &Session, Listed::List { json }: &Listed) -> Result<u8> {
    #[derive(Serialize)]
    struct Shown<'a> {
        index: u64,
        recorded: &'a str,
        approver: &'a str,
        status: &'static str,
        approval: Option<&'a Approval>,
    }
    let ledger = session.home.ledger(session.wait, "approval list")?;
    let registry = Registry::standing(&ledger)?;
    let name = ledger.verifier().name().to_owned();
    drop(ledger);
    let mut out = String::new();
    for approved in &registry.approvals {
        let signed = approved.claimed();
        let status = status(approved, signed.as_ref(), &name);
        let Approved { index, time, approver, note, .. } = approved;
        if *json {
            let approval = signed.as_ref().map(Signed::claimed);
            let shown = Shown { index: *index, recorded: time, approver, status, approval };
            let _ = writeln!(out, "{}", json::line(&shown));
        } else {
            let _ = writeln!(out, "{index:>6}  {time}  {status:<8}  {}", said(approver, note));
        }
    }
    terminal::print(out)?;
    if registry.approvals.is_empty() {
        terminal::say("nothing was approved yet: see `dyepack approve --help`");
    }
    Ok(DONE)
}

/// Whether it still counts, in a word.
fn status(approved: &Approved, signed: Option<&Signed<Approval>>, ledger: &str) -> &'static str {
    let is_over = |approval: &Approval| {
        let today = Day::of(&now());
        approval.until.is_some_and(|last_day| today.is_none_or(|today| today > last_day))
    };
    match signed {
        Some(signed) if approved.is_signed(signed) && signed.claimed().ledger == ledger => {
            match (approved.is_void, is_over(signed.claimed())) {
                (true, _) => "void",
                (false, true) => "over",
                (false, false) => "counts",
            }
        }
        _ => "forged",
    }
}
