//! Copies compared with their originals: chunk by chunk, cell by cell, and in what the directory says.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, Int96};
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Row as Record;
use parquet::schema::parser::parse_message_type;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

const SCHEMA: &str = "message visits {
    required int32 Id;
    optional int32 small (INTEGER(8,true));
    optional int32 unsigned (INTEGER(32,false));
    optional int64 large (INTEGER(64,false));
    optional float ratio;
    optional double weight;
    optional int32 price (DECIMAL(9,2));
    optional int64 cost (DECIMAL(18,3));
    optional fixed_len_byte_array(9) total (DECIMAL(20,2));
    optional binary sum (DECIMAL(30,1));
    optional binary note (STRING);
    required binary code (STRING);
    optional int32 born (DATE);
    optional int64 seen (TIMESTAMP(MICROS,true));
    optional int64 local (TIMESTAMP(NANOS,false));
    optional int64 stamp (TIMESTAMP(MILLIS,true));
    optional int32 at (TIME(MILLIS,false));
    optional boolean alive;
    optional int96 legacy;
    optional fixed_len_byte_array(16) key (UUID);
    optional binary raw;
    optional group period {
        required int32 start (DATE);
        optional group of { optional binary name (STRING); }
    }
    optional group names (LIST) { repeated group list { optional binary element (STRING); } }
}";

const ROWS: usize = 300;
const GROUPS: usize = 3;

fn present(row: usize, column: usize) -> bool {
    !(row * 7 + column * 3).is_multiple_of(11)
}

fn bytes(column: usize, row: usize) -> ByteArray {
    match column {
        9 => vec![row as u8, 1, 2].into(),
        20 => vec![0xff, row as u8].into(),
        _ => ByteArray::from(format!(" value {} ", row % 23).as_str()),
    }
}

/// Values and levels of one column of one group; lists have two elements in each third row.
fn write_column(writer: &mut ColumnWriter<'_>, column: usize, most: i16, repeats: bool, group: usize) {
    let (mut levels, mut repetitions, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for row in (group * ROWS)..(group + 1) * ROWS {
        for again in 0..if repeats && row % 3 == 0 { 2 } else { 1 } {
            repetitions.push(again);
            // A required column has no levels to be absent by.
            let here = most == 0 || present(row, column);
            levels.push(if here { most } else { most - 1 });
            rows.extend(here.then_some(row));
        }
    }
    let (levels, repetitions) = (Some(levels.as_slice()), repeats.then_some(repetitions.as_slice()));
    macro_rules! write {
        ($writer:expr, $value:expr) => {{
            let values: Vec<_> = rows.iter().map(|&row| $value(row)).collect();
            $writer.write_batch(&values, levels, repetitions).unwrap();
        }};
    }
    match writer {
        ColumnWriter::BoolColumnWriter(writer) => write!(writer, |row| row % 2 == 0),
        ColumnWriter::Int32ColumnWriter(writer) => write!(writer, |row| (row % 100) as i32),
        ColumnWriter::Int64ColumnWriter(writer) => write!(writer, |row| row as i64 * 1_000_003 - 5),
        ColumnWriter::Int96ColumnWriter(writer) => {
            write!(writer, |row| Int96::from(vec![row as u32, 0, 2_440_589]));
        }
        ColumnWriter::FloatColumnWriter(writer) => write!(writer, |row| row as f32 / 8.0),
        ColumnWriter::DoubleColumnWriter(writer) => write!(writer, |row| row as f64 / 10.0),
        ColumnWriter::ByteArrayColumnWriter(writer) => write!(writer, |row| bytes(column, row)),
        ColumnWriter::FixedLenByteArrayColumnWriter(writer) => write!(writer, |row| {
            let mut value = vec![0; if column == 8 { 9 } else { 16 }];
            value[5] = row as u8;
            value.into()
        }),
    }
}

fn write_file(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = properties
        .set_created_by("somebody else 1.0".into())
        .set_key_value_metadata(Some(vec![KeyValue::new("origin".into(), "ward 7".to_owned())]))
        .set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
    for group in 0..GROUPS {
        let columns = writer.schema_descr().columns().to_vec();
        let mut row_group = writer.next_row_group().unwrap();
        for (column, descriptor) in columns.iter().enumerate() {
            let mut chunk = row_group.next_column().unwrap().unwrap();
            let (most, repeats) = (descriptor.max_def_level(), descriptor.max_rep_level() > 0);
            write_column(chunk.untyped(), column, most, repeats, group);
            chunk.close().unwrap();
        }
        row_group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

fn rich() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(50)
        .set_bloom_filter_enabled(true)
}

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_column_encoding("Id".into(), Encoding::DELTA_BINARY_PACKED)
}

fn open_bytes(bytes: &[u8]) -> Result<ParquetTable> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    open(file)
}

fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
    let table = open_bytes(bytes).unwrap();
    let (width, mut rows) = (table.columns().len(), Vec::new());
    table
        .rows(&mut |row| {
            let text = |column| String::from_utf8(row.cell(column).into_owned()).unwrap();
            rows.push((0..width).map(text).collect());
            Ok(())
        })
        .unwrap();
    rows
}

/// New texts by copy, row (by `Id` and group, so the number of rows before) and column.
struct Scripted(Script);

type Script = fn(row: &dyn Row, seen: usize, edit: &mut dyn FnMut(usize, usize, &str));

fn at(seen: usize, row: usize, edit: impl FnOnce()) {
    if seen == row {
        edit();
    }
}

#[derive(Default)]
struct Seen(usize);

impl Editor for Scripted {
    type Work = Seen;

    fn begin(&self, work: &mut Seen) {
        work.0 = 0;
    }

    fn row(&self, row: &impl Row, work: &mut Seen, edit: &mut impl FnMut(usize, usize, &str)) {
        (self.0)(row, work.0, edit);
        work.0 += 1;
    }

    fn end(&self, _: &mut Seen) -> Result<()> {
        Ok(())
    }
}

fn copies<const N: usize>(bytes: &[u8], editor: &Scripted) -> Result<[Vec<u8>; N]> {
    let mut outputs = [const { Vec::new() }; N];
    let mut seen = 0;
    let rows = open_bytes(bytes)?.copy(editor, &mut outputs, |work| {
        seen += work.0;
        Ok(())
    })?;
    assert_eq!(rows, seen as u64);
    Ok(outputs)
}

fn reader(bytes: &[u8]) -> SerializedFileReader<std::fs::File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let options = ReadOptionsBuilder::new().with_encoding_stats_as_mask(false).build();
    SerializedFileReader::new_with_options(file, options).unwrap()
}

