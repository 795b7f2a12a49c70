//! Runs a file through everything that reads files: the tolerant way of tracing, and the strict one of copying.
//!
//! Nothing is expected but that both end, and that a copy without edits is the file: a panic is for the caller to see.

use std::io::{Cursor, Read};

use dyepack::Result;
use dyepack::table::Row;
use dyepack::table::format::block::{Block, Options, Reading, Source as _};
use dyepack::table::format::copy::{Editor, Table as _};
use dyepack::table::format::csv::{self, Fields, Records};
use dyepack::table::format::find;
use dyepack::table::format::kind::{Format, Said};
use dyepack::table::format::open::{self, Asked};
use dyepack::table::format::source::Input;

/// More tables than any seed has; more is a reader that goes on for ever.
const MAX_TABLES: usize = 100_000;

/// More bytes of CSV text than a small file can hold.
const MAX_CSV_BYTES: u64 = 256 << 20;

/// What came of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Rows that tracing got.
    pub rows: u64,
    /// Whether the file could be copied.
    pub is_copied: bool,
}

/// Reads the file and copies it.
pub fn drive(bytes: &[u8]) -> Outcome {
    let rows = trace(bytes).unwrap_or_default();
    let is_copied = copy(bytes).is_ok();
    Outcome { rows, is_copied }
}

/// Reads all tables as tracing does; gives the number of rows.
pub fn trace(bytes: &[u8]) -> Result<u64> {
    let found = find::tables(Input::stream(Cursor::new(bytes.to_vec())), &Said::default())?;
    let mut all_rows = 0;
    for (number, table) in found.tables.enumerate() {
        assert!(number < MAX_TABLES, "tables without end");
        let mut rows = 0;
        let read = table.and_then(|table| {
            let csv = table.csv.take(MAX_CSV_BYTES);
            count(csv, table.delimiter, &mut rows)
        });
        if let Err(error) = read {
            check(&error);
        }
        all_rows += rows;
    }
    // The hash of all that was read is always to be had.
    let _ = found.source.finish();
    Ok(all_rows)
}

fn count(csv: impl Read, delimiter: Option<u8>, rows: &mut u64) -> Result<()> {
    let (head, mut blocks) = csv::open(csv, delimiter, Options::new(Reading::Tolerant))?;
    let (mut block, mut fields) = (Block::default(), Fields::default());
    while blocks.next_block(&mut block)? {
        let mut records = Records::of(&block, head.dialect);
        while records.next_record(&mut fields) {
            *rows += 1;
        }
    }
    Ok(())
}

/// Copies the file twice, once as it is and once with edits, and reads the second again.
pub fn copy(bytes: &[u8]) -> Result<()> {
    let opened = open::open(Input::stream(bytes), &strict(None))?;
    let format = opened.format();
    let (mut table, _, wrapping) = opened.into_parts();
    table.peek(&mut |row| drop(row.cell(0)))?;
    let editor = Third { width: table.columns().len() };
    let wrapped = || wrapping.wrap(Vec::new()).expect("memory");
    let mut outputs = [wrapped(), wrapped()];
    let mut edits = Edits::default();
    let copied = table.copy(&editor, &mut outputs, |work| {
        let before = edits.rows;
        edits.list.extend(work.list.drain(..).map(|(row, column, text)| (before + row, column, text)));
        edits.rows += work.rows;
        Ok(())
    });
    copied.inspect_err(check)?;
    let [same, edited] = outputs.map(|output| output.finish().expect("memory"));
    let is_plain_text = wrapping.names().next().is_none() && is_text(format);
    assert!(!is_plain_text || same == bytes, "a copy without edits isn't the file");
    // What was guessed from a text is guessed anew when it has changed.
    let delimiter = match format {
        Format::Csv if is_plain_text => {
            csv::open(bytes, None, Options::new(Reading::Strict)).ok().map(|(head, _)| head.dialect.delimiter)
        }
        _ => None,
    };
    let (before, after) = (read(&same, delimiter)?, read(&edited, delimiter));
    if is_plain_text || !is_text(format) {
        compare(&before, after, &edits);
    }
    Ok(())
}

