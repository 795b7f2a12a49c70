//! How fast each format is stamped: `cargo bench --bench formats`.
//!
//! A table of hospital stays with 4 of its 12 columns marked. The yardstick of each format is the loop that a tool without
//! splicing would need at the least, with the library that everybody uses: read every value, write every value. Both run on
//! as many cores as they know to use. `recipients` is what further copies of one pass cost.

#[allow(dead_code)]
#[path = "../tests/it/formats/write.rs"]
mod write;

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::time::Duration;

use arrow_array::RecordBatchReader as _;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dyepack::demo::{HOSPITAL_POLICY, hospital};
use dyepack::keys::secret::MarkingSecret;
use dyepack::mark::policy::Policy;
use dyepack::stamp::engine::{self, Marking};
use dyepack::table::format::open::open;
use dyepack::table::format::source::Input;
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
use parquet::file::properties::WriterProperties;
use write::Text;

/// About 20 MB as CSV.
const ROWS: u64 = 200_000;

/// A file on the disk, which some formats need.
fn on_disk(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    file
}

/// Stamps a file for so many recipients, into nothing.
fn stamp(file: &tempfile::NamedTempFile, recipients: usize) -> u64 {
    let secret = MarkingSecret::from_bytes([7; 32]);
    let policy = Policy::parse(HOSPITAL_POLICY).expect("a policy");
    let names: Vec<String> = (0..recipients).map(|number| format!("partner-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let marking =
        Marking { secret: &secret, policy: &policy, slots: &[], epoch: 1, recipients: &names, model: None };
    let options = engine::Options::default();
    let opened = open(Input::File(file.path().to_owned()), &options.asked(&policy)).expect("a table");
    let sinks = names.iter().map(|_| io::sink()).collect();
    let stamped = engine::stamp_opened(opened, sinks, &marking, &options, None).expect("it fits");
    assert!(stamped[0].carriers > 10_000);
    stamped[0].rows
}

fn again(file: &tempfile::NamedTempFile) -> File {
    let mut file = file.reopen().expect("it is there");
    file.rewind().expect("a file");
    file
}

fn csv_crate(file: &tempfile::NamedTempFile) {
    let mut reader = csv::Reader::from_reader(again(file));
    let mut writer = csv::Writer::from_writer(io::sink());
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).expect("well-formed") {
        writer.write_byte_record(&record).expect("a sink");
    }
}

fn serde_lines(file: &tempfile::NamedTempFile) {
    let rows = serde_json::Deserializer::from_reader(io::BufReader::new(again(file)));
    for row in rows.into_iter::<serde_json::Map<String, serde_json::Value>>() {
        serde_json::to_writer(io::sink(), &row.expect("well-formed")).expect("a sink");
    }
}

fn parquet_crate(file: &tempfile::NamedTempFile) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(again(file)).expect("well-formed");
    let reader = reader.with_batch_size(8192).build().expect("well-formed");
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(io::sink(), reader.schema(), Some(properties)).expect("a schema");
    for batch in reader {
        writer.write(&batch.expect("well-formed")).expect("a sink");
    }
    writer.close().expect("a sink");
}

fn arrow_crate(file: &tempfile::NamedTempFile) {
    let reader = arrow_ipc::reader::FileReader::try_new(again(file), None).expect("well-formed");
    let mut writer = arrow_ipc::writer::FileWriter::try_new(io::sink(), &reader.schema()).expect("a schema");
    for batch in reader {
        writer.write(&batch.expect("well-formed")).expect("a sink");
    }
    writer.finish().expect("a sink");
}

/// Reads the sheet; there is no library that writes one as faithfully.
fn calamine(file: &tempfile::NamedTempFile) {
    use calamine::Reader as _;
    let mut book: calamine::Xlsx<_> =
        calamine::open_workbook_from_rs(io::BufReader::new(again(file))).expect("a book");
    black_box(book.worksheet_range("visits").expect("a sheet").get_size());
}

fn rusqlite_rows(file: &tempfile::NamedTempFile) {
    let source = rusqlite::Connection::open(file.path()).expect("a database");
    let copy = rusqlite::Connection::open_in_memory().expect("memory");
    copy.execute("ATTACH ?1 AS source", [file.path().to_str().expect("a name")]).expect("a database");
    copy.execute_batch("CREATE TABLE visits AS SELECT * FROM source.visits").expect("a table");
    drop(source);
}

fn copied(file: &tempfile::NamedTempFile) {
    let mut bytes = Vec::new();
    again(file).read_to_end(&mut bytes).expect("a file");
    black_box(bytes);
}

type Yardstick = (&'static str, fn(&tempfile::NamedTempFile));

fn formats(criterion: &mut Criterion) {
    let mut csv = Vec::new();
    hospital::write(ROWS, 7, &mut csv).expect("memory");
    let table = Text::parse(&csv);
    let gzipped = || {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&csv).expect("memory");
        encoder.finish().expect("memory")
    };
    let files: Vec<(&str, Vec<u8>, Yardstick)> = vec![
        ("csv", csv.clone(), ("csv crate", csv_crate)),
        ("csv.gz", gzipped(), ("read alone", copied)),
        ("ndjson", table.ndjson(), ("serde_json", serde_lines)),
        ("sql", table.copy_block(), ("read alone", copied)),
        ("inserts.sql", table.inserts(), ("read alone", copied)),
        ("parquet", table.parquet(), ("parquet crate", parquet_crate)),
        ("arrow", table.arrow(), ("arrow-ipc", arrow_crate)),
        ("xlsx", table.xlsx(), ("calamine, read alone", calamine)),
        ("sqlite", table.sqlite(), ("CREATE TABLE AS", rusqlite_rows)),
    ];
    for (name, bytes, (yardstick, plain)) in files {
        let file = on_disk(&bytes);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.sample_size(10).measurement_time(Duration::from_secs(5));
        group.bench_function(yardstick, |bencher| bencher.iter(|| plain(&file)));
        group.bench_function("stamp", |bencher| bencher.iter(|| stamp(&file, 1)));
        group.finish();
    }
}

fn recipients(criterion: &mut Criterion) {
    let mut csv = Vec::new();
    hospital::write(ROWS, 7, &mut csv).expect("memory");
    let file = on_disk(&csv);
    let mut group = criterion.benchmark_group("recipients");
    group.throughput(Throughput::Bytes(csv.len() as u64));
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for number in [1, 2, 4, 8, 16] {
        group.bench_function(BenchmarkId::from_parameter(number), |bencher| {
            bencher.iter(|| stamp(&file, number));
        });
    }
    group.finish();
}

criterion_group!(benches, formats, recipients);
criterion_main!(benches);
