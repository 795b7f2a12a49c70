//! `stamp`: what was typed becomes an order, and the receipt is shown.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;
use rand::Rng as _;
use rayon::ThreadPoolBuilder;

use crate::error::{Error, Result};
use crate::evidence::score;
use crate::report::{json, terminal::grouped};
use crate::stamp::deliver::{self, Order, Receipt, Terms};
use crate::stamp::engine::{self, Options, Stamped};

use super::input::{Input, STREAM};
use super::{DONE, Session, args, now, operator, terminal};

pub fn run(session: &Session, args: &args::Stamp) -> Result<u8> {
    // What is mistyped is said before anybody is asked for a passphrase.
    let input = Input::open(&args.file)?;
    let order = order(args);
    let keyring = session.keyring()?;
    let bar = terminal::bar("stamping", input.bytes);
    let progress = |done| bar.set_position(done);
    let options = Options {
        delimiter: args.delimiter,
        progress: &progress,
        interrupted: terminal::interruptible(),
        ..Options::default()
    };
    let outcome = pool(args.threads)?.install(|| {
        if args.dry_run {
            let terms =
                Terms::look_up(&session.home.ledger(session.wait, "stamp")?, &args.dataset, &args.to)?;
            let terms = terms.open_model(&session.home, &keyring)?;
            engine::stamp(input.reader, io::sink(), &terms.marking(&keyring), &options)
                .map(|stamped| (None, stamped))
                .map_err(|error| error.in_data(&order.source_name()))
        } else {
            deliver::deliver(&session.home, &keyring, session.wait, &order, input.reader, &options)
                .map(|(receipt, stamped)| (Some(receipt), stamped))
        }
    });
    bar.finish_and_clear();
    let (receipt, stamped) = outcome?;
    match receipt {
        Some(receipt) if args.json => {
            // With the copy on standard output, the receipt must not mix with it.
            let line = json::line(&receipt);
            if is_stream(args.output.as_deref()) {
                terminal::say(line)
            } else {
                terminal::print(line + "\n")?
            }
        }
        Some(receipt) => terminal::say(summary(&receipt)),
        None => terminal::say(format!("dry run for {}: {}", args.to, counts(&stamped))),
    }
    if stamped.carriers < score::CARRIERS_TO_NAME {
        terminal::warn(format!(
            "this copy has {} carriers; a leak of it needs about {} to be named, so it may not be traceable",
            stamped.carriers,
            score::CARRIERS_TO_NAME
        ));
    }
    Ok(DONE)
}

/// A pool of `threads` threads, one a core if not said.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
        Error::usage(format!("could not start {} threads: {error}", threads.unwrap_or(0)))
            .with_hint("name fewer with --threads")
    })
}

fn is_stream(path: Option<&Path>) -> bool {
    path.is_some_and(|path| path == Path::new(STREAM))
}

fn order(args: &args::Stamp) -> Order {
    let file = |path: &PathBuf| (path != Path::new(STREAM)).then(|| path.clone());
    Order {
        dataset: args.dataset.clone(),
        to: args.to.clone(),
        release: args.release_id.clone().unwrap_or_else(new_release_id),
        source_path: file(&args.file),
        output: args.output.as_ref().and_then(file),
        force: args.force,
        sync: args.sync,
        purpose: args.purpose.clone(),
        legal_basis: args.legal_basis.clone(),
        agreement: args.agreement.clone(),
        operator: args.operator.clone().unwrap_or_else(operator),
        time: now(),
    }
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
