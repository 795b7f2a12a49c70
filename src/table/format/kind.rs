//! The formats, their names, and how a file shows which it is.

use std::str::FromStr;

use crate::error::{Class, Reason};

use super::archive;
use super::encoding::Encoding;
use super::{arrow, json, loose, parquet, sheets, sql, sqlite};

/// Bytes from which everything about a file is guessed.
pub const SNIFF_BYTES: usize = 64 << 10;

/// What the user says of a file; what is not said is sniffed.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Its format.
    pub format: Option<Format>,
    /// The byte between fields of CSV.
    pub delimiter: Option<u8>,
    /// The encoding of its text.
    pub encoding: Option<Encoding>,
    /// Which of its tables: the table of a dump, the sheet of a workbook.
    pub table: Option<String>,
}

impl Said {
    /// Whether a table of this name is meant. A schema before it need not be said.
    pub fn means(&self, name: &str) -> bool {
        self.table.as_ref().is_none_or(|table| {
            name == table || name.strip_suffix(table.as_str()).is_some_and(|schema| schema.ends_with('.'))
        })
    }
}

/// What a file is, within its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text with a byte between fields.
    Csv,
    /// A table within text that was made to be looked at: drawn with lines, aligned, or a value a line.
    Text,
    /// Objects, one a line or in an array.
    Json,
    /// A dump of a database, as text.
    Sql,
    /// Columns in chunks: Apache Parquet.
    Parquet,
    /// Columns in batches: Arrow IPC, as a file.
    Arrow,
    /// The same, as a stream.
    ArrowStream,
    /// A workbook of Excel since 2007.
    Xlsx,
    /// The same, with binary parts.
    Xlsb,
    /// A workbook of Excel until 2003.
    Xls,
    /// A workbook of OpenDocument.
    Ods,
    /// A database of SQLite.
    Sqlite,
    /// An archive of files.
    Zip,
    /// An archive of files.
    Tar,
}

/// All of them, by name.
const FORMATS: [(Format, &str); 14] = [
    (Format::Csv, "csv"),
    (Format::Text, "text"),
    (Format::Json, "json"),
    (Format::Sql, "sql"),
    (Format::Parquet, "parquet"),
    (Format::Arrow, "arrow"),
    (Format::ArrowStream, "arrows"),
    (Format::Xlsx, "xlsx"),
    (Format::Xlsb, "xlsb"),
    (Format::Xls, "xls"),
    (Format::Ods, "ods"),
    (Format::Sqlite, "sqlite"),
    (Format::Zip, "zip"),
    (Format::Tar, "tar"),
];

/// The first bytes of an OLE file, in which old workbooks are.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

impl Format {
    /// Its name, as commands and the ledger say it.
    pub fn name(self) -> &'static str {
        let named = FORMATS.iter().find(|(format, _)| *format == self);
        named.expect("each format has a name").1
    }

    /// The format of a file with these first bytes, if it is none of text. A zip archive may be a workbook.
    pub fn of_bytes(head: &[u8]) -> Option<Format> {
        if head.starts_with(parquet::FIRST_BYTES) {
            return Some(Format::Parquet);
        }
        if let Some(kind) = arrow::sniff(head) {
            return Some(match kind {
                arrow::Kind::File => Format::Arrow,
                arrow::Kind::Stream => Format::ArrowStream,
            });
        }
        if head.starts_with(sqlite::FIRST_BYTES) {
            return Some(Format::Sqlite);
        }
        if head.starts_with(OLE) {
            return Some(Format::Xls);
        }
        archive::sniff(head).map(|kind| match kind {
            archive::Kind::Zip => Format::Zip,
            archive::Kind::Tar => Format::Tar,
        })
    }

    /// The format of a text that starts with this; CSV if nothing speaks for another.
    pub fn of_text(head: &[u8]) -> Format {
        if json::sniff(head) {
            Format::Json
        } else if sql::sniff(head) {
            Format::Sql
        } else {
            Format::Csv
        }
    }

    /// The format of a text that is only to be read, and that no program may ever have written as a table.
    pub fn of_loose_text(head: &[u8]) -> Format {
        if json::sniff_lines(head) {
            Format::Json
        } else if loose::sniff(head).is_some() {
            Format::Text
        } else {
            Format::Csv
        }
    }

    /// Whether its files are text, in some encoding.
    pub fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Text | Format::Json | Format::Sql)
    }

    /// Whether its files hold files.
    pub fn is_archive(self) -> bool {
        matches!(self, Format::Zip | Format::Tar)
    }
}

