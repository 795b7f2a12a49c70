//! Streams that are counted and hashed as they pass.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::error::Result;

/// What has passed through a [`Hashing`] so far. Clones share it.
#[derive(Clone, Default)]
pub struct Passed(Arc<Mutex<(u64, blake3::Hasher)>>);

/// The bytes of a file that is being read, known when all of it was.
pub trait SourceBytes: Send + Sync {
    /// Bytes read so far.
    fn so_far(&self) -> u64;

    /// Length, and hex BLAKE3.
    ///
    /// # Errors
    /// If the file has to be read again for that, and can't be.
    fn finish(&self) -> Result<(u64, String)>;

    /// Hex BLAKE3 of each file in a folder or an archive that may be a [part](super::parts) of a table, as far as they were
    /// read. Empty for a file that is neither.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    fn files(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether these are all files, known once they were asked for: not if one of a folder or a member of an archive can't be
    /// read. What the rest is does not say what the whole is.
    fn is_whole(&self) -> bool {
        true
    }
}

impl SourceBytes for Passed {
    fn so_far(&self) -> u64 {
        self.bytes()
    }

    fn finish(&self) -> Result<(u64, String)> {
        Ok((self.bytes(), self.blake3()))
    }
}

impl Passed {
    /// Number of bytes.
    pub fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Their BLAKE3, in hex.
    pub fn blake3(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.finalize().to_hex().to_string()
    }

    fn update(&self, bytes: &[u8]) {
        let mut passed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passed.0 += bytes.len() as u64;
        passed.1.update(bytes);
    }
}

/// Hashes and counts what is read through it.
pub struct Hashing<R> {
    reader: R,
    passed: Passed,
}

impl<R> Hashing<R> {
    /// Wraps a reader.
    pub fn new(reader: R) -> Hashing<R> {
        Hashing { reader, passed: Passed::default() }
    }

    /// What passes, to be asked at any time.
    pub fn passed(&self) -> Passed {
        self.passed.clone()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.passed.update(&buffer[..n]);
        Ok(n)
    }
}

/// The hashes of a file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Length in bytes.
    pub bytes: u64,
    /// Hex BLAKE3.
    pub blake3: String,
    /// Hex SHA-256.
    pub sha256: String,
}

/// Hashes and counts what is written through it.
pub struct Sealing<W> {
    writer: W,
    bytes: u64,
    blake3: blake3::Hasher,
    sha256: Sha256,
}

impl<W: Write> Sealing<W> {
    /// Wraps a writer.
    pub fn new(writer: W) -> Sealing<W> {
        Sealing { writer, bytes: 0, blake3: blake3::Hasher::new(), sha256: Sha256::new() }
    }

    /// Flushes; gives what was written.
    pub fn finish(mut self) -> io::Result<Written> {
        self.writer.flush()?;
        Ok(Written {
            bytes: self.bytes,
            blake3: self.blake3.finalize().to_hex().to_string(),
            sha256: HEXLOWER.encode(&self.sha256.finalize()),
        })
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.writer.write(bytes)?;
        self.bytes += n as u64;
        self.blake3.update(&bytes[..n]);
        self.sha256.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
