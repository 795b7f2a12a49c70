//! How fast CSV passes through: `cargo bench --bench csv`.
//!
//! The yardstick is the `csv` crate's loop that reads every record and writes it again, which is what a stamping
//! tool without splicing would do at the least.

use std::{hint::black_box, io::Cursor, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dyepack::table::format::{
    block::{Block, Options, Reading, Source},
    csv::{Cell, Dialect, Fields, Records, open},
    pump::pump,
    splice::{Edits, splice},
};

/// Large enough to leave the caches, small enough for a quick run.
const FILE_BYTES: usize = 64 << 20;

const COLUMNS: usize = 12;

/// One cell in so many is edited, as in a copy that is marked.
const EDIT_EVERY: u64 = 20;

/// A small generator (splitmix64), so that the file is the same on every machine.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Twelve columns of numbers, dates and words, about 100 bytes a row; `quoted` puts every cell in quotes.
fn table(quoted: bool) -> Vec<u8> {
    use std::io::Write;

    let words = ["ward", "clinic", "outpatient", "home", "transfer", "unknown"];
    let mut state = 1;
    let mut file = Vec::with_capacity(FILE_BYTES + 4096);
    file.extend_from_slice(b"id,born,at,city,age,weight,height,systolic,diastolic,glucose,place,code\n");
    while file.len() < FILE_BYTES {
        let r: [u64; 4] = std::array::from_fn(|_| random(&mut state));
        let cells: [String; COLUMNS] = [
            format!("{:08}", r[0] % 100_000_000),
            format!("19{:02}-{:02}-{:02}", r[0] >> 32 & 63, 1 + r[1] % 12, 1 + r[2] % 28),
            format!("2024-{:02}-{:02}T{:02}:30", 1 + r[2] % 12, 1 + r[3] % 28, r[1] % 24),
            format!("city {}", r[1] >> 20 & 511),
            format!("{}", r[2] >> 8 & 127),
            format!("{}.{}", 40 + (r[2] >> 16 & 63), r[2] >> 24 & 7),
            format!("{}", 150 + (r[3] & 63)),
            format!("{}", 90 + (r[3] >> 8 & 63)),
            format!("{}", 60 + (r[3] >> 16 & 31)),
            format!("{}.{:02}", r[3] >> 24 & 15, r[3] >> 32 & 63),
            words[(r[0] >> 40) as usize % words.len()].to_owned(),
            format!("K{}", r[1] >> 44 & 1023),
        ];
        let quote = if quoted { "\"" } else { "" };
        let _ = writeln!(file, "{quote}{}{quote}", cells.join(&format!("{quote},{quote}")));
    }
    file
}

/// The loop of the `csv` crate; with a `writer` it writes every record again.
fn csv_crate(file: &[u8], mut writer: Option<csv::Writer<std::io::Sink>>) -> u64 {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut fields = 0;
    while reader.read_byte_record(&mut record).expect("generated data is well-formed") {
        fields += record.len() as u64;
        if let Some(writer) = &mut writer {
            writer.write_byte_record(&record).expect("a sink takes all");
        }
    }
    fields
}

/// Cuts and splits; gives the number of fields.
fn scan(file: &[u8]) -> u64 {
    let (head, mut blocks) = open(file, None, Options::new(Reading::Strict)).expect("has a header");
    let (mut block, mut fields, mut count) = (Block::default(), Fields::default(), 0);
    while blocks.next_block(&mut block).expect("generated data is well-formed") {
        let mut records = Records::of(&block, head.dialect);
        while records.next_record(&mut fields) {
            count += fields.len() as u64;
        }
    }
    count
}

/// Cuts only.
fn cut(file: &[u8]) -> u64 {
    let (_, mut blocks) = open(file, None, Options::new(Reading::Strict)).expect("has a header");
    let (mut block, mut count) = (Block::default(), 0);
    while blocks.next_block(&mut block).expect("generated data is well-formed") {
        count += 1;
    }
    count
}

#[derive(Default)]
struct Copy {
    fields: Fields,
    edits: Edits,
    out: Vec<u8>,
}

/// Turns one cell in twenty around; gives the number of records.
fn edit(block: &Block, dialect: Dialect, copy: &mut Copy) -> u64 {
    let Copy { fields, edits, out } = copy;
    edits.clear();
    out.clear();
    let mut records = Records::of(block, dialect);
    let (mut rows, mut cells) = (0, 0);
    while records.next_record(fields) {
        rows += 1;
        for range in fields.ranges() {
            cells += 1;
            if cells % EDIT_EVERY == 0 {
                let cell = Cell::new(&block.bytes()[range.clone()]);
                let mut text = cell.core_text().into_owned();
                text.reverse();
                cell.replace(range.start, &text, dialect, edits);
            }
        }
    }
    splice(block.bytes(), edits, out);
    rows
}

/// The whole pipeline.
fn pumped(file: &[u8]) -> u64 {
    let (head, mut blocks) =
        open(Cursor::new(file), None, Options::new(Reading::Strict)).expect("has a header");
    let mut bytes = 0;
    pump(
        &mut blocks,
        |block, copy: &mut Copy| Ok(edit(block, head.dialect, copy)),
        |_, copy| {
            bytes += copy.out.len() as u64;
            Ok(())
        },
    )
    .expect("generated data is well-formed");
    bytes
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("csv");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for (name, file) in [("plain", table(false)), ("quoted", table(true))] {
        group.throughput(Throughput::Bytes(file.len() as u64));
        let mut bench = |what: &str, run: &dyn Fn(&[u8]) -> u64| {
            group.bench_function(BenchmarkId::new(what, name), |bencher| {
                bencher.iter(|| black_box(run(black_box(&file))));
            });
        };
        bench("csv crate, read and write", &|file| {
            csv_crate(file, Some(csv::WriterBuilder::new().flexible(true).from_writer(std::io::sink())))
        });
        bench("csv crate, read", &|file| csv_crate(file, None));
        bench("blocks", &cut);
        bench("blocks and records", &scan);
        bench("pump with edits", &pumped);
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
