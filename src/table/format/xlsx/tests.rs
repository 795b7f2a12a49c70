//! Copies compared with their originals: part by part, and cell by cell as another reader of workbooks sees them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use calamine::{Data, Reader as _, Xlsx};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;
use crate::table::Row;
use crate::table::format::block::Reading;
use crate::table::format::copy::{Editor, Table};

const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

const STYLES: &str = r#"<numFmts count="1">
<numFmt numFmtId="164" formatCode="yyyy\-mm\-dd hh:mm:ss"/></numFmts>
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="21"/></cellXfs>"#;

const STRINGS: &str = r#"<si><t>Id</t></si><si><t>note</t></si><si><t>born</t></si><si><t>seen</t></si>
<si><t xml:space="preserve"> shared &amp; kept </t></si><si><r><t>ri</t></r><r><t>ch</t></r></si>"#;

/// Header in row 2, columns B to J; a row that holds nothing, cells without references, every kind of cell.
const SHEET: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="MAIN"><!-- <sheetData> --><dimension ref="B2:J6"/><sheetData>
<row r="1"><c r="A1" s="1"/></row>
<row r="2"><c r="B2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c r="D2" t="s"><v>2</v></c>
<c r="E2" t="s"><v>3</v></c>
<c r="F2" t="inlineStr"><is><t>at</t></is></c><c t="str"><v>alive</v></c><c r="H2" t="str"><v>sum</v></c>
<c r="I2" t="str"><v>weight</v></c>
<c r="J2" t="inlineStr"><is><r><t>co</t></r><r><t>de</t></r></is></c></row>
<row r="3" spans="2:9"><c r="B3"><v>7</v></c><c r="C3" s="2" t="s"><v>4</v></c>
<c r="D3" s="1"><v>45322</v></c>
<c r="E3" s="2"><v>45322.430902777778</v></c><c r="F3" s="3"><v>0.43090277777777775</v></c>
<c r="G3" t="b"><v>1</v></c>
<c r="H3"><f>B3*2</f><v>14</v></c><c r="I3"><v>1.50E1</v></c>
<c r="J3" t="inlineStr"><is><t>a &lt; b</t></is></c></row>
<row r="4"/>
<row r="5"><c r="B5"><v>8</v></c><c t="s"><v>5</v></c><c r="G5" t="b"><v>0</v></c>
<c r="H5" t="e"><v>#N/A</v></c>
<c r="J5" t="str"><v>_x0041_</v></c><c r="L5"><v>99</v></c></row>
<row r="6"><c r="B6" s="1"/></row>
</sheetData><mergeCells count="1"><mergeCell ref="B9:C9"/></mergeCells>
<extLst><row></row></extLst></worksheet>
"#;

/// The archive of a workbook whose sheets these are.
fn workbook(sheets: &[(&str, &str)], date1904: bool) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, text: &str, method| {
        zip.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(text.replace("MAIN", MAIN).as_bytes()).unwrap();
    };
    let relation = |id: &str, kind: &str, target: &str| {
        format!("<Relationship Id=\"{id}\" Type=\"{RELATIONS}/{kind}\" Target=\"{target}\"/>")
    };
    let (mut list, mut relations) = (String::new(), String::new());
    for (number, (name, _)) in sheets.iter().enumerate() {
        list += &format!("<sheet name=\"{name}\" sheetId=\"{}\" r:id=\"r{number}\"/>", number + 1);
        relations += &relation(&format!("r{number}"), "worksheet", &format!("worksheets/sheet{number}.xml"));
    }
    relations +=
        &(relation("s", "styles", "styles.xml") + &relation("t", "sharedStrings", "/xl/sharedStrings.xml"));
    let flag = u8::from(date1904);
    let (stored, deflated) = (CompressionMethod::Stored, CompressionMethod::Deflated);
    part(
        "[Content_Types].xml",
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>",
        stored,
    );
    let root = relation("a", "officeDocument", "xl/workbook.xml");
    part("_rels/.rels", &format!("<Relationships>{root}</Relationships>"), deflated);
    let head = format!("<workbook xmlns=\"MAIN\" xmlns:r=\"{RELATIONS}\"><workbookPr date1904=\"{flag}\"/>");
    part("xl/workbook.xml", &format!("{head}<sheets>{list}</sheets></workbook>"), deflated);
    part("xl/_rels/workbook.xml.rels", &format!("<Relationships>{relations}</Relationships>"), deflated);
    for (number, (_, sheet)) in sheets.iter().enumerate() {
        part(&format!("xl/worksheets/sheet{number}.xml"), sheet, if number == 1 { stored } else { deflated });
    }
    part("xl/styles.xml", &format!("<styleSheet xmlns=\"MAIN\">{STYLES}</styleSheet>"), deflated);
    part("xl/sharedStrings.xml", &format!("<sst xmlns=\"MAIN\">{STRINGS}</sst>"), deflated);
    part("docProps/\u{fc}.bin", "\u{1}\u{2}", stored);
    zip.finish().unwrap().into_inner()
}

