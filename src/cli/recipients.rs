//! `recipient add | list | show | suspend | erase`.

use std::fmt::Write as _;

use rand::Rng as _;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::ledger::personal::SALT_BYTES;
use crate::ledger::registry::{Delivered, Standing, Unfinished};
use crate::ledger::{Entry, Event, Recipient, Registry};
use crate::report::json;

use super::args;
use super::ledger::{unwitnessed, witnessed_size};
use super::{DONE, Session, now, operator, terminal};

pub fn run(session: &Session, command: args::Recipient) -> Result<u8> {
    match command {
        args::Recipient::Add { id, name, contact, agreement, purpose, country } => {
            check_id(&id)?;
            let recipient =
                Recipient { id, name, contact, agreement, purpose, country, ..Recipient::default() };
            add(session, recipient)
        }
        args::Recipient::List { json } => list(session, json),
        args::Recipient::Show { id, json } => show(session, &id, json),
        args::Recipient::Suspend { id, reason } => suspend(session, &id, reason),
        args::Recipient::Erase { id, reason } => erase(session, &id, reason),
    }
}

/// An id is typed, printed and hashed into codewords: plain characters, so that no two look alike.
fn check_id(id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&id.len())
        && id.chars().all(plain)
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Ok(());
    }
    Err(Error::usage(format!("`{id}` can't be a recipient's id"))
        .with_hint("use 1 to 64 of a-z, 0-9, `-`, `_` and `.`, a letter or digit first"))
}

fn add(session: &Session, recipient: Recipient) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "recipient add")?;
    if Registry::standing(&ledger)?.recipients.contains_key(&recipient.id) {
        return Err(Error::usage(format!("recipient `{}` is already registered", recipient.id))
            .with_hint("an id is given once, because the marks follow from it: choose another one"));
    }
    let id = recipient.id.clone();
    let recipient = recipient.set_apart(&ledger, &new_salt())?;
    let entry = Entry::new(now(), operator(), Event::RecipientRegistered { recipient });
    let index = ledger.append(&[entry], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("recipient {id} is registered (entry {index})"));
    Ok(DONE)
}

fn suspend(session: &Session, id: &str, reason: Option<String>) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "recipient suspend")?;
    let registry = Registry::standing(&ledger)?;
    if known(&registry, id)?.suspended.is_some() {
        terminal::say(format!("recipient {id} is suspended already"));
        return Ok(DONE);
    }
    let event = Event::RecipientSuspended { recipient: id.to_owned(), reason };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("recipient {id} is suspended (entry {index}); its old copies can still be traced"));
    Ok(DONE)
}

/// What makes the hash of a name say nothing about it.
pub fn new_salt() -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    rand::rng().fill_bytes(&mut salt);
    salt
}

fn erase(session: &Session, id: &str, reason: Option<String>) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "recipient erase")?;
    let registry = Registry::standing(&ledger)?;
    let standing = known(&registry, id)?;
    if standing.erased.is_some() {
        terminal::say(format!("the name and contact of {id} are erased already"));
        return Ok(DONE);
    }
    let blob = standing.recipient.personal.clone().ok_or_else(|| {
        Error::usage(format!("the name of `{id}` stands in an entry, and entries are never changed"))
            .with_hint(
                "it was registered by an earlier version; suspend it, and register it under another id",
            )
    })?;
    let event = Event::RecipientErased { recipient: id.to_owned(), blob, reason };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!(
        "the name and contact of {id} are erased (entry {index}); its copies can still be traced"
    ));
    terminal::warn("backups from before still hold them: make a new one, and remove the old ones in time");
    Ok(DONE)
}

/// The name, or that it was erased.
pub fn name_of(standing: &Standing) -> &str {
    if standing.erased.is_some() { "(erased)" } else { &standing.recipient.name }
}

fn known<'a>(registry: &'a Registry, id: &str) -> Result<&'a Standing> {
    registry.recipients.get(id).ok_or_else(|| {
        Error::usage(format!("recipient `{id}` is not registered")).with_hint("see `dyepack recipient list`")
    })
}

fn list(session: &Session, as_json: bool) -> Result<u8> {
    let (_, registry) = session.home.entries(session.wait, "recipient list")?;
    let mut out = String::new();
    if as_json {
        for standing in registry.recipients.values() {
            let _ = writeln!(out, "{}", json::line(standing));
        }
        terminal::print(out)?;
        return Ok(DONE);
    }
    let width = registry.recipients.keys().map(String::len).max().unwrap_or(0).max(2);
    let _ = writeln!(out, "{:<width$}  {:<9}  {:>8}  NAME", "ID", "STATUS", "RELEASES");
    for (id, standing) in &registry.recipients {
        let status = match standing {
            Standing { erased: Some(_), .. } => "erased",
            Standing { suspended: Some(_), .. } => "suspended",
            _ => "active",
        };
        let releases = releases_of(&registry, id).count();
        let _ = writeln!(out, "{id:<width$}  {status:<9}  {releases:>8}  {}", name_of(standing));
    }
    terminal::print(out)?;
    if registry.recipients.is_empty() {
        terminal::say("no recipients yet: dyepack recipient add ID --name NAME");
    }
    Ok(DONE)
}

fn show(session: &Session, id: &str, as_json: bool) -> Result<u8> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        standing: &'a Standing,
        releases: Vec<&'a Delivered>,
        unfinished: Vec<&'a Unfinished>,
        /// How many entries a quorum has witnessed, where one is asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        witnessed_entries: Option<u64>,
    }
    let ledger = session.home.ledger(session.wait, "recipient show")?;
    let registry = Registry::replay(&ledger.entries()?);
    let witnessed = witnessed_size(&ledger, &registry)?;
    ledger.close()?;
    let standing = known(&registry, id)?;
    let releases: Vec<&Delivered> = releases_of(&registry, id).collect();
    let unfinished: Vec<&Unfinished> =
        registry.unfinished.iter().filter(|unfinished| unfinished.opening.recipient == id).collect();
    if as_json {
        terminal::print(
            json::line(&Shown { standing, releases, unfinished, witnessed_entries: witnessed }) + "\n",
        )?;
        return Ok(DONE);
    }
    let Recipient { id, contact, agreement, purpose, country, .. } = &standing.recipient;
    let mut out = format!("{id}  {}\n", name_of(standing));
    let facts = [
        ("contact", contact.as_deref()),
        ("agreement", agreement.as_deref()),
        ("purpose", purpose.as_deref()),
        ("country", country.as_deref()),
        ("registered", Some(standing.registered.as_str())),
        ("suspended", standing.suspended.as_deref()),
        ("erased", standing.erased.as_deref()),
        ("reason", standing.reason.as_deref()),
    ];
    for (label, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(out, "  {label:<10}  {value}");
        }
    }
    let _ = writeln!(out, "  {:<10}  {}", "releases", releases.len());
    for Delivered { index, time, release } in releases {
        let _ = writeln!(
            out,
            "    {time}  {}  {}: {} rows (entry {index}){}",
            release.opening.release,
            release.opening.dataset,
            release.rows,
            unwitnessed(*index, witnessed)
        );
    }
    for Unfinished { index, time, opening, cut } in unfinished {
        let how = if cut.is_some() { "cut short" } else { "opened, never closed" };
        let _ = writeln!(out, "    {time}  {}  {}: {how} (entry {index})", opening.release, opening.dataset);
    }
    terminal::print(out)?;
    Ok(DONE)
}

fn releases_of<'a>(registry: &'a Registry, id: &str) -> impl Iterator<Item = &'a Delivered> {
    registry.releases.iter().filter(move |delivered| delivered.release.opening.recipient == id)
}
