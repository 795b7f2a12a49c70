//! `trace`: the ledger becomes a case, and the findings are shown.

use std::path::{Path, PathBuf};

use crate::dispute::bundle::{self, Bundle};
use crate::dispute::exhibit::{Exhibit, check_unchanged, exhibits};
use crate::error::{Error, Result};
use crate::keys::keyring::Keyring;
use crate::models;
use crate::report::{json, terminal as screen};
use crate::store::{self, Address};
use crate::table::format::archive::Limits;
use crate::table::format::find::{self, Tables};
use crate::table::format::kind::Said;
use crate::table::format::parts::hive;
use crate::trace::{self, Case, Examined, Known, Options};

use super::input::{Input, STREAM};
use super::originals::{self, Originals};
use super::stamp::pool;
use super::{DONE, NOBODY, Session, args, now, operator, terminal};

pub fn run(session: &Session, args: &args::Trace) -> Result<u8> {
    // What is mistyped is said before anybody is asked for a passphrase.
    if let Some(folder) = &args.evidence {
        check_file(&args.leak)?;
        bundle::check_free(folder)?;
    }
    let traced = examine(session, &args.leak, &args.how)?;
    let findings = &traced.examined.findings;
    if let Some(folder) = &args.evidence {
        let exhibits = traced.exhibits(&args.leak)?;
        let bundle =
            Bundle { examined: &traced.examined, exhibits: &exhibits, include_leak: args.include_leak };
        let mut ledger = session.home.ledger(session.wait, "trace")?;
        bundle::make(folder, &bundle, &mut ledger, &traced.keyring.signing, (&now(), &operator()))?;
        ledger.close()?;
        terminal::say(format!("the evidence is in {}; VERIFY.md says how to check it", folder.display()));
    }
    if args.json {
        terminal::print(json::line(findings) + "\n")?;
    } else {
        terminal::print(screen::report(findings))?;
    }
    Ok(if findings.verdict.names_somebody() { DONE } else { NOBODY })
}

/// A leak that was traced, and with what.
pub struct Traced {
    pub keyring: Keyring,
    pub known: Known,
    pub examined: Examined,
}

impl Traced {
    /// The leaked files, if they are still those that were traced.
    pub fn exhibits(&self, leak: &Path) -> Result<Vec<(Exhibit, PathBuf)>> {
        let exhibits = exhibits(leak)?;
        check_unchanged(&exhibits, leak.is_dir(), &self.examined.findings.leak.blake3)?;
        Ok(exhibits)
    }
}

/// Traces a leak as it was typed.
pub fn examine(session: &Session, leak: &Path, how: &args::HowToTrace) -> Result<Traced> {
    let input = Input::of_any(leak)?;
    originals::check(leak, how.reference.as_ref())?;
    let keyring = session.keyring()?;
    let ledger = session.home.ledger(session.wait, "trace")?;
    let models = session.home.models_dir();
    let mut known = Known::from_ledger(&ledger, how.dataset.as_deref(), &|dataset, name| {
        models::open(&models, &keyring.marking, dataset, name)
    })?;
    let lost = known.readings.iter().find_map(|reading| keyring.marking.check_epoch(reading.epoch).err());
    match lost {
        Some(error) if how.without_lost_keys => {
            terminal::warn(format!("{error}: its copies are not looked for"));
            known.readings.retain(|reading| keyring.marking.covers(reading.epoch));
        }
        Some(error) => return Err(error),
        None => {}
    }
    // Whoever stamps meanwhile need not wait for the trace.
    drop(ledger);
    let bar = terminal::bar("reading", input.bytes);
    let progress = |done| bar.set_position(done);
    let interrupted = terminal::interruptible();
    let originals = Originals::new(how, &known.readings, session.home.vault(&keyring.marking), interrupted);
    let options = Options {
        map: &how.map,
        originals: &|reading| originals.of(reading),
        progress: &progress,
        interrupted,
    };
    let case = Case {
        secret: &keyring.marking,
        recipients: &known.suspects,
        readings: &known.readings,
        alpha: how.alpha,
    };
    let (path, name) = (input.path.clone(), input.name.clone());
    let outcome = pool(how.threads)?
        .install(|| trace::examine(tables(leak, input, &how.said.said())?, &path, &case, &options));
    bar.finish_and_clear();
    let examined = outcome.map_err(|error| error.in_data(&name))?;
    drop(originals);
    Ok(Traced { keyring, known, examined })
}

/// The tables of a file or folder, wherever it is.
pub fn tables(leak: &Path, input: Input, said: &Said) -> Result<Tables<'static>> {
    let (tables, around) = match Address::of(leak)? {
        Some(address) if address.is_folder() => {
            let folder = store::folder(&address, Limits::default(), terminal::interruptible())?;
            (find::fetched(folder, said), hive::around_inside(leak))
        }
        None if leak.is_dir() => (find::folder(leak, said)?, hive::around_inside(leak)),
        _ => (find::tables(input.input, said)?, hive::around(leak)),
    };
    Ok(find::around(tables, around))
}

/// Refuses a leak that can't be read a second time.
pub fn check_file(leak: &Path) -> Result<()> {
    if leak == Path::new(STREAM) {
        return Err(Error::usage("the leak is a stream, and evidence names files")
            .with_hint("put it into a file, and name that"));
    }
    if Address::of(leak)?.is_some() {
        return Err(Error::usage("the leak is elsewhere, and evidence names files that are at hand")
            .with_hint("fetch it first, and name the copy"));
    }
    Ok(())
}
