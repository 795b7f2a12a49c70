//! Row groups longer than what is decoded at once: looks at them, and the pages of their copies.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::span::SPAN_ROWS;
use super::*;
use crate::table::Row;
use crate::table::format::copy::{Editor, Table};

const SCHEMA: &str = "message long {
    required int64 id;
    optional binary note (STRING);
    optional double weight;
    required binary code (STRING);
}";

/// Neither a multiple of the spans nor of the pages.
const GROUPS: [usize; 2] = [5 * SPAN_ROWS + 1234, 2 * SPAN_ROWS + 1];

/// Not a divisor of the spans.
const PAGE_ROWS: usize = 700;

fn long_file() -> Vec<u8> {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut first = 0;
    for rows in GROUPS {
        let ids: Vec<i64> = (first..first + rows as i64).collect();
        let text = |id: &i64| ByteArray::from(format!("{} of {id}", id % 11).as_str());
        let (filled, codes): (Vec<_>, Vec<_>) =
            (ids.iter().filter(|id| *id % 7 > 0).collect(), ids.iter().map(text).collect());
        let notes: Vec<ByteArray> = filled.iter().map(|id| text(id)).collect();
        let weights: Vec<f64> = filled.iter().map(|id| **id as f64 / 100.0).collect();
        let levels: Vec<i16> = ids.iter().map(|id| i16::from(id % 7 > 0)).collect();
        let mut group = writer.next_row_group().unwrap();
        let mut next = |column: usize| {
            let mut chunk = group.next_column().unwrap().unwrap();
            match column {
                0 => chunk.typed::<Int64Type>().write_batch(&ids, None, None),
                1 => chunk.typed::<ByteArrayType>().write_batch(&notes, Some(&levels), None),
                2 => chunk.typed::<DoubleType>().write_batch(&weights, Some(&levels), None),
                _ => chunk.typed::<ByteArrayType>().write_batch(&codes, None, None),
            }
            .unwrap();
            chunk.close().unwrap();
        };
        (0..4).for_each(&mut next);
        group.close().unwrap();
        first += rows as i64;
    }
    writer.into_inner().unwrap()
}

fn open_bytes(bytes: &[u8]) -> ParquetTable {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    open(file).unwrap()
}

type Texts = [String; 4];

fn texts(row: &dyn Row) -> Texts {
    std::array::from_fn(|column| String::from_utf8(row.cell(column).into_owned()).unwrap())
}

fn all_texts(bytes: &[u8]) -> Vec<Texts> {
    let mut rows = Vec::new();
    let read = open_bytes(bytes).rows(&mut |row| {
        rows.push(texts(row));
        Ok(())
    });
    read.unwrap();
    rows
}

/// Changes weights by their ids, and sees some rows wholly: a run, and single ones.
struct Looks;

fn is_wanted(id: u64) -> bool {
    (5_000..9_000).contains(&id) || id.is_multiple_of(997)
}

fn new_weight(id: u64) -> Option<String> {
    (id % 5 == 1 && !id.is_multiple_of(7)).then(|| format!("{id}.5"))
}

impl Editor for Looks {
    type Work = Vec<(u64, Texts)>;

    fn begin(&self, work: &mut Self::Work) {
        work.clear();
    }

    fn row(&self, row: &impl Row, work: &mut Self::Work, edit: &mut impl FnMut(usize, usize, &str)) {
        if let Some(id) = self.first_look(row, work, edit) {
            self.second_look(row, id, work);
        }
    }

    fn first_look(
        &self,
        row: &impl Row,
        _: &mut Self::Work,
        edit: &mut impl FnMut(usize, usize, &str),
    ) -> Option<u64> {
        let id = str::from_utf8(&row.cell(0)).unwrap().parse().unwrap();
        if let Some(weight) = new_weight(id) {
            edit(0, 2, &weight);
        }
        is_wanted(id).then_some(id)
    }

    fn second_look(&self, row: &impl Row, id: u64, work: &mut Self::Work) {
        work.push((id, texts(row)));
    }

    fn end(&self, _: &mut Self::Work) -> Result<()> {
        Ok(())
    }
}

/// The same with one look at every row.
struct OneLook;

impl Editor for OneLook {
    type Work = Vec<(u64, Texts)>;

    fn begin(&self, work: &mut Self::Work) {
        Looks.begin(work);
    }

    fn row(&self, row: &impl Row, work: &mut Self::Work, edit: &mut impl FnMut(usize, usize, &str)) {
        Looks.row(row, work, edit);
    }

    fn end(&self, _: &mut Self::Work) -> Result<()> {
        Ok(())
    }
}

/// The copy, and what was seen.
fn copied(bytes: &[u8], editor: &impl Editor<Work = Vec<(u64, Texts)>>) -> (Vec<u8>, Vec<(u64, Texts)>) {
    let (mut outputs, mut seen) = ([Vec::new()], Vec::new());
    let merge = |work: &mut Vec<(u64, Texts)>| {
        seen.append(work);
        Ok(())
    };
    let rows = open_bytes(bytes).copy(editor, &mut outputs, merge).unwrap();
    assert_eq!(rows as usize, GROUPS.iter().sum::<usize>());
    let [output] = outputs;
    (output, seen)
}

#[test]
fn a_second_look_sees_whole_rows_and_changes_nothing() {
    let file = long_file();
    let before = all_texts(&file);
    let (output, seen) = copied(&file, &Looks);
    let whole = before.iter().zip(0..).filter(|(_, id)| is_wanted(*id));
    assert_eq!(seen, whole.map(|(texts, id)| (id, texts.clone())).collect::<Vec<_>>());
    assert_eq!(copied(&file, &OneLook), (output.clone(), seen));
    for ((before, after), id) in before.into_iter().zip(all_texts(&output)).zip(0..) {
        let [key, note, weight, code] = before;
        assert_eq!(after, [key, note, new_weight(id).unwrap_or(weight), code]);
    }
}

#[test]
fn pages_of_a_changed_column_end_where_they_did() {
    let file = long_file();
    let (output, _) = copied(&file, &Looks);
    let pages = |bytes: &[u8], group| -> Vec<i64> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = reader.parse_and_finish(&file).unwrap();
        let locations = metadata.page_index_for_row_group(group);
        locations.page_locations(2).unwrap().iter().map(|page| page.first_row_index).collect()
    };
    for (group, rows) in GROUPS.into_iter().enumerate() {
        assert!(pages(&file, group).len() > rows / PAGE_ROWS);
        assert_eq!(pages(&output, group), pages(&file, group));
    }
}