fn simple() -> Vec<u8> {
    workbook(&[("visits", SHEET)], false)
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

fn options() -> Options {
    Options { block_bytes: 300, ..Options::new(Reading::Strict) }
}

fn opened(bytes: &[u8]) -> Result<XlsxTable> {
    table(file(bytes), None, options())
}

fn rows(table: XlsxTable) -> Result<Vec<Vec<String>>> {
    let (width, mut rows) = (table.columns().len(), Vec::new());
    let text = |row: &dyn Row, column| String::from_utf8_lossy(&row.cell(column)).into_owned();
    table.rows(&mut |row| {
        rows.push((0..width).map(|column| text(row, column)).collect());
        Ok(())
    })?;
    Ok(rows)
}

/// Edits the cells whose copy, text of the first column, and column are these.
struct Edit(Vec<(usize, &'static str, usize, &'static str)>);

impl Editor for Edit {
    type Work = u64;

    fn begin(&self, rows: &mut u64) {
        *rows = 0;
    }

    fn row(&self, row: &impl Row, rows: &mut u64, edit: &mut impl FnMut(usize, usize, &str)) {
        *rows += 1;
        for (copy, id, column, text) in &self.0 {
            if row.cell(0).as_ref() == id.as_bytes() {
                edit(*copy, *column, text);
            }
        }
    }

    fn end(&self, _: &mut u64) -> Result<()> {
        Ok(())
    }
}

fn copies(bytes: &[u8], edits: &[(usize, &'static str, usize, &'static str)]) -> Result<[Vec<u8>; 2]> {
    let (mut outputs, mut seen) = ([Vec::new(), Vec::new()], 0);
    let mut table = opened(bytes)?;
    table.peek(&mut |_| ())?;
    let rows = table.copy(&Edit(edits.to_vec()), &mut outputs, |rows| {
        seen += *rows;
        Ok(())
    })?;
    assert_eq!(rows, seen);
    Ok(outputs)
}

/// Packed and unpacked bytes of each part, by its name, with its place.
fn parts(bytes: &[u8]) -> BTreeMap<Vec<u8>, (usize, Vec<u8>, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let all = 0..zip.len();
    all.map(|number| {
        let (mut packed, mut text) = (Vec::new(), Vec::new());
        zip.by_index_raw(number).unwrap().read_to_end(&mut packed).unwrap();
        let mut part = zip.by_index(number).unwrap();
        part.read_to_end(&mut text).unwrap();
        (part.name_raw().to_vec(), (number, packed, text))
    })
    .collect()
}

/// All cells by their place in the grid, as calamine reads them.
fn cells(bytes: &[u8]) -> BTreeMap<(u32, u32), Data> {
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let range = workbook.worksheet_range("visits").unwrap();
    let (row, column) = range.start().unwrap();
    let place = |(r, c, value): (usize, usize, &Data)| ((row + r as u32, column + c as u32), value.clone());
    range.used_cells().map(place).collect()
}

#[test]
fn a_sheet_is_read_as_the_table_that_people_see() {
    let table = opened(&simple()).unwrap();
    let names = ["Id", "note", "born", "seen", "at", "alive", "sum", "weight", "code"];
    assert_eq!(table.columns(), names);
    let expected = [
        ["7", "shared & kept", "2024-01-31", "2024-01-31T10:20:30", "10:20:30", "true", "14", "15", "a < b"],
        ["8", "rich", "", "", "", "false", "", "", "A"],
    ];
    assert_eq!(rows(table).unwrap(), expected);
    let table = opened(&workbook(&[("visits", SHEET)], true)).unwrap();
    assert_eq!(rows(table).unwrap()[0][2..4], ["2028-02-01", "2028-02-01T10:20:30"]);
}

#[test]
fn names_may_have_a_prefix() {
    let sheet = "<x:worksheet xmlns:x=\"MAIN\"><x:sheetData><x:row><x:c t=\"s\"><x:v>0</x:v></x:c></x:row>\
        <x:row><x:c t=\"s\"><x:v>4</x:v></x:c></x:row></x:sheetData></x:worksheet>";
    let bytes = workbook(&[("visits", sheet)], false);
    assert_eq!(rows(opened(&bytes).unwrap()).unwrap(), [["shared & kept"]]);
    let [_, copy] = copies(&bytes, &[(1, "shared & kept", 0, "<new>")]).unwrap();
    assert_eq!(rows(opened(&copy).unwrap()).unwrap(), [["<new>"]]);
    let cell = "<x:c t=\"inlineStr\"><x:is><x:t xml:space=\"preserve\"> &lt;new&gt; </x:t></x:is></x:c>";
    let copied = &parts(&copy)[b"xl/worksheets/sheet0.xml".as_slice()].2;
    assert!(String::from_utf8_lossy(copied).contains(cell));
    assert_eq!(cells(&copy)[&(1, 0)], Data::String(" <new> ".into()));
}

#[test]
fn a_copy_without_edits_has_the_same_parts() {
    let bytes = workbook(&[("visits", SHEET), ("empty", "<worksheet><sheetData/></worksheet>")], false);
    for copy in copies(&bytes, &[]).unwrap() {
        let (original, copy) = (parts(&bytes), parts(&copy));
        assert!(original.keys().eq(copy.keys()));
        for (name, (place, packed, text)) in original {
            let (copied_place, copied_packed, copied_text) = &copy[&name];
            assert_eq!((place, &text), (*copied_place, copied_text));
            assert!(name == b"xl/worksheets/sheet0.xml" || packed == *copied_packed);
        }
    }
}

#[test]
fn edits_change_exactly_their_cells() {
    let bytes = simple();
    let edits = [
        (0, "7", 1, "x<&_x0041_"),
        (0, "7", 2, "2024-02-01"),
        (0, "7", 3, "2024-01-31T10:20:31"),
        (0, "7", 4, "23:59:59.5"),
        (0, "7", 5, "false"),
        (0, "7", 7, "15.25"),
        (0, "7", 8, "a > b"),
        (0, "8", 1, "plain"),
        (1, "8", 0, "9"),
        (1, "8", 8, "\u{fc}"),
    ];
    let [first, second] = copies(&bytes, &edits).unwrap();
    let expected = [
        [
            "7",
            "x<&_x0041_",
            "2024-02-01",
            "2024-01-31T10:20:31",
            "23:59:59.5",
            "false",
            "14",
            "15.25",
            "a > b",
        ],
        ["8", "plain", "", "", "", "false", "", "", "A"],
    ];
    assert_eq!(rows(opened(&first).unwrap()).unwrap(), expected);
    let original = cells(&bytes);
    let changed = |copy: &[u8]| -> Vec<_> {
        let copy = cells(copy);
        assert!(original.keys().eq(copy.keys()));
        copy.into_iter().filter(|(place, value)| original[place] != *value).collect()
    };
    let places: Vec<_> = changed(&first).iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [(2, 2), (2, 3), (2, 4), (2, 5), (2, 6), (2, 8), (2, 9), (4, 2)]);
    assert_eq!(changed(&second), [((4, 1), Data::Float(9.0)), ((4, 9), Data::String("\u{fc}".into()))]);
    let sheet = &parts(&second)[b"xl/worksheets/sheet0.xml".as_slice()].2;
    let as_text = SHEET.replace("MAIN", MAIN).replace("<v>8</v>", "<v>9</v>").replace("_x0041_", "\u{fc}");
    assert_eq!(String::from_utf8_lossy(sheet), as_text);
}

