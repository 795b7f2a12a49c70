//! Copies that come back, and every way to damage one.

use super::*;
use crate::table::format::copy::Table as _;
use crate::table::format::csv::{CsvRow, Dialect};

const TIME: &str = "2026-01-05T09:00:00Z";
const SOURCE: &str = "5a";

fn vault(dir: &Path) -> Vault {
    Vault::new(dir.join("vault"), &MarkingSecret::from_bytes([7; 32]))
}

/// A copy of `table` in the making; all of `table` is one block, unless `block_bytes` says otherwise.
fn deposit(vault: &Vault, table: &[u8], source: &str, block_bytes: usize) -> Finished {
    let nonce = *blake3::hash(source.as_bytes()).as_bytes().first_chunk().unwrap();
    let mut deposit = vault.deposit(&nonce).unwrap();
    let options = Options { block_bytes, ..Options::new(Reading::Strict) };
    let (head, mut blocks) = csv::open(table, None, options).unwrap();
    let (mut block, mut packer, mut rows) = (Block::default(), Packer::default(), 0);
    let mut columns = None;
    let mut is_more = blocks.next_block(&mut block).unwrap();
    let mut peeked = csv::table(table, None, options).unwrap();
    let chosen = Columns::choose(&head.names, |name| name == "needed", |see| peeked.peek(see)).unwrap();
    deposit.begin(columns.insert(chosen).clone()).unwrap();
    while is_more {
        packer.begin();
        rows += pack_rows(&block, head.dialect, &mut packer, columns.as_ref().unwrap());
        packer.pack().unwrap();
        deposit.add(&packer).unwrap();
        is_more = blocks.next_block(&mut block).unwrap();
    }
    deposit.finish("stays", source, rows, TIME).unwrap()
}

fn pack_rows(block: &Block, dialect: Dialect, packer: &mut Packer, columns: &Columns) -> u64 {
    let (mut records, mut fields, mut rows) = (Records::of(block, dialect), Fields::default(), 0);
    while records.next_record(&mut fields) {
        packer.add(&CsvRow { bytes: block.bytes(), fields: &fields }, columns);
        rows += 1;
    }
    rows
}

fn keep(vault: &Vault, table: &[u8]) -> PathBuf {
    vault.keep(deposit(vault, table, SOURCE, 1 << 18)).unwrap();
    vault.dir.join(vault.names_of("stays", SOURCE).next().unwrap())
}

fn text(vault: &Vault) -> String {
    let mut text = String::new();
    vault.open("stays", SOURCE).unwrap().expect("a copy").csv.read_to_string(&mut text).unwrap();
    text
}

/// Rows whose cells hardly compress, so that the file has several chunks.
fn long_table(rows: u64) -> Vec<u8> {
    let mut table = b"id,code\n".to_vec();
    for row in 0..rows {
        table.extend_from_slice(format!("{row},{}\n", blake3::hash(&row.to_le_bytes())).as_bytes());
    }
    table
}

#[test]
fn cells_come_back_whatever_they_were_written_with() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let table = b"\xef\xbb\xbfa;\"b;c\";d\n 1 ;\"x, \"\"y\"\"\";\r\n\n\"two\nlines\";,;5\" disk\n";
    keep(&vault, table);
    assert_eq!(text(&vault), "a,b;c,d\n1,\"x, \"\"y\"\"\",\n\"two\nlines\",\",\",\"5\"\" disk\"\n");
    assert_eq!(vault.verify(&vault.stored().unwrap()[0].path).unwrap().rows, 2);
}

#[test]
fn a_single_empty_cell_is_still_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, b"a\n\"\"\n1\n");
    assert_eq!(text(&vault), "a\n\"\"\n1\n");
    assert_eq!(vault.verify(&path).unwrap().rows, 2);
}

