//! One table as a workbook of each format; calamine agrees that they are such workbooks.

use std::io::{Cursor, Write};

use calamine::{Data, Reader as _, Xls, Xlsb};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::table::format::block::Reading;

/// What all of them hold, from their second column on.
const CSV: &str = "Id,note,born,alive\n7,a <b> \u{fc},2024-01-31,true\n8.5,\u{3b1}\u{3b2} x,,false\n";

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn relations(list: &[(&str, &str, &str)]) -> Vec<u8> {
    let one = |(id, kind, target): &(&str, &str, &str)| {
        format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
    };
    format!("<Relationships>{}</Relationships>", list.iter().map(one).collect::<String>()).into_bytes()
}

fn xlsx() -> Vec<u8> {
    let row = |cells: &str| format!("<row>{cells}</row>");
    let text = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let names = row(&("<c/>".to_owned() + &["Id", "note", "born", "alive"].map(text).concat()));
    let first = format!(
        "<c/><c><v>7</v></c>{}<c s=\"1\"><v>45322</v></c><c t=\"b\"><v>1</v></c>",
        text("a &lt;b> \u{fc}")
    );
    let second = format!("<c/><c><v>8.5</v></c>{}<c/><c t=\"b\"><v>0</v></c>", text("\u{3b1}\u{3b2} x"));
    let sheet =
        format!("<worksheet><sheetData>{names}{}{}</sheetData></worksheet>", row(&first), row(&second));
    let sheets = "<workbook><sheets><sheet name=\"empty\" r:id=\"b\"/><sheet name=\"visits\" r:id=\"a\"/>\
        </sheets></workbook>";
    let styles = "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>";
    let parts = [("a", "worksheet", "1.xml"), ("b", "worksheet", "2.xml"), ("c", "styles", "styles.xml")];
    archive(&[
        ("_rels/.rels", &relations(&[("a", "officeDocument", "xl/workbook.xml")])),
        ("xl/workbook.xml", sheets.as_bytes()),
        ("xl/_rels/workbook.xml.rels", &relations(&parts)),
        ("xl/1.xml", sheet.as_bytes()),
        ("xl/2.xml", b"<worksheet><sheetData/></worksheet>"),
        ("xl/styles.xml", styles.as_bytes()),
    ])
}

fn ods() -> Vec<u8> {
    let text = |text: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>")
    };
    let names = ["Id", "note", "born", "alive"].map(text).concat();
    let content = format!(
        "<office:document-content><table:table table:name=\"empty\">\
        <table:table-row table:number-rows-repeated=\"1048576\">\
         <table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row></table:table>\
         <table:table table:name=\"visits\"><table:table-row>\
         <table:table-cell/>{names}</table:table-row><table:table-row>\
         <table:table-cell/><table:table-cell office:value-type=\"float\" office:value=\"7\">\
         <text:p>7.00</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"string\"><office:annotation><text:p>no</text:p>\
         </office:annotation>\
         <text:p>a <text:span>&lt;b></text:span><text:s/>\u{fc}</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"date\" office:date-value=\"2024-01-31\">\
         <text:p>31.1.</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"boolean\" office:boolean-value=\"true\"/>\
         </table:table-row><table:table-row>\
         <table:table-cell/>\
         <table:table-cell office:value-type=\"float\" office:value=\"8.5\"/>{}<table:table-cell/>\
         <table:table-cell office:value-type=\"boolean\" office:boolean-value=\"false\"/>\
         </table:table-row></table:table>\
         </office:document-content>",
        text("\u{3b1}\u{3b2}<text:s text:c=\"1\"/>x")
    );
    archive(&[("mimetype", ODS.as_bytes()), ("content.xml", content.as_bytes())])
}

fn wide(text: &str) -> Vec<u8> {
    let letters: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&(letters.len() as u32 / 2).to_le_bytes(), letters.as_slice()].concat()
}

/// A cell of an xlsb sheet.
fn binary_cell(kind: u8, column: u32, style: u32, value: &[u8]) -> Vec<u8> {
    binary(kind.into(), &[&column.to_le_bytes(), &style.to_le_bytes(), value].concat())
}

/// A record of an xlsb part.
fn binary(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = match kind {
        0..128 => vec![kind as u8],
        _ => vec![kind as u8 & 0x7f | 0x80, (kind >> 7) as u8],
    };
    record.extend([data.len() as u8 & 0x7f | 0x80, (data.len() >> 7) as u8]);
    record.extend(data);
    record
}