fn records(bytes: &[u8]) -> Vec<Record> {
    reader(bytes).get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn chunks(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let reader = reader(bytes);
    let groups = reader.metadata().row_groups().iter();
    let chunk = |(start, length): (u64, u64)| &bytes[start as usize..(start + length) as usize];
    groups.map(|group| group.columns().iter().map(|column| chunk(column.byte_range())).collect()).collect()
}

/// Everything the directory says that no edit may change.
fn assert_same_directory(old: &[u8], new: &[u8]) {
    let (old, new) = (reader(old), reader(new));
    let (old, new) = (old.metadata(), new.metadata());
    assert_eq!(old.file_metadata(), new.file_metadata());
    assert_eq!(old.num_row_groups(), new.num_row_groups());
    for (old, new) in old.row_groups().iter().zip(new.row_groups()) {
        assert_eq!(old.num_rows(), new.num_rows());
        assert_eq!(old.sorting_columns(), new.sorting_columns());
        assert_eq!(old.ordinal(), new.ordinal());
        for (old, new) in old.columns().iter().zip(new.columns()) {
            assert_eq!(
                old.definition_level_histogram().is_some(),
                new.definition_level_histogram().is_some()
            );
            assert_eq!(old.statistics().is_some(), new.statistics().is_some());
            assert_eq!(old.column_descr(), new.column_descr());
            assert_eq!(old.compression(), new.compression());
            assert_eq!(old.encodings_mask(), new.encodings_mask(), "{}", old.column_path());
            assert_eq!(old.page_encoding_stats(), new.page_encoding_stats(), "{}", old.column_path());
            assert_eq!(old.statistics().is_some(), new.statistics().is_some());
            assert_eq!(old.bloom_filter_length(), new.bloom_filter_length());
            assert_eq!(old.column_index_range().is_some(), new.column_index_range().is_some());
            assert_eq!(old.offset_index_range().is_some(), new.offset_index_range().is_some());
        }
    }
}

#[test]
fn columns_are_named_and_cells_have_their_text() {
    let file = write_file(rich());
    let table = open_bytes(&file).unwrap();
    let names = "Id small unsigned large ratio weight price cost total sum note code born seen local stamp \
        at alive legacy key $.period.start $.period.of.name";
    assert_eq!(table.columns(), names.split_whitespace().collect::<Vec<_>>());
    let cells = cells(&file);
    assert_eq!(cells.len(), ROWS * GROUPS);
    let expected = "1|1|1|999998|0.125|0.1|0.01|999.998|167772.16|6579.4|value 1|value 1|1970-01-02|\
        1970-01-01T00:00:00.999998Z|1970-01-01T00:00:00.000999998|1970-01-01T00:16:39.998Z|00:00:00.001|false|\
        1970-01-02T00:00:00.000000001|00000000-0001-0000-0000-000000000000|1970-01-02|value 1";
    let row = cells[1].join("|");
    // Absent cells are empty; the others must be as written here.
    for (found, wanted) in row.split('|').zip(expected.split('|')) {
        assert!(found.is_empty() || wanted.is_empty() || found == wanted, "{row}");
    }
}

#[test]
fn a_copy_without_edits_has_the_same_chunks_and_directory() {
    for properties in [rich(), plain()] {
        let file = write_file(properties);
        let [copy] = copies(&file, &Scripted(|_, _, _| ())).unwrap();
        assert_eq!(chunks(&file), chunks(&copy));
        assert_same_directory(&file, &copy);
        assert_eq!(records(&file), records(&copy));
        assert_eq!(indexes(&file), indexes(&copy));
        // Readers look at the minimum and maximum of a chunk; a second, deprecated form of them isn't repeated.
        assert_eq!(statistics(&file), statistics(&copy));
    }
}

/// Minimum, maximum and number of nulls of each chunk.
fn statistics(bytes: &[u8]) -> Vec<String> {
    let metadata = reader(bytes).metadata().clone();
    let chunks = metadata.row_groups().iter().flat_map(|group| group.columns());
    let said = chunks.map(|chunk| {
        let said = chunk
            .statistics()
            .map(|said| (said.min_bytes_opt(), said.max_bytes_opt(), said.null_count_opt()));
        format!("{said:?}")
    });
    said.collect()
}

/// The page indexes, their offsets counted from the first.
fn indexes(bytes: &[u8]) -> Vec<String> {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse(&tempfile_of(bytes)).unwrap();
    let metadata = reader.finish().unwrap();
    let mut list = Vec::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let indexes = metadata.page_index_for_row_group(number);
        for column in 0..group.num_columns() {
            let start = group.column(column).data_page_offset();
            let pages = indexes.page_locations(column).into_iter().flatten();
            let pages =
                pages.map(|page| (page.offset - start, page.compressed_page_size, page.first_row_index));
            let pages = pages.collect::<Vec<_>>();
            let sizes =
                indexes.offset_index(column).and_then(|index| index.unencoded_byte_array_data_bytes());
            list.push(format!("{:?} {pages:?} {sizes:?}", indexes.column_index(column)));
        }
    }
    list
}

