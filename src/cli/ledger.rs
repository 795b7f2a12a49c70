//! `ledger list | show | verify | reindex | prune`; the rest is for auditors ([`audit`]), witnesses ([`witness`]) and timestamp
//! authorities ([`timestamp`]), and for whoever answers for the data ([`report`]).

pub mod audit;
pub mod timestamp;
pub mod witness;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::ledger::history::{Fork, History, Published};
use crate::ledger::{self as log, Event, Ledger, Recorded, Registry, Verifier};
use crate::report::{json, terminal::grouped};

use super::args;
use super::{DONE, Session, prune, recipients, report, terminal};

pub fn run(session: impl FnOnce() -> Result<Session>, wait: Duration, command: args::Ledger) -> Result<u8> {
    let home = || {
        let session = session()?;
        session.home.check_exists()?;
        Ok(session)
    };
    match command {
        args::Ledger::List { json } => list(&home()?, json),
        args::Ledger::Show { entry } => show(&home()?, &entry),
        args::Ledger::Verify { vkey: Some(vkey), from: Some(folder), since, json } => {
            verify_copy(&folder, &vkey, since.as_deref(), json)
        }
        args::Ledger::Verify { vkey, since, json, .. } => {
            verify(&home()?, vkey.as_deref(), since.as_deref(), json)
        }
        args::Ledger::Audit(command) => audit::run(home, command),
        args::Ledger::Witnesses(command) => witness::run(home, wait, command),
        args::Ledger::Timestamp(command) => timestamp::run(&home()?, &command),
        args::Ledger::Prune(typed) => prune::run(&home()?, &typed),
        args::Ledger::Reindex => {
            let session = home()?;
            let size = log::reindex(&session.home.ledger_dir(), session.wait)?;
            terminal::say(format!("index of {} entries built anew from the log", grouped(size)));
            Ok(DONE)
        }
        args::Ledger::Report(typed) => report::report(&home()?, typed),
        args::Ledger::Export(typed) => report::export(&home()?, &typed),
    }
}

fn list(session: &Session, as_json: bool) -> Result<u8> {
    let ledger = session.home.ledger(session.wait, "ledger list")?;
    let entries = ledger.entries()?;
    let mut registry = Registry::replay(&entries);
    registry.fill_in(&ledger)?;
    let witnessed = witnessed_size(&ledger, &registry)?;
    let mut out = String::new();
    for recorded in &entries {
        if as_json {
            let (index, leaf) = (recorded.index, String::from_utf8_lossy(&recorded.leaf));
            let witnessed = witnessed.map(|size| format!("\"witnessed\":{},", index < size));
            let witnessed = witnessed.unwrap_or_default();
            let _ = writeln!(out, "{{\"index\":{index},{witnessed}\"leaf\":{leaf}}}");
        } else {
            let _ = writeln!(out, "{}{}", line(recorded, &registry), unwitnessed(recorded.index, witnessed));
        }
    }
    terminal::print(out)?;
    if entries.is_empty() {
        terminal::say("the ledger is empty");
    }
    Ok(DONE)
}

/// How many entries are under a checkpoint with a quorum; `None` if no witnesses are asked.
pub fn witnessed_size(ledger: &Ledger, registry: &Registry) -> Result<Option<u64>> {
    if registry.quorums.at(ledger.size()).is_none_or(|quorum| quorum.quorum == 0) {
        return Ok(None);
    }
    Ok(Some(ledger.witnessed(&registry.quorums)?.map_or(0, |head| head.size)))
}

/// What is said behind an entry that no quorum vouches for, where one is asked.
pub fn unwitnessed(index: u64, witnessed: Option<u64>) -> &'static str {
    if witnessed.is_some_and(|size| index >= size) { "  (unwitnessed)" } else { "" }
}

/// Seconds since 1970, for people.
fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}

fn line(recorded: &Recorded, registry: &Registry) -> String {
    let Some(entry) = &recorded.entry else {
        return format!("{:>6}  an entry of a later version of dyepack", recorded.index);
    };
    let what = match &entry.event {
        Event::RecipientRegistered { recipient } => {
            let name = registry.recipients.get(&recipient.id).map_or("", recipients::name_of);
            format!("recipient  {} registered: {name}", recipient.id)
        }
        Event::RecipientSuspended { recipient, .. } => format!("recipient  {recipient} suspended"),
        Event::RecipientErased { recipient, .. } => {
            format!("recipient  {recipient} erased: name and contact are forgotten")
        }
        Event::KeyRotated { epoch, .. } => format!("key        epoch {epoch} began"),
        Event::Pruned { before, .. } => {
            format!("pruned     releases before entry {} are forgotten", grouped(*before))
        }
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
        Event::WitnessesSet(quorum) => {
            format!("witnesses  {} of {} needed", quorum.quorum, quorum.witnesses.len())
        }
        Event::Trace(traced) => format!("trace      {}: {}", traced.verdict, traced.accused.join(", ")),
        Event::OpeningMade { release, recipient, .. } => {
            format!("opening    of release {release} to {recipient}")
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
    let recorded = find(&ledger, wanted)?;
    terminal::print(format!("{}\n", String::from_utf8_lossy(&recorded.leaf)))?;
    match witnessed_size(&ledger, &Registry::standing(&ledger)?)? {
        Some(size) if recorded.index < size => terminal::say("witnessed by a quorum"),
        Some(_) => terminal::say("not witnessed by a quorum yet"),
        None => {}
    }
    Ok(DONE)
}

/// The entry of a number, or the release of an id.
fn find(ledger: &Ledger, wanted: &str) -> Result<Recorded> {
    match (ledger.release(wanted)?, wanted.parse::<u64>()) {
        (Some(recorded), _) => Ok(recorded),
        (None, Ok(index)) => ledger.entry(index),
        (None, Err(_)) => Err(Error::usage(format!("no release `{wanted}` is on record"))
            .with_hint("name a release or the number of an entry; see `dyepack ledger list`")),
    }
}

/// The outcome for programs.
#[derive(Serialize)]
struct Verified<'a> {
    schema: &'static str,
    size: u64,
    pruned: u64,
    root: &'a str,
    entries: &'a BTreeMap<String, u64>,
    #[serde(flatten)]
    home: Option<OfHome<'a>>,
}

/// What a copy of the log does not have.
#[derive(Serialize)]
struct OfHome<'a> {
    blobs: u64,
    recovered: bool,
    reindexed: bool,
    strays: &'a [String],
    unforgotten: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<u64>,
    timestamps: u64,
    forks: usize,
}

