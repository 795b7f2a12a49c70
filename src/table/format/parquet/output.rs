//! One copy as it is written: row groups one after the other, then page indexes and the directory.
//!
//! A chunk without edits is copied byte for byte, and so are its statistics, indexes and filter; only the offsets in the
//! directory move. A filter whose length the directory doesn't tell is dropped, which readers are prepared for.
//!
//! The library closes its buffer without a look at errors, so [`Checked`] keeps the first one below it.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, OffsetIndexBuilder, ParquetMetaDataBuilder, ParquetMetaDataWriter,
    RowGroupMetaData,
    page_index::{PageIndexBuilder, PageIndexProvider},
};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::writer::TrackedWrite;

use crate::error::{Error, Result};
use crate::table::format::reason::write_failed;

use super::encode::Encoded;
use super::file::{ParquetFile, guarded, start_of};
use super::reason::ParquetReason;

/// Bytes that are copied at once.
const PIECE_BYTES: usize = 1 << 20;

/// The first bytes of every Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// A writer that keeps its first error.
pub(super) struct Checked<W> {
    inner: W,
    failed: Option<io::Error>,
}

impl<W> Checked<W> {
    /// Nothing has failed yet.
    pub fn new(inner: W) -> Self {
        Checked { inner, failed: None }
    }

    /// The first error.
    pub fn result(self) -> Result<()> {
        self.failed.map_or(Ok(()), |error| Err(write_failed(error)))
    }

    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            // Whoever writes on after an interruption has no error.
            if kind != io::ErrorKind::Interrupted {
                self.failed.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Checked<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.keep(result)
    }
}

/// A copy.
pub(super) struct Output<'a, W: Write> {
    file: &'a ParquetFile,
    sink: TrackedWrite<&'a mut Checked<W>>,
    groups: Vec<RowGroupMetaData>,
    indexes: PageIndexBuilder,
    piece: Vec<u8>,
}

impl<'a, W: Write + Send> Output<'a, W> {
    /// Begins a copy.
    pub fn new(file: &'a ParquetFile, out: &'a mut Checked<W>) -> Result<Self> {
        let columns = file.metadata.file_metadata().schema_descr().num_columns();
        let indexes = PageIndexBuilder::new(file.metadata.num_row_groups(), columns);
        let mut sink = TrackedWrite::new(out);
        sink.write_all(MAGIC).map_err(write_failed)?;
        Ok(Output { file, sink, groups: Vec::new(), indexes, piece: Vec::new() })
    }

    /// Adds the next row group, with some of its chunks encoded anew.
    pub fn group(&mut self, encoded: &mut [Option<Encoded>]) -> Result<()> {
        let number = self.groups.len();
        let old = self.file.metadata.row_group(number);
        let start = self.sink.bytes_written();
        let mut chunks = Vec::with_capacity(old.num_columns());
        let mut filters = Vec::new();
        let fresh: Vec<bool> = encoded.iter().map(Option::is_some).collect();
        for (index, chunk) in old.columns().iter().enumerate() {
            let at = self.sink.bytes_written() as i64;
            chunks.push(match encoded.get_mut(index).and_then(Option::take) {
                Some(Encoded { bytes, close }) => {
                    self.sink.write_all(&bytes).map_err(write_failed)?;
                    self.keep_indexes(number, index, chunk, &close, at);
                    filters.extend(close.bloom_filter.map(|filter| (index, filter)));
                    moved(&close.metadata, at)?
                }
                None => {
                    self.copy_range(self.file.chunk(chunk)?)?;
                    self.move_indexes(number, index, at - start_of(chunk));
                    moved(chunk, at)?
                }
            });
        }
        self.copy_filters(old, &fresh, &filters, &mut chunks)?;
        self.groups.push(closed_group(old, chunks, start)?);
        Ok(())
    }

