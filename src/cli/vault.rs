//! `vault list | verify | prune`.

use std::collections::HashMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::error::{Class, Result};
use crate::ledger::Registry;
use crate::ledger::registry::Delivered;
use crate::report::{json, terminal::grouped};
use crate::vault::{Label, Stored, Vault};

use super::args;
use super::{DONE, Session, terminal};

pub fn run(session: &Session, command: args::Vault) -> Result<u8> {
    // The label of a copy is sealed as the rest is, so all three need the key.
    let vault = session.home.vault(&session.keyring()?.marking);
    match command {
        args::Vault::List { json } => list(session, &vault, json),
        args::Vault::Verify => verify(&vault),
        args::Vault::Prune { older_than, keep, dry_run } => {
            prune(session, &vault, &Rule { older_than, keep }, dry_run)
        }
    }
}

/// The releases that use each copy, by the file's name, in the ledger's order.
struct Uses<'a>(HashMap<String, Vec<&'a Delivered>>);

impl<'a> Uses<'a> {
    fn new(registry: &'a Registry, vault: &Vault) -> Uses<'a> {
        let mut uses: HashMap<String, Vec<&Delivered>> = HashMap::new();
        for delivered in &registry.releases {
            let release = &delivered.release;
            for name in vault.names_of(&release.opening.dataset, &release.source.blake3) {
                uses.entry(name).or_default().push(delivered);
            }
        }
        Uses(uses)
    }

    fn of(&self, stored: &Stored) -> &[&'a Delivered] {
        self.0.get(stored.name()).map_or(&[], Vec::as_slice)
    }

    /// When the last release that uses it was recorded.
    fn last(&self, stored: &Stored) -> Option<&'a str> {
        self.of(stored).last().map(|delivered| delivered.time.as_str())
    }
}

fn list(session: &Session, vault: &Vault, as_json: bool) -> Result<u8> {
    #[derive(Serialize)]
    struct Listed<'a> {
        file: &'a str,
        bytes: u64,
        #[serde(flatten)]
        label: &'a Label,
        releases: Vec<&'a str>,
        last_release: Option<&'a str>,
    }
    let (_, registry) = session.home.entries(session.wait, "vault list")?;
    let uses = Uses::new(&registry, vault);
    let stored = vault.stored()?;
    let mut out = String::new();
    if !as_json {
        let _ = writeln!(
            out,
            "{:<16}  {:>10}  {:>13}  {:<20}  RELEASES",
            "DATASET", "ROWS", "BYTES", "KEPT SINCE"
        );
    }
    for copy in &stored {
        let Ok(label) = &copy.label else { continue };
        let releases: Vec<&str> =
            uses.of(copy).iter().map(|used| used.release.opening.release.as_str()).collect();
        if as_json {
            let last_release = uses.last(copy);
            let listed = Listed { file: copy.name(), bytes: copy.bytes, label, releases, last_release };
            let _ = writeln!(out, "{}", json::line(&listed));
        } else {
            let (rows, bytes) = (grouped(label.rows), grouped(copy.bytes));
            let releases = if releases.is_empty() { "none".to_owned() } else { releases.join(", ") };
            let _ = writeln!(
                out,
                "{:<16}  {rows:>10}  {bytes:>13}  {:<20}  {releases}",
                label.dataset, label.time
            );
        }
    }
    if !stored.is_empty() {
        terminal::print(out)?;
    } else {
        terminal::say("the vault is empty: a policy with `vault = true` fills it");
    }
    for error in stored.iter().filter_map(|copy| copy.label.as_ref().err()) {
        terminal::warn(error.to_string());
    }
    Ok(DONE)
}

fn verify(vault: &Vault) -> Result<u8> {
    let (mut whole, mut rows, mut code) = (0, 0, DONE);
    for copy in vault.stored()? {
        match vault.verify(&copy.path) {
            Ok(label) => {
                whole += 1;
                rows += label.rows;
            }
            // The others are looked at too. Damage outweighs a file that merely can't be read now.
            Err(error) => {
                terminal::complain(&error);
                code = if error.class() == Class::Integrity {
                    error.exit_code()
                } else {
                    code.max(error.exit_code())
                };
            }
        }
    }
    let copies = if whole == 1 { "copy is" } else { "copies are" };
    terminal::print(format!("{} {copies} whole, with {} rows\n", grouped(whole), grouped(rows)))?;
    Ok(code)
}

