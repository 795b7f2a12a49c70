//! `recipient add | update | list | show | suspend | reinstate | erase`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use rand::Rng as _;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::known::SignedFor;
use crate::ledger::personal::SALT_BYTES;
use crate::ledger::registry::{Delivered, Standing, Unfinished};
use crate::ledger::{Day, Entry, Event, Facts, Recipient, Registry, Verifier};
use crate::mark::policy::is_country;
use crate::report::json;

use super::args;
use super::ledger::{unwitnessed, witnessed_size};
use super::{DONE, Session, now, operator, terminal};

/// What is on record of a partner beside its name.
#[derive(Debug, Args)]
pub struct TypedFacts {
    /// Agreement under which copies are given
    #[arg(long)]
    agreement: Option<String>,
    /// Last day of the agreement, in UTC; nothing is given afterwards
    #[arg(long, value_name = "YYYY-MM-DD")]
    agreement_expires: Option<Day>,
    /// Purpose for which copies are given
    #[arg(long)]
    purpose: Option<String>,
    /// Country of the recipient, as in ISO 3166-1: CN
    #[arg(long, value_parser = country)]
    country: Option<String>,
    /// Highest data level that it may get, 1 to 5
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(1..=5))]
    max_level: Option<u8>,
    /// Key that its receipts are signed with, as `dyepack signer show` prints it
    #[arg(long, value_name = "NAME+ID+KEY", value_parser = vkey)]
    vkey: Option<String>,
    /// Category of recipients, for the record of GDPR article 30
    #[arg(long)]
    category: Option<String>,
    /// What a transfer abroad rests on, for the record of GDPR article 30
    #[arg(long)]
    safeguards: Option<String>,
}

impl TypedFacts {
    fn facts(self) -> Facts {
        let TypedFacts { agreement, agreement_expires, purpose, country, .. } = self;
        let TypedFacts { max_level, vkey, category, safeguards, .. } = self;
        Facts { agreement, agreement_expires, purpose, country, max_level, vkey, category, safeguards }
    }
}

/// A country, written as policies write theirs: the two are compared.
fn country(text: &str) -> Result<String, String> {
    if is_country(text) {
        return Ok(text.to_owned());
    }
    Err("must be two capital letters, as in ISO 3166-1: CN".to_owned())
}

/// The longest name or contact.
const LONGEST_CHARS: usize = 200;

/// The name of somebody, or whom to call.
pub fn short_name(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_CHARS {
        return Err(format!("must have at most {LONGEST_CHARS} characters"));
    }
    args::name(text)
}

/// A verifier key, checked.
pub fn vkey(text: &str) -> Result<String, String> {
    Verifier::parse(text.trim()).map(|verifier| verifier.to_string()).map_err(|error| error.to_string())
}

pub fn run(session: &Session, command: args::Recipient) -> Result<u8> {
    match command {
        args::Recipient::Add { id, name, contact, facts } => {
            check_id(&id)?;
            let recipient = Recipient { id, name, contact, facts: facts.facts(), ..Recipient::default() };
            add(session, recipient)
        }
        args::Recipient::Update { id, facts } => update(session, &id, facts.facts()),
        args::Recipient::List { json } => list(session, json),
        args::Recipient::Show { id, json } => show(session, &id, json),
        args::Recipient::Suspend { id, reason } => suspend(session, &id, reason),
        args::Recipient::Erase { id, reason } => erase(session, &id, reason),
        args::Recipient::Reinstate { id, reason } => reinstate(session, &id, reason),
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

fn update(session: &Session, id: &str, changes: Facts) -> Result<u8> {
    if changes.is_empty() {
        return Err(Error::usage("nothing to change is named")
            .with_hint("see `dyepack recipient update --help` for what can be changed"));
    }
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "recipient update")?;
    let registry = Registry::standing(&ledger)?;
    let before = &known(&registry, id)?.recipient.facts;
    let mut after = before.clone();
    after.change(changes.clone());
    if after == *before {
        terminal::say(format!("this is on record of {id} already"));
        return Ok(DONE);
    }
    let event = Event::RecipientChanged { recipient: id.to_owned(), changes };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("recipient {id} is changed (entry {index})"));
    Ok(DONE)
}

