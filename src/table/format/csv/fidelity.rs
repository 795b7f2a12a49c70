//! Properties that hold the parts together: against a plain reading of the rule, byte by byte, against the `csv`
//! crate, and against the bytes of the file itself.

use std::{fs, io::Read, path::Path};

use proptest::prelude::*;

use super::*;
use crate::table::format::{
    block::{Block, Damage, MAX_RECORD_BYTES, Options, Reading, Source},
    splice::{Edits, splice},
};

type Table = Vec<Vec<Vec<u8>>>;

fn options(reading: Reading, block_bytes: usize) -> Options {
    Options { reading, block_bytes, max_record_bytes: MAX_RECORD_BYTES }
}

/// Gives a few bytes per read, as a slow pipe does.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(5);
        self.0.read(&mut buffer[..count])
    }
}

/// What a file was read as.
struct Parts {
    dialect: Dialect,
    names: Vec<String>,
    rows: Table,
    /// Head and blocks, put together again by splices without edits.
    copy: Vec<u8>,
    damage: Vec<Damage>,
}

fn read(file: &[u8], delimiter: Option<u8>, options: Options) -> crate::Result<Parts> {
    let (head, mut blocks) = open(Trickle(file), delimiter, options)?;
    let mut parts = Parts {
        dialect: head.dialect,
        names: head.names,
        rows: Vec::new(),
        copy: head.bytes,
        damage: Vec::new(),
    };
    let (mut block, mut fields) = (Block::default(), Fields::default());
    while blocks.next_block(&mut block)? {
        let mut records = Records::of(&block, head.dialect);
        while records.next_record(&mut fields) {
            assert_eq!(fields.len(), fields.ranges().len());
            parts.rows.push(fields.ranges().map(|range| block.bytes()[range].to_vec()).collect());
        }
        splice(block.bytes(), &mut Edits::default(), &mut parts.copy);
        parts.damage.extend(block.damage());
    }
    Ok(parts)
}

/// The rule of the folder's page, as plainly as it can be written. The second value says whether a
/// quote had to be taken literally because it never closes.
fn plain(bytes: &[u8], dialect: Dialect) -> (Table, bool) {
    let literal = plain_with(bytes, dialect, None).err();
    (plain_with(bytes, dialect, literal).expect("only one quote never closes"), literal.is_some())
}

/// The table, or the place of the quote that never closes.
fn plain_with(bytes: &[u8], dialect: Dialect, literal: Option<usize>) -> Result<Table, usize> {
    let mut table = Table::new();
    let mut record = Vec::new();
    let mut field = Vec::new();
    let mut opened = None;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if opened.is_some() {
            field.push(byte);
            if byte == b'"' && bytes.get(at + 1) == Some(&b'"') {
                field.push(b'"');
                at += 1;
            } else if byte == b'"' {
                opened = None;
            }
        } else if byte == dialect.delimiter {
            record.push(std::mem::take(&mut field));
        } else if byte == dialect.terminator.byte() {
            if byte == b'\n' && field.last() == Some(&b'\r') {
                field.pop();
            }
            if !(record.is_empty() && field.is_empty()) {
                record.push(std::mem::take(&mut field));
                table.push(std::mem::take(&mut record));
            }
        } else {
            if byte == b'"' && field.is_empty() && literal != Some(at) {
                opened = Some(at);
            }
            field.push(byte);
        }
        at += 1;
    }
    if let Some(opened) = opened {
        return Err(opened);
    }
    if !(record.is_empty() && field.is_empty()) {
        record.push(field);
        table.push(record);
    }
    Ok(table)
}

/// Bytes of which nearly all matter to the splitter.
fn awkward_bytes() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |of: &[u8]| prop::collection::vec(prop::sample::select(of.to_vec()), 0..200);
    // The second kind has no line feed, so that its records end at carriage returns.
    prop_oneof![
        2 => bytes(b"\"\"\"\"\n\n\r,,;a b\x00\xff"),
        1 => bytes(b"\"\"\"\"\r\r,,;a b\x00\xff"),
    ]
}

