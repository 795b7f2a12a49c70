//! Copies of files and streams, and what edits and damage make of them.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use arrow_array::builder::{ListBuilder, StringBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, UInt16Type};
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::table::Row;
use crate::table::format::block::Reading;
use crate::table::format::copy::{Editor, Table};

/// Makes the cells of some columns say something, in all rows that hold anything.
struct Say<'a>(&'a [(usize, u64, &'a str)]);

impl Editor for Say<'_> {
    type Work = u64;

    fn begin(&self, rows: &mut u64) {
        *rows = 0;
    }

    fn row(&self, _: &impl Row, rows: &mut u64, edit: &mut impl FnMut(usize, usize, &str)) {
        *rows += 1;
        for (column, _, text) in self.0.iter().filter(|(_, row, _)| row == rows) {
            edit(1, *column, text);
        }
    }

    fn end(&self, _: &mut u64) -> Result<()> {
        Ok(())
    }
}

fn strict() -> Options {
    Options::new(Reading::Strict)
}

fn on_disk(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// All columns: (name, array). Three rows, the last one without values.
fn arrays() -> Vec<(&'static str, ArrayRef)> {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("x"), None]);
    list.append_null();
    list.append_value([Some("y")]);
    let mut views = StringViewBuilder::new();
    views.append_value("a text of more than twelve");
    views.append_value("short");
    views.append_null();
    let child: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_753), None, Some(1)]));
    let fields = vec![Arc::new(Field::new("start", DataType::Date32, true))];
    let period = StructArray::new(fields.into(), vec![child], Some(vec![true, true, false].into()));
    let moments = TimestampMicrosecondArray::from(vec![Some(1_706_696_430_500_000), Some(0), None]);
    let days = Date64Array::from(vec![Some(86_400_000), Some(1), None]);
    let decimals = Decimal128Array::from(vec![Some(1230), Some(-5), None]);
    vec![
        ("Id", Arc::new(Int32Array::from(vec![1, 2, 3])) as ArrayRef),
        ("list", Arc::new(list.finish())),
        ("name", Arc::new(StringArray::from(vec![Some(" Ann "), Some("Bea"), None]))),
        ("view", Arc::new(views.finish())),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("period", Arc::new(period)),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\xff"[..]), None, Some(b"")]))),
        ("moment", Arc::new(moments.with_timezone("Europe/Berlin"))),
        ("day", Arc::new(days)),
        ("price", Arc::new(decimals.with_precision_and_scale(10, 2).unwrap())),
        ("float", Arc::new(Float64Array::from(vec![Some(0.1), Some(1e20), None]))),
        ("small", Arc::new(UInt8Array::from(vec![Some(255), Some(0), None]))),
        ("kind", Arc::new(DictionaryArray::<Int8Type>::from_iter([Some("m"), Some("f"), None]))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("long"), Some(""), None]))),
        ("null", Arc::new(NullArray::new(3))),
    ]
}

const FIRST: &str = "1,Ann,a text of more than twelve,true,2024-01-31,2024-01-31T10:20:30.5Z,1970-01-02,\
                     12.30,0.1,255,m,long,";

fn batch() -> RecordBatch {
    let arrays = arrays();
    let fields = arrays.iter().map(|(name, array)| {
        let field = Field::new(*name, array.data_type().clone(), *name != "Id");
        field.with_metadata([("unit".to_owned(), "mm".to_owned())])
    });
    let metadata = [("origin".to_owned(), "ward 7".to_owned())];
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata);
    RecordBatch::try_new(Arc::new(schema), arrays.into_iter().map(|(_, array)| array).collect()).unwrap()
}

fn options(codec: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(codec).unwrap()
}

