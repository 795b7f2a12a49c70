//! A writer that packs.

use std::io::{self, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{GzBuilder, GzHeader};

use super::{Compression, ZSTD_MAGIC, sniff};

/// The level of gzip, its own program's: the best in a time that people wait.
const GZIP_LEVEL: u32 = 6;

/// The level of zstd, its own program's.
const ZSTD_LEVEL: i32 = 3;

/// In the byte after the magic number: whether there is a checksum.
const ZSTD_CHECKSUM_FLAG: u8 = 1 << 2;

/// What is to be seen of how a file was packed, and is kept in a copy.
#[derive(Clone, Debug)]
pub struct Container {
    compression: Compression,
    /// Name, comment and time of the original; `None` for zstd, or if it can't be read.
    header: Option<GzHeader>,
    zstd_checksum: bool,
}

impl Container {
    /// That of a file that starts with `head`, if it is packed.
    pub fn of(head: &[u8]) -> Option<Container> {
        let compression = sniff(head)?;
        let header = match compression {
            Compression::Gzip => GzDecoder::new(head).header().cloned(),
            Compression::Zstd => None,
        };
        let descriptor = head.strip_prefix(ZSTD_MAGIC).and_then(<[u8]>::first);
        let zstd_checksum = descriptor.is_none_or(|byte| byte & ZSTD_CHECKSUM_FLAG != 0);
        Some(Container { compression, header, zstd_checksum })
    }

    /// How it is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }
}

/// Packs what is written to it. [`finish`](Packer::finish) has to be called.
pub enum Packer<W: Write> {
    /// With gzip.
    Gzip(GzEncoder<W>),
    /// With zstd.
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    /// Packs into `writer`, as the original was.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn new(writer: W, like: &Container) -> io::Result<Packer<W>> {
        match like.compression {
            Compression::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Ok(Packer::Gzip(header(like.header.as_ref()).write(writer, level)))
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(writer, ZSTD_LEVEL)?;
                encoder.include_checksum(like.zstd_checksum)?;
                Ok(Packer::Zstd(encoder))
            }
        }
    }

    /// Writes what is left; gives what it was written to.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The header of a copy. Extra fields are left out: they index the bytes of the original (BGZF).
fn header(original: Option<&GzHeader>) -> GzBuilder {
    // No time, if the original has none.
    let mut builder = GzBuilder::new();
    if let Some(original) = original {
        builder = builder.mtime(original.mtime()).operating_system(original.operating_system());
        if let Some(name) = original.filename() {
            builder = builder.filename(name);
        }
        if let Some(comment) = original.comment() {
            builder = builder.comment(comment);
        }
    }
    builder
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Packer::Gzip(encoder) => encoder.write(bytes),
            Packer::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packer::Gzip(encoder) => encoder.flush(),
            Packer::Zstd(encoder) => encoder.flush(),
        }
    }
}
