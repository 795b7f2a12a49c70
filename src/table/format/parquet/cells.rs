//! Decoded cells of one column: of some rows of a row group.
//!
//! Values stay what they are stored as, and text is made of them when it is asked for. Only values that are there are
//! stored; the definition levels say which rows have one, and they are written again as they were read.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use parquet::column::page::Page;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
    Int96Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::file::start_of;
use super::leaf::Form;
use super::value::Stored;

/// Says that a row has no value.
const NONE: u32 = u32::MAX;

/// Cells of one physical type.
pub(super) struct Run<T: DataType> {
    /// The values that are there.
    pub values: Vec<T::T>,
    /// One level for each row, or none where every row must have a value.
    pub levels: Vec<i16>,
    /// Where each row's value is; empty if all rows have one.
    places: Vec<u32>,
}

/// Cells of any type.
pub(super) enum Cells {
    Bool(Run<BoolType>),
    Int32(Run<Int32Type>),
    Int64(Run<Int64Type>),
    Int96(Run<Int96Type>),
    Float(Run<FloatType>),
    Double(Run<DoubleType>),
    Bytes(Run<ByteArrayType>),
    Fixed(Run<FixedLenByteArrayType>),
}

/// Does the same with the run of any type.
macro_rules! each_run {
    ($cells:expr, $run:ident => $body:expr) => {
        match $cells {
            Cells::Bool($run) => $body,
            Cells::Int32($run) => $body,
            Cells::Int64($run) => $body,
            Cells::Int96($run) => $body,
            Cells::Float($run) => $body,
            Cells::Double($run) => $body,
            Cells::Bytes($run) => $body,
            Cells::Fixed($run) => $body,
        }
    };
}
pub(super) use each_run;

impl<T: Stored> Run<T> {
    /// Where the value of a row is among the values.
    pub fn place(&self, row: usize) -> Option<usize> {
        match self.places.is_empty() {
            true => (row < self.values.len()).then_some(row),
            false => self.places.get(row).filter(|&&place| place != NONE).map(|&place| place as usize),
        }
    }

    fn text(&self, row: usize, form: Form) -> Cow<'_, [u8]> {
        self.place(row).map_or(Cow::Borrowed(b""), |place| T::text(&self.values[place], form))
    }
}

impl Cells {
    /// What the cell of a row says; empty if it has no value.
    pub fn text(&self, row: usize, form: Form) -> Cow<'_, [u8]> {
        each_run!(self, run => run.text(row, form))
    }
}

/// A column chunk that is decoded from its beginning on, more than once if need be.
pub(super) struct Decoder {
    reader: ColumnReader,
    /// Makes a reader that stands at the beginning.
    begin: Box<dyn Fn() -> Result<ColumnReader> + Send>,
    full_level: i16,
    /// Rows that have passed.
    at: usize,
}

impl Decoder {
    /// Of a chunk with these bytes.
    pub fn new(bytes: Vec<u8>, chunk: &ColumnChunkMetaData, rows: usize) -> Result<Decoder> {
        // The bytes begin with the chunk, so its offsets have to begin with 0.
        let start = start_of(chunk);
        let dictionary = (start < chunk.data_page_offset()).then_some(0);
        let moved = ColumnChunkMetaData::builder(chunk.column_descr_ptr())
            .set_compression_codec(chunk.compression_codec())
            .set_num_values(chunk.num_values())
            .set_total_compressed_size(chunk.compressed_size())
            .set_data_page_offset(chunk.data_page_offset() - start)
            .set_dictionary_page_offset(dictionary)
            .build()?;
        let (bytes, descriptor) = (Arc::new(shared(bytes)), chunk.column_descr_ptr());
        let full_level = descriptor.max_def_level();
        let begin = move || {
            let pages = SerializedPageReader::new(bytes.clone(), &moved, rows, None)?;
            Ok(get_column_reader(descriptor.clone(), Box::new(pages)))
        };
        Ok(Decoder { reader: begin()?, begin: Box::new(begin), full_level, at: 0 })
    }

    /// Goes back to the first row.
    pub fn rewind(&mut self) -> Result<()> {
        self.reader = (self.begin)()?;
        self.at = 0;
        Ok(())
    }

    /// Decodes the rows of these ranges, which ascend; none of them may have passed.
    pub fn decode(&mut self, ranges: &[Range<usize>]) -> Result<Cells> {
        let (at, level) = (self.at, self.full_level);
        self.at = ranges.last().map_or(at, |last| last.end);
        Ok(match &mut self.reader {
            ColumnReader::BoolColumnReader(reader) => Cells::Bool(run(reader, at, ranges, level)?),
            ColumnReader::Int32ColumnReader(reader) => Cells::Int32(run(reader, at, ranges, level)?),
            ColumnReader::Int64ColumnReader(reader) => Cells::Int64(run(reader, at, ranges, level)?),
            ColumnReader::Int96ColumnReader(reader) => Cells::Int96(run(reader, at, ranges, level)?),
            ColumnReader::FloatColumnReader(reader) => Cells::Float(run(reader, at, ranges, level)?),
            ColumnReader::DoubleColumnReader(reader) => Cells::Double(run(reader, at, ranges, level)?),
            ColumnReader::ByteArrayColumnReader(reader) => Cells::Bytes(run(reader, at, ranges, level)?),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                Cells::Fixed(run(reader, at, ranges, level)?)
            }
        })
    }
}

/// The bytes in the library's own type for shared ones, which pages are cut from without a copy. A page is the way to
/// it that the library leaves open.
fn shared(bytes: Vec<u8>) -> impl ChunkReader + 'static {
    let page = Page::DictionaryPage {
        buf: bytes.into(),
        num_values: 0,
        encoding: parquet::basic::Encoding::PLAIN,
        is_sorted: false,
    };
    page.buffer().clone()
}

fn run<T: Stored>(
    reader: &mut ColumnReaderImpl<T>,
    mut at: usize,
    ranges: &[Range<usize>],
    full_level: i16,
) -> Result<Run<T>> {
    let short = || ParquetError::General("a column chunk has too few rows".into());
    let rows = ranges.iter().map(Range::len).sum();
    let (mut values, mut levels) = (Vec::with_capacity(rows), Vec::new());
    for range in ranges {
        if reader.skip_records(range.start - at)? != range.start - at {
            return Err(short());
        }
        at = range.start;
        while at < range.end {
            let (records, ..) = reader.read_records(range.end - at, Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(short());
            }
            at += records;
        }
    }
    let expected =
        if full_level == 0 { rows } else { levels.iter().filter(|&&level| level == full_level).count() };
    if (full_level > 0 && levels.len() != rows) || values.len() != expected {
        return Err(short());
    }
    let places = if values.len() == rows { Vec::new() } else { places(&levels, full_level) };
    Ok(Run { values, levels, places })
}

fn places(levels: &[i16], full_level: i16) -> Vec<u32> {
    let mut next = 0;
    let place = |&level: &i16| {
        if level != full_level {
            return NONE;
        }
        next += 1;
        next - 1
    };
    levels.iter().map(place).collect()
}