fn awkward_cell() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(b"\"\n\r,;ab 1.\xe9".to_vec());
    prop::collection::vec(byte, 0..8)
}

fn without_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn blocks_of_any_size_give_what_the_plain_rule_gives(
        file in awkward_bytes(),
        block_bytes in 1_usize..64,
        delimiter in prop::sample::select(b",; a\x00".to_vec()),
    ) {
        let Ok(parts) = read(&file, Some(delimiter), options(Reading::Tolerant, block_bytes)) else {
            prop_assert!(plain(&file, Dialect::sniff(&file, Some(delimiter))).0.is_empty());
            return Ok(());
        };
        let (mut table, broken) = plain(&file[parts.dialect.bom_bytes..], parts.dialect);
        let header = table.remove(0);
        prop_assert_eq!(header.len(), parts.names.len());
        prop_assert_eq!(&table, &parts.rows);
        prop_assert_eq!(&file, &parts.copy);

        let strict = read(&file, Some(delimiter), options(Reading::Strict, block_bytes));
        prop_assert_eq!(strict.is_err(), broken);
        if let Ok(strict) = strict {
            prop_assert_eq!(strict.rows, parts.rows);
            prop_assert!(parts.damage.is_empty());
        }
    }

    #[test]
    fn cells_say_what_the_csv_crate_says(
        table in prop::collection::vec(prop::collection::vec(awkward_cell(), 1..5), 1..12),
        style in 0_usize..4,
        crlf: bool,
        delimiter in prop::sample::select(b",;\t".to_vec()),
        block_bytes in 1_usize..64,
    ) {
        let style = [
            csv::QuoteStyle::Always, csv::QuoteStyle::Necessary,
            csv::QuoteStyle::NonNumeric, csv::QuoteStyle::Never,
        ][style];
        // Without quotes only cells that need none can be written.
        let plain_cell =
            |cell: &[u8]| cell.iter().filter(|byte| !b"\"\n\r,;\t".contains(byte)).copied().collect();
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
            .quote_style(style)
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        for record in &table {
            let record: Vec<Vec<u8>> = match style {
                csv::QuoteStyle::Never => record.iter().map(|cell| plain_cell(cell)).collect(),
                _ => record.clone(),
            };
            writer.write_record(&record).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(delimiter)
            .from_reader(&file[..]);
        let theirs: Table = reader
            .byte_records()
            .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
            .collect();
        if theirs.is_empty() || !file.contains(&b'\n') {
            return Ok(());
        }

        let parts = read(&file, Some(delimiter), options(Reading::Strict, block_bytes)).unwrap();
        let ours: Table = parts
            .rows
            .iter()
            .map(|record| record.iter().map(|raw| Cell::new(raw).text().into_owned()).collect())
            .collect();
        prop_assert_eq!(&theirs[1..], &ours[..]);
        prop_assert_eq!(file, parts.copy);
    }

    #[test]
    fn a_replaced_cell_says_the_new_text_and_all_others_the_old(
        file in awkward_bytes(),
        place in any::<prop::sample::Index>(),
        new_text in awkward_cell(),
    ) {
        let dialect = Dialect { delimiter: b',', terminator: Terminator::Lf, bom_bytes: 0 };
        let (mut before, broken) = plain(&file, dialect);
        prop_assume!(!broken && !before.is_empty());
        let texts = |table: &Table| -> Table {
            table.iter().map(|r| r.iter().map(|raw| Cell::new(raw).text().into_owned()).collect()).collect()
        };
        let row = place.index(before.len());
        let column = place.index(before[row].len());

        let mut records = Records::new(&file, dialect);
        let mut fields = Fields::default();
        for _ in 0..=row {
            prop_assert!(records.next_record(&mut fields));
        }
        let range = fields.range(column).unwrap();
        let mut edits = Edits::default();
        Cell::new(&file[range.clone()]).replace(range.start, &new_text, dialect, &mut edits);
        let mut copy = Vec::new();
        splice(&file, &mut edits, &mut copy);

        let (after, broken) = plain(&copy, dialect);
        prop_assert!(!broken);
        let read_back = Cell::new(&after[row][column]).core_text().into_owned();
        prop_assert_eq!(&read_back[..], without_spaces(&new_text));
        let mut after = after;
        after[row].remove(column);
        before[row].remove(column);
        prop_assert_eq!(texts(&after), texts(&before));
    }
}

