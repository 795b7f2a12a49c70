//! Entries in columns, and what can be asked of them.

use std::io::{self, Write};

use jiff::Timestamp;
use polars::prelude::{
    BooleanChunked, ChunkCompareEq as _, ChunkedBuilder as _, DataFrame, GroupsIndicator, IdxCa,
    Int64Chunked, Int64Type, IntoColumn as _, IntoSeries as _, NewChunkedArray as _, ParquetWriter,
    PolarsError, PrimitiveChunkedBuilder, SortMultipleOptions, StringChunked, StringChunkedBuilder, TimeUnit,
    TimeZone, UInt64Chunked, UInt64Type,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Class, Reason, Result};
use crate::ledger::Ledger;

use super::columns::{COLUMNS, Column, INDEX, Kind};

/// Each name of a column is a constant of this module, and so is what it holds.
const KNOWN: &str = "a frame has all columns, each of its kind";

#[derive(Debug, thiserror::Error)]
enum FrameError {
    #[error("could not write the entries: {0}")]
    Write(io::Error),
    #[error("could not write the entries as Parquet: {0}")]
    Parquet(PolarsError),
}

impl Reason for FrameError {
    fn class(&self) -> Class {
        Class::Io
    }
}

/// How a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One file, for data frames and databases.
    Parquet,
    /// With a header; empty where an entry has nothing.
    Csv,
    /// One JSON object a line, without what an entry does not have.
    Ndjson,
}

/// Entries of a ledger, in columns.
#[derive(Clone, Debug)]
pub struct Frame {
    data: DataFrame,
}

/// The cells of one entry, by column.
pub struct Line(Vec<Cell>);

/// A cell, which may be empty.
enum Cell {
    Text(Option<String>),
    Number(Option<u64>),
    Time(Option<i64>),
}

impl Line {
    /// Reads a leaf of any version.
    ///
    /// # Errors
    /// What is wrong, if it is none.
    pub fn of(leaf: &[u8]) -> Result<Line, String> {
        #[derive(Deserialize)]
        struct Leaf {
            entry: Value,
        }
        let Leaf { entry } = serde_json::from_slice(leaf).map_err(|_| "it is no JSON of an entry")?;
        let cell = |column: &Column| match column.kind {
            Kind::Text => Cell::Text(column.text(&entry)),
            Kind::Number | Kind::Sum => Cell::Number(column.number(&entry)),
            Kind::Time => Cell::Time(column.time(&entry)),
        };
        Ok(Line(COLUMNS.iter().map(cell).collect()))
    }
}

/// A frame in the making.
pub struct Builder {
    index: Vec<u64>,
    columns: Vec<Growing>,
}

/// A column in the making.
enum Growing {
    Text(StringChunkedBuilder),
    Number(PrimitiveChunkedBuilder<UInt64Type>),
    Time(PrimitiveChunkedBuilder<Int64Type>),
}

impl Default for Builder {
    fn default() -> Builder {
        let growing = |column: &Column| {
            let name = column.name.into();
            match column.kind {
                Kind::Text => Growing::Text(StringChunkedBuilder::new(name, 0)),
                Kind::Number | Kind::Sum => Growing::Number(PrimitiveChunkedBuilder::new(name, 0)),
                Kind::Time => Growing::Time(PrimitiveChunkedBuilder::new(name, 0)),
            }
        };
        Builder { index: Vec::new(), columns: COLUMNS.iter().map(growing).collect() }
    }
}

impl Builder {
    /// Adds the entry of a number higher than all before.
    pub fn add(&mut self, index: u64, line: Line) {
        self.index.push(index);
        for (column, cell) in self.columns.iter_mut().zip(line.0) {
            match (column, cell) {
                (Growing::Text(column), Cell::Text(cell)) => column.append_option(cell),
                (Growing::Number(column), Cell::Number(cell)) => column.append_option(cell),
                (Growing::Time(column), Cell::Time(cell)) => column.append_option(cell),
                _ => unreachable!("{KNOWN}"),
            }
        }
    }

    /// The frame.
    pub fn finish(self) -> Frame {
        let entries = self.index.len();
        let index = UInt64Chunked::from_vec(INDEX.into(), self.index).into_column();
        let columns = self.columns.into_iter().map(|column| match column {
            Growing::Text(column) => column.finish().into_column(),
            Growing::Number(column) => column.finish().into_column(),
            Growing::Time(column) => {
                let time = column.finish().into_datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
                time.into_series().into_column()
            }
        });
        let columns = std::iter::once(index).chain(columns).collect();
        Frame { data: DataFrame::new(entries, columns).expect(KNOWN) }
    }
}

impl Frame {
    /// All entries of a ledger.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of(ledger: &Ledger) -> Result<Frame> {
        let mut builder = Builder::default();
        ledger.walk(Line::of, |index, _, line| {
            builder.add(index, line);
            Ok(())
        })?;
        Ok(builder.finish())
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.data.height()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn strings(&self, column: &str) -> &StringChunked {
        self.data.column(column).and_then(|cells| cells.str()).expect(KNOWN)
    }

