//! `trace`: the ledger becomes a case, and the findings are shown.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::home::Home;
use crate::ledger::Registry;
use crate::ledger::registry::Delivered;
use crate::report::{json, terminal as screen};
use crate::sketch::Sketch;
use crate::stamp::deliver::stored_policy;
use crate::trace::{self, Case, KnownRelease, Options, Reading, Suspect};

use super::input::Input;
use super::stamp::pool;
use super::{DONE, NOBODY, Session, args, terminal};

pub fn run(session: &Session, args: &args::Trace) -> Result<u8> {
    // What is mistyped is said before anybody is asked for a passphrase.
    let input = Input::open(&args.leak)?;
    let keyring = session.keyring()?;
    let Known { recipients, readings, sources } = known(&session.home, session, args.dataset.as_deref())?;
    let bar = terminal::bar("reading", input.bytes);
    let progress = |done| bar.set_position(done);
    let options =
        Options { delimiter: args.delimiter, progress: &progress, interrupted: terminal::interruptible() };
    let case =
        Case { secret: &keyring.marking, recipients: &recipients, readings: &readings, alpha: args.alpha };
    let outcome = pool(args.threads)?.install(|| trace::trace(input.reader, &input.path, &case, &options));
    bar.finish_and_clear();
    let mut findings = outcome.map_err(|error| error.in_data(&input.name))?;
    let same = sources.into_iter().filter(|(blake3, _)| *blake3 == findings.leak.blake3);
    findings.identical_sources = same.map(|(_, release)| release).collect();
    if args.json {
        terminal::print(json::line(&findings) + "\n")?;
    } else {
        terminal::print(screen::report(&findings))?;
    }
    Ok(if findings.verdict.names_somebody() { DONE } else { NOBODY })
}

/// What the ledger knows when a leak turns up.
pub struct Known {
    /// Everybody who may have leaked.
    pub recipients: Vec<Suspect>,
    /// Every way in which something was released.
    pub readings: Vec<Reading>,
    /// Hex BLAKE3 of the unmarked source of each release, and the release's id.
    pub sources: Vec<(String, String)>,
}

/// Gathers it, for one dataset or for all.
pub fn known(home: &Home, session: &Session, dataset: Option<&str>) -> Result<Known> {
    let ledger = home.ledger(session.wait, "trace")?;
    let registry = Registry::replay(&ledger.entries()?);
    if let Some(dataset) = dataset
        && !registry.policies.contains_key(dataset)
    {
        let known: Vec<&str> = registry.policies.keys().map(String::as_str).collect();
        return Err(Error::usage(format!("no dataset `{dataset}` is on record")).with_hint(
            if known.is_empty() {
                "nothing was ever released from this home: name another one with --home".to_owned()
            } else {
                format!("datasets on record: {}", known.join(", "))
            },
        ));
    }
    let recipients = registry
        .recipients
        .values()
        .map(|standing| Suspect {
            id: standing.recipient.id.clone(),
            name: Some(standing.recipient.name.clone()),
        })
        .collect();

    let mut sketches: HashMap<&str, Arc<Sketch>> = HashMap::new();
    let mut readings: Vec<Reading> = Vec::new();
    let mut sources = Vec::new();
    for Delivered { time, release, .. } in &registry.releases {
        if dataset.is_some_and(|dataset| dataset != release.dataset) {
            continue;
        }
        let sketch = match sketches.get(release.sketch.as_str()) {
            Some(sketch) => sketch.clone(),
            None => {
                let sketch = Arc::new(Sketch::from_bytes(&ledger.blob(&release.sketch)?)?);
                sketches.insert(&release.sketch, sketch.clone());
                sketch
            }
        };
        sources.push((release.source.blake3.clone(), release.release.clone()));
        let known = KnownRelease {
            release: release.release.clone(),
            recipient: release.recipient.clone(),
            time: time.clone(),
            output_blake3: release.output.blake3.clone(),
            marked: release.cells_changed.values().any(|&n| n > 0),
            sketch,
        };
        let same = |reading: &&mut Reading| {
            reading.policy.hash() == release.policy
                && reading.policy.name() == release.dataset
                && reading.epoch == release.key_epoch
        };
        match readings.iter_mut().find(same) {
            Some(reading) => reading.releases.push(known),
            None => {
                let mut adopted = registry.policies.get(&release.dataset).into_iter().flatten();
                let slots = adopted.rfind(|adopted| adopted.policy == release.policy);
                readings.push(Reading {
                    policy: stored_policy(&ledger, &release.policy)?,
                    slots: slots.map(|adopted| adopted.slots.clone()).unwrap_or_default(),
                    epoch: release.key_epoch,
                    releases: vec![known],
                });
            }
        }
    }
    Ok(Known { recipients, readings, sources })
}
