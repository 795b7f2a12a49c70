//! Exports of a table in each format, as other programs make them: typed where the format has types.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;

/// A table as text: a header and rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A column with the type that all its cells have.
enum Typed {
    Whole(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Moment(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
}

impl Text {
    /// Reads CSV text.
    pub fn parse(csv: &[u8]) -> Text {
        let mut reader = csv::Reader::from_reader(csv);
        let header = reader.headers().expect("a header").iter().map(str::to_owned).collect();
        let rows = reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect());
        Text { header, rows: rows.collect() }
    }

    fn column(&self, column: usize) -> Typed {
        let cells: Vec<Option<&str>> =
            self.rows.iter().map(|row| Some(row[column].as_str()).filter(|cell| !cell.is_empty())).collect();
        fn all<T>(cells: &[Option<&str>], parse: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
            cells.iter().map(|cell| cell.map_or(Some(None), |cell| parse(cell).map(Some))).collect()
        }
        if let Some(whole) = all(&cells, |cell| cell.parse().ok()) {
            return Typed::Whole(whole);
        }
        if let Some(real) = all(&cells, |cell| cell.parse().ok()) {
            return Typed::Real(real);
        }
        if let Some(moments) = all(&cells, micros) {
            return Typed::Moment(moments);
        }
        Typed::Text(cells.iter().map(|cell| cell.map(str::to_owned)).collect())
    }

    fn columns(&self) -> impl Iterator<Item = (&str, Typed)> {
        self.header.iter().enumerate().map(|(column, name)| (name.as_str(), self.column(column)))
    }

    /// As comma-separated text.
    pub fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header).expect("memory");
        self.rows.iter().for_each(|row| writer.write_record(row).expect("memory"));
        writer.into_inner().expect("memory")
    }

    fn batch(&self) -> RecordBatch {
        let arrays = self.columns().map(|(name, column)| {
            let array: ArrayRef = match column {
                Typed::Whole(cells) => Arc::new(Int64Array::from(cells)),
                Typed::Real(cells) => Arc::new(Float64Array::from(cells)),
                Typed::Moment(cells) => Arc::new(TimestampMicrosecondArray::from(cells)),
                Typed::Text(cells) => Arc::new(StringArray::from(cells)),
            };
            (name, array, true)
        });
        RecordBatch::try_from_iter_with_nullable(arrays).expect("columns of one length")
    }

    /// As an Arrow IPC file.
    pub fn arrow(&self) -> Vec<u8> {
        let batch = self.batch();
        let mut writer =
            arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a schema");
        writer.write(&batch).expect("memory");
        writer.finish().expect("memory");
        writer.into_inner().expect("memory")
    }

    /// As one JSON object a line; numbers are numbers.
    pub fn ndjson(&self) -> Vec<u8> {
        self.json_rows().iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes()
    }

    /// As a JSON array, indented.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(&self.json_rows()).expect("memory")
    }

    fn json_rows(&self) -> Vec<serde_json::Value> {
        let columns: Vec<(&str, Vec<serde_json::Value>)> = self
            .columns()
            .map(|(name, column)| {
                let index =
                    self.header.iter().position(|known| known == name).expect("a column of the table");
                let texts = self.rows.iter().map(|row| row[index].as_str());
                let cells = match column {
                    Typed::Whole(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
                    Typed::Real(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
                    _ => texts.map(|cell| Some(cell).filter(|cell| !cell.is_empty()).into()).collect(),
                };
                (name, cells)
            })
            .collect();
        let row =
            |row: usize| columns.iter().map(move |(name, cells)| ((*name).to_owned(), cells[row].clone()));
        (0..self.rows.len()).map(|number| serde_json::Value::Object(row(number).collect())).collect()
    }

    /// As `pg_dump` writes a table.
    pub fn copy_block(&self) -> Vec<u8> {
        let mut out = format!(
            "--\n-- PostgreSQL database dump\n--\n\nCOPY public.visits ({}) FROM stdin;\n",
            self.header.join(", ")
        );
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .map(|cell| match cell.as_str() {
                    "" => "\\N".to_owned(),
                    text => text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n"),
                })
                .collect();
            out += &(cells.join("\t") + "\n");
        }
        out += "\\.\n\n";
        out.into_bytes()
    }

    /// As `mysqldump` writes a table: many rows in a statement.
    pub fn inserts(&self) -> Vec<u8> {
        let columns: Vec<String> =
            self.header.iter().map(|name| format!("  `{name}` varchar(64) DEFAULT NULL")).collect();
        let mut out = format!(
            "-- MySQL dump 10.13\n\nCREATE TABLE `visits` (\n{}\n) ENGINE=InnoDB;\n",
            columns.join(",\n")
        );
        let bare: Vec<bool> =
            self.columns().map(|(_, column)| matches!(column, Typed::Whole(_) | Typed::Real(_))).collect();
        for rows in self.rows.chunks(100) {
            let tuples: Vec<String> = rows
                .iter()
                .map(|row| {
                    let cells: Vec<String> = row
                        .iter()
                        .zip(&bare)
                        .map(|(cell, bare)| match cell.as_str() {
                            "" => "NULL".to_owned(),
                            number if *bare => number.to_owned(),
                            text => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
                        })
                        .collect();
                    format!("({})", cells.join(","))
                })
                .collect();
            writeln!(out, "INSERT INTO `visits` VALUES {};", tuples.join(",")).expect("memory");
        }
        out.into_bytes()
    }

    /// As an SQLite file.
    pub fn sqlite(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("visits.db");
        let mut database = rusqlite::Connection::open(&path).expect("a database");
        let types = self.columns().map(|(name, column)| match column {
            Typed::Whole(_) => format!("\"{name}\" INTEGER"),
            Typed::Real(_) => format!("\"{name}\" REAL"),
            _ => format!("\"{name}\" TEXT"),
        });
        let types: Vec<String> = types.collect();
        database.execute(&format!("CREATE TABLE visits ({})", types.join(", ")), []).expect("a table");
        let all = database.transaction().expect("a transaction");
        let holes = vec!["?"; self.header.len()].join(", ");
        for row in &self.rows {
            let cells = row.iter().map(|cell| Some(cell.as_str()).filter(|cell| !cell.is_empty()));
            all.execute(&format!("INSERT INTO visits VALUES ({holes})"), rusqlite::params_from_iter(cells))
                .expect("a row");
        }
        all.commit().expect("a commit");
        drop(database);
        std::fs::read(&path).expect("a file")
    }

    /// As a workbook with one sheet, texts in the cells themselves.
    pub fn xlsx(&self) -> Vec<u8> {
        let bare: Vec<bool> =
            self.columns().map(|(_, column)| matches!(column, Typed::Whole(_) | Typed::Real(_))).collect();
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        let text = |cell: &str| {
            format!("<c t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", escaped(cell))
        };
        let header: String = self.header.iter().map(|name| text(name)).collect();
        let mut sheet = format!("<row r=\"1\">{header}</row>");
        for (number, row) in self.rows.iter().enumerate() {
            let cells: String = row
                .iter()
                .zip(&bare)
                .map(|(cell, bare)| match cell.as_str() {
                    "" => "<c/>".to_owned(),
                    number if *bare => format!("<c><v>{number}</v></c>"),
                    cell => text(cell),
                })
                .collect();
            write!(sheet, "<row r=\"{}\">{cells}</row>", number + 2).expect("memory");
        }
        workbook(&sheet)
    }

    /// As Parquet.
    pub fn parquet(&self) -> Vec<u8> {
        let batch = self.batch();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a schema");
        writer.write(&batch).expect("memory");
        writer.into_inner().expect("memory")
    }
}

/// Microseconds since 1970 of a date-time.
fn micros(text: &str) -> Option<i64> {
    let moment: jiff::civil::DateTime = text.parse().ok()?;
    let instant = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(instant.as_microsecond())
}

/// The smallest package that is a workbook.
fn workbook(rows: &str) -> Vec<u8> {
    use std::io::Write as _;
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const TYPES: &str = "http://schemas.openxmlformats.org/package/2006/content-types";
    const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    const RELS: &str = "application/vnd.openxmlformats-package.relationships+xml";
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{TYPES}\"><Default Extension=\"rels\" ContentType=\"{RELS}\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{KIND}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/worksheets/sheet1.xml\" \
                 ContentType=\"{KIND}.worksheet+xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"rId1\" \
                 Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>\
                 <sheet name=\"visits\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ];
    let mut package = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        package.start_file(name, zip::write::SimpleFileOptions::default()).expect("memory");
        package.write_all(text.as_bytes()).expect("memory");
    }
    package.finish().expect("memory").into_inner()
}
