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

/// The longest id of a release.
const LONGEST_ID_CHARS: usize = 100;

/// What stands for the recipient's id in names.
const RECIPIENT: &str = "{recipient}";

fn order(args: &args::Stamp, recipients: Vec<String>) -> Result<Order> {
    let names = [
        ("--output", args.output.as_ref().map(|path| path.display().to_string())),
        ("--release-id", args.release_id.clone()),
    ];
    for (flag, name) in names {
        if let Some(word) = name.as_deref().and_then(unknown_placeholder) {
            return Err(Error::usage(format!("`{word}` in {flag} stands for nothing"))
                .with_hint("the one placeholder is {recipient}, the recipient's id"));
        }
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
    copies.iter().try_for_each(|copy| check_release_id(&copy.release))?;
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

/// The first word in braces that is not [`RECIPIENT`]: a slip, which would be taken literally. Braces around anything else
/// are a name's own.
fn unknown_placeholder(name: &str) -> Option<&str> {
    let is_word = |word: &str| {
        let word = word.trim();
        !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || c == '_' || c == '-')
    };
    let begins = name.match_indices('{').map(|(at, _)| &name[at..]);
    let mut braced = begins.filter_map(|rest| Some(&rest[..=rest.find('}')?]));
    braced.find(|word| *word != RECIPIENT && is_word(&word[1..word.len() - 1]))
}

/// An id is typed, printed, and a part of file names; one of digits would hide the entry of that number.
pub fn check_release_id(id: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if (1..=LONGEST_ID_CHARS).contains(&id.len())
        && id.chars().all(is_plain)
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !id.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok(());
    }
    let hint = format!(
        "use 1 to {LONGEST_ID_CHARS} letters, digits, `.`, `_`, `-` and `/`, a letter or digit first, and \
         not digits alone"
    );
    Err(Error::usage("this can't be a release's id").with_hint(hint))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_ids_are_plain_and_no_numbers() {
        for good in ["r1", "2026-01-acme", "a", "12a", "1.2", &"a".repeat(100), &new_release_id()] {
            assert!(check_release_id(good).is_ok(), "{good}");
        }
        for bad in ["", "12", "..", "../../evil", "bad id", "-a", ".a", "{x}", "\u{e4}", &"a".repeat(101)] {
            assert!(check_release_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_misspelt_placeholder_is_found_and_a_name_with_braces_is_not() {
        for (name, found) in [
            ("out/{recepient}.csv", Some("{recepient}")),
            ("{recipient}/{Recipient}.csv", Some("{Recipient}")),
            ("{ recipient }", Some("{ recipient }")),
            ("{{recipients}}", Some("{recipients}")),
            ("{recipient}.csv", None),
            ("{}", None),
            ("{1a2b}.csv", None),
            ("a{b.csv", None),
            ("}a{", None),
        ] {
            assert_eq!(unknown_placeholder(name), found, "{name}");
        }
    }
}
