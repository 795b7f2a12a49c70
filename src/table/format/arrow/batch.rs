//! A record batch: decoded to cells, and written again with some of them edited.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt8Array};
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::Schema;

use crate::error::Result;
use crate::table::Row;

use super::cells::Cells;
use super::change::{Edit, change};
use super::growth::Growth;
use super::leaf::{Leaf, leaves, places};
use super::message::{Message, guarded};
use super::reason::ArrowReason;

/// Values of dictionaries, by the dictionary's number.
pub(super) type Dictionaries = HashMap<i64, ArrayRef>;

/// What is needed to decode batches.
pub(super) struct Layout {
    pub schema: Arc<Schema>,
    pub leaves: Vec<Leaf>,
    /// Top-level fields with columns that are offered.
    tops: Vec<usize>,
}

/// Decoded cells of all columns of a batch.
pub(super) struct Batch {
    pub rows: usize,
    pub columns: Vec<Cells>,
}

/// A row of a batch.
pub(super) struct BatchRow<'a> {
    pub batch: &'a Batch,
    pub row: usize,
}

impl Row for BatchRow<'_> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        self.batch.columns.get(column).map_or(Cow::Borrowed(b""), |cells| cells.text(self.row))
    }
}

impl Layout {
    pub fn new(schema: Arc<Schema>) -> Layout {
        let leaves = leaves(&schema);
        let mut tops: Vec<usize> = leaves.iter().map(|leaf| leaf.path[0]).collect();
        tops.dedup();
        Layout { schema, leaves, tops }
    }

    /// Decodes the columns that are offered.
    pub fn decode(&self, message: &Message, dictionaries: &Dictionaries) -> Result<Batch> {
        let version = message.metadata()?.version();
        let batch = message.batch()?;
        let decoded = guarded(|| {
            let schema = self.schema.clone();
            read_record_batch(&message.body, batch, schema, dictionaries, Some(&self.tops), &version)
        });
        let decoded = decoded.ok_or(ArrowReason::Decode)?;
        let columns =
            guarded(|| self.cells(&decoded).ok_or(ArrowReason::Decode)).ok_or(ArrowReason::Decode)?;
        Ok(Batch { rows: decoded.num_rows(), columns })
    }

    fn cells(&self, batch: &RecordBatch) -> Option<Vec<Cells>> {
        let cells = |leaf: &Leaf| Cells::of(batch, self.tops.binary_search(&leaf.path[0]).ok()?, leaf);
        self.leaves.iter().map(cells).collect()
    }

    /// The message with edits put in, for each column; none if nothing changes. Dictionaries may have to grow for it.
    pub fn edited(
        &self,
        message: &Message,
        batch: &Batch,
        edits: &[Vec<Edit>],
        growth: &mut Growth,
    ) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
        let metadata = message.metadata()?;
        let header = metadata.header_as_record_batch().ok_or(ArrowReason::Encode)?;
        let codec = header.compression().map(|compression| compression.codec());
        let variadic: Vec<i64> = header.variadicBufferCounts().into_iter().flatten().collect();
        let old_unions = metadata.version() < MetadataVersion::V5;
        let places = places(&self.schema, &self.leaves, &variadic, old_unions).ok_or(ArrowReason::Encode)?;
        let mut new = Vec::new();
        for (column, edits) in edits.iter().enumerate().filter(|(_, edits)| !edits.is_empty()) {
            let changed = change(&batch.columns[column], edits, growth);
            let changed = changed.map_err(|error| error.at_column(&self.leaves[column].name))?;
            for (number, bytes) in changed {
                let bytes = codec.map_or_else(|| Ok(bytes.clone()), |codec| pack(codec, &bytes))?;
                new.push((places[column].0 + number, bytes));
            }
        }
        if new.is_empty() { Ok(None) } else { message.with_buffers(&new).map(Some) }
    }
}

/// Compresses a buffer, with the length before it. The library's function for that is not public: it is made to write a batch
/// of one column of bytes, whose second buffer this is.
fn pack(codec: CompressionType, bytes: &[u8]) -> Result<Vec<u8>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let written = guarded(|| {
        let column: ArrayRef = Arc::new(UInt8Array::from(bytes.to_vec()));
        let batch = RecordBatch::try_from_iter([("", column)])?;
        let options = IpcWriteOptions::default().try_with_compression(Some(codec))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options)?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    let written = written.ok_or(ArrowReason::Encode)?;
    let (mut rest, mut end) = (written.as_slice(), Vec::new());
    Message::read(&mut rest, &mut end)?;
    let message = Message::read(&mut rest, &mut end)?.ok_or(ArrowReason::Encode)?;
    let buffers = message.batch()?.buffers().ok_or(ArrowReason::Encode)?;
    let buffer = buffers.iter().nth(1).ok_or(ArrowReason::Encode)?;
    Ok(message.body.as_slice()[buffer.offset() as usize..][..buffer.length() as usize].to_vec())
}
