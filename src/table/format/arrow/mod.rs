//! Arrow IPC: files (also called Feather, version 2) and streams.
//!
//! Both are messages: a schema, dictionaries, and batches of rows; a file ends with a footer that says where they are (format:
//! <https://arrow.apache.org/docs/format/Columnar.html>). A copy is the same bytes, with the batches exchanged in which a
//! cell really changes, and of these only the buffers of the columns concerned. The library decodes, but doesn't write: its
//! writer numbers dictionaries anew, drops the metadata of single messages, compresses every buffer again, and pads as it
//! likes. Here only numbers are overwritten in the metadata: the places and lengths of buffers and bodies. Schema, metadata
//! of all kinds, dictionaries, compression, alignment and version stay as they are.
//!
//! An edit in a dictionary column takes another value of the dictionary, or appends one by a delta dictionary. Values that no
//! cell uses any more stay in the dictionary, and those that were appended stand together: who takes the file apart sees
//! both. A dictionary whose order says something doesn't grow. Batches of texts as views get one data buffer in place of
//! several, and none where they had none.
//!
//! In order of use: [`feed`] cuts a file into [messages](message), [`leaf`] says which columns have cells, [`batch`] decodes
//! [`cells`], [`change`] makes buffers with edits, [`growth`] lets dictionaries grow, and [`table`] puts these together.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use crate::error::Result;

use super::block::Options;
use super::found::{Faults, Found};
use super::reason::read_failed;

mod batch;
mod cells;
mod change;
mod feed;
mod growth;
mod leaf;
mod message;
mod reason;
mod table;

pub use table::ArrowTable;

use feed::{Feed, FileFeed, MAGIC, StreamFeed};

/// Which of the two a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a footer.
    File,
    /// Without.
    Stream,
}

/// Bytes of the magic at the beginning of a file, with its padding.
const MAGIC_BYTES: u64 = 8;

/// The same with the largest padding.
const MOST_MAGIC_BYTES: u64 = 64;

/// Longest metadata of the first message that is taken for that of a schema, when only a few bytes are known.
const PLAUSIBLE_BYTES: u32 = 1 << 24;

/// What a file is whose first bytes are these: 8 are enough for a file, 16 for a stream.
pub fn sniff(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"ARROW1\0\0") {
        return Some(Kind::File);
    }
    let word = |at: usize| head.get(at..at + 4)?.first_chunk().copied().map(u32::from_le_bytes);
    let length = word(4).filter(|_| head.starts_with(&message::CONTINUATION))?;
    // The metadata begins with the place of its root table, which lies within it, at a multiple of 4 as all tables.
    let root = word(8)?;
    let plausible = (16..=PLAUSIBLE_BYTES).contains(&length)
        && length.is_multiple_of(8)
        && (4..length).contains(&root)
        && root.is_multiple_of(4);
    if !plausible {
        return None;
    }
    match head.get(..8 + length as usize) {
        // All of it is there: it can be looked at.
        Some(first) => message::metadata(first).ok()?.header_as_schema().map(|_| Kind::Stream),
        None => Some(Kind::Stream),
    }
}

/// Opens an Arrow file.
///
/// # Errors
/// If the file is cut off, or its footer can't be true.
pub fn table(file: File, _options: Options) -> Result<ArrowTable> {
    let (schema, feed) = FileFeed::open(file)?;
    Ok(ArrowTable::new((schema, Feed::File(feed))))
}

/// Opens an Arrow stream.
///
/// # Errors
/// If it doesn't begin with a schema.
pub fn stream(reader: impl Read + Send + 'static, _options: Options) -> Result<ArrowTable> {
    let (schema, feed) = StreamFeed::open(Box::new(reader))?;
    Ok(ArrowTable::new((schema, Feed::Stream(feed))))
}

/// The table of an Arrow file or stream, for reading. A file whose footer is lost is read as a stream. Damage within ends the
/// table with an error; the batches before it are given.
///
/// # Errors
/// If there is no schema that can be read.
pub fn read(mut file: File, name: impl Into<String>, options: Options) -> Result<Found<'static>> {
    let mut head = Vec::new();
    (&mut file).take(MAGIC_BYTES).read_to_end(&mut head).map_err(read_failed)?;
    file.rewind().map_err(read_failed)?;
    if !head.starts_with(MAGIC) {
        return Ok(Found::of(name, stream(std::io::BufReader::new(file), options)?, Faults::default()));
    }
    let again = file.try_clone().map_err(read_failed)?;
    let table = match table(again, options) {
        Ok(table) => table,
        Err(_) => {
            skip_magic(&mut file)?;
            stream(std::io::BufReader::new(file), options)?
        }
    };
    Ok(Found::of(name, table, Faults::default()))
}

/// Goes to the first message of a file. Writers pad the magic to 8 bytes, or to their own alignment of up to 64.
fn skip_magic(file: &mut File) -> Result<()> {
    let mut head = Vec::new();
    file.rewind().and_then(|()| file.take(MOST_MAGIC_BYTES).read_to_end(&mut head)).map_err(read_failed)?;
    let words = head.chunks(MAGIC_BYTES as usize).skip(1);
    let zeros = words.take_while(|word| word.iter().all(|&byte| byte == 0)).count() as u64;
    file.seek(SeekFrom::Start(MAGIC_BYTES * (1 + zeros))).map(drop).map_err(read_failed)
}

#[cfg(test)]
mod tests;
