//! `ledger list | show | verify | reindex`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ledger::{self as log, Event, Recorded};
use crate::report::{json, terminal::grouped};

use super::args;
use super::{DONE, Session, terminal};

pub fn run(session: &Session, command: args::Ledger) -> Result<u8> {
    session.home.check_exists()?;
    match command {
        args::Ledger::List { json } => list(session, json),
        args::Ledger::Show { entry } => show(session, &entry),
        args::Ledger::Verify { vkey, json } => verify(session, vkey.as_deref(), json),
        args::Ledger::Reindex => {
            let size = log::reindex(&session.home.ledger_dir(), session.wait)?;
            terminal::say(format!("index of {} entries built anew from the log", grouped(size)));
            Ok(DONE)
        }
    }
}

fn list(session: &Session, as_json: bool) -> Result<u8> {
    let (entries, _) = session.home.entries(session.wait, "ledger list")?;
    let mut out = String::new();
    for recorded in &entries {
        if as_json {
            let leaf = String::from_utf8_lossy(&recorded.leaf);
            let _ = writeln!(out, "{{\"index\":{},\"leaf\":{leaf}}}", recorded.index);
        } else {
            let _ = writeln!(out, "{}", line(recorded));
        }
    }
    terminal::print(out)?;
    if entries.is_empty() {
        terminal::say("the ledger is empty");
    }
    Ok(DONE)
}

fn line(recorded: &Recorded) -> String {
    let Some(entry) = &recorded.entry else {
        return format!("{:>6}  an entry of a later version of dyepack", recorded.index);
    };
    let what = match &entry.event {
        Event::RecipientRegistered { recipient } => {
            format!("recipient  {} registered: {}", recipient.id, recipient.name)
        }
        Event::RecipientSuspended { recipient, .. } => format!("recipient  {recipient} suspended"),
        Event::PolicyAdopted { dataset, policy, .. } => {
            format!("policy     {dataset} {}", &policy[..policy.len().min(16)])
        }
        Event::Release(release) => format!(
            "release    {}  {} to {}: {} rows",
            release.opening.release,
            release.opening.dataset,
            release.opening.recipient,
            grouped(release.rows)
        ),
        Event::ReleaseOpened(opening) => {
            format!("opened     {}  {} to {}", opening.release, opening.dataset, opening.recipient)
        }
        Event::ReleaseCut { release, bytes, reason } => {
            format!("cut short  {release}  after at most {} bytes: {reason}", grouped(*bytes))
        }
        Event::Amendment { supersedes, note } => format!("amendment  of entry {supersedes}: {note}"),
        Event::RecipientChanged { recipient, .. } => format!("recipient  {recipient} changed"),
        Event::RecipientReinstated { recipient, .. } => format!("recipient  {recipient} reinstated"),
        Event::ApproverAdded { approver, .. } => format!("approver   {approver} added"),
        Event::ApproverRemoved { approver, .. } => format!("approver   {approver} removed"),
        Event::Approved { approver, note } => format!("approval   {}", super::approve::said(approver, note)),
        Event::ReceiptAttached { release, .. } => format!("receipt    for {release}"),
        Event::Refused { dataset, recipient, rules, .. } => {
            format!("refused    {dataset} to {recipient}: {}", rules.join(", "))
        }
    };
    format!("{:>6}  {}  {what}", recorded.index, entry.time)
}

fn show(session: &Session, wanted: &str) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger show")?;
    let by_release = ledger.release(wanted)?;
    let recorded = match (by_release, wanted.parse::<u64>()) {
        (Some(recorded), _) => recorded,
        (None, Ok(index)) => ledger.entry(index)?,
        (None, Err(_)) => {
            return Err(Error::usage(format!("no release `{wanted}` is on record"))
                .with_hint("name a release or the number of an entry; see `dyepack ledger list`"));
        }
    };
    terminal::print(format!("{}\n", String::from_utf8_lossy(&recorded.leaf)))?;
    Ok(DONE)
}

fn verify(session: &Session, vkey: Option<&str>, as_json: bool) -> Result<u8> {
    #[derive(Serialize)]
    struct Verified<'a> {
        schema: &'static str,
        size: u64,
        root: &'a str,
        entries: &'a std::collections::BTreeMap<String, u64>,
        blobs: u64,
        recovered: bool,
        reindexed: bool,
        strays: &'a [String],
    }
    let found = log::verify(&session.home.ledger_dir(), session.wait, vkey)?;
    if as_json {
        terminal::print(
            json::line(&Verified {
                schema: "dyepack.verification/1",
                size: found.size,
                root: &found.root_hex,
                entries: &found.kinds,
                blobs: found.blobs,
                recovered: found.recovered,
                reindexed: found.reindexed,
                strays: &found.strays,
            }) + "\n",
        )?;
        return Ok(DONE);
    }
    let kinds: Vec<String> =
        found.kinds.iter().map(|(kind, n)| format!("{} {}", grouped(*n), kind.replace('_', " "))).collect();
    terminal::print(format!(
        "the ledger is whole: {} entries ({}), {} policies and sketches\nroot {}\n",
        grouped(found.size),
        kinds.join(", "),
        grouped(found.blobs),
        found.root_hex
    ))?;
    if vkey.is_none() {
        terminal::say(
            "checked against the ledger's own key; --vkey KEY checks against one that you kept elsewhere",
        );
    }
    if found.recovered {
        terminal::warn("an append that was cut short has been finished");
    }
    if found.reindexed {
        terminal::warn("the index was missing or not closed cleanly, and was built anew from the log");
    }
    for stray in &found.strays {
        terminal::warn(format!("`{stray}` lies in the log and is no part of it"));
    }
    Ok(DONE)
}