#[test]
fn what_a_cell_cannot_hold_is_an_error_with_its_place() {
    let refused = [
        ("7", 0, "abc", "row 1, column `Id`: a new text does not fit the cell's type"),
        ("7", 2, "2024-02-30", "row 1, column `born`: a new text does not fit the cell's type"),
        ("7", 5, "yes", "row 1, column `alive`: a new text does not fit the cell's type"),
        ("7", 1, " x", "row 1, column `note`: a new text does not fit the cell's type"),
        ("7", 6, "15", "row 1, column `sum`: the cell's value is computed, so it can't be changed"),
        ("8", 6, "15", "row 2, column `sum`: the cell holds no value, so none can be changed"),
        ("8", 3, "2024-02-01", "row 2, column `seen`: the cell holds no value, so none can be changed"),
    ];
    for (id, column, text, message) in refused {
        let error = copies(&simple(), &[(0, id, column, text)]).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
}

#[test]
fn dates_that_are_texts_stay_dates() {
    let sheet = "<worksheet><sheetData><row><c t=\"inlineStr\"><is><t>seen</t></is></c></row>\
        <row><c t=\"d\"><v>2024-01-31T10:20:30</v></c></row></sheetData></worksheet>";
    let bytes = workbook(&[("visits", sheet)], false);
    let old = "2024-01-31T10:20:30";
    assert_eq!(rows(opened(&bytes).unwrap()).unwrap(), [[old]]);
    let [copy, _] = copies(&bytes, &[(0, old, 0, "2024-02-01T10:20:30")]).unwrap();
    assert_eq!(rows(opened(&copy).unwrap()).unwrap(), [["2024-02-01T10:20:30"]]);
    for text in ["2024-02-01", "2024-02-31T10:20:30", "x"] {
        assert!(copies(&bytes, &[(0, old, 0, text)]).is_err());
    }
}

#[test]
fn the_sheet_is_the_named_one_or_the_only_one_with_a_table() {
    let empty = "<worksheet><sheetData><row><c/></row></sheetData></worksheet>";
    let one = workbook(&[("a", empty), ("b &amp; c", SHEET)], false);
    assert_eq!(opened(&one).unwrap().columns().len(), 9);
    let two = workbook(&[("a", SHEET), ("b &amp; c", SHEET)], false);
    let said = |sheet| table(file(&two), sheet, options()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(said(None), "several sheets hold a table: \"a\", \"b & c\"");
    assert_eq!(said(Some("d")), "the workbook has no sheet \"d\"; it has \"a\", \"b & c\"");
    assert_eq!(table(file(&two), Some("b & c"), options()).unwrap().columns().len(), 9);
    let error = opened(&workbook(&[("a", empty)], false)).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "no sheet holds a table; there are \"a\"");
}

/// Takes so many bytes, and then none.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_is_full_is_an_error_wherever_it_happens() {
    let bytes = simple();
    let whole = copies(&bytes, &[]).unwrap()[0].len();
    for room in (0..whole).step_by(97) {
        let copied =
            opened(&bytes).unwrap().copy(&Edit(Vec::new()), &mut [Full(whole), Full(room)], |_| Ok(()));
        let message = copied.unwrap_err().to_string();
        assert!(message.starts_with("could not write the marked copy"), "{message}");
    }
}