fn xlsb() -> Vec<u8> {
    let row = |number: u32| binary(0, &[&number.to_le_bytes()[..], &[0; 13]].concat());
    let shared = |column, number: u32| binary_cell(7, column, 0, &number.to_le_bytes());
    let sheet = [
        binary(0x81, &[]),
        binary(0x94, &[0; 16]),
        binary(0x91, &[]),
        row(4),
        [0, 1, 2, 3].map(|number| shared(number + 1, number)).concat(),
        row(5),
        binary_cell(2, 1, 0, &(7_u32 << 2 | 2).to_le_bytes()),
        binary_cell(6, 2, 0, &wide("a <b> \u{fc}")),
        binary_cell(5, 3, 1, &45322_f64.to_le_bytes()),
        binary_cell(10, 4, 0, &[1]),
        row(6),
        binary_cell(2, 1, 0, &(850_u32 << 2 | 3).to_le_bytes()),
        shared(2, 4),
        binary_cell(4, 4, 0, &[0]),
        binary(0x92, &[]),
    ];
    let bundle = |id, name| [&[0; 8][..], &wide(id), &wide(name)].concat();
    let book =
        [binary(0x99, &[0; 8]), binary(0x9c, &bundle("b", "empty")), binary(0x9c, &bundle("a", "visits"))];
    let texts = ["Id", "note", "born", "alive", "\u{3b1}\u{3b2} x"];
    let items = texts.map(|text| binary(0x13, &[&[0], wide(text).as_slice()].concat()));
    let xf = |id: u16| binary(0x2f, &[&[0; 2][..], &id.to_le_bytes(), &[0; 12]].concat());
    let styles = [binary(0x269, &2_u32.to_le_bytes()), xf(0), xf(14), binary(0x26a, &[])];
    let empty = [binary(0x81, &[]), binary(0x94, &[0; 16]), binary(0x91, &[]), binary(0x92, &[])];
    let parts = [
        ("a", "worksheet", "worksheets/sheet1.bin"),
        ("b", "worksheet", "worksheets/sheet2.bin"),
        ("c", "styles", "styles.bin"),
        ("d", "sharedStrings", "sharedStrings.bin"),
    ];
    archive(&[
        ("_rels/.rels", &relations(&[("a", "officeDocument", "xl/workbook.bin")])),
        ("xl/workbook.bin", &[book.concat(), binary(0x90, &[]), binary(0x84, &[])].concat()),
        ("xl/_rels/workbook.bin.rels", &relations(&parts)),
        ("xl/worksheets/sheet1.bin", &sheet.concat()),
        ("xl/worksheets/sheet2.bin", &empty.concat()),
        ("xl/styles.bin", &styles.concat()),
        ("xl/sharedStrings.bin", &[binary(0x9f, &[5, 0, 0, 0, 5, 0, 0, 0]), items.concat()].concat()),
    ])
}

/// An OLE file with one stream.
fn ole(name: &str, stream: &[u8]) -> Vec<u8> {
    const END: u32 = 0xffff_fffe;
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(512), 0);
    let sectors = stream.len() as u32 / 512;
    let mut header = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, OLE);
    put(24, &[0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    let numbers = [(44, 1), (48, 1), (56, 4096), (60, END), (68, END), (76, 0)];
    numbers.iter().for_each(|(at, number)| put(*at, &number.to_le_bytes()));
    put(80, &[0xff; 432]);
    let next = (3..2 + sectors).chain([END]);
    let mut fat: Vec<u8> = [0xffff_fffd, END].into_iter().chain(next).flat_map(u32::to_le_bytes).collect();
    fat.resize(512, 0xff);
    let entry = |name: &str, kind: u8, first: u32, bytes: u32| {
        let mut entry = vec![0; 128];
        let letters: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        entry[..letters.len()].copy_from_slice(&letters);
        entry[64] = letters.len() as u8 + 2;
        entry[66] = kind;
        entry[116..120].copy_from_slice(&first.to_le_bytes());
        entry[120..124].copy_from_slice(&bytes.to_le_bytes());
        entry
    };
    let root = entry("Root Entry", 5, END, 0);
    let entries = [root, entry(name, 2, 2, stream.len() as u32), vec![0; 256]].concat();
    [header, fat, entries, stream].concat()
}

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
}