    fn numbers(&self, column: &str) -> &UInt64Chunked {
        self.data.column(column).and_then(|cells| cells.u64()).expect(KNOWN)
    }

    fn times(&self) -> &Int64Chunked {
        self.data.column("time").and_then(|cells| cells.datetime()).expect(KNOWN).physical()
    }

    fn filter(&self, mask: &BooleanChunked) -> Frame {
        // One by one: polars takes a mask of one cell for all rows, which is the same here.
        Frame { data: self.data.filter(mask).expect(KNOWN) }
    }

    /// The entries with this text in a column.
    #[must_use]
    pub fn with(&self, column: &str, text: &str) -> Frame {
        self.filter(&self.strings(column).equal(text))
    }

    /// The entries from a time on, and before another one.
    #[must_use]
    pub fn between(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Frame {
        self.retain_between(from, until, |_| true)
    }

    /// The entries that `keep` says.
    #[must_use]
    pub fn retain(&self, keep: impl FnMut(Row<'_>) -> bool) -> Frame {
        self.filter(&BooleanChunked::from_iter(self.rows().map(keep).map(Some)))
    }

    /// The entries from a time on and before another one that `keep` says.
    #[must_use]
    pub fn retain_between(
        &self,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        mut keep: impl FnMut(Row<'_>) -> bool,
    ) -> Frame {
        let is_within = |row: Row<'_>| {
            let time = row.time();
            from.is_none_or(|from| time.is_some_and(|time| time >= from))
                && until.is_none_or(|until| time.is_some_and(|time| time < until))
        };
        self.retain(|row| is_within(row) && keep(row))
    }

    /// The same, by time, those of one time by number.
    #[must_use]
    pub fn by_time(&self) -> Frame {
        // A clock seldom goes back, and to sort is to copy all.
        if self.times().iter().is_sorted() {
            return self.clone();
        }
        let options = SortMultipleOptions::default().with_maintain_order(true);
        Frame { data: self.data.sort(["time", INDEX], options).expect(KNOWN) }
    }

    /// The entries that agree on these columns together, in the order of the first of each. "Nothing" agrees with itself.
    pub fn groups(&self, columns: &[&str]) -> Vec<Frame> {
        let grouped = self.data.group_by_stable(columns).expect(KNOWN);
        let take = |rows: IdxCa| Frame { data: self.data.take(&rows).expect(KNOWN) };
        let groups = grouped.get_groups().iter().map(|group| match group {
            GroupsIndicator::Idx((_, rows)) => take(IdxCa::from_slice("".into(), rows)),
            GroupsIndicator::Slice([first, length]) => {
                take(IdxCa::from_vec("".into(), (first..first + length).collect()))
            }
        });
        groups.collect()
    }

    /// One after another.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.len()).map(|at| Row { frame: self, at })
    }

    /// Writes everything.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> Result<()> {
        match format {
            Format::Parquet => {
                ParquetWriter::new(out).finish(&mut self.data.clone()).map_err(FrameError::Parquet)?;
                Ok(())
            }
            Format::Csv => Ok(self.write_csv(out).map_err(FrameError::Write)?),
            Format::Ndjson => {
                for row in self.rows() {
                    let line = serde_json::to_string(&row.members()).expect("maps of texts are JSON");
                    writeln!(out, "{line}").map_err(FrameError::Write)?;
                }
                Ok(())
            }
        }
    }

    fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(std::iter::once(INDEX).chain(COLUMNS.iter().map(|column| column.name)))?;
        for row in self.rows() {
            let cells = COLUMNS.iter().map(|column| match row.value(column.name, column.kind) {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            });
            csv.write_record(std::iter::once(row.index().to_string()).chain(cells))?;
        }
        csv.flush()
    }
}

/// One entry of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    frame: &'a Frame,
    at: usize,
}

impl<'a> Row<'a> {
    /// The entry's number.
    pub fn index(self) -> u64 {
        self.number(INDEX).expect(KNOWN)
    }

