//! Messages: how they are framed, checked, and written with some of their buffers exchanged.
//!
//! A message is a continuation marker (absent before version 0.15), the length of the metadata, the metadata (a flatbuffer),
//! and a body of buffers. All that an exchanged buffer changes in the metadata are numbers of fixed width: where buffers
//! are, how long they and the body are. They are overwritten in place, so nothing else of a message can change.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_buffer::Buffer;
use arrow_ipc::{MessageHeader, RecordBatch, root_as_message};

use crate::error::Result;
use crate::table::format::reason::read_failed;

use super::reason::ArrowReason;

/// Begins a message.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];

/// Longest metadata of a message. Of a batch it is 40 bytes for each column; the schema of 100,000 columns has about 20 MB.
pub(super) const MAX_METADATA_BYTES: usize = 1 << 28;

/// Most bytes to which the buffers of one batch may unpack: a crafted file of some kilobytes can claim any number.
const MAX_UNPACKED_BYTES: u64 = 1 << 32;

/// How much more zstd data may unpack to: it has no block of more than 128 KiB, and none is packed into less than 4 bytes. LZ4
/// packs less.
const MOST_UNPACKED_FROM_ONE: u64 = (128 << 10) / 4;

/// Rows of the largest batch: a column without buffers can claim any number. The same as in Parquet files.
pub(super) const MAX_BATCH_ROWS: usize = 1 << 26;

/// Buffers begin at multiples of 8, or of 64; keeping places equal up to multiples of 64 keeps either.
const ALIGNMENT: usize = 64;

/// Where a buffer begins in the body, and its length.
type Place = (usize, usize);

/// One message as it is in the file.
pub(super) struct Message {
    /// Marker, length and metadata with its padding.
    pub head: Vec<u8>,
    /// The buffers.
    pub body: Buffer,
}

/// Calls the library. It checks what it reads, yet it slices and multiplies by numbers that crafted bytes claim; a panic that
/// comes of that is a failure as the one it returns.
pub(super) fn guarded<T, E>(call: impl FnOnce() -> Result<T, E>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()?.ok()
}

/// Reads exactly so many bytes, without believing that there are so many.
pub(super) fn read_bytes(reader: &mut impl Read, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes).map_err(read_failed)?;
    if (bytes.len() as u64) < length { Err(ArrowReason::Cut.into()) } else { Ok(bytes) }
}

/// Where the metadata begins.
fn prefix_bytes(head: &[u8]) -> usize {
    if head.starts_with(&CONTINUATION) { 8 } else { 4 }
}

impl Message {
    /// Reads the next message of a stream. Gives none at its end, and puts the marker of the end, if there is one, into `end`.
    pub fn read(reader: &mut impl Read, end: &mut Vec<u8>) -> Result<Option<Message>> {
        let mut head = Vec::new();
        reader.take(4).read_to_end(&mut head).map_err(read_failed)?;
        if head.is_empty() {
            return Ok(None);
        }
        if head == CONTINUATION {
            head.extend(read_bytes(reader, 4)?);
        }
        let length = head[head.len().saturating_sub(4)..].try_into().map_err(|_| ArrowReason::Cut)?;
        let length = usize::try_from(i32::from_le_bytes(length)).map_err(|_| ArrowReason::Message)?;
        if length == 0 {
            *end = head;
            return Ok(None);
        }
        if length > MAX_METADATA_BYTES {
            return Err(ArrowReason::Message.into());
        }
        head.extend(read_bytes(reader, length as u64)?);
        let body_bytes = body_bytes(&head)?;
        let body = Buffer::from_vec(read_bytes(reader, body_bytes)?);
        Ok(Some(Message { head, body }))
    }