/// An edit that fits, for each kind of column of the schema.
const FITTING: &[(usize, &str)] = &[
    (0, "77777"),
    (1, "-128"),
    (2, "4294967295"),
    (3, "18446744073709551615"),
    (4, "0.1"),
    (5, "12.75"),
    (6, "-1234567.89"),
    (7, "5.001"),
    (8, "-17.25"),
    (9, "12345678901234567890123456789.5"),
    (10, "größer"),
    (11, ""),
    (12, "2024-02-29"),
    (13, "2024-01-31T10:20:30.5Z"),
    (14, "2024-01-31T10:20:30.000000001"),
    (15, "2024-01-31T10:20:30Z"),
    (16, "23:59:59.999"),
    (17, "true"),
    (19, "01234567-89ab-cdef-0123-456789abcdef"),
    (20, "1999-12-31"),
    (21, "other"),
];

#[test]
fn edits_change_their_cells_and_nothing_else_in_each_copy() {
    let editor = Scripted(|row, _, edit| {
        let fits = |(column, _): &&(usize, &str)| !row.cell(*column).is_empty();
        match &*row.cell(0) {
            // All columns of one row in every group, in one copy.
            b"5" => FITTING.iter().filter(fits).for_each(|(column, text)| edit(0, *column, text)),
            b"6" => edit(1, 11, "second"),
            _ => {}
        }
    });
    for properties in [rich(), plain()] {
        let file = write_file(properties);
        let [first, second, third] = copies(&file, &editor).unwrap();
        let old = cells(&file);
        let (mut expected, mut expected_second) = (old.clone(), old.clone());
        for row in 0..old.len() {
            if old[row][0] == "5" {
                for (column, text) in FITTING.iter().filter(|(column, _)| !old[row][*column].is_empty()) {
                    expected[row][*column] = (*text).to_owned();
                }
            } else if old[row][0] == "6" {
                expected_second[row][11] = "second".into();
            }
        }
        assert!(cells(&first) == expected && cells(&second) == expected_second && cells(&third) == old);
        for copy in [&first, &second, &third] {
            let changed = records(&file).iter().zip(records(copy)).filter(|(old, new)| *old != new).count();
            assert!(changed <= 9, "three rows with this number in each of three groups");
            assert_eq!(reader(&file).metadata().file_metadata(), reader(copy).metadata().file_metadata());
        }
        assert_same_directory(&file, &second);
        assert_eq!(chunks(&file), chunks(&third));
        let untouched = |(column, _): &(usize, &[u8])| *column != 11;
        for (old, new) in chunks(&file).into_iter().zip(chunks(&second)) {
            let old: Vec<_> = old.into_iter().enumerate().filter(untouched).collect();
            let new: Vec<_> = new.into_iter().enumerate().filter(untouched).collect();
            assert_eq!(old, new);
        }
    }
}

#[test]
fn spaces_around_a_text_stay_and_statistics_and_filters_follow() {
    let file = write_file(rich());
    let [copy] = copies(
        &file,
        &Scripted(|row, _, edit| {
            if &*row.cell(0) == b"5" {
                edit(0, 11, "zzz");
            }
        }),
    )
    .unwrap();
    let reader = reader(&copy);
    let chunk = reader.metadata().row_group(0).column(11);
    assert_eq!(chunk.statistics().unwrap().max_bytes_opt(), Some(b" zzz ".as_slice()));
    let filter =
        parquet::bloom_filter::Sbbf::read_from_column_chunk(chunk, &tempfile_of(&copy)).unwrap().unwrap();
    assert!(filter.check(&ByteArray::from(" zzz ")));
    let other = reader.metadata().row_group(0).column(10);
    let filter =
        parquet::bloom_filter::Sbbf::read_from_column_chunk(other, &tempfile_of(&copy)).unwrap().unwrap();
    assert!(filter.check(&ByteArray::from(" value 1 ")));
}

