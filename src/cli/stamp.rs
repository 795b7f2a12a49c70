//! `stamp`: what was typed becomes an order, and the receipt is shown.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;
use rand::Rng as _;
use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};
use crate::evidence::score;
use crate::keys::keyring::Keyring;
use crate::ledger::Registry;
use crate::report::{json, terminal::grouped};
use crate::stamp::deliver::deliver;
use crate::stamp::engine::{self, Options, Stamped};
use crate::stamp::folder::{check_order, deliver_folder, try_folder};
use crate::stamp::gates::Rows;
use crate::stamp::order::{Delivery, Order};
use crate::stamp::receipt::Receipt;
use crate::stamp::streamed::deliver_streamed;
use crate::stamp::terms::Terms;
use crate::store::Address;
use crate::table::format::open;
use crate::table::format::parts::{LeftOut, Listing};

use super::input::{Input, STREAM};
use super::{DONE, Session, args, now, operator, terminal};

pub fn run(session: &Session, args: &args::Stamp) -> Result<u8> {
    // What is mistyped is said before anybody is asked for a passphrase.
    let what = What::of(args)?;
    let order = order(args, recipients(session, args)?)?;
    what.check(args, &order)?;
    let keyring = session.keyring()?;
    let bar = terminal::bar("stamping", what.bytes());
    let progress = |done| bar.set_position(done);
    let options = Options {
        said: args.said.said(),
        progress: &progress,
        interrupted: terminal::interruptible(),
        ..Options::default()
    };
    let outcome = pool(args.threads)?.install(|| {
        let (home, wait) = (&session.home, session.wait);
        if args.dry_run {
            return try_out(session, &order, &keyring, what, &options);
        }
        let delivered = match what {
            What::File(input) if args.stream => {
                let streams = (input.input, io::stdout());
                vec![deliver_streamed(home, &keyring, wait, &order, streams, &options)?]
            }
            What::File(input) => deliver(home, &keyring, wait, &order, input.input, &options)?,
            What::Folder(listing) => deliver_folder(home, &keyring, wait, &order, &listing, &options)?,
        };
        delivered.into_iter().map(|(receipt, stamped)| show(args, &receipt).map(|()| stamped)).collect()
    });
    bar.finish_and_clear();
    let stamped: Vec<Stamped> = outcome?;
    let carriers = stamped.first().map_or(0, |stamped| stamped.carriers);
    if carriers < score::CARRIERS_TO_NAME {
        terminal::warn(format!(
            "this copy has {carriers} carriers; a leak of it needs about {} to be named, so it may not be \
             traceable",
            score::CARRIERS_TO_NAME
        ));
    }
    Ok(DONE)
}

/// What is to be stamped.
enum What {
    File(Input),
    Folder(Listing),
}

/// Left-out files that are named before the rest is counted.
const NAMED: usize = 3;

impl What {
    fn of(args: &args::Stamp) -> Result<What> {
        if args.file.is_dir() {
            return Ok(What::Folder(Listing::of(&args.file)?));
        }
        Input::open(&args.file).map(What::File)
    }

    fn bytes(&self) -> u64 {
        match self {
            What::File(input) => input.bytes,
            What::Folder(listing) => listing.bytes(),
        }
    }

    /// Refuses what can be known to fail, and says what of a folder won't be in the copy.
    fn check(&self, args: &args::Stamp, order: &Order) -> Result<()> {
        match self {
            What::File(_) if args.stream => check_stream(order),
            What::File(_) => Ok(()),
            What::Folder(_) if args.stream => {
                Err(Error::usage("--stream writes one file, and a folder has many")
                    .with_hint("leave --stream away, and name a folder with `-o`"))
            }
            What::Folder(listing) => {
                if !args.dry_run {
                    check_order(order)?;
                }
                say_left_out(&listing.left_out);
                Ok(())
            }
        }
    }
}

/// One line for each reason, with some names.
fn say_left_out(left_out: &[LeftOut]) {
    let mut reasons: Vec<&str> = left_out.iter().map(|left| left.why).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for why in reasons {
        let names: Vec<&str> =
            left_out.iter().filter(|left| left.why == why).map(|left| left.name.as_str()).collect();
        let more = names.len().saturating_sub(NAMED);
        let shown = names[..names.len() - more].join(", ");
        let more = if more > 0 { format!(" and {} more", grouped(more as u64)) } else { String::new() };
        terminal::say(format!("left out ({why}): {shown}{more}"));
    }
}

/// A copy that goes out while it is made goes to standard output, and to one recipient.
fn check_stream(order: &Order) -> Result<()> {
    if order.copies.len() == 1 && order.copies[0].output.is_none() {
        return Ok(());
    }
    Err(Error::usage("--stream writes one copy, to standard output")
        .with_hint("name one recipient and `-o -`, or leave --stream away"))
}