    /// The metadata.
    pub fn metadata(&self) -> Result<arrow_ipc::Message<'_>> {
        metadata(&self.head)
    }

    /// The metadata of a record batch, with its numbers checked.
    pub fn batch(&self) -> Result<RecordBatch<'_>> {
        let batch = self.metadata()?.header_as_record_batch().ok_or(ArrowReason::Message)?;
        self.check(batch)?;
        Ok(batch)
    }

    /// Checks all numbers of the metadata that sizes follow from.
    pub fn check(&self, batch: RecordBatch<'_>) -> Result<()> {
        let (packed, mut unpacked) = (batch.compression().is_some(), 0_u64);
        for buffer in batch.buffers().into_iter().flatten() {
            let bytes = self.buffer(buffer).ok_or(ArrowReason::Message)?;
            if packed && !bytes.is_empty() {
                let claim = bytes.first_chunk().ok_or(ArrowReason::Message)?;
                // -1 says that the buffer isn't compressed.
                let claim = i64::from_le_bytes(*claim).max(0) as u64;
                // The library makes room for what is claimed before it unpacks.
                if claim > MOST_UNPACKED_FROM_ONE * bytes.len() as u64 {
                    return Err(ArrowReason::Message.into());
                }
                unpacked = unpacked.saturating_add(claim);
            }
        }
        if unpacked > MAX_UNPACKED_BYTES {
            return Err(ArrowReason::Large { limit_bytes: MAX_UNPACKED_BYTES }.into());
        }
        let lengths = batch.nodes().into_iter().flatten().map(|node| node.length());
        let most =
            lengths.chain([batch.length()]).map(|rows| usize::try_from(rows).unwrap_or(usize::MAX)).max();
        if most > Some(MAX_BATCH_ROWS) {
            return Err(ArrowReason::ManyRows { limit_rows: MAX_BATCH_ROWS }.into());
        }
        Ok(())
    }

    fn buffer(&self, buffer: &arrow_ipc::Buffer) -> Option<&[u8]> {
        let start = usize::try_from(buffer.offset()).ok()?;
        let end = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
        self.body.as_slice().get(start..end)
    }

    /// The message with some buffers exchanged, each by its number; in ascending order.
    pub fn with_buffers(&self, new: &[(usize, Vec<u8>)]) -> Result<(Vec<u8>, Vec<u8>)> {
        let message = self.metadata()?;
        let batch = message.header_as_record_batch().ok_or(ArrowReason::Encode)?;
        let buffers = batch.buffers().ok_or(ArrowReason::Encode)?;
        let old: Vec<_> =
            buffers.iter().map(|buffer| (buffer.offset() as usize, buffer.length() as usize)).collect();
        let (places, body) = self.exchange(&old, new).ok_or(ArrowReason::Encode)?;
        let mut head = self.head.clone();
        let table = buffers.bytes().as_ptr() as usize - self.head.as_ptr() as usize;
        for (number, (offset, length)) in places.into_iter().enumerate() {
            let at = table + 16 * number;
            head[at..at + 8].copy_from_slice(&(offset as i64).to_le_bytes());
            head[at + 8..at + 16].copy_from_slice(&(length as i64).to_le_bytes());
        }
        let field = message._tab.vtable().get(arrow_ipc::Message::VT_BODYLENGTH);
        if field == 0 {
            return Err(ArrowReason::Encode.into());
        }
        let at = self.place(message._tab.loc(), field);
        head[at..at + 8].copy_from_slice(&(body.len() as i64).to_le_bytes());
        Ok((head, body))
    }

    /// Where a field of a table in the metadata stands in the head.
    pub fn place(&self, table: usize, field: u16) -> usize {
        prefix_bytes(&self.head) + table + usize::from(field)
    }

    /// Lays the buffers out anew. None if they overlap: which bytes an edit changes is not clear then.
    fn exchange(&self, old: &[Place], new: &[(usize, Vec<u8>)]) -> Option<(Vec<Place>, Vec<u8>)> {
        let bytes = self.body.as_slice();
        let mut order: Vec<usize> = (0..old.len()).collect();
        order.sort_by_key(|&number| (old[number].0, old[number].1, number));
        let (mut places, mut body) = (old.to_vec(), Vec::with_capacity(bytes.len()));
        body.extend_from_slice(&bytes[..order.first().map_or(bytes.len(), |&first| old[first].0)]);
        for (at, &number) in order.iter().enumerate() {
            let (start, length) = old[number];
            let end = order.get(at + 1).map_or(bytes.len(), |&next| old[next].0);
            if start + length > end {
                return None;
            }
            let begin = body.len();
            places[number].0 = begin;
            let exchanged = new.iter().find(|(exchanged, _)| *exchanged == number);
            match exchanged.map(|(_, bytes)| bytes).filter(|new| new.len() != length) {
                Some(new) => {
                    let slot = (end - start) % ALIGNMENT;
                    let spare = new.len().saturating_sub(slot).div_ceil(ALIGNMENT) * ALIGNMENT;
                    body.extend_from_slice(new);
                    body.resize(begin + slot + spare, 0);
                    places[number].1 = new.len();
                }
                None => {
                    body.extend_from_slice(&bytes[start..end]);
                    if let Some((_, new)) = exchanged {
                        body[begin..begin + length].copy_from_slice(new);
                    }
                }
            }
        }
        Some((places, body))
    }
}

/// The metadata after its prefix, verified.
pub(super) fn metadata(head: &[u8]) -> Result<arrow_ipc::Message<'_>> {
    let bytes = head.get(prefix_bytes(head)..).ok_or(ArrowReason::Message)?;
    root_as_message(bytes).map_err(|_| ArrowReason::Message.into())
}

/// How long the body is that follows.
pub(super) fn body_bytes(head: &[u8]) -> Result<u64> {
    u64::try_from(metadata(head)?.bodyLength()).map_err(|_| ArrowReason::Message.into())
}

/// Whether the message is a batch of rows.
pub(super) fn is_batch(message: &Message) -> Result<bool> {
    Ok(message.metadata()?.header_type() == MessageHeader::RecordBatch)
}