#[test]
fn free_text_stays_out_unless_the_policy_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let long = "and then some more ".repeat(5);
    let table = format!("id,needed,note,seldom,site\n1,{long},{long},,A\n2,{long},{long},{long},A\n");
    let path = keep(&vault, table.as_bytes());
    let label = vault.verify(&path).unwrap();
    assert_eq!(label.columns, ["id", "needed", "site"]);
    assert!(text(&vault).starts_with("id,needed,site\n1,and then"));
}

#[test]
fn the_blocks_make_no_difference_and_no_rows_are_fine() {
    for (rows, blocks) in [(0, 64), (3000, 100), (3000, 1 << 18)] {
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(dir.path());
        let table = long_table(rows);
        vault.keep(deposit(&vault, &table, SOURCE, blocks)).unwrap();
        assert_eq!(text(&vault).as_bytes(), table);
        assert_eq!(vault.verify(&vault.stored().unwrap()[0].path).unwrap().rows, rows);
    }
}

#[test]
fn one_copy_per_source_and_none_while_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    assert!(vault.stored().unwrap().is_empty() && vault.open("stays", SOURCE).unwrap().is_none());
    let dropped = deposit(&vault, &long_table(5), SOURCE, 1 << 18);
    assert_eq!(files(&vault.dir).unwrap().len(), 1, "a temporary file");
    assert!(!vault.has("stays", SOURCE));
    drop(dropped);
    assert!(files(&vault.dir).unwrap().is_empty(), "a failed stamp leaves nothing");

    let path = keep(&vault, &long_table(5));
    let before = fs::read(&path).unwrap();
    vault.keep(deposit(&vault, &long_table(5), SOURCE, 20)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before, "the first one stays");
    // A later policy may name a column that was left out.
    let wider = b"id,code,needed\n1,2,3\n";
    vault.keep(deposit(&vault, wider, SOURCE, 1 << 18)).unwrap();
    assert_eq!(text(&vault).as_bytes(), wider);
    assert_eq!(files(&vault.dir).unwrap(), [path]);
    assert!(!vault.has("stays", "5b") && !vault.has("stay", "s5a"));
}

#[test]
fn what_a_killed_process_left_is_swept_away() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let alive = deposit(&vault, &long_table(5), SOURCE, 1 << 18);
    fs::write(vault.dir.join(".left.tmp"), "half a copy").unwrap();
    assert_eq!(vault.sweep().unwrap(), 1, "the one without a lock");
    vault.keep(alive).unwrap();
    assert_eq!(vault.sweep().unwrap(), 0);
    assert!(vault.has("stays", SOURCE));
}

/// What `verify` says of a file with these bytes under the copy's name; reading it fails likewise.
#[track_caller]
fn damaged(vault: &Vault, path: &Path, bytes: &[u8]) -> String {
    fs::write(path, bytes).unwrap();
    let error = vault.verify(path).expect_err("damage is noticed");
    assert!(error.is_integrity() && error.hint().is_some(), "{error}");
    let read = vault.open("stays", SOURCE).and_then(|copy| {
        let (mut copy, mut out) = (copy.unwrap(), Vec::new());
        let read = copy.csv.read_to_end(&mut out).map_err(|error| error.downcast::<Error>().unwrap());
        // What is short in rows can be seen by counting alone.
        read.map(|_| out)
    });
    assert!(read.is_err_and(|other| other.to_string() == error.to_string()), "{error}");
    let prefix = format!("the vault's copy `{}` is damaged: ", path.display());
    error.to_string().strip_prefix(&prefix).expect("the file is named").to_owned()
}

const CHANGED: &str = "it was changed, or sealed with the keys of another home";

#[test]
fn every_flipped_byte_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, b"id,code\n1,2\n3,4\n");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let expected = if at < 16 { "it does not begin as a sealed copy does" } else { CHANGED };
        assert_eq!(damaged(&vault, &path, &bytes), expected, "byte {at}");
    }
}