fn reinstate(session: &Session, id: &str, reason: Option<String>) -> Result<u8> {
    let keyring = session.keyring()?;
    let mut ledger = session.home.ledger(session.wait, "recipient reinstate")?;
    let registry = Registry::standing(&ledger)?;
    let standing = known(&registry, id)?;
    if standing.suspended.is_none() {
        terminal::say(format!("recipient {id} is not suspended"));
        return Ok(DONE);
    }
    if standing.erased.is_some() {
        return Err(Error::usage(format!("the name of `{id}` was erased"))
            .with_hint("nobody is given anything whose name is not known: register another id"));
    }
    let event = Event::RecipientReinstated { recipient: id.to_owned(), reason };
    let index = ledger.append(&[Entry::new(now(), operator(), event)], &keyring.signing)?[0];
    ledger.close()?;
    terminal::say(format!("recipient {id} is reinstated (entry {index})"));
    Ok(DONE)
}

/// The standing of a recipient.
pub fn known<'a>(registry: &'a Registry, id: &str) -> Result<&'a Standing> {
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
    let today = Day::of(&now());
    let statuses: Vec<String> =
        registry.recipients.values().map(|standing| status(standing, today)).collect();
    let wide = statuses.iter().map(String::len).max().unwrap_or(0).max("suspended".len());
    let _ = writeln!(out, "{:<width$}  {:<wide$}  {:>8}  NAME", "ID", "STATUS", "RELEASES");
    for ((id, standing), status) in registry.recipients.iter().zip(&statuses) {
        let releases = releases_of(&registry, id).count();
        let _ = writeln!(out, "{id:<width$}  {status:<wide$}  {releases:>8}  {}", name_of(standing));
    }
    terminal::print(out)?;
    if registry.recipients.is_empty() {
        terminal::say("no recipients yet: dyepack recipient add ID --name NAME");
    }
    Ok(DONE)
}

/// Whether somebody may be given copies, for people.
fn status(standing: &Standing, today: Option<Day>) -> String {
    match (standing, standing.recipient.facts.agreement_expires) {
        (Standing { erased: Some(_), .. }, _) => "erased".to_owned(),
        (Standing { suspended: Some(_), .. }, _) => "suspended".to_owned(),
        (_, Some(last_day)) if today.is_some_and(|today| today > last_day) => {
            format!("agreement ended {last_day}")
        }
        _ => "active".to_owned(),
    }
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
        /// By release id.
        receipts: BTreeMap<&'a str, SignedFor>,
    }
    let ledger = session.home.ledger(session.wait, "recipient show")?;
    let registry = Registry::of(&ledger)?;
    let witnessed = witnessed_size(&ledger, &registry)?;
    ledger.close()?;
    let standing = known(&registry, id)?;
    let releases: Vec<&Delivered> = releases_of(&registry, id).collect();
    let unfinished: Vec<&Unfinished> =
        registry.unfinished.iter().filter(|unfinished| unfinished.opening.recipient == id).collect();
    let ids = releases.iter().map(|delivered| delivered.release.opening.release.as_str());
    let receipts: BTreeMap<&str, SignedFor> =
        ids.filter_map(|id| Some((id, SignedFor::of(registry.receipts.get(id)?)?))).collect();
    if as_json {
        let shown = Shown { standing, releases, unfinished, witnessed_entries: witnessed, receipts };
        terminal::print(json::line(&shown) + "\n")?;
        return Ok(DONE);
    }
    let Recipient { id, contact, facts, .. } = &standing.recipient;
    let Facts { agreement, purpose, country, agreement_expires, .. } = facts;
    let Facts { max_level, vkey, category, safeguards, .. } = facts;
    let expires = agreement_expires.as_ref().map(Day::to_string);
    let level = max_level.as_ref().map(u8::to_string);
    let mut out = format!("{id}  {}\n", name_of(standing));
    let facts = [
        ("contact", contact.as_deref()),
        ("agreement", agreement.as_deref()),
        ("expires", expires.as_deref()),
        ("purpose", purpose.as_deref()),
        ("country", country.as_deref()),
        ("max level", level.as_deref()),
        ("key", vkey.as_deref()),
        ("category", category.as_deref()),
        ("safeguards", safeguards.as_deref()),
        ("registered", Some(standing.registered.as_str())),
        ("suspended", standing.suspended.as_deref()),
        ("erased", standing.erased.as_deref()),
        ("reason", standing.reason.as_deref()),
        ("reinstated", standing.reinstated.as_deref()),
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
        if let Some(SignedFor { by, time, entry }) = receipts.get(release.opening.release.as_str()) {
            let _ = writeln!(out, "      receipt signed by {by} on {time} (entry {entry})");
        }
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