fn file_bytes(codec: Option<CompressionType>) -> Vec<u8> {
    let batch = batch();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options(codec)).unwrap();
    writer.write_metadata("note", "kept");
    writer.write(&batch).unwrap();
    writer.write(&batch.slice(0, 2)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn stream_bytes(codec: Option<CompressionType>) -> Vec<u8> {
    let batch = batch();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options(codec)).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

const CODECS: [Option<CompressionType>; 3] =
    [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];

fn copies(table: ArrowTable, edits: &[(usize, u64, &str)]) -> Result<[Vec<u8>; 2]> {
    let mut outputs = [Vec::new(), Vec::new()];
    table.copy(&Say(edits), &mut outputs, |_| Ok(()))?;
    Ok(outputs)
}

fn texts(table: ArrowTable) -> Result<Vec<String>> {
    let (width, rows) = (table.columns().len(), Mutex::new(Vec::new()));
    table.rows(&mut |row| {
        let cells: Vec<_> =
            (0..width).map(|column| String::from_utf8(row.cell(column).into_owned()).unwrap()).collect();
        rows.lock().unwrap().push(cells.join(","));
        Ok(())
    })?;
    Ok(rows.into_inner().unwrap())
}

#[test]
fn cells_of_all_types_are_text() {
    let mut table = table(on_disk(&file_bytes(None)), strict()).unwrap();
    let names = "Id,name,view,bool,$.period.start,moment,day,price,float,small,kind,large,null";
    assert_eq!(table.columns().join(","), names);
    let mut seen = 0;
    table.peek(&mut |_| seen += 1).unwrap();
    assert_eq!(seen, 3);
    let rows = texts(table).unwrap();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows[0], FIRST);
    let second = "2,Bea,short,false,,1970-01-01T00:00:00Z,1970-01-01T00:00:00.001,-0.05,\
                  100000000000000000000,0,f,,";
    assert_eq!(rows[1], second);
    assert_eq!(rows[2], "3,,,,,,,,,,,,");
}

#[test]
fn a_copy_without_edits_is_the_same_file() {
    for codec in CODECS {
        let (file, bytes) = (file_bytes(codec), stream_bytes(codec));
        assert!(copies(table(on_disk(&file), strict()).unwrap(), &[]).unwrap()[1] == file);
        assert!(copies(stream(Cursor::new(bytes.clone()), strict()).unwrap(), &[]).unwrap()[0] == bytes);
    }
}

/// For the first two rows of each batch.
const EDITS: [(usize, u64, &str); 12] = [
    (0, 1, "77"),
    (1, 1, "Annabella"),
    (2, 2, "now it is longer than twelve"),
    (3, 1, "false"),
    (4, 1, "2024-02-29"),
    (5, 1, "2024-01-31T10:20:31Z"),
    (6, 1, "1970-01-05"),
    (7, 2, "-0.06"),
    (8, 1, "0.25"),
    (9, 1, "7"),
    (10, 1, "f"),
    (11, 1, "l"),
];

const EDITED: [&str; 2] = [
    "77,Annabella,a text of more than twelve,false,2024-02-29,2024-01-31T10:20:31Z,1970-01-05,\
     12.30,0.25,7,f,l,",
    "2,Bea,now it is longer than twelve,false,,1970-01-01T00:00:00Z,1970-01-01T00:00:00.001,-0.06,\
     100000000000000000000,0,f,,",
];

#[test]
fn edits_change_the_cells_that_they_name_and_nothing_else() {
    for codec in CODECS {
        let original = file_bytes(codec);
        let [plain, edited] = copies(table(on_disk(&original), strict()).unwrap(), &EDITS).unwrap();
        assert!(plain == original);
        let rows = texts(table(on_disk(&edited), strict()).unwrap()).unwrap();
        assert_eq!(rows[..2], EDITED);
        assert_eq!(rows[2], "3,,,,,,,,,,,,");
        // The library agrees, and finds all that is no cell as it was.
        let old = FileReader::try_new(Cursor::new(&original), None).unwrap();
        let new = FileReader::try_new(Cursor::new(&edited), None).unwrap();
        assert_eq!((old.schema(), old.custom_metadata()), (new.schema(), new.custom_metadata()));
        for (old, new) in old.zip(new) {
            let (old, new) = (old.unwrap(), new.unwrap());
            for untouched in ["list", "bytes", "null"] {
                assert_eq!(old.column_by_name(untouched), new.column_by_name(untouched));
            }
            let names = new.column_by_name("name").unwrap();
            let names = names.as_any().downcast_ref::<StringArray>().unwrap();
            assert_eq!(names.value(0), " Annabella ");
        }
    }
}

