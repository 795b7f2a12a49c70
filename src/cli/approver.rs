//! `approver add | remove | list`: who may approve what nobody may do alone.

use std::fmt::Write as _;

use clap::Subcommand;

use crate::error::{Error, Result};
use crate::ledger::{Entry, Event, Registry};
use crate::report::json;

use super::recipients::vkey;
use super::{DONE, Session, args, now, operator, terminal};

#[derive(Debug, Subcommand)]
pub enum Typed {
    /// Register somebody who approves
    Add {
        /// The person, named as operators are: nobody's approval counts for what the same person stamps
        #[arg(value_parser = args::name)]
        id: String,
        /// Key that the approvals are signed with, as `dyepack signer show` prints it
        #[arg(long, value_name = "NAME+ID+KEY", value_parser = vkey)]
        vkey: String,
    },
    /// Let somebody approve no more; what the person approved allows nothing more
    Remove {
        id: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: Option<String>,
    },
    /// List those who approve, and those who did
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

pub fn run(session: &Session, command: Typed) -> Result<u8> {
    match command {
        Typed::Add { id, vkey } => add(session, id, vkey),
        Typed::Remove { id, reason } => remove(session, id, reason),
        Typed::List { json } => list(session, json),
    }
}

fn add(session: &Session, id: String, vkey: String) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "approver add")?;
    let signers = Registry::standing(&ledger)?.signers;
    if signers.approver(&id).is_some() {
        return Err(Error::usage(format!("`{id}` is an approver already")).with_hint(
            "for another key, remove the approver first: earlier approvals then allow nothing more",
        ));
    }
    if let Some(other) = signers.approver_with(&vkey) {
        return Err(Error::usage(format!("this is the key of the approver `{other}`"))
            .with_hint("everybody who approves has a key of their own: `dyepack signer new`"));
    }
    let event = Event::ApproverAdded { approver: id.clone(), vkey };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("approver {id} is registered (entry {index})"));
    Ok(DONE)
}

fn remove(session: &Session, id: String, reason: Option<String>) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "approver remove")?;
    let registry = Registry::standing(&ledger)?;
    if registry.signers.approver(&id).is_none() {
        return Err(Error::usage(format!("`{id}` is no approver")).with_hint("see `dyepack approver list`"));
    }
    let open = registry.approvals.iter().filter(|approved| approved.approver == id && !approved.is_void);
    let open = open.count();
    let event = Event::ApproverRemoved { approver: id.clone(), reason };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!(
        "approver {id} is removed (entry {index}), and of {open} approvals none counts now"
    ));
    Ok(DONE)
}

fn list(session: &Session, as_json: bool) -> Result<u8> {
    let registry = Registry::standing(&session.home.ledger(session.wait, "approver list")?)?;
    let mut out = String::new();
    for approver in registry.approvers.values() {
        if as_json {
            let _ = writeln!(out, "{}", json::line(approver));
        } else {
            let status = if approver.removed.is_some() { "removed" } else { "active" };
            let _ = writeln!(out, "{}  {status}  {}", approver.approver, approver.vkey);
        }
    }
    terminal::print(out)?;
    if registry.approvers.is_empty() {
        terminal::say("no approvers yet: dyepack approver add ID --vkey KEY");
    }
    Ok(DONE)
}