#[test]
fn cuts_and_additions_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, &long_table(4000));
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 2 * (64 << 10), "several chunks: {}", whole.len());
    for length in [0, 1, 38] {
        assert_eq!(damaged(&vault, &path, &whole[..length]), "it was cut off");
    }
    for length in [39, 100, 35 + (64 << 10) + 16, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
        assert_eq!(damaged(&vault, &path, &whole[..length]), CHANGED, "{length}");
    }
    assert_eq!(damaged(&vault, &path, &[&whole[..], b"\0"].concat()), CHANGED);
}

#[test]
fn chunks_that_moved_or_came_from_elsewhere_are_noticed() {
    const HEAD: usize = 35;
    const CHUNK: usize = (64 << 10) + 16;
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, &long_table(6000));
    let whole = fs::read(&path).unwrap();
    let (first, second) = (&whole[HEAD..HEAD + CHUNK], &whole[HEAD + CHUNK..HEAD + 2 * CHUNK]);
    let rest = &whole[HEAD + 2 * CHUNK..];
    let swapped = [&whole[..HEAD], second, first, rest].concat();
    assert_eq!(damaged(&vault, &path, &swapped), CHANGED);
    // A whole chunk left out, or there twice: the label no longer opens.
    assert_eq!(damaged(&vault, &path, &[&whole[..HEAD], second, rest].concat()), CHANGED);
    assert_eq!(damaged(&vault, &path, &[&whole[..HEAD], first, first, second, rest].concat()), CHANGED);

    // The same table under another source's name: head, chunks and label only fit each other.
    vault.keep(deposit(&vault, &long_table(6000), "5b", 1 << 18)).unwrap();
    let other = fs::read(vault.dir.join(vault.names_of("stays", "5b").next().unwrap())).unwrap();
    assert_eq!(other.len(), whole.len());
    assert_eq!(damaged(&vault, &path, &[&whole[..HEAD], &other[HEAD..]].concat()), CHANGED);
    let grafted = [&whole[..HEAD], first, &other[HEAD + CHUNK..HEAD + 2 * CHUNK], rest].concat();
    assert_eq!(damaged(&vault, &path, &grafted), CHANGED);
    assert_eq!(damaged(&vault, &path, &other), "it holds another source than its name says");
    fs::write(&path, &whole).unwrap();
    assert!(vault.verify(&path).is_ok());
}

#[test]
fn another_homes_keys_open_nothing_and_name_it_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, b"id,code\n1,2\n");
    let other = Vault::new(&vault.dir, &MarkingSecret::from_bytes([8; 32]));
    assert!(!other.has("stays", SOURCE) && other.open("stays", SOURCE).unwrap().is_none());
    let error = other.verify(&path).unwrap_err();
    assert!(error.is_integrity() && error.to_string().ends_with(CHANGED), "{error}");
    assert!(other.stored().unwrap()[0].label.is_err());
}

#[test]
fn a_label_that_lies_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let mut copy = vault.deposit(&[1; NONCE_BYTES]).unwrap();
    copy.begin(Columns::choose(&["id".to_owned()], |_| true, |_| Ok(())).unwrap()).unwrap();
    vault.keep(copy.finish("stays", SOURCE, 1, TIME).unwrap()).unwrap();
    let error = vault.verify(&vault.stored().unwrap()[0].path).unwrap_err();
    assert!(error.to_string().ends_with("it does not hold the table that its label describes"), "{error}");
}

#[test]
fn nothing_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, b"secretcolumn,b\nC4NARY,C4NARY\n");
    let bytes = fs::read(&path).unwrap();
    for text in [&b"C4NARY"[..], b"secretcolumn", b"stays", TIME.as_bytes()] {
        assert!(!bytes.windows(text.len()).any(|part| part == text));
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let path = keep(&vault, b"a,b\n1,2\n");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&vault.dir), mode(&path)), (0o700, 0o600));
}