/// Marks, and writes nothing.
fn try_out(
    session: &Session,
    order: &Order,
    keyring: &Keyring,
    what: What,
    options: &Options,
) -> Result<Vec<Stamped>> {
    let recipients: Vec<&str> = order.copies.iter().map(|copy| copy.to.as_str()).collect();
    let ledger = session.home.ledger(session.wait, "stamp")?;
    let terms = Terms::look_up(&ledger, &order.dataset, recipients.iter().copied())?;
    drop(ledger);
    let terms = terms.open_model(&session.home, keyring)?;
    let marking = terms.marking(keyring, &recipients);
    let stamped = match (what, &order.source_path) {
        (What::Folder(listing), Some(source)) => try_folder(source, &listing, &marking, options)?,
        (What::Folder(_), None) => unreachable!("a folder has a path"),
        (What::File(input), _) => {
            let sinks = recipients.iter().map(|_| io::sink()).collect();
            open::open(input.input, &options.asked(terms.policy()))
                .and_then(|opened| engine::stamp_opened(opened, sinks, &marking, options, None))
                .map_err(|error| error.in_data(&order.source_name()))?
        }
    };
    for (recipient, stamped) in recipients.iter().zip(&stamped) {
        terminal::say(format!("dry run for {recipient}: {}", counts(stamped)));
    }
    terms.admit(order, Rows::Counted(stamped[0].rows))?;
    Ok(stamped)
}

fn show(args: &args::Stamp, receipt: &Receipt) -> Result<()> {
    if !args.json {
        terminal::say(summary(receipt));
        return Ok(());
    }
    // With the copy on standard output, the receipt must not mix with it.
    let line = json::line(receipt);
    if args.output.as_deref().is_some_and(|path| path == Path::new(STREAM)) {
        terminal::say(line);
        return Ok(());
    }
    terminal::print(line + "\n")
}

/// Everybody who gets a copy.
fn recipients(session: &Session, args: &args::Stamp) -> Result<Vec<String>> {
    if !args.to_all {
        return Ok(args.to.clone());
    }
    let ledger = session.home.ledger(session.wait, "stamp")?;
    let registry = Registry::standing(&ledger)?;
    let active = registry.recipients.values().filter(|standing| standing.suspended.is_none());
    let ids: Vec<String> = active.map(|standing| standing.recipient.id.clone()).collect();
    if ids.is_empty() {
        return Err(Error::usage("there is no recipient to stamp for")
            .with_hint("register one with `dyepack recipient add ID --name NAME`"));
    }
    Ok(ids)
}

/// A pool of `threads` threads, one a core if not said.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
        Error::usage(format!("could not start {} threads: {error}", threads.unwrap_or(0)))
            .with_hint("name fewer with --threads")
    })
}

/// What stands for the recipient's id in names.
const RECIPIENT: &str = "{recipient}";

fn order(args: &args::Stamp, recipients: Vec<String>) -> Result<Order> {
    let names = [
        ("--output", args.output.as_ref().map(|path| path.display().to_string())),
        ("--release-id", args.release_id.clone()),
    ];
    for (flag, name) in names {
        if recipients.len() > 1 && name.is_some_and(|name| !name.contains(RECIPIENT)) {
            return Err(Error::usage(format!("{flag} gives every copy the same name"))
                .with_hint("put {recipient} into it, for instance `out/{recipient}.csv`"));
        }
    }
    let file = |path: &PathBuf| (path != Path::new(STREAM)).then(|| path.clone());
    let for_recipient = |path: PathBuf, to: &str| match path.to_str() {
        Some(name) => PathBuf::from(name.replace(RECIPIENT, to)),
        None => path,
    };
    let copy = |to: String| Delivery {
        release: args.release_id.as_ref().map_or_else(new_release_id, |id| id.replace(RECIPIENT, &to)),
        output: args.output.as_ref().and_then(file).map(|path| for_recipient(path, &to)),
        to,
    };
    let copies: Vec<Delivery> = recipients.into_iter().map(copy).collect();
    for output in copies.iter().filter_map(|copy| copy.output.as_deref()) {
        Address::of(output)?;
    }
    Ok(Order {
        dataset: args.dataset.clone(),
        copies,
        source_path: file(&args.file),
        table: args.said.table.clone(),
        force: args.force,
        sync: args.sync,
        purpose: args.purpose.clone(),
        legal_basis: args.legal_basis.clone(),
        agreement: args.agreement.clone(),
        operator: args.operator.clone().unwrap_or_else(operator),
        time: now(),
    })
}

/// `r-20261122-k3v9x2ab`: the day for people, 40 random bits against chance.
fn new_release_id() -> String {
    let mut random = [0; 5];
    rand::rng().fill_bytes(&mut random);
    format!("r-{}-{}", jiff::Timestamp::now().strftime("%Y%m%d"), BASE32_NOPAD.encode(&random).to_lowercase())
}

fn summary(receipt: &Receipt) -> String {
    let cells: u64 = receipt.cells_changed.values().sum();
    format!(
        "{} for {}: {} rows, {} carriers, {} cells changed\nrelease {} is entry {} of the ledger",
        receipt.output.path,
        receipt.recipient,
        grouped(receipt.rows),
        grouped(receipt.carriers),
        grouped(cells),
        receipt.release,
        receipt.ledger.index
    )
}

fn counts(stamped: &Stamped) -> String {
    let changed: Vec<String> =
        stamped.cells_changed.iter().map(|(column, n)| format!("{column} {}", grouped(*n))).collect();
    format!(
        "{} rows, {} carriers, cells that would change: {}",
        grouped(stamped.rows),
        grouped(stamped.carriers),
        changed.join(", ")
    )
}