/// The same archive with another part, and with another list of types.
fn with_part(bytes: &[u8], name: &str, types: &str) -> Vec<u8> {
    let mut old = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut new = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..old.len() {
        let part = old.by_index_raw(number).unwrap();
        if part.name_raw() != b"[Content_Types].xml" {
            new.raw_copy_file(part).unwrap();
        }
    }
    for (name, text) in [(name, "<x/>"), ("[Content_Types].xml", types)] {
        new.start_file(name, SimpleFileOptions::default()).unwrap();
        new.write_all(text.as_bytes()).unwrap();
    }
    new.finish().unwrap().into_inner()
}

#[test]
fn rows_kept_for_a_pivot_table_are_read_over_and_never_copied() {
    let none = "<Types><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>";
    let main = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    let records = format!(
        "<Types><Override PartName=\"/xl/a.xml\" ContentType=\"{main}.pivotCacheRecords+xml\"/></Types>"
    );
    for (name, types) in [
        ("xl/pivotCache/pivotCacheRecords1.xml", none),
        ("XL/PIVOTCACHE/PIVOTCACHERECORDS12.XML", none),
        ("xl/a.xml", records.as_str()),
    ] {
        let bytes = with_part(&simple(), name, types);
        assert_eq!(rows(opened(&bytes).unwrap()).unwrap(), rows(opened(&simple()).unwrap()).unwrap());
        let mut output = Vec::new();
        let named = table(file(&bytes), Some("visits"), options()).unwrap();
        let error = named.copy(&Edit(Vec::new()), &mut [&mut output], |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("pivot table") && error.hint().is_some());
        assert!(output.is_empty());
    }
    let definition = with_part(&simple(), "xl/pivotCache/pivotCacheDefinition1.xml", none);
    assert!(copies(&definition, &[]).is_ok());
}

