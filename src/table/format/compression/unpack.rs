//! A reader that unpacks.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::table::format::block::Reading;
use crate::table::format::reason::read_failed;

use super::reason::CompressionReason;
use super::{Bounds, Compression};

/// The largest distance that zstd may look back, 128 MiB, as its own program has it: what it needs of memory.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Bytes that tolerant reading unpacks at once. What is unpacked together with damaged bytes is lost.
const CAREFUL_BYTES: usize = 4 << 10;

/// Whether a tolerant [`Unpacker`] came upon the damaged or missing end of its file. Clones share it.
#[derive(Clone, Default)]
pub struct Torn(Arc<AtomicBool>);

impl Torn {
    /// Whether it did, so far.
    pub fn is_torn(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Unpacks what a reader gives.
///
/// In strict reading, damage is an error after what came before it. In tolerant reading, the file ends there. More than the
/// bounds allow is an error in both.
pub struct Unpacker<R: Read> {
    stream: Stream<R>,
    bounds: Bounds,
    reading: Reading,
    unpacked: u64,
    torn: Torn,
    ended: bool,
}

enum Stream<R: Read> {
    Gzip(Box<MultiGzDecoder<BufReader<Counted<R>>>>),
    Zstd(zstd::Decoder<'static, BufReader<Counted<R>>>),
}

impl<R: Read> Unpacker<R> {
    /// Unpacks `reader`, all members or frames of it.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn new(reader: R, compression: Compression, bounds: Bounds, reading: Reading) -> Result<Unpacker<R>> {
        let source = BufReader::new(Counted { reader, bytes: 0, failed: false });
        let stream = match compression {
            Compression::Gzip => Stream::Gzip(Box::new(MultiGzDecoder::new(source))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source).map_err(read_failed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(read_failed)?;
                Stream::Zstd(decoder)
            }
        };
        Ok(Unpacker { stream, bounds, reading, unpacked: 0, torn: Torn::default(), ended: false })
    }

    /// Whether it is damaged, complete when all is read.
    pub fn torn(&self) -> Torn {
        self.torn.clone()
    }

    fn source(&self) -> &Counted<R> {
        match &self.stream {
            Stream::Gzip(decoder) => decoder.get_ref().get_ref(),
            Stream::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    /// What an error of the stream means. The libraries' own texts are for programmers.
    fn reason(&self, error: &io::Error) -> CompressionReason {
        let name = match self.stream {
            Stream::Gzip(_) => Compression::Gzip.name(),
            Stream::Zstd(_) => Compression::Zstd.name(),
        };
        if error.kind() == io::ErrorKind::UnexpectedEof {
            CompressionReason::Truncated(name)
        } else if matches!(self.stream, Stream::Zstd(_)) && error.to_string().contains("too much memory") {
            CompressionReason::Window { limit_bytes: 1 << ZSTD_WINDOW_LOG }
        } else {
            CompressionReason::Damaged(name)
        }
    }

    fn unpack(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Gzip(decoder) => decoder.read(buffer),
            Stream::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        let is_tolerant = self.reading == Reading::Tolerant;
        let most = if is_tolerant { buffer.len().min(CAREFUL_BYTES) } else { buffer.len() };
        let length = match self.unpack(&mut buffer[..most]) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.ended = true;
                if self.source().failed {
                    return Err(error);
                }
                let reason = self.reason(&error);
                if is_tolerant && !matches!(reason, CompressionReason::Window { .. }) {
                    self.torn.0.store(true, Ordering::Relaxed);
                    return Ok(0);
                }
                return Err(io::Error::other(Error::from(reason)));
            }
        };
        self.unpacked += length as u64;
        if let Err(error) = self.bounds.check(self.unpacked, self.source().bytes) {
            self.ended = true;
            return Err(io::Error::other(error));
        }
        Ok(length)
    }
}

/// Counts what is read, and remembers whose fault an error is.
struct Counted<R> {
    reader: R,
    bytes: u64,
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        match &read {
            Ok(length) => self.bytes += *length as u64,
            Err(error) => self.failed = error.kind() != io::ErrorKind::Interrupted,
        }
        read
    }
}