    fn copy_range(&mut self, range: Range<u64>) -> Result<()> {
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(PIECE_BYTES as u64) as usize;
            self.piece.resize(length, 0);
            self.file.read(at, &mut self.piece)?;
            self.sink.write_all(&self.piece).map_err(write_failed)?;
            at += length as u64;
        }
        Ok(())
    }

    /// The indexes of a chunk that was encoded anew, as far as the old one had any.
    fn keep_indexes(
        &mut self,
        group: usize,
        column: usize,
        old: &ColumnChunkMetaData,
        close: &ColumnCloseResult,
        at: i64,
    ) {
        if let (Some(index), Some(_)) = (&close.column_index, old.column_index_range()) {
            self.indexes.put_column_index(index.clone(), group, column);
        }
        if let (Some(index), Some(_)) = (&close.offset_index, old.offset_index_range()) {
            self.indexes.put_offset_index(moved_index(index, at), group, column);
        }
    }

    /// The indexes of a chunk that was copied.
    fn move_indexes(&mut self, group: usize, column: usize, by: i64) {
        let indexes = self.file.metadata.page_index_for_row_group(group);
        if let Some(index) = indexes.column_index(column) {
            self.indexes.put_column_index(index.clone(), group, column);
        }
        if let Some(index) = indexes.offset_index(column) {
            self.indexes.put_offset_index(moved_index(index, by), group, column);
        }
    }

    fn copy_filters(
        &mut self,
        old: &RowGroupMetaData,
        fresh: &[bool],
        new: &[(usize, parquet::bloom_filter::Sbbf)],
        chunks: &mut [ColumnChunkMetaData],
    ) -> Result<()> {
        for (index, chunk) in chunks.iter_mut().enumerate() {
            let start = self.sink.bytes_written();
            let before = old.column(index);
            if let Some((_, filter)) = new.iter().find(|(column, _)| *column == index) {
                filter.write(&mut self.sink).map_err(to_write)?;
            } else if let (Some(offset), Some(length), false) =
                (before.bloom_filter_offset(), before.bloom_filter_length(), fresh[index])
            {
                self.copy_range(self.file.range(offset, length.into())?)?;
            } else {
                continue;
            }
            let length = (self.sink.bytes_written() - start) as i32;
            let builder = chunk.clone().into_builder();
            let builder =
                builder.set_bloom_filter_offset(Some(start as i64)).set_bloom_filter_length(Some(length));
            *chunk = builder.build().map_err(|_| ParquetReason::Encode)?;
        }
        Ok(())
    }

    /// Writes the directory.
    pub fn finish(self) -> Result<()> {
        let old = self.file.metadata.file_metadata();
        let metadata = FileMetaData::new(
            old.version(),
            old.num_rows(),
            old.created_by().map(str::to_owned),
            old.key_value_metadata().cloned(),
            old.schema_descr_ptr(),
            old.column_orders().cloned(),
        );
        let indexes: Arc<dyn PageIndexProvider> = Arc::new(self.indexes.build());
        let metadata = ParquetMetaDataBuilder::new(metadata)
            .set_row_groups(self.groups)
            .set_page_index(Some(indexes))
            .build();
        let sink = self.sink;
        guarded(|| ParquetMetaDataWriter::new_with_tracked(sink, &metadata).finish())
            .ok_or_else(|| ParquetReason::Encode.into())
    }
}

fn to_write(error: ParquetError) -> Error {
    write_failed(io::Error::other(error))
}

/// The directory's entry for a chunk that now stands at `at`.
fn moved(chunk: &ColumnChunkMetaData, at: i64) -> Result<ColumnChunkMetaData> {
    let by = at - start_of(chunk);
    let dictionary = (start_of(chunk) < chunk.data_page_offset()).then_some(at);
    let mut builder = ColumnChunkMetaData::builder(chunk.column_descr_ptr())
        .set_compression_codec(chunk.compression_codec())
        .set_encodings_mask(*chunk.encodings_mask())
        .set_total_compressed_size(chunk.compressed_size())
        .set_total_uncompressed_size(chunk.uncompressed_size())
        .set_num_values(chunk.num_values())
        .set_data_page_offset(chunk.data_page_offset() + by)
        .set_dictionary_page_offset(dictionary)
        .set_unencoded_byte_array_data_bytes(chunk.unencoded_byte_array_data_bytes())
        .set_repetition_level_histogram(chunk.repetition_level_histogram().cloned())
        .set_definition_level_histogram(chunk.definition_level_histogram().cloned());
    if let Some(statistics) = chunk.statistics() {
        builder = builder.set_statistics(statistics.clone());
    }
    if let Some(statistics) = chunk.geo_statistics() {
        builder = builder.set_geo_statistics(Box::new(statistics.clone()));
    }
    if let Some(statistics) = chunk.page_encoding_stats() {
        builder = builder.set_page_encoding_stats(statistics.clone());
    }
    builder.build().map_err(|_| ParquetReason::Encode.into())
}

fn moved_index(index: &OffsetIndexMetaData, by: i64) -> OffsetIndexMetaData {
    let mut builder = OffsetIndexBuilder::new();
    let pages = index.page_locations();
    for (number, page) in pages.iter().enumerate() {
        let next = pages.get(number + 1).map_or(page.first_row_index, |next| next.first_row_index);
        builder.append_row_count(next.wrapping_sub(page.first_row_index));
        builder.append_offset_and_size(page.offset.wrapping_add(by), page.compressed_page_size);
        let bytes = index.unencoded_byte_array_data_bytes().and_then(|bytes| bytes.get(number).copied());
        builder.append_unencoded_byte_array_data_bytes(bytes);
    }
    builder.build()
}

fn closed_group(
    old: &RowGroupMetaData,
    chunks: Vec<ColumnChunkMetaData>,
    start: usize,
) -> Result<RowGroupMetaData> {
    let total_bytes = chunks.iter().fold(0_i64, |sum, chunk| sum.saturating_add(chunk.uncompressed_size()));
    let mut builder = old.clone().into_builder().set_column_metadata(chunks).set_total_byte_size(total_bytes);
    if old.file_offset().is_some() {
        builder = builder.set_file_offset(start as i64);
    }
    builder.build().map_err(|_| ParquetReason::Encode.into())
}
