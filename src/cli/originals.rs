//! The owner's originals for a trace: the one that was named, or those that the record leads to.
//!
//! An original that was named and can't be read is an error. One that was only found is a help that is missing: a warning, and
//! the leak is read without it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::known::Reading;
use crate::leak::reference::Reference;
use crate::store::{self, Address};
use crate::table::format::found::Found;
use crate::table::format::kind::Said;
use crate::trace::Original;
use crate::vault::Vault;

use super::input::Input;
use super::{args, terminal};

/// Bytes of originals that are found and held in memory for one reading; the latest come first. Beside a leak they take about
/// four times as much, so this is some 2 GB. Who names a larger one knows what it takes.
const MAX_FOUND_BYTES: u64 = 512 << 20;

/// Where originals come from.
pub struct Originals<'a> {
    how: &'a args::HowToTrace,
    readings: &'a [Reading],
    vault: Vault,
    interrupted: &'a AtomicBool,
    /// The one that was named, once it is read.
    named: Mutex<Option<Original>>,
    /// Those that were found, by reading: every table of the leak asks for them.
    found: Mutex<HashMap<usize, Vec<Original>>>,
}

impl<'a> Originals<'a> {
    pub fn new(
        how: &'a args::HowToTrace,
        readings: &'a [Reading],
        vault: Vault,
        interrupted: &'a AtomicBool,
    ) -> Originals<'a> {
        Originals { how, readings, vault, interrupted, named: Mutex::new(None), found: Mutex::default() }
    }

    /// Those of one reading.
    pub fn of(&self, reading: usize) -> Result<Vec<Original>> {
        match &self.how.reference {
            Some(path) => Ok(vec![self.named(path)?]),
            None if self.how.blind => Ok(Vec::new()),
            None => {
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(originals) = found.get(&reading) {
                    return Ok(originals.clone());
                }
                let originals = self.find(&self.readings[reading])?;
                found.insert(reading, originals.clone());
                Ok(originals)
            }
        }
    }

    fn named(&self, path: &Path) -> Result<Original> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(original) = &*named {
            return Ok(original.clone());
        }
        let input = Input::of_any(path)?;
        let (name, bytes) = (input.name.clone(), input.bytes);
        // What is said of the leak's format says nothing of the original's.
        let said = Said { delimiter: self.how.said.delimiter, ..Said::default() };
        let (table, source) = input.csv_around(&said)?;
        let read = self.read(table, bytes).and_then(|reference| Ok((reference, source.finish()?)));
        let (reference, (_, blake3)) = read.map_err(|error| error.in_data(&name))?;
        Ok(named.insert(Original::of_source(reference, &blake3)).clone())
    }

    fn find(&self, reading: &Reading) -> Result<Vec<Original>> {
        let (mut originals, mut bytes) = (Vec::new(), 0);
        for source in reading.sources(&self.vault) {
            bytes += source.source_bytes;
            if bytes > MAX_FOUND_BYTES {
                terminal::warn(format!(
                    "the original of release {} is at hand and too large to be read unasked: name it with \
                     --reference",
                    source.releases[0]
                ));
                break;
            }
            let read = source.open().and_then(|opened| {
                let Some(opened) = opened else { return Ok(None) };
                self.read(opened.table, source.source_bytes).map(Some)
            });
            match read {
                Ok(Some(reference)) => {
                    originals.push(Original::of_source(reference, &source.source_blake3));
                }
                Ok(None) => {}
                Err(error) if self.interrupted.load(std::sync::atomic::Ordering::Relaxed) => {
                    return Err(error);
                }
                Err(error) => terminal::warn(format!(
                    "the original of release {} is on record and can't be used: {error}",
                    source.releases[0]
                )),
            }
        }
        Ok(originals)
    }

    fn read(&self, table: Found<'static>, bytes: u64) -> Result<Reference> {
        let bar = terminal::bar("reading the original", bytes);
        // What is counted is the text, which may be longer than the file that it comes from.
        let progress = |done: u64| {
            bar.set_length(done.max(bytes));
            bar.set_position(done);
        };
        let reference = Reference::read(table.csv, table.delimiter, self.interrupted, &progress);
        bar.finish_and_clear();
        reference
    }
}

/// Refuses a reference that is the leak itself, or an object that can't be had.
pub fn check(leak: &Path, reference: Option<&PathBuf>) -> Result<()> {
    let Some(reference) = reference else { return Ok(()) };
    if reference == leak {
        return Err(Error::usage("the reference is the leak").with_hint("name the owner's unmarked file"));
    }
    match Address::of(reference)? {
        Some(address) if !address.is_folder() => store::open(&address).map(drop),
        _ => Ok(()),
    }
}
