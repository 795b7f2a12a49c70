//! A copy that goes to standard output while it is made, for files too large to be put aside first.
//!
//! 1. The ledger commits that a copy is opened: to whom, of what, under which policy. *From here on bytes may go out.*
//! 2. The marked bytes go to standard output.
//! 3. The ledger commits the release, with hash, counts and sketch; or that the copy was cut short, after how many bytes.
//!
//! A crash between 1 and 3 leaves a copy that was opened and never closed. What went out of it, whole or not, has its recipient's
//! marks, and a trace knows how to read them from 1 on.

use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Class, Error, Reason, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::ledger::{Entry, Event, Ledger};
use crate::table::format::open::open;
use crate::table::format::source::Input;

use super::engine::{self, Stamped};
use super::gates::Rows;
use super::order::Order;
use super::receipt::Receipt;
use super::recording::{Recording, opening};
use super::terms::Terms;

#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("release `{0}` is on record")]
    Known(String),
}

impl Reason for StreamError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("a copy that went out can't be made again under its id: choose another one".into())
    }
}

/// Stamps `input` for the one recipient of `order` and writes the copy to `output` while it is made.
///
/// # Errors
/// As [`deliver`](super::deliver::deliver). What was written until then has gone out, and the ledger says so.
///
/// # Panics
/// If the order names several recipients.
pub fn deliver_streamed(
    home: &Home,
    keyring: &Keyring,
    wait: Duration,
    order: &Order,
    (input, output): (Input, impl Write + Send),
    options: &engine::Options,
) -> Result<(Receipt, Stamped)> {
    let [copy] = &order.copies[..] else { panic!("one stream, one recipient") };
    let ledger = home.ledger(wait, "stamp")?;
    check_new(&ledger, &copy.release)?;
    let terms = Terms::look_up(&ledger, &order.dataset, [copy.to.as_str()])?;
    drop(ledger);
    // Nobody knows its rows before it has gone out: where they are limited, an approval has to allow for that.
    Recording { home, keyring, wait, order, terms: &terms }.admit(Rows::Streamed)?;
    let terms = terms.open_model(home, keyring)?;
    let recipients = terms.recipients();
    let marking = terms.marking(keyring, &recipients);
    let in_data = |error: Error| error.in_data(&order.source_name());
    // What can be known to be wrong is said before anything is on record.
    let opened = open(input, &options.asked(terms.policy())).map_err(in_data)?;
    let recording = Recording { home, keyring, wait, order, terms: &terms };
    let mut deposit = recording.begin_copy()?;
    let format = opened.format().name();

    let commitments = recording.commitments();
    let mut ledger = home.ledger(wait, "stamp")?;
    check_new(&ledger, &copy.release)?;
    let admitted = recording.admit_again(&mut ledger, Rows::Streamed)?;
    let opening = opening(order, copy, &terms, &terms.standings()[0], admitted[0], commitments[0].clone());
    append(&mut ledger, &recording, Event::ReleaseOpened(opening))?;
    ledger.close()?;

    let out = AtomicU64::new(0);
    let output = BufWriter::with_capacity(1 << 16, Counting { output, out: &out });
    let options =
        engine::Options { most_rows: admitted[0].most_rows, said: options.said.clone(), ..*options };
    let stamped = engine::stamp_opened(opened, vec![output], &marking, &options, deposit.as_mut());
    let recorded = stamped.map_err(in_data).and_then(|stamped| {
        // It went out: whatever changed meanwhile, it is recorded.
        let receipts = recording.commit(&stamped, format, deposit, commitments, |_| Ok(admitted))?;
        Ok(receipts.into_iter().zip(stamped).next().expect("one copy, one receipt"))
    });
    recorded.map_err(|error| {
        let cut = Event::ReleaseCut {
            release: copy.release.clone(),
            bytes: out.load(Ordering::Relaxed),
            reason: error.to_string(),
        };
        let told = home.ledger(wait, "stamp").and_then(|mut ledger| {
            append(&mut ledger, &recording, cut)?;
            ledger.close()
        });
        // If that fails, the opening stands, and says enough.
        let how = if told.is_ok() { "cut short" } else { "never closed" };
        error.with_hint(format!("what went out is the beginning of a copy, and on record as {how}"))
    })
}

fn append(ledger: &mut Ledger, recording: &Recording, event: Event) -> Result<()> {
    let Recording { keyring, order, .. } = recording;
    ledger.append(&[Entry::new(&order.time, &order.operator, event)], &keyring.signing).map(drop)
}

/// A copy that went out can't be made good by making it again.
fn check_new(ledger: &Ledger, release: &str) -> Result<()> {
    if ledger.is_opened(release)? || ledger.release(release)?.is_some() {
        return Err(StreamError::Known(release.to_owned()).into());
    }
    Ok(())
}

/// Counts what goes out.
struct Counting<'a, W> {
    output: W,
    out: &'a AtomicU64,
}

impl<W: Write> Write for Counting<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Before it is written: what may have gone out is counted.
        self.out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.output.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