/// Which copies that releases refer to may go too.
struct Rule {
    /// Those whose last release is older than so many days.
    older_than: Option<u32>,
    /// All but so many of each dataset, those with the latest releases.
    keep: Option<usize>,
}

impl Rule {
    /// Why a copy goes, if it does. `last` is the time of its last release; `newer` copies of the dataset have a later one.
    ///
    /// With both limits a copy goes only if both say so.
    fn reason(&self, last: Option<&str>, newer: usize, now: Timestamp) -> Option<String> {
        let Some(last) = last else { return Some("no release refers to it".into()) };
        let age_limit = self.older_than.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        let is_old = age_limit
            .map(|limit| last.parse::<Timestamp>().is_ok_and(|time| now.duration_since(time) > limit));
        let is_spare = self.keep.map(|keep| newer >= keep);
        let goes = match (is_old, is_spare) {
            (None, None) => false,
            (is_old, is_spare) => is_old.unwrap_or(true) && is_spare.unwrap_or(true),
        };
        goes.then(|| format!("last released {last}"))
    }
}

fn prune(session: &Session, vault: &Vault, rule: &Rule, dry_run: bool) -> Result<u8> {
    // The lock is held until the end: a stamp publishes its copy and its entry under it.
    let ledger = session.home.ledger(session.wait, "vault prune")?;
    let registry = Registry::replay(&ledger.entries()?);
    let uses = Uses::new(&registry, vault);
    let now = Timestamp::now();
    let mut stored = vault.stored()?;
    // The latest first; those without a release last, so that they count for none.
    stored.sort_by_key(|copy| std::cmp::Reverse(uses.of(copy).last().map(|used| used.index)));
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (mut removed, mut left) = (0, 0);
    for copy in &stored {
        // One that does not open may be another home's: a person has to decide.
        let label = match &copy.label {
            Ok(label) => label,
            Err(error) => {
                terminal::warn(format!("left alone: {error}"));
                left += 1;
                continue;
            }
        };
        let newer = seen.entry(label.dataset.clone()).or_default();
        let reason = rule.reason(uses.last(copy), *newer, now);
        *newer += 1;
        let Some(reason) = reason else {
            left += 1;
            continue;
        };
        if !dry_run {
            vault.remove(copy)?;
        }
        removed += 1;
        terminal::say(format!(
            "{} the copy of {} with {} rows, kept since {}: {reason}",
            if dry_run { "would remove" } else { "removed" },
            label.dataset,
            grouped(label.rows),
            label.time
        ));
    }
    if !dry_run {
        vault.sweep()?;
    }
    ledger.close()?;
    let verb = if dry_run { "would be removed" } else { "removed" };
    terminal::say(format!("{} {verb}, {} left", grouped(removed), grouped(left)));
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_goes_only_if_every_limit_says_so() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let (old, new) = (Some("2026-01-01T00:00:00Z"), Some("2026-02-28T00:00:00Z"));
        let goes =
            |older_than, keep, last, newer| Rule { older_than, keep }.reason(last, newer, now).is_some();
        assert!(goes(None, None, None, 0) && goes(Some(30), Some(9), None, 0), "nobody refers to it");
        assert!(!goes(None, None, old, 9), "without a limit nothing else goes");
        assert!(goes(Some(30), None, old, 0) && !goes(Some(30), None, new, 9));
        assert!(!goes(Some(59), None, old, 0) && goes(Some(58), None, old, 0), "59 days are not above 59");
        assert!(goes(None, Some(2), new, 2) && !goes(None, Some(2), old, 1));
        assert!(goes(Some(30), Some(2), old, 2));
        assert!(!goes(Some(30), Some(2), new, 2) && !goes(Some(30), Some(2), old, 1));
    }
}