fn tempfile_of(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn an_edit_that_changes_no_value_leaves_the_chunk() {
    let file = write_file(rich());
    let [copy] = copies(
        &file,
        &Scripted(|row, _, edit| {
            edit(0, 0, &String::from_utf8_lossy(&row.cell(0)));
        }),
    )
    .unwrap();
    assert_eq!(chunks(&file), chunks(&copy));
}

#[test]
fn an_edit_that_does_not_fit_is_an_error_that_names_the_place() {
    let file = write_file(rich());
    let cases: [(Scripted, &str); 3] = [
        (
            Scripted(|_, seen, edit| at(seen, 7, || edit(0, 0, "2147483648"))),
            "row 8, column `Id`: a new text does not fit the column's type",
        ),
        (
            Scripted(|row, _, edit| {
                if row.cell(10).is_empty() {
                    edit(0, 10, "x");
                }
            }),
            "row 3, column `note`: the cell holds no value, so none can be changed",
        ),
        (
            Scripted(|_, seen, edit| at(seen, 1, || edit(0, 18, "2024-01-31"))),
            "row 2, column `legacy`: dates of this type (INT96) can't be written any more",
        ),
    ];
    for (editor, message) in cases {
        let error = copies::<1>(&file, &editor).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_even_at_its_end() {
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
    let [file] = copies(&write_file(plain()), &Scripted(|_, _, _| ())).unwrap();
    for missing in [1, 500, file.len() - 4] {
        let result = open_bytes(&file).unwrap().copy(
            &Scripted(|_, _, _| ()),
            &mut [Full(file.len() - missing)],
            |_| Ok(()),
        );
        assert!(result.unwrap_err().to_string().starts_with("could not write"), "{missing}");
    }
}

#[test]
fn a_peek_passes_no_row_and_a_found_table_is_text() {
    let file = write_file(rich());
    let mut table = open_bytes(&file).unwrap();
    let mut seen = 0;
    table.peek(&mut |_| seen += 1).unwrap();
    assert_eq!(seen, ROWS);
    assert_eq!(table.rows(&mut |_| Ok(())).unwrap(), (ROWS * GROUPS) as u64);
    let mut text = String::new();
    let found = read(tempfile_of(&file), "visits").unwrap();
    { found.csv }.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("Id,small,") && text.lines().count() == ROWS * GROUPS + 1);
}

#[test]
fn no_mutation_of_a_file_panics() {
    let (mut opened, mut read_whole) = (0, 0);
    for (seed, file) in [(1, write_file(rich())), (2, write_file(plain()))] {
        let mut random = StdRng::seed_from_u64(seed);
        for _ in 0..1500 {
            let mut bytes = file.clone();
            // Half of the changes go to the directory, which is a small part of the file.
            let from = if random.random() { 0 } else { bytes.len() * 3 / 4 };
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(from..bytes.len());
                match random.random_range(0..4) {
                    0 => bytes[at] ^= 1 << random.random_range(0..8),
                    1 => bytes[at] = random.random(),
                    2 => {
                        let end = (at + random.random_range(1..9)).min(bytes.len());
                        bytes.drain(at..end);
                        bytes.resize(bytes.len().max(from + 1), 0);
                    }
                    _ => {
                        let end = (at + random.random_range(1..9)).min(bytes.len());
                        let part = bytes[at..end].to_vec();
                        bytes.splice(at..at, part);
                    }
                }
            }
            let Ok(table) = open_bytes(&bytes) else { continue };
            opened += 1;
            let width = table.columns().len();
            let all = table.rows(&mut |row| {
                (0..width).for_each(|column| drop(row.cell(column)));
                Ok(())
            });
            read_whole += usize::from(all.is_ok());
            let editor = Scripted(|row, seen, edit| {
                if seen % 50 == 3 && !row.cell(0).is_empty() {
                    edit(seen % 2, 0, "17");
                    edit(1, 11, "x");
                }
            });
            drop(copies::<2>(&bytes, &editor));
        }
    }
    assert!(opened > 500 && read_whole > 100);
}
