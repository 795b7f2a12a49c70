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

use super::stamp::{Input, pool};
use super::{DONE, NOBODY, Session, args, terminal};

pub fn run(session: &Session, args: &args::Trace) -> Result<u8> {
    let keyring = session.keyring()?;
    let (recipients, readings) = case(&session.home, session, args.dataset.as_deref())?;
    let input = Input::open(&args.leak)?;
    let bar = terminal::bar("reading", input.bytes);
    let progress = |done| bar.set_position(done);
    let options =
        Options { delimiter: args.delimiter, progress: &progress, interrupted: terminal::interruptible() };
    let case =
        Case { secret: &keyring.marking, recipients: &recipients, readings: &readings, alpha: args.alpha };
    let outcome = pool(args.threads)?.install(|| trace::trace(input.reader, &input.name, &case, &options));
    bar.finish_and_clear();
    let findings = outcome.map_err(|error| error.in_file(input.name))?;
    if args.json {
        terminal::print(json::line(&findings) + "\n")?;
    } else {
        terminal::print(screen::report(&findings))?;
    }
    Ok(if findings.verdict.names_somebody() { DONE } else { NOBODY })
}

/// Everybody who may have leaked, and every way in which something was released.
pub fn case(home: &Home, session: &Session, dataset: Option<&str>) -> Result<(Vec<Suspect>, Vec<Reading>)> {
    let ledger = home.ledger(session.wait, "trace")?;
    let registry = Registry::replay(&ledger.entries()?);
    if let Some(dataset) = dataset
        && !registry.policies.contains_key(dataset)
    {
        let known: Vec<&str> = registry.policies.keys().map(String::as_str).collect();
        return Err(Error::usage(format!("no dataset `{dataset}` is on record"))
            .with_hint(format!("datasets on record: {}", known.join(", "))));
    }
    let suspects = registry
        .recipients
        .values()
        .map(|standing| Suspect {
            id: standing.recipient.id.clone(),
            name: Some(standing.recipient.name.clone()),
        })
        .collect();

    let mut sketches: HashMap<&str, Arc<Sketch>> = HashMap::new();
    let mut readings: Vec<Reading> = Vec::new();
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
    Ok((suspects, readings))
}
