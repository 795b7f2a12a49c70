//! One file, read at several places by several readers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::table::format::reason::read_failed;

/// A file, and a position of its own: handles of the operating system that were made from each other share one.
#[derive(Clone)]
pub(in crate::table::format) struct Handle {
    file: Arc<Mutex<File>>,
    at: u64,
    bytes: u64,
}

impl Handle {
    /// At the file's start.
    pub fn new(file: File) -> Result<Handle> {
        let bytes = file.metadata().map_err(read_failed)?.len();
        Ok(Handle { file: Arc::new(Mutex::new(file)), at: 0, bytes })
    }

    /// The file's length.
    pub fn length(&self) -> u64 {
        self.bytes
    }
}

impl Read for Handle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let n = file.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Handle {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