#[test]
fn edits_in_a_stream_too() {
    for codec in CODECS {
        let bytes = stream_bytes(codec);
        let edited = copies(stream(Cursor::new(bytes), strict()).unwrap(), &EDITS).unwrap()[1].clone();
        let rows =
            StreamReader::try_new(Cursor::new(&edited), None).unwrap().map(|batch| batch.unwrap().num_rows());
        assert_eq!(rows.sum::<usize>(), 6);
        assert_eq!(texts(stream(Cursor::new(edited), strict()).unwrap()).unwrap()[3..5], EDITED);
    }
}

#[test]
fn a_replaced_text_leaves_nothing_behind() {
    let edits = [(1, 2, "Zoe"), (2, 1, "x")];
    let [_, edited] = copies(table(on_disk(&file_bytes(None)), strict()).unwrap(), &edits).unwrap();
    assert!(!edited.windows(3).any(|bytes| bytes == b"Bea"));
    assert!(!edited.windows(6).any(|bytes| bytes == b"twelve"));
}

#[test]
fn an_edit_that_the_type_cannot_hold_is_an_error_with_its_place() {
    let cases = [
        (0, "2147483648", "row 2, column `Id`: a new text does not fit the column's type"),
        (7, "0.001", "row 2, column `price`: a new text does not fit the column's type"),
        (4, "2024-01-01", "row 2, column `$.period.start`: the cell holds no value, so none can be changed"),
    ];
    for (column, text, message) in cases {
        let table = table(on_disk(&file_bytes(None)), strict()).unwrap();
        let error = copies(table, &[(column, 2, text)]).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
}

/// Batches of a column of texts and one of numbers, each with the dictionary as it is; the first is ordered if asked.
fn kinds(batches: &[(&[&str], &[i64])], is_ordered: bool) -> Vec<RecordBatch> {
    let batch = |(texts, numbers): &(&[&str], &[i64])| {
        let texts: DictionaryArray<Int8Type> = texts.iter().copied().collect();
        let keys = UInt16Array::from_iter_values(0..numbers.len() as u16);
        let numbers = DictionaryArray::new(keys, Arc::new(Int64Array::from(numbers.to_vec())));
        let field = |name: &str, array: &dyn Array| Field::new(name, array.data_type().clone(), true);
        let first = field("kind", &texts).with_dict_is_ordered(is_ordered);
        let schema = Arc::new(Schema::new(vec![first, field("code", &numbers)]));
        RecordBatch::try_new(schema, vec![Arc::new(texts), Arc::new(numbers)]).unwrap()
    };
    batches.iter().map(batch).collect()
}

fn as_stream(batches: &[RecordBatch], handling: DictionaryHandling) -> Vec<u8> {
    let options = IpcWriteOptions::default().with_dictionary_handling(handling);
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn as_file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// The rows as the library reads them.
fn library(
    batches: impl Iterator<Item = std::result::Result<RecordBatch, arrow_schema::ArrowError>>,
) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.unwrap();
        let kinds = batch.column(0).as_dictionary::<Int8Type>().downcast_dict::<StringArray>().unwrap();
        let codes = batch.column(1).as_dictionary::<UInt16Type>().downcast_dict::<Int64Array>().unwrap();
        rows.extend((0..batch.num_rows()).map(|row| format!("{},{}", kinds.value(row), codes.value(row))));
    }
    rows
}

const NEW: [(usize, u64, &str); 4] = [(0, 1, "new"), (1, 1, "77"), (0, 2, "m"), (1, 2, "78")];
const GROWN: [&str; 6] = ["new,77", "m,78", "f,9", "new,77", "m,78", "f,9"];

#[test]
fn a_dictionary_of_a_file_grows() {
    let batches = kinds(&[(&["m", "f", "f"], &[7, 8, 9]), (&["m", "f", "f"], &[7, 8, 9])], false);
    let original = as_file(&batches);
    let [plain, edited] = copies(table(on_disk(&original), strict()).unwrap(), &NEW).unwrap();
    assert!(plain == original);
    assert_eq!(texts(table(on_disk(&edited), strict()).unwrap()).unwrap(), GROWN);
    assert_eq!(library(FileReader::try_new(Cursor::new(&edited), None).unwrap()), GROWN);
    // Once more: a copy is a file like another.
    let again = [(0, 3, "x"), (0, 1, "new"), (1, 3, "77")];
    let [_, edited] = copies(table(on_disk(&edited), strict()).unwrap(), &again).unwrap();
    let rows = library(FileReader::try_new(Cursor::new(&edited), None).unwrap());
    assert_eq!(rows[2..4], ["x,77", "new,77"]);
    // A file that lost its footer is a stream with the same deltas.
    assert_eq!(found(&edited[..edited.len() - 3]).0.lines().skip(1).collect::<Vec<_>>(), rows);
}