fn xls_stream() -> Vec<u8> {
    let numbers = |list: &[u16]| list.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let bof = |kind| record(0x809, &[numbers(&[0x600, kind]), vec![0; 12]].concat());
    let narrow = |text: &str| [&(text.len() as u16).to_le_bytes()[..], &[0], text.as_bytes()].concat();
    // The last text changes how its letters are written where its record goes on, and has a format and a reading.
    let split = [&numbers(&[4])[..], &[1 | 4 | 8], &numbers(&[1, 2, 0]), &numbers(&[0x3b1, 0x3b2])].concat();
    let texts = [numbers(&[0; 4]), ["Id", "note", "born", "alive"].map(narrow).concat(), split].concat();
    let before = |place: u32| {
        let sheet = |place: u32, kind, name: &str| {
            record(
                0x85,
                &[&place.to_le_bytes()[..], &[0, kind, name.len() as u8, 0], name.as_bytes()].concat(),
            )
        };
        let xf = |format| record(0xe0, &[numbers(&[0, format]), vec![0; 16]].concat());
        let format = [numbers(&[164]), narrow("yyyy-mm-dd")].concat();
        [
            bof(5),
            record(0x22, &[0, 0]),
            record(0x41e, &format),
            [xf(0), xf(164)].concat(),
            [sheet(0, 2, "chart"), sheet(place, 0, "visits")].concat(),
            record(0xfc, &texts),
            record(0x3c, &[&[0][..], b" x", &[0; 6]].concat()),
            record(0x0a, &[]),
        ]
        .concat()
    };
    let cell = |kind, row, column, style, value: &[u8]| {
        record(kind, &[&numbers(&[row, column, style]), value].concat())
    };
    let shared = |row, column, number: u16| cell(0xfd, row, column, 0, &numbers(&[number, 0]));
    let rk = |number: u32| number.to_le_bytes();
    let sheet = [
        bof(16),
        [0, 1, 2, 3].map(|column| shared(2, column + 1, column)).concat(),
        cell(0x27e, 3, 1, 0, &rk(7 << 2 | 2)),
        // A computed text follows its formula.
        cell(0x06, 3, 2, 0, &[numbers(&[0, 0, 0, u16::MAX]), vec![0; 8]].concat()),
        record(0x207, &[numbers(&[7]), vec![0], b"a <b> \xfc".to_vec()].concat()),
        [bof(32), shared(3, 3, 0), record(0x0a, &[])].concat(),
        cell(0x203, 3, 3, 1, &45322_f64.to_le_bytes()),
        cell(0x205, 3, 4, 0, &[1, 0]),
        cell(0xbd, 4, 1, 0, &[&rk(850 << 2 | 3)[..], &numbers(&[1])].concat()),
        shared(4, 2, 4),
        cell(0x205, 4, 3, 0, &[0x2a, 1]),
        cell(0x205, 4, 4, 0, &[0, 0]),
        record(0x0a, &[]),
    ];
    [before(before(0).len() as u32), sheet.concat()].concat()
}

fn xls() -> Vec<u8> {
    ole("Workbook", &xls_stream())
}

fn tables(bytes: &[u8]) -> Result<Vec<(String, String, Option<String>)>> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let Some(format) = sniff(&file)? else { return Ok(Vec::new()) };
    let found = read(file, format, "", Options::new(Reading::Tolerant))?.into_iter().map(|mut found| {
        let mut text = Vec::new();
        let error = found.csv.read_to_end(&mut text).err().map(|error| error.to_string());
        (found.name, String::from_utf8_lossy(&text).into_owned(), error)
    });
    Ok(found.collect())
}

#[test]
fn all_formats_give_the_same_table() {
    for bytes in [xlsx(), xlsb(), xls(), ods()] {
        assert_eq!(tables(&bytes).unwrap(), [("visits".to_owned(), CSV.to_owned(), None)]);
    }
}

#[test]
fn sheets_are_read_in_any_order_and_at_once() {
    let row = |sheet, row| format!("<row><c><v>{sheet}</v></c><c><v>{row}</v></c></row>");
    let sheet = |sheet| {
        let rows: String = (0..60_000).map(|number| row(sheet, number)).collect();
        format!("<worksheet><sheetData>{rows}</sheetData></worksheet>").into_bytes()
    };
    let book =
        "<workbook><sheets><sheet name=\"x\" r:id=\"a\"/><sheet name=\"y\" r:id=\"b\"/></sheets></workbook>";
    let bytes = archive(&[
        ("xl/workbook.xml", book.as_bytes()),
        (
            "xl/_rels/workbook.xml.rels",
            &relations(&[("a", "worksheet", "1.xml"), ("b", "worksheet", "2.xml")]),
        ),
        ("xl/1.xml", &sheet(1)),
        ("xl/2.xml", &sheet(2)),
    ]);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let mut found = read(file, Workbook::Xlsx, "book.xlsx", Options::new(Reading::Tolerant)).unwrap();
    assert_eq!([&found[0].name, &found[1].name], ["book.xlsx/x", "book.xlsx/y"]);
    let mut texts = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        for number in [1, 0] {
            found[number].csv.by_ref().take(100_000).read_to_end(&mut texts[number]).unwrap();
        }
    }
    for (number, text) in texts.iter().enumerate() {
        let expected: String = (0..60_000).map(|row| format!("{},{row}\n", number + 1)).collect();
        assert_eq!(String::from_utf8_lossy(text), expected);
    }
}

