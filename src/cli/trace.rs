//! `trace`: the ledger becomes a case, and the findings are shown.

use crate::error::Result;
use crate::models;
use crate::report::{json, terminal as screen};
use crate::store::{self, Address};
use crate::table::format::archive::Limits;
use crate::table::format::find;
use crate::table::format::parts::hive;
use crate::trace::{self, Case, Known, Options};

use super::input::Input;
use super::originals::{self, Originals};
use super::stamp::pool;
use super::{DONE, NOBODY, Session, args, terminal};

pub fn run(session: &Session, args: &args::Trace) -> Result<u8> {
    // What is mistyped is said before anybody is asked for a passphrase.
    let input = Input::of_any(&args.leak)?;
    originals::check(&args.leak, args.reference.as_ref())?;
    let keyring = session.keyring()?;
    let ledger = session.home.ledger(session.wait, "trace")?;
    let models = session.home.models_dir();
    let mut known = Known::from_ledger(&ledger, args.dataset.as_deref(), &|dataset, name| {
        models::open(&models, &keyring.marking, dataset, name)
    })?;
    let lost = known.readings.iter().find_map(|reading| keyring.marking.check_epoch(reading.epoch).err());
    match lost {
        Some(error) if args.without_lost_keys => {
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
    let originals = Originals::new(args, &known.readings, session.home.vault(&keyring.marking), interrupted);
    let options = Options {
        map: &args.map,
        originals: &|reading| originals.of(reading),
        progress: &progress,
        interrupted,
    };
    let case = Case {
        secret: &keyring.marking,
        recipients: &known.suspects,
        readings: &known.readings,
        alpha: args.alpha,
    };
    let outcome = pool(args.threads)?.install(|| {
        let said = args.said.said();
        let (tables, around) = match Address::of(&args.leak)? {
            Some(address) if address.is_folder() => {
                let folder = store::folder(&address, Limits::default(), interrupted)?;
                (find::fetched(folder, &said), hive::around_inside(&args.leak))
            }
            None if args.leak.is_dir() => (find::folder(&args.leak, &said)?, hive::around_inside(&args.leak)),
            _ => (find::tables(input.input, &said)?, hive::around(&args.leak)),
        };
        let tables = find::around(tables, around);
        trace::trace_tables(tables, &input.path, &case, &options)
    });
    bar.finish_and_clear();
    let findings = outcome.map_err(|error| error.in_data(&input.name))?;
    if args.json {
        terminal::print(json::line(&findings) + "\n")?;
    } else {
        terminal::print(screen::report(&findings))?;
    }
    Ok(if findings.verdict.names_somebody() { DONE } else { NOBODY })
}