#[test]
fn damage_to_the_sheet_is_found_by_its_checksum() {
    let bytes = workbook(&[("a", "<worksheet><sheetData/></worksheet>"), ("b", SHEET)], false);
    // The second sheet is stored as it is.
    let at = bytes.windows(7).position(|window| window == b"45322</").unwrap();
    let broken = [&bytes[..at], b"45323", &bytes[at + 5..]].concat();
    for error in [opened(&broken).and_then(rows).unwrap_err(), copies(&broken, &[]).unwrap_err()] {
        assert_eq!(error.to_string(), "the checksum of the sheet is wrong");
    }
}

#[test]
fn parts_that_do_not_say_that_they_are_files_are_copied() {
    let mut bytes = simple();
    let heads = memchr::memmem::find_iter(&bytes, b"PK\x01\x02").collect::<Vec<_>>();
    for head in heads {
        // Made on DOS, without attributes: as Excel and LibreOffice write them.
        bytes[head + 5] = 0;
        bytes[head + 38..head + 42].fill(0);
    }
    let [copy, _] = copies(&bytes, &[]).unwrap();
    assert_eq!(cells(&copy), cells(&simple()));
}

#[test]
fn a_part_that_unpacks_to_far_too_much_is_refused() {
    let zeros = " ".repeat(80 << 20);
    let sheet = SHEET.replace("<row r=\"4\"/>", &zeros);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, (_, _, text)) in parts(&simple()) {
        zip.start_file(String::from_utf8(name.clone()).unwrap(), SimpleFileOptions::default()).unwrap();
        let is_sheet = name == b"xl/worksheets/sheet0.xml";
        zip.write_all(if is_sheet { sheet.as_bytes() } else { &text }).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    let wide = Options::new(Reading::Strict);
    let error = table(file(&bomb), None, Options { max_record_bytes: 1 << 30, ..wide }).and_then(rows);
    assert!(error.unwrap_err().to_string().starts_with("the sheet unpacks to far more than its size"));
    let error = table(file(&bomb), None, wide).and_then(rows).unwrap_err();
    assert_eq!(error.to_string(), "row 2: row is longer than 16777216 bytes");
}

#[test]
fn damage_never_panics() {
    let original = simple();
    let sheet = parts(&original)[b"xl/worksheets/sheet0.xml".as_slice()].2.clone();
    let mut random = StdRng::seed_from_u64(7);
    for round in 0..3000 {
        // Half of them within the sheet, where the checksum of the archive would hide most damage.
        let mut bytes = if round % 2 == 0 { original.clone() } else { sheet.clone() };
        for _ in 0..random.random_range(1..4) {
            let (at, length) = (random.random_range(0..bytes.len()), random.random_range(1..40));
            let end = (at + length).min(bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] ^= 1 << random.random_range(0..8),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if round % 2 == 1 {
            bytes = workbook(&[("visits", &String::from_utf8_lossy(&bytes))], false);
        }
        let _ = opened(&bytes).and_then(rows);
        let _ = copies(&bytes, &[(0, "7", 1, "new"), (1, "8", 0, "9")]);
    }
}
