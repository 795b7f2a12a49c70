//! A column chunk with edits, encoded like the one it stands for.
//!
//! The codec, dictionary encoding or another one, version of the data pages, and which statistics, indexes and filters there
//! are come from the old chunk; levels of compression are the library's, because no file records them.

use std::iter::Peekable;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use parquet::basic::{Encoding, Type};
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriter, get_column_writer, get_typed_column_writer_mut,
};
use parquet::data_type::AsBytes;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::properties::{
    DEFAULT_BLOOM_FILTER_FPP, EnabledStatistics, WriterProperties, WriterVersion,
};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};

use crate::error::{Error, Result};

use super::cells::{Cells, Decoder, Run, each_run};
use super::edits::ColumnEdits;
use super::file::{guarded, start_of};
use super::leaf::{Form, Leaf};
use super::reason::ParquetReason;
use super::span::SPAN_ROWS;
use super::value::Stored;

/// Values that the library writes before it looks whether the page is full: its own default.
const WRITE_ROWS: usize = 1024;

/// A chunk that was encoded anew; its offsets count from its own beginning.
pub(super) struct Encoded {
    pub bytes: Vec<u8>,
    pub close: ColumnCloseResult,
}

/// How the old chunk was written.
pub(super) struct Manner<'a> {
    pub chunk: &'a ColumnChunkMetaData,
    /// Whether its data pages are of version 2.
    pub second_version: bool,
    /// Rows of its longest page, if it has an index that says so.
    pub page_rows: Option<usize>,
}

impl Manner<'_> {
    /// Looks at the head of the first data page, and at the index of the pages.
    pub fn of<'a>(
        chunk: &'a ColumnChunkMetaData,
        data_page_head: &[u8],
        pages: Option<&[PageLocation]>,
        rows: usize,
    ) -> Manner<'a> {
        // The first field of the header is the type of the page, a number: 3 for version 2.
        const VERSION_2: [u8; 2] = [0x15, 0x06];
        let page_rows = pages.and_then(|pages| {
            let starts = pages.iter().map(|page| page.first_row_index).chain([rows as i64]);
            let longest =
                starts.clone().zip(starts.skip(1)).map(|(start, next)| next.saturating_sub(start)).max()?;
            usize::try_from(longest).ok().filter(|&rows| rows > 0)
        });
        Manner { chunk, second_version: data_page_head.starts_with(&VERSION_2), page_rows }
    }

    fn properties(&self) -> WriterProperties {
        let chunk = self.chunk;
        let version = match self.second_version {
            true => WriterVersion::PARQUET_2_0,
            false => WriterVersion::PARQUET_1_0,
        };
        let statistics = match (chunk.column_index_range(), chunk.statistics()) {
            (Some(_), _) => EnabledStatistics::Page,
            (None, Some(_)) => EnabledStatistics::Chunk,
            (None, None) => EnabledStatistics::None,
        };
        let builder = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(chunk.compression())
            .set_dictionary_enabled(start_of(chunk) != chunk.data_page_offset())
            .set_encoding(self.encoding())
            .set_statistics_enabled(statistics);
        let builder = match self.page_rows {
            Some(rows) => {
                builder.set_data_page_row_count_limit(rows).set_write_batch_size(rows.min(WRITE_ROWS))
            }
            None => builder,
        };
        if chunk.bloom_filter_offset().is_none() {
            return builder.build();
        }
        let most_values = u64::try_from(chunk.num_values()).unwrap_or(1).max(1);
        builder
            .set_bloom_filter_enabled(true)
            .set_bloom_filter_fpp(DEFAULT_BLOOM_FILTER_FPP)
            .set_bloom_filter_max_ndv(most_values)
            .build()
    }

    /// The encoding of values that are in no dictionary.
    fn encoding(&self) -> Encoding {
        let special = |encoding: &Encoding| match encoding {
            // Levels are written so too; only booleans can be, and only on pages of version 2.
            Encoding::RLE => self.second_version && self.chunk.column_type() == Type::BOOLEAN,
            Encoding::DELTA_BINARY_PACKED
            | Encoding::DELTA_LENGTH_BYTE_ARRAY
            | Encoding::DELTA_BYTE_ARRAY
            | Encoding::BYTE_STREAM_SPLIT => true,
            _ => false,
        };
        self.chunk.encodings().find(special).unwrap_or(Encoding::PLAIN)
    }
}

