//! What is around the text of a file: its compression and its encoding.
//!
//! Both are sniffed and taken off when a file is opened, and put on again around each copy.

use std::fs::File;
use std::io::{self, Read, Write};

use crate::error::Result;

use super::block::Reading;
use super::compression::{Bounds, Container, Packer, Torn, Unpacker};
use super::encoding::{self, Decoder, Encoder, Encoding, Replaced};
use super::foreign;
use super::found::Faults;
use super::kind::{Format, SNIFF_BYTES, Said};
use super::sheets;
use super::source::Source;

/// What is said of compressed data whose end is missing.
pub(super) const TORN: &str = "its compressed data is damaged or cut off: what comes after is lost";

/// What is around a text; nothing around plain UTF-8.
#[derive(Clone, Debug, Default)]
pub struct Wrapping {
    container: Option<Container>,
    encoding: Option<Encoding>,
}

/// A file whose wrapping is off.
pub struct Unwrapped<'a> {
    /// What was within.
    pub source: Source<'a>,
    /// Its format.
    pub format: Format,
    /// What was around it.
    pub wrapping: Wrapping,
}

/// Takes off what is around a file, and says what is within. What tolerant reading passes over is added to `faults`.
///
/// # Errors
/// If it can't be read, or is text in an encoding that nothing here reads.
pub fn unwrap<'a>(
    mut source: Source<'a>,
    said: &Said,
    reading: Reading,
    faults: &Faults,
) -> Result<Unwrapped<'a>> {
    let mut wrapping = Wrapping::default();
    if let Some(container) = Container::of(source.peek(SNIFF_BYTES)?) {
        let packed = source.into_stream();
        let unpacker = Unpacker::new(packed, container.compression(), Bounds::default(), reading)?;
        let torn = unpacker.torn();
        source = Source::of(Noting {
            stream: unpacker,
            passed_over: PassedOver::Torn(torn),
            faults: faults.clone(),
        });
        wrapping.container = Some(container);
    }
    let head = source.peek(SNIFF_BYTES)?;
    let found = Format::of_bytes(head);
    // What is said of an archive is said of the files in it.
    let said_format = said.format.filter(|_| found.is_none_or(|found| !found.is_archive()));
    if let Some(format) = said_format.or(found).filter(|format| !format.is_text()) {
        return Ok(match format {
            Format::Zip => may_be_workbook(source.into_file()?, wrapping)?,
            _ => Unwrapped { source, format, wrapping },
        });
    }
    if said.format.is_none() {
        foreign::refuse(head)?;
    }
    let encoding = match said.encoding {
        Some(encoding) => encoding,
        None => encoding::sniff(head)?.encoding,
    };
    if !encoding.is_utf8() {
        let decoder = Decoder::new(source.into_stream(), encoding, reading);
        let replaced = decoder.replaced();
        let passed_over = PassedOver::Replaced(replaced);
        source = Source::of(Noting { stream: decoder, passed_over, faults: faults.clone() });
        wrapping.encoding = Some(encoding);
    }
    let format = match said.format {
        Some(format) => format,
        None => {
            let head = source.peek(SNIFF_BYTES)?;
            foreign::refuse_no_text(head)?;
            Format::of_text(head)
        }
    };
    Ok(Unwrapped { source, format, wrapping })
}

/// An archive, which may be a workbook.
fn may_be_workbook<'a>(file: File, wrapping: Wrapping) -> Result<Unwrapped<'a>> {
    let format = sheets::sniff(&file)?.map_or(Format::Zip, Format::from);
    Ok(Unwrapped { source: Source::of_file(file)?, format, wrapping })
}

/// What a tolerant reader passes over, known when it has ended.
enum PassedOver {
    Torn(Torn),
    Replaced(Replaced),
}

/// Tells what was passed over when a stream has ended.
struct Noting<R> {
    stream: R,
    passed_over: PassedOver,
    faults: Faults,
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            match &self.passed_over {
                PassedOver::Torn(torn) if torn.is_torn() => {
                    self.faults.add_whole(TORN);
                }
                PassedOver::Replaced(replaced) if replaced.characters() > 0 => {
                    self.faults.add_whole("some of its characters can't be read");
                }
                PassedOver::Torn(_) | PassedOver::Replaced(_) => {}
            }
        }
        Ok(length)
    }
}

impl Wrapping {
    /// What reports call it, from the outside in: `gzip`, `UTF-16LE`. Empty for plain UTF-8.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let container = self.container.as_ref().map(|container| container.compression().name());
        container.into_iter().chain(self.encoding.map(Encoding::name))
    }

    /// Puts it around a copy.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn wrap<W: Write>(&self, output: W) -> io::Result<Wrapped<W>> {
        let packed = match &self.container {
            Some(container) => Packed::Packer(Box::new(Packer::new(output, container)?)),
            None => Packed::Plain(output),
        };
        Ok(match self.encoding {
            Some(encoding) => Wrapped::Encoded(Encoder::new(packed, encoding)),
            None => Wrapped::Utf8(packed),
        })
    }
}

/// A copy in the making, with the wrapping around it. [`finish`](Wrapped::finish) has to be called.
pub enum Wrapped<W: Write> {
    /// Text in another encoding.
    Encoded(Encoder<Packed<W>>),
    /// Text in UTF-8, or no text.
    Utf8(Packed<W>),
}

/// What is compressed, or isn't.
pub enum Packed<W: Write> {
    /// Compressed.
    Packer(Box<Packer<W>>),
    /// Not compressed.
    Plain(W),
}

impl<W: Write> Wrapped<W> {
    /// Ends the copy; gives what it was written to.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(self) -> io::Result<W> {
        let packed = match self {
            Wrapped::Encoded(encoder) => encoder.finish()?,
            Wrapped::Utf8(packed) => packed,
        };
        match packed {
            Packed::Packer(packer) => packer.finish(),
            Packed::Plain(output) => Ok(output),
        }
    }
}

impl<W: Write> Write for Wrapped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wrapped::Encoded(encoder) => encoder.write(bytes),
            Wrapped::Utf8(packed) => packed.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wrapped::Encoded(encoder) => encoder.flush(),
            Wrapped::Utf8(packed) => packed.flush(),
        }
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Packed::Packer(packer) => packer.write(bytes),
            Packed::Plain(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packed::Packer(packer) => packer.flush(),
            Packed::Plain(output) => output.flush(),
        }
    }
}