const VERIFICATION: &str = "dyepack.verification/1";

fn verify(session: &Session, vkey: Option<&str>, since: Option<&Path>, as_json: bool) -> Result<u8> {
    let found = log::verify(&session.home.ledger_dir(), session.wait, vkey)?;
    let fork = match since {
        Some(path) => {
            let ledger = session.home.ledger(session.wait, "ledger verify")?;
            since_fork(&ledger.history(), ledger.verifier(), path)?
        }
        None => None,
    };
    let fork = fork.or_else(|| found.heads.forks.first().cloned());
    if as_json {
        terminal::print(
            json::line(&Verified {
                schema: VERIFICATION,
                size: found.size,
                pruned: found.pruned,
                root: &found.root_hex,
                entries: &found.kinds,
                home: Some(OfHome {
                    blobs: found.blobs,
                    recovered: found.recovered,
                    reindexed: found.reindexed,
                    strays: &found.strays,
                    unforgotten: &found.unforgotten,
                    witnessed: found.heads.witnessed,
                    timestamps: found.heads.timestamps,
                    forks: found.heads.forks.len(),
                }),
            }) + "\n",
        )?;
        return fork.map_or(Ok(DONE), |fork| Err(fork.error()));
    }
    terminal::print(format!(
        "the ledger is whole: {} entries ({}), {} policies, sketches and names\nroot {}\n",
        grouped(found.size),
        kinds(&found.kinds),
        grouped(found.blobs),
        found.root_hex
    ))?;
    say_pruned(found.pruned);
    for file in &found.unforgotten {
        terminal::warn(format!("`{file}` was erased or pruned, and is there again: dyepack doctor --repair"));
    }
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
        terminal::warn(format!("`{stray}` lies in the ledger's folder and is no part of it"));
    }
    if let Some(size) = found.heads.witnessed {
        terminal::say(format!("the first {} entries are witnessed by a quorum", grouped(size)));
    }
    if found.heads.timestamps > 0 {
        terminal::say(format!(
            "{} timestamps are over its checkpoints; `ledger timestamp list` says how to check them",
            grouped(found.heads.timestamps)
        ));
    }
    forked(fork)
}

fn say_pruned(entries: u64) {
    if entries > 0 {
        terminal::say(format!(
            "{} entries were pruned when their time was up: their hashes are left, and all proofs hold",
            grouped(entries)
        ));
    }
}

fn verify_copy(folder: &Path, vkey: &str, since: Option<&Path>, as_json: bool) -> Result<u8> {
    let published = Published::open(folder, Verifier::parse(vkey.trim())?)?;
    let found = published.verify()?;
    let fork = match since {
        Some(path) => since_fork(&published.history(), published.verifier(), path)?,
        None => None,
    };
    if as_json {
        let (size, pruned) = (found.size, found.pruned);
        let (root, entries) = (found.root_hex.as_str(), &found.kinds);
        terminal::print(
            json::line(&Verified { schema: VERIFICATION, size, pruned, root, entries, home: None }) + "\n",
        )?;
        return fork.map_or(Ok(DONE), |fork| Err(fork.error()));
    }
    terminal::print(format!(
        "the copy is whole: {} entries ({})\nroot {}\n",
        grouped(found.size),
        kinds(&found.kinds),
        found.root_hex
    ))?;
    say_pruned(found.pruned);
    forked(fork)
}

/// The fork, if the log did not grow from the checkpoint in a file.
fn since_fork(history: &History<'_>, verifier: &Verifier, path: &Path) -> Result<Option<Fork>> {
    history.fork_with(&audit::read_head(path, verifier)?)
}

fn forked(fork: Option<Fork>) -> Result<u8> {
    fork.map_or(Ok(DONE), |fork| Err(audit::show_fork(&fork)))
}

fn kinds(kinds: &BTreeMap<String, u64>) -> String {
    let kinds: Vec<String> =
        kinds.iter().map(|(kind, n)| format!("{} {}", grouped(*n), kind.replace('_', " "))).collect();
    kinds.join(", ")
}