/// Decodes the chunk once more, and encodes it with the edits put in. Nothing if no edit changes a value.
pub(super) fn encode(
    decoder: &mut Decoder,
    edits: &ColumnEdits,
    rows: usize,
    leaf: &Leaf,
    manner: &Manner<'_>,
) -> Result<Option<Encoded>> {
    encode_chunk(decoder, edits, rows, leaf.form, manner).map_err(|error| error.at_column(&leaf.name))
}

fn encode_chunk(
    decoder: &mut Decoder,
    edits: &ColumnEdits,
    rows: usize,
    form: Form,
    manner: &Manner<'_>,
) -> Result<Option<Encoded>> {
    let undecodable = |first: usize| Error::from(ParquetReason::Decode).at_row(first as u64 + 1);
    guarded(|| decoder.rewind()).ok_or_else(|| undecodable(0))?;
    let mut out = TrackedWrite::new(Vec::with_capacity(manner.chunk.compressed_size() as usize));
    let pages = Box::new(SerializedPageWriter::new(&mut out));
    let properties = Arc::new(manner.properties());
    // In whole batches of the library, so that pages end where they would if all rows were written at once.
    let step = SPAN_ROWS.next_multiple_of(properties.write_batch_size());
    // A file may name an encoding that its type can't have.
    let writer = guarded(|| Ok(get_column_writer(manner.chunk.column_descr_ptr(), properties, pages)));
    let mut writer = writer.ok_or(ParquetReason::Encode)?;
    let (mut edits, mut changed) = (edits.iter().peekable(), false);
    for first in (0..rows).step_by(step) {
        let span = first..(first + step).min(rows);
        let cells = guarded(|| decoder.decode(slice::from_ref(&span)));
        let mut cells = cells.ok_or_else(|| undecodable(first))?;
        changed |= each_run!(&mut cells, run => change(run, &span, &mut edits, form))?;
        let written = guarded(|| each_run!(&cells, run => write(run, &mut writer, manner)));
        written.ok_or(ParquetReason::Encode)?;
    }
    if !changed {
        return Ok(None);
    }
    let close = guarded(|| writer.close()).ok_or(ParquetReason::Encode)?;
    let bytes = guarded(|| out.into_inner()).ok_or(ParquetReason::Encode)?;
    Ok(Some(Encoded { bytes, close }))
}

/// Puts the edits of a span into its cells; gives whether a value is another.
fn change<'a, T: Stored>(
    run: &mut Run<T>,
    span: &Range<usize>,
    edits: &mut Peekable<impl Iterator<Item = (usize, &'a str)>>,
    form: Form,
) -> Result<bool> {
    let mut changed = false;
    while let Some((row, text)) = edits.next_if(|(row, _)| *row < span.end) {
        let at_row = |reason: ParquetReason| Error::from(reason).at_row(row as u64 + 1);
        let place = run.place(row - span.start).ok_or_else(|| at_row(ParquetReason::Absent))?;
        let old = &mut run.values[place];
        let misfit = if form == Form::Int96 { ParquetReason::Int96 } else { ParquetReason::Misfit };
        let new = T::parse(text, form, old).ok_or_else(|| at_row(misfit))?;
        changed |= new.as_bytes() != old.as_bytes();
        *old = new;
    }
    Ok(changed)
}

fn write<T: Stored>(run: &Run<T>, writer: &mut ColumnWriter<'_>, manner: &Manner<'_>) -> ParquetResult<()> {
    let levels = (manner.chunk.column_descr().max_def_level() > 0).then_some(run.levels.as_slice());
    get_typed_column_writer_mut::<T>(writer).write_batch(&run.values, levels, None).map(drop)
}