impl From<sheets::Workbook> for Format {
    fn from(workbook: sheets::Workbook) -> Format {
        match workbook {
            sheets::Workbook::Xlsx => Format::Xlsx,
            sheets::Workbook::Xlsb => Format::Xlsb,
            sheets::Workbook::Xls => Format::Xls,
            sheets::Workbook::Ods => Format::Ods,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Format, String> {
        let named = FORMATS.iter().find(|(_, known)| *known == name);
        named.map(|(format, _)| *format).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|(_, name)| *name).collect();
            format!("must be one of {}", names.join(", "))
        })
    }
}

/// Why a file can't be copied.
#[derive(Debug, thiserror::Error)]
#[error("files of the format {} are read, but not written", .0.name())]
pub(super) struct ReadOnly(pub Format);

impl Reason for ReadOnly {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = if self.0.is_archive() {
            "unpack it, and name one file"
        } else {
            "save the table as xlsx or CSV"
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for (format, name) in FORMATS {
            assert_eq!((format.name(), name.parse()), (name, Ok(format)));
        }
        assert!("word".parse::<Format>().unwrap_err().starts_with("must be one of csv, "));
    }

    #[test]
    fn a_table_is_meant_with_or_without_its_schema() {
        let said = Said { table: Some("visits".into()), ..Said::default() };
        assert!(said.means("visits") && said.means("public.visits"));
        assert!(!said.means("old_visits") && !said.means("visits2"));
        assert!(Said::default().means("anything"));
    }

    #[test]
    fn a_table_with_json_in_a_column_is_csv_and_a_log_of_objects_is_json() {
        for table in [
            "id,data\n1,\"{\"\"a\"\": 1}\"\n2,\"{\"\"a\"\": 2}\"\n",
            "id\tdata\n1\t{\"a\": 1}\n2\t{\"a\": 2}\n3\t{\"a\": 3}\n",
            "id;data\n1;{\"a\": 1}\n",
            "1,\"{\"\"a\"\": 1}\"\n2,\"{\"\"a\"\": 2}\"\n",
            "{a},{b}\n1,2\n",
            "",
        ] {
            assert!(!json::sniff_lines(table.as_bytes()), "{table:?}");
            assert_eq!(Format::of_loose_text(table.as_bytes()), Format::Csv, "{table:?}");
        }
        let line = "2024-01-31 10:20:30 INFO got {\"id\": 1, \"name\": \"Ann\"}\n";
        for log in
            [line.repeat(2), format!("{}{}", line.repeat(20), &line[..40]), format!("\n{line}\n{line}")]
        {
            assert!(json::sniff_lines(log.as_bytes()), "{log:?}");
            assert_eq!(Format::of_loose_text(log.as_bytes()), Format::Json, "{log:?}");
        }
        // Objects here and there are not a table.
        let log = format!("{line}started\nstopped\nstarted\n{line}");
        assert!(!json::sniff_lines(log.as_bytes()));
    }

    #[test]
    fn text_that_was_made_to_be_looked_at_is_known() {
        for text in [
            "| id | name |\n|----|------|\n| 1 | Ann |\n",
            "id    name   town\n1     Ann    Ulm\n2     Bo     Bonn\n",
            "id: 1\nname: Ann\n\nid: 2\nname: Bo\n",
            "t=1 id=1 name=Ann\nt=2 id=2 name=Bo\n",
            "<table><tr><th>id</th></tr></table>",
        ] {
            assert_eq!(Format::of_loose_text(text.as_bytes()), Format::Text, "{text:?}");
        }
        for csv in ["id,name\n1,Ann\n", "id|name\n1|Ann\n2|Bo\n", "id:name\n1:Ann\n2:Bo\n", "id\n1\n2\n"] {
            assert_eq!(Format::of_loose_text(csv.as_bytes()), Format::Csv, "{csv:?}");
        }
    }
}
