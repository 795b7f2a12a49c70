//! A whole table in memory: a header and rows of cells.

use rand::seq::SliceRandom as _;

use super::Rng;
use super::reason::AttackReason;
use crate::error::{Error, Result};
use crate::table::format::csv::Dialect;

/// A header and rows of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub header: Vec<String>,
    /// The rows, each as wide as the header unless an attack made it ragged.
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a CSV table; the byte between fields is sniffed if `delimiter` is `None`.
    ///
    /// # Errors
    /// If it has no header, is not UTF-8, or a row is wider or narrower than the header.
    pub fn read(bytes: &[u8], delimiter: Option<u8>) -> Result<Table> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let dialect = Dialect::sniff(&bytes[..bytes.len().min(SNIFF_BYTES)], delimiter);
        let mut reader = csv::ReaderBuilder::new().delimiter(dialect.delimiter).from_reader(bytes);
        let header: Vec<String> = reader.headers().map_err(fail)?.iter().map(str::to_owned).collect();
        if header.is_empty() {
            return Err(AttackReason::Empty.into());
        }
        Ok(Table { header, rows: reader.records().collect::<Result<_, _>>().map_err(fail)? })
    }

    /// The table as CSV.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(&self.header).expect("memory takes everything");
        self.rows.iter().for_each(|row| writer.write_record(row).expect("memory takes everything"));
        writer.into_inner().expect("memory takes everything")
    }

    /// Where a column stands.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.header.iter().position(|column| column == name).ok_or_else(|| {
            AttackReason::NoColumn { name: name.to_owned(), columns: self.header.clone() }.into()
        })
    }

    /// The cells of a column.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row.get(column).unwrap_or_default())
    }

    /// Some rows, drawn without replacement, in random order; all if there are no more.
    pub fn sample(&self, rows: usize, rng: &mut Rng) -> Table {
        let mut picked: Vec<usize> = (0..self.rows.len()).collect();
        let (picked, _) = picked.partial_shuffle(rng, rows);
        self.pick(picked)
    }

    /// These rows, in this order.
    pub fn pick(&self, rows: &[usize]) -> Table {
        self.with_rows(rows.iter().map(|&row| self.rows[row].clone()).collect())
    }

    /// These columns, in this order.
    pub fn columns(&self, columns: &[usize]) -> Table {
        Table {
            header: columns.iter().map(|&column| self.header[column].clone()).collect(),
            rows: self
                .rows
                .iter()
                .map(|row| columns.iter().map(|&column| row.get(column).unwrap_or_default()).collect())
                .collect(),
        }
    }

    /// Only the columns that `wanted` names, in this table's order.
    pub fn project(&self, wanted: &[&str]) -> Table {
        let kept: Vec<usize> =
            (0..self.header.len()).filter(|&i| wanted.contains(&self.header[i].as_str())).collect();
        self.columns(&kept)
    }

    /// The same columns with other rows.
    pub fn with_rows(&self, rows: Vec<csv::StringRecord>) -> Table {
        Table { header: self.header.clone(), rows }
    }

    /// Replaces cells: `cell` gets row, column and text, and gives another text or `None`.
    pub fn map_cells(&mut self, mut cell: impl FnMut(usize, usize, &str) -> Option<String>) {
        for (r, row) in self.rows.iter_mut().enumerate() {
            let changed: Vec<Option<String>> =
                row.iter().enumerate().map(|(c, text)| cell(r, c, text)).collect();
            if changed.iter().any(Option::is_some) {
                *row = row.iter().zip(&changed).map(|(old, new)| new.as_deref().unwrap_or(old)).collect();
            }
        }
    }

    /// Replaces cells of these columns.
    pub(super) fn map_columns(
        &mut self,
        columns: &[usize],
        mut cell: impl FnMut(usize, &str) -> Option<String>,
    ) {
        self.map_cells(|_, column, text| if columns.contains(&column) { cell(column, text) } else { None });
    }
}

/// Bytes from which the byte between fields is guessed.
const SNIFF_BYTES: usize = 64 << 10;

/// Says where the table is not clean, and nothing of its contents.
fn fail(error: csv::Error) -> Error {
    let row = error.position().map(csv::Position::record);
    let failed = Error::from(match error.kind() {
        csv::ErrorKind::Utf8 { .. } => AttackReason::NoText,
        _ => AttackReason::Width,
    });
    // The header is record 0.
    row.filter(|&row| row > 0).map_or_else(|| failed_header(error.kind()), |row| failed.at_row(row))
}

fn failed_header(kind: &csv::ErrorKind) -> Error {
    match kind {
        csv::ErrorKind::Utf8 { .. } => AttackReason::NoText.into(),
        _ => AttackReason::Empty.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_written() {
        let table = Table::read(b"\xef\xbb\xbfa;b\n1;\"x;y\"\n2;z\n", None).unwrap();
        assert_eq!(table.header, ["a", "b"]);
        assert_eq!(table.cells(1).collect::<Vec<_>>(), ["x;y", "z"]);
        assert_eq!(table.to_csv(), b"a,b\n1,x;y\n2,z\n");
    }

    #[test]
    fn a_bad_table_is_refused_by_place_and_without_its_values() {
        let error = Table::read(b"a,b\n1,2\nsecret\n", None).unwrap_err();
        assert_eq!(error.to_string(), "row 2: the row has another number of fields than the header");
        let error = Table::read(b"a,b\n1,\xff\n", None).unwrap_err();
        assert_eq!(error.to_string(), "row 1: the table is no text in UTF-8");
        assert_eq!(Table::read(b"", None).unwrap_err().to_string(), "the table has no header");
    }
}