#[test]
fn a_dictionary_of_a_stream_grows() {
    let batches = kinds(&[(&["m", "f", "f"], &[7, 8, 9]), (&["m", "f", "f"], &[7, 8, 9])], false);
    for handling in [DictionaryHandling::Resend, DictionaryHandling::Delta] {
        let [plain, edited] =
            copies(stream(Cursor::new(as_stream(&batches, handling)), strict()).unwrap(), &NEW).unwrap();
        assert!(plain == as_stream(&batches, handling));
        assert_eq!(library(StreamReader::try_new(Cursor::new(&edited), None).unwrap()), GROWN);
        assert_eq!(texts(stream(Cursor::new(edited), strict()).unwrap()).unwrap(), GROWN);
    }
    // The original's dictionary is exchanged, or grows itself.
    let batches = kinds(&[(&["m", "f", "f"], &[7, 8, 9]), (&["m", "f", "u"], &[5, 6, 9])], false);
    let bytes = as_stream(&batches, DictionaryHandling::Resend);
    let [_, edited] = copies(stream(Cursor::new(bytes), strict()).unwrap(), &NEW).unwrap();
    let rows = library(StreamReader::try_new(Cursor::new(&edited), None).unwrap());
    assert_eq!(rows[3..], ["new,77", "m,78", "u,9"]);
    let bytes = as_stream(&batches, DictionaryHandling::Delta);
    let error = copies(stream(Cursor::new(bytes), strict()).unwrap(), &NEW).unwrap_err();
    assert!(error.to_string().contains("grows further") && error.hint().is_some());
}

#[test]
fn values_of_any_type_can_be_added() {
    let texts = |array: ArrayRef| DictionaryArray::new(Int32Array::from(vec![0]), array);
    let dates = Date32Array::from(vec![1]);
    let prices = Decimal128Array::from(vec![100]).with_precision_and_scale(10, 2).unwrap();
    let moments = TimestampMillisecondArray::from(vec![0]).with_timezone("UTC");
    for (array, new) in [
        (Arc::new(StringViewArray::from(vec!["short"])) as ArrayRef, "a text of more than twelve"),
        (Arc::new(LargeStringArray::from(vec!["short"])), "x"),
        (Arc::new(dates), "2024-02-29"),
        (Arc::new(prices), "-12.30"),
        (Arc::new(moments), "2024-01-31T10:20:30.5Z"),
        (Arc::new(Float64Array::from(vec![0.5])), "0.25"),
    ] {
        let batch = RecordBatch::try_from_iter([("c", Arc::new(texts(array)) as ArrayRef)]).unwrap();
        let [_, edited] =
            copies(table(on_disk(&as_file(&[batch])), strict()).unwrap(), &[(0, 1, new)]).unwrap();
        assert_eq!(self::texts(table(on_disk(&edited), strict()).unwrap()).unwrap(), [new]);
        assert_eq!(
            FileReader::try_new(Cursor::new(&edited), None)
                .unwrap()
                .map(|batch| batch.unwrap().num_rows())
                .sum::<usize>(),
            1
        );
    }
}