/// Cases as `file bytes, names, rows as written`.
#[test]
fn awkward_files_are_read_as_a_person_would() {
    type Case<'a> = (&'a [u8], &'a [&'a str], &'a [&'a [&'a str]]);
    let cases: &[Case<'_>] = &[
        (b"\xef\xbb\xbfid,\"last, first\"\r\n1,x\r\n", &["id", "last, first"], &[&["1", "x"]]),
        (b"a,b", &["a", "b"], &[]),
        (b"\n\na,a,\n\n1,2,3\n\n", &["a", "a", ""], &[&["1", "2", "3"]]),
        (b"a\xe9,b\n1,2,3\n4\n", &["a\u{fffd}", "b"], &[&["1", "2", "3"], &["4"]]),
        (b"a;b\r1;\"x\ry\"\r", &["a", "b"], &[&["1", "\"x\ry\""]]),
        (b"\"a\n1\",\"b\"\"\"\n\"\",\n", &["a\n1", "b\""], &[&["\"\"", ""]]),
        (b"a\nx\n\ny\n", &["a"], &[&["x"], &["y"]]),
    ];
    for (file, names, rows) in cases {
        let parts = read(file, None, options(Reading::Strict, 7)).unwrap();
        assert_eq!(parts.names, *names);
        let rows: Table =
            rows.iter().map(|row| row.iter().map(|cell| cell.as_bytes().to_vec()).collect()).collect();
        assert_eq!(parts.rows, rows, "{:?}", String::from_utf8_lossy(file));
        assert_eq!(parts.copy, *file);
    }
}

/// The collection of awkward files beside the project, where there is one.
#[test]
fn the_shared_awkward_files_pass_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/awkward_csv");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: no folder {}", folder.display());
        return;
    };
    let mut count = 0;
    for path in
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "csv"))
    {
        let file = fs::read(&path).unwrap();
        for block_bytes in [1, 7, 1 << 20] {
            let parts = read(&file, None, options(Reading::Strict, block_bytes)).unwrap();
            assert_eq!(parts.copy, file, "{}", path.display());
            assert_eq!(
                parts.rows,
                plain(&file[parts.dialect.bom_bytes..], parts.dialect).0[1..],
                "{}",
                path.display()
            );
        }
        count += 1;
    }
    println!("{count} files");
}

/// Good files with random damage: whatever the bytes, reading neither panics nor loses one.
#[test]
fn mutated_files_lose_no_byte() {
    const SEED: u64 = 20_260_101;
    println!("seed {SEED}");
    let good: &[&[u8]] = &[
        b"id,name,when\n1,\"a, b\",2020-01-01\n2,\"say \"\"hi\"\"\",\n3,\"two\nlines\",x\n",
        b"\xef\xbb\xbfa;b\r\n1,5;\"x\"\r\n\r\n2;\" y \"\r\n",
        b"a\tb\r1\t\"2\r3\"\r4\t5",
    ];
    let mut state = SEED;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let mut file = good[round % good.len()].to_vec();
        for _ in 0..=random(6) {
            let at = random(file.len());
            match random(4) {
                0 => file[at] = b"\",\n\r;\t\x00\xff"[random(8)],
                1 => file.insert(at, b"\",\n\r;\t\x00\xff"[random(8)]),
                2 if file.len() > 1 => _ = file.remove(at),
                _ => file.truncate(at.max(1)),
            }
        }
        let limits = Options {
            reading: if random(2) == 0 { Reading::Strict } else { Reading::Tolerant },
            block_bytes: 1 + random(20),
            max_record_bytes: 1 + random(60),
        };
        match read(&file, None, limits) {
            Ok(parts) => assert_eq!(parts.copy, file, "{file:?} {limits:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