    /// A cell of a column of text.
    pub fn text(self, column: &str) -> Option<&'a str> {
        self.frame.strings(column).get(self.at)
    }

    /// A cell of a column of numbers.
    pub fn number(self, column: &str) -> Option<u64> {
        self.frame.numbers(column).get(self.at)
    }

    /// When the entry was recorded.
    pub fn time(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.frame.times().get(self.at)?).ok()
    }

    /// The same, as reports show it: RFC 3339, UTC, to the second.
    pub fn time_text(self) -> Option<String> {
        self.time().map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    fn value(self, column: &str, kind: Kind) -> Value {
        match kind {
            Kind::Text => self.text(column).into(),
            Kind::Number | Kind::Sum => self.number(column).into(),
            Kind::Time => self.time_text().into(),
        }
    }

    /// All that the entry has, by the names of the columns.
    pub fn members(self) -> Map<String, Value> {
        let named = COLUMNS.iter().map(|column| (column.name, self.value(column.name, column.kind)));
        let all = std::iter::once((INDEX, self.index().into())).chain(named);
        all.filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::json;

    use super::*;

    fn frame(entries: &[Value]) -> Frame {
        let mut builder = Builder::default();
        for (index, entry) in (0..).zip(entries) {
            let leaf = json!({ "entry": entry, "key": "", "signature": "" });
            builder.add(index, Line::of(leaf.to_string().as_bytes()).unwrap());
        }
        builder.finish()
    }

    fn some() -> Frame {
        frame(&[
            json!({ "time": "2026-01-02T03:04:05+02:00", "kind": "release", "recipient": "b", "rows": 7,
                    "cells_changed": { "x": 1, "y": 2 }, "output": { "bytes": 5 } }),
            json!({ "time": "2026-01-01T00:00:00Z", "kind": "recipient_registered",
                    "recipient": { "id": "a", "name": "A, \"Ä\"", "purpose": "care" } }),
            json!({ "time": "never", "kind": 7, "rows": -1, "recipient": null }),
            json!({ "time": "2026-01-02T03:04:05.5Z", "kind": "release", "recipient": "b", "slots": [1] }),
        ])
    }

    #[test]
    fn members_become_cells_and_what_is_strange_becomes_nothing() {
        let frame = some();
        let rows: Vec<Row> = frame.rows().collect();
        assert_eq!(rows[0].time_text().as_deref(), Some("2026-01-02T01:04:05Z"));
        assert_eq!((rows[0].number("cells_changed"), rows[0].number("output_bytes")), (Some(3), Some(5)));
        assert_eq!(
            (rows[1].text("recipient"), rows[1].text("recipient_name")),
            (Some("a"), Some("A, \"Ä\""))
        );
        assert_eq!(rows[1].text("purpose"), Some("care"));
        assert_eq!((rows[2].text("kind"), rows[2].number("rows"), rows[2].time()), (Some("7"), None, None));
        assert_eq!(rows[2].text("recipient"), None);
    }

    #[test]
    fn filters_orders_and_groups() {
        let frame = some();
        let indices = |frame: &Frame| frame.rows().map(Row::index).collect::<Vec<_>>();
        assert_eq!(indices(&frame.with("kind", "release")), [0, 3]);
        assert_eq!(indices(&frame.with("kind", "none")), [] as [u64; 0]);
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(indices(&frame.between(at("2026-01-01T00:00:00Z"), at("2026-01-02T01:04:05Z"))), [1]);
        assert_eq!(indices(&frame.between(None, None)), [0, 1, 2, 3]);
        assert_eq!(indices(&frame.retain(|row| row.index() % 2 == 1).by_time()), [1, 3]);
        let groups = frame.groups(&["kind", "recipient"]);
        assert_eq!(groups.iter().map(indices).collect::<Vec<_>>(), [vec![0, 3], vec![1], vec![2]]);
        assert!(frame.with("kind", "none").groups(&["kind"]).is_empty());
        assert_eq!(
            indices(&frame.with("kind", "release").retain(|row| row.index() == 3)),
            [3],
            "a mask of one"
        );
    }

    #[test]
    fn exports_read_back() {
        let frame = some();
        let write = |format| {
            let mut out = Vec::new();
            frame.write(format, &mut out).unwrap();
            out
        };
        let csv = write(Format::Csv);
        let mut csv = csv::Reader::from_reader(&csv[..]);
        assert_eq!(csv.headers().unwrap().len(), COLUMNS.len() + 1);
        let records: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!((records.len(), &records[1][0], &records[1][1]), (4, "1", "2026-01-01T00:00:00Z"));
        assert!(records[1].iter().any(|cell| cell == "A, \"Ä\""));

        let ndjson = String::from_utf8(write(Format::Ndjson)).unwrap();
        let first: Value = serde_json::from_str(ndjson.lines().next().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({ "index": 0, "time": "2026-01-02T01:04:05Z", "kind": "release", "recipient": "b",
                    "rows": 7, "cells_changed": 3, "output_bytes": 5 })
        );

        // Read by the other implementation that is at hand.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&write(Format::Parquet)).unwrap();
        let parquet = SerializedFileReader::new(file).unwrap();
        let columns = parquet.metadata().file_metadata().schema_descr_ptr();
        let time = columns.columns().iter().find(|column| column.name() == "time").unwrap();
        let time = format!("{:?}", time.logical_type_ref());
        assert!(time.contains("Timestamp") && time.contains("true"), "adjusted to UTC: {time}");
        let rows: Vec<_> = parquet.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        let cell = |row: usize, name: &str| {
            let mut cells = rows[row].get_column_iter();
            cells.find(|(column, _)| *column == name).map(|(_, cell)| cell.clone()).unwrap()
        };
        assert_eq!(rows.len(), 4);
        assert_eq!(cell(1, "recipient_name"), Field::Str("A, \"Ä\"".into()));
        assert_eq!(cell(1, "time"), Field::TimestampMillis(1_767_225_600_000));
        assert_eq!((cell(0, "cells_changed"), cell(1, "rows")), (Field::ULong(3), Field::Null));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert_eq!(Line::of(b"{\"entry\":").err().as_deref(), Some("it is no JSON of an entry"));
    }
}