#[test]
fn another_reader_takes_the_binary_ones_for_what_they_are() {
    let xls = Xls::new(Cursor::new(xls())).unwrap().worksheet_range("visits").unwrap();
    let xlsb = Xlsb::new(Cursor::new(xlsb())).unwrap().worksheet_range("visits").unwrap();
    for range in [xls, xlsb] {
        let cell = |row, column| range.get((row, column)).cloned().unwrap();
        assert_eq!(cell(0, 0), Data::String("Id".into()));
        assert_eq!(cell(1, 1), Data::String("a <b> \u{fc}".into()));
        assert_eq!(cell(2, 1), Data::String("\u{3b1}\u{3b2} x".into()));
        assert_eq!(cell(2, 0), Data::Float(8.5));
        assert_eq!(cell(2, 3), Data::Bool(false));
    }
}

#[test]
fn files_that_are_no_workbooks_are_told_from_them() {
    let format = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let format = sniff(&file).unwrap();
        assert_eq!(file.stream_position().unwrap(), 0);
        format
    };
    let all = [xlsx(), xlsb(), xls(), ods()].map(|bytes| format(&bytes));
    assert_eq!(all, [Workbook::Xlsx, Workbook::Xlsb, Workbook::Xls, Workbook::Ods].map(Some));
    assert_eq!(format(b""), None);
    assert_eq!(format(b"PK\x03\x04..."), None);
    assert_eq!(format(&archive(&[("a.csv", b"a,b\n")])), None);
    assert_eq!(
        format(&archive(&[("_rels/.rels", &relations(&[("a", "officeDocument", "word/document.xml")]))])),
        None
    );
}

#[test]
fn workbooks_that_cannot_be_read_say_why() {
    let said = |bytes: &[u8]| tables(bytes).unwrap_err().to_string();
    assert_eq!(said(&ole("EncryptedPackage", b"x")), "the workbook is encrypted");
    assert_eq!(said(&ole("Book", b"x")), "the workbook is older than Excel 97");
    assert_eq!(said(&ole("WordDocument", b"x")), "the file is damaged, or no workbook of its kind");
    assert_eq!(said(OLE), "the file is damaged, or no workbook of its kind");
    // A sheet that is cut off gives what comes before.
    let stream = xls_stream();
    let cut = tables(&ole("Workbook", &stream[..stream.len() - 20])).unwrap().remove(0);
    assert!(cut.1.starts_with("Id,note,born,alive\n7,") && cut.2.is_some());
}

#[test]
fn claims_are_not_believed() {
    // Far cells, and cells that are there very often, cost what they are worth.
    let cell = "<table:table-cell office:value-type=\"string\" table:number-columns-repeated=\"99999999999\">\
        <text:p><text:s text:c=\"4000000000\"/>x</text:p></table:table-cell>";
    let content = format!(
        "<a><table:table>\
        <table:table-row table:number-rows-repeated=\"4000000000\">{cell}</table:table-row>\
        </table:table></a>"
    );
    let bytes = archive(&[("mimetype", ODS.as_bytes()), ("content.xml", content.as_bytes())]);
    let (_, text, error) = tables(&bytes).unwrap().remove(0);
    assert!(text.len() < 70 << 20);
    assert_eq!(error.unwrap(), "the sheets of the workbook hold more than 67108864 bytes of text");
    let sheet = "<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData><row r=\"1\"><c r=\"A1\">\
    <v>1</v></c></row>\
        <row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c></row></sheetData></worksheet>";
    let book = "<workbook><sheets><sheet name=\"s\" r:id=\"a\"/></sheets></workbook>";
    let bytes = archive(&[
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", &relations(&[("a", "worksheet", "1.xml")])),
        ("xl/1.xml", sheet.as_bytes()),
    ]);
    assert_eq!(tables(&bytes).unwrap()[0].1, "1\n");
}

#[test]
fn damage_never_panics() {
    let mut random = StdRng::seed_from_u64(3);
    let (stream, all) = (xls_stream(), [xlsx(), xlsb(), xls(), ods()]);
    for round in 0..2500 {
        // The stream within its file too, since damage to the file hides that to it.
        let original = if round % 5 == 4 { &stream } else { &all[round % 5] };
        let mut bytes = original.clone();
        for _ in 0..random.random_range(1..5) {
            let at = random.random_range(0..bytes.len());
            let end = (at + random.random_range(1..30)).min(bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] ^= 1 << random.random_range(0..8),
                1 if bytes.len() > 40 => drop(bytes.drain(at..end)),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        let _ =
            tables(&if round % 5 == 4 { ole("Workbook", &bytes[..bytes.len().min(50_000)]) } else { bytes });
    }
}