fn strict(delimiter: Option<u8>) -> Asked {
    Asked {
        said: Said { delimiter, ..Said::default() },
        columns: Vec::new(),
        blocks: Options::new(Reading::Strict),
    }
}

/// What a file holds: how its format is called with all that is around it, the columns, the cells.
type Content = (String, Vec<String>, Vec<Vec<Vec<u8>>>);

fn read(bytes: &[u8], delimiter: Option<u8>) -> Result<Content> {
    let opened = open::open(Input::stream(bytes), &strict(delimiter))?;
    let format = opened.format();
    let (table, _, wrapping) = opened.into_parts();
    let names: Vec<&str> = wrapping.names().chain([format.name()]).collect();
    let columns = table.columns().to_vec();
    let (width, mut rows) = (columns.len(), Vec::new());
    table.rows(&mut |row| {
        rows.push((0..width).map(|column| row.cell(column).into_owned()).collect());
        Ok(())
    })?;
    Ok((names.join(" "), columns, rows))
}

/// Exactly what was asked has changed.
fn compare(before: &Content, after: Result<Content>, edits: &Edits) {
    let Ok(after) = after else { panic!("a copy with edits can't be read: {:?}", after.err()) };
    assert_eq!((&before.0, &before.1), (&after.0, &after.1), "a copy with edits has other columns");
    let mut expected = before.2.clone();
    assert_eq!(before.2.len(), edits.rows, "rows that the editor saw");
    for (row, column, text) in &edits.list {
        let cell = &after.2[*row][*column];
        let is_there = is_same(&String::from_utf8_lossy(cell), text);
        let (was, is) = (before.2[*row][*column].escape_ascii(), cell.escape_ascii());
        let place = format!("{}, row {row}, column {}", before.0, before.1[*column]);
        assert!(is_there, "{place}: `{was}` should be `{}`, is `{is}`", text.escape_default());
        expected[*row][*column].clone_from(cell);
    }
    assert!(expected == after.2, "more has changed than was asked");
}

fn is_text(format: Format) -> bool {
    matches!(format, Format::Csv | Format::Json | Format::Sql)
}

/// A panic in a thread that writes a table is an error of the table.
fn check(error: &dyepack::Error) {
    let text = error.to_string();
    assert!(!text.contains("defect"), "{text}");
}

/// Whether a cell says what it should, in the way of its type: moments with their zone, decimals with their scale.
fn is_same(cell: &str, text: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    cell == text
        || cell.strip_suffix('Z') == Some(text)
        || number(cell).is_some_and(|is| number(text) == Some(is))
}

/// The edits of a batch, or of a file.
#[derive(Default)]
struct Edits {
    rows: usize,
    /// Row from 0, column, new text.
    list: Vec<(usize, usize, &'static str)>,
}

/// Edits one cell in each third row of the second copy, with a text that its column holds more often than not.
struct Third {
    width: usize,
}

impl Editor for Third {
    type Work = Edits;

    fn begin(&self, work: &mut Edits) {
        *work = Edits::default();
    }

    fn row(&self, row: &impl Row, work: &mut Edits, edit: &mut impl FnMut(usize, usize, &str)) {
        work.rows += 1;
        let rows = work.rows;
        let cells = (0..self.width).map(|column| row.cell(column).len()).sum::<usize>();
        if !rows.is_multiple_of(3) || self.width == 0 {
            return;
        }
        let column = (rows / 3 + cells) % self.width;
        let cell = row.cell(column).into_owned();
        let new_text = match std::str::from_utf8(&cell) {
            Ok(text) if text.parse::<i64>().is_ok() => "7",
            Ok(text) if text.parse::<f64>().is_ok() => "8.25",
            Ok(text) if text.starts_with("20") => "2023-03-04T05:06:07",
            Ok("") => return,
            _ => ["x", "a,\"b\"; 'c'\\\n\t<d>&|", "\u{e4}\u{4e2d}\u{1f600}", ""][rows / 3 % 4],
        };
        edit(1, column, new_text);
        work.list.push((rows - 1, column, new_text));
    }

    fn end(&self, _: &mut Edits) -> Result<()> {
        Ok(())
    }
}
