//! Stamped files and their ledger entries, in the one order that never leaves a file without an entry.
//!
//! 1. The marked bytes go to temporary files beside the outputs, one for each recipient.
//! 2. The ledger commits the releases, all at once: hash, counts, sketch, purpose. *Durable from here.* Just before, the vault
//!    gets its copy of the source, if the policy wants one.
//! 3. The temporary files take the outputs' names.
//!
//! A copy for an object store is sent after 1, in parts that nobody sees, and completed in 3.
//!
//! Marking takes long, and the ledger is free meanwhile: what allowed the release is looked at again under
//! the lock of 2.
//!
//! A crash before 2 leaves temporary files and no entry, or a copy in the vault that no entry refers to, which
//! `vault prune` removes; a crash between 2 and 3 an entry and no output.
//! Stamping again with the same release id and input then gives the same bytes, finds its entry, and only
//! renames.

use std::io;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::home::Home;
use crate::keys::keyring::Keyring;
use crate::table::format::open::open;
use crate::table::format::source::Input;

use super::engine::{self, Stamped};
use super::gates::Rows;
use super::order::{Delivery, Order};
use super::outputs;
use super::receipt::Receipt;
use super::recording::Recording;
use super::terms::Terms;

/// Stamps `input` as ordered, records the releases and names the outputs. Gives a receipt for each copy.
///
/// # Errors
/// If recipients or policy do not allow it, the table does not fit the policy, or anything can't be read or written. Then
/// there is no output, and no entry unless the very last step, the renaming, failed; the hint says so.
pub fn deliver(
    home: &Home,
    keyring: &Keyring,
    wait: Duration,
    order: &Order,
    input: Input,
    options: &engine::Options,
) -> Result<Vec<(Receipt, Stamped)>> {
    outputs::check_names(order)?;
    outputs::check_stores(order)?;
    // The ledger is open for the look-up and for the commit, not while the file is marked.
    let ledger = home.ledger(wait, "stamp")?;
    let terms = Terms::look_up(&ledger, &order.dataset, order.copies.iter().map(|copy| copy.to.as_str()))?;
    drop(ledger);
    Recording { home, keyring, wait, order, terms: &terms }.admit(Rows::NotYet)?;
    let terms = terms.open_model(home, keyring)?;
    let mut files = order.copies.iter().map(outputs::temporary).collect::<Result<Vec<_>>>()?;
    let outputs = files.iter_mut().map(|file| io::BufWriter::with_capacity(1 << 16, file.as_file_mut()));
    let recording = Recording { home, keyring, wait, order, terms: &terms };
    let mut deposit = recording.begin_copy()?;
    let recipients = terms.recipients();
    let marking = terms.marking(keyring, &recipients);
    let opened =
        open(input, &options.asked(&terms.policy)).map_err(|error| error.in_data(&order.source_name()))?;
    let format = opened.format().name();
    let stamped = engine::stamp_opened(opened, outputs.collect(), &marking, options, deposit.as_mut())
        .map_err(|error| error.in_data(&order.source_name()))?;
    if order.sync {
        for file in &files {
            file.as_file().sync_all().map_err(|error| Error::io("flush", file.path(), error))?;
        }
    }

    let uploads = outputs::send(order, &files, options.interrupted)?;

    let receipts = recording.commit(&stamped, format, deposit, recording.commitments(), |ledger| {
        outputs::check_names(order)?;
        recording.admit_again(ledger, Rows::Counted(stamped[0].rows))
    })?;

    for ((copy, file), upload) in order.copies.iter().zip(files).zip(uploads) {
        outputs::publish(file, upload, copy, order.force)
            .map_err(|error| error.with_hint(recorded_hint(copy)))?;
    }
    Ok(receipts.into_iter().zip(stamped).collect())
}

/// What to do when a copy that is on record could not be named.
pub(super) fn recorded_hint(copy: &Delivery) -> String {
    let release = &copy.release;
    format!("the release is on record: `--release-id {release}` with the same input gives the same bytes")
}
