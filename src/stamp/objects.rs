//! Copies that go to an object store: their parts are sent before the ledger commits, and become objects after.

use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use crate::error::Result;
use crate::store::{self, Address, Upload};

use super::deliver::{Delivery, Order};

/// Checks, before anything is read, that every copy for a store can go where it is to go.
pub(super) fn check(order: &Order) -> Result<()> {
    for copy in &order.copies {
        if let Some(address) = address(copy)? {
            store::check_writable(&address, order.force)?;
        }
    }
    Ok(())
}

/// Sends each copy that is for a store. What is dropped before it is completed is aborted.
pub(super) fn send(
    order: &Order,
    files: &[NamedTempFile],
    interrupted: &AtomicBool,
) -> Result<Vec<Option<Upload>>> {
    let copies = order.copies.iter().zip(files);
    let send = |(copy, file): (&Delivery, &NamedTempFile)| {
        let address = address(copy)?;
        let sent = address.map(|address| Upload::send(&address, file.as_file(), order.force, interrupted));
        sent.transpose()
    };
    copies.map(send).collect()
}

fn address(copy: &Delivery) -> Result<Option<Address>> {
    copy.output.as_deref().map_or(Ok(None), Address::of)
}