#[test]
fn a_dictionary_that_is_full_or_ordered_does_not_grow() {
    let many: Vec<String> = (0..128).map(|number| format!("v{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let numbers: Vec<i64> = (0..128).collect();
    let full = as_file(&kinds(&[(&many, &numbers)], false));
    let error = copies(table(on_disk(&full), strict()).unwrap(), &NEW[..1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1, column `kind`: the column's dictionary can't grow beyond 128 values"
    );
    assert!(error.hint().unwrap().contains("int32"));
    let ordered = as_file(&kinds(&[(&["m", "f"], &[7, 8])], true));
    let error = copies(table(on_disk(&ordered), strict()).unwrap(), &NEW[..1]).unwrap_err();
    assert!(error.to_string().ends_with("a new text is not among the values of the column's dictionary"));
}

#[test]
fn the_first_bytes_tell_files_and_streams() {
    assert_eq!(sniff(&file_bytes(None)), Some(Kind::File));
    assert_eq!(sniff(&stream_bytes(None)), Some(Kind::Stream));
    assert_eq!(sniff(&stream_bytes(None)[..16]), Some(Kind::Stream));
    for other in [&b""[..], b"ARROW", b"PAR1", b"\xff\xff\xff\xff\0\0\0\0", b"a,b\n1,2\n"] {
        assert_eq!(sniff(other), None);
    }
}

fn found(bytes: &[u8]) -> (String, bool) {
    let Ok(mut found) = read(on_disk(bytes), "", Options::new(Reading::Tolerant)) else {
        return (String::new(), false);
    };
    let mut text = Vec::new();
    let whole = found.csv.read_to_end(&mut text).is_ok();
    (String::from_utf8(text).unwrap(), whole)
}

#[test]
fn whole_batches_of_a_file_that_is_cut_off_are_read() {
    let file = file_bytes(None);
    let (all, whole) = found(&file);
    assert!(whole);
    assert_eq!(all.lines().count(), 9);
    assert_eq!(all.lines().nth(1), Some(FIRST));
    let footerless = &file[..file.len() - 20];
    assert_eq!(found(footerless), (all.clone(), true));
    let (part, whole) = found(&file[..file.len() * 6 / 10]);
    assert!(!whole);
    assert!(part.lines().count() > 1 && all.starts_with(&part));
}

/// A bit flipped, an end cut off, or a part doubled.
fn damaged(bytes: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..bytes.len());
        match random.random_range(0..8) {
            0 => bytes.truncate(at.max(1)),
            1 => {
                let part = bytes[at..bytes.len().min(at + 24)].to_vec();
                bytes.splice(at..at, part);
            }
            2 => bytes[at] = 0xff,
            _ => bytes[at] ^= 1 << random.random_range(0..8),
        }
    }
    bytes
}

#[test]
fn no_damage_makes_a_panic() {
    let mut random = StdRng::seed_from_u64(7);
    let batches = kinds(&[(&["m", "f", "f"], &[7, 8, 9]), (&["m", "f", "u"], &[7, 8, 9])], false);
    let grown = copies(table(on_disk(&as_file(&batches[..1])), strict()).unwrap(), &NEW).unwrap()[1].clone();
    let growing = as_stream(&batches, DictionaryHandling::Delta);
    for _ in 0..1500 {
        let bad = damaged(&grown, &mut random);
        let _ = found(&bad);
        if let Ok(table) = table(on_disk(&bad), strict()) {
            let _ = copies(table, &[(0, 3, "x"), (1, 1, "5"), (1, 3, "6")]);
        }
        let bad = damaged(&growing, &mut random);
        if let Ok(table) = stream(Cursor::new(bad), strict()) {
            let _ = copies(table, &NEW);
        }
    }
    for codec in CODECS {
        let (file, bytes) = (file_bytes(codec), stream_bytes(codec));
        for _ in 0..700 {
            let bad = damaged(&file, &mut random);
            if let Ok(table) = table(on_disk(&bad), strict()) {
                let _ = copies(table, &EDITS);
            }
            if let Ok(table) = table(on_disk(&bad), strict()) {
                let _ = copies(table, &[(10, 1, "new"), (10, 2, "newer")]);
            }
            let _ = found(&bad);
            let bad = damaged(&bytes, &mut random);
            let _ = sniff(&bad);
            if let Ok(table) = stream(Cursor::new(bad), strict()) {
                let _ = copies(table, &EDITS);
            }
        }
    }
}

#[test]
fn a_buffer_that_claims_more_than_it_can_hold_is_refused() {
    let mut bytes = stream_bytes(Some(CompressionType::LZ4_FRAME));
    let frame = bytes.windows(4).position(|four| four == [0x04, 0x22, 0x4d, 0x18]).unwrap();
    bytes[frame - 8..frame].copy_from_slice(&(1_i64 << 31).to_le_bytes());
    let error = texts(stream(on_disk(&bytes), strict()).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "row 1: an Arrow message can't be read");
}
