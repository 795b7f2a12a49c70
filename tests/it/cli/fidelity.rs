//! Stamping changes cells and nothing else: quoting, spaces, line ends, byte-order marks and bytes that are
//! no UTF-8 stay. What can't be stamped fails clearly and leaves no file.

use std::fs;
use std::path::Path;

use super::{Desk, Said};

/// A record as raw bytes: its fields as written, and the bytes that end it.
type Record<'a> = (Vec<&'a [u8]>, &'a [u8]);

/// Cuts a file into records by the plainest reading of RFC 4180, on purpose not the program's own.
fn records(bytes: &[u8], delimiter: u8) -> Vec<Record<'_>> {
    let (mut out, mut fields, mut at, mut start) = (Vec::new(), Vec::new(), 0, 0);
    let mut quoted = false;
    while at < bytes.len() {
        let byte = bytes[at];
        if quoted {
            if byte == b'"' && bytes.get(at + 1) == Some(&b'"') {
                at += 1;
            } else if byte == b'"' {
                quoted = false;
            }
        } else if byte == b'"' && at == start {
            quoted = true;
        } else if byte == delimiter {
            fields.push(&bytes[start..at]);
            start = at + 1;
        } else if byte == b'\n' {
            let end = if at > start && bytes[at - 1] == b'\r' { at - 1 } else { at };
            fields.push(&bytes[start..end]);
            out.push((std::mem::take(&mut fields), &bytes[end..=at]));
            start = at + 1;
        }
        at += 1;
    }
    if start < bytes.len() || !fields.is_empty() {
        fields.push(&bytes[start..]);
        out.push((fields, &[]));
    }
    out
}

/// The value of a raw field.
fn value(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).into_owned();
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => text,
    }
}

/// A policy for any table: the first column is the key; the second holds numbers, or the few values that it
/// has.
fn policy(source: &[u8], delimiter: u8) -> Option<String> {
    let body = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let records = records(body, delimiter);
    let (header, rows) = records.split_first()?;
    let [key, marked, ..] = header.0.as_slice() else { return None };
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let mut values: Vec<String> = rows
        .iter()
        .filter_map(|(fields, _)| Some(value(fields.get(1)?).trim().to_lowercase()))
        .filter(|value| !value.is_empty() && !value.contains(char::is_control))
        .collect();
    values.sort();
    values.dedup();
    let channel = if values.is_empty() || values.iter().any(|value| value.parse::<f64>().is_ok()) {
        "channel = \"number\"\nquantum = 1\nmax_change = 1".to_owned()
    } else {
        // A partner for each value, also where the table has one only.
        let values: Vec<String> =
            values.iter().map(String::as_str).chain(["other-value"]).map(quoted).collect();
        format!("channel = \"category\"\ngroups = [[{}]]", values.join(", "))
    };
    Some(format!(
        "[dataset]\nname = \"t\"\nkey = [{}]\n[marking]\nrate = 1\n[column.{}]\n{channel}\n",
        quoted(&value(key)),
        quoted(&value(marked))
    ))
}

/// A table of one column gets a key before it: there is nothing else to know its rows by.
fn with_key(source: &[u8], delimiter: u8) -> Vec<u8> {
    let body = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let records = records(body, delimiter);
    if records.iter().any(|(fields, _)| fields.len() != 1) {
        return source.to_vec();
    }
    let mut out = Vec::new();
    for (i, (fields, end)) in records.iter().enumerate() {
        out.extend(
            format!("k{i}{}", char::from(delimiter)).bytes().chain(fields.concat()).chain(end.to_vec()),
        );
    }
    out
}

/// How a file fared.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fared {
    /// So many cells changed, and nothing else.
    Changed(usize),
    Refused,
}

/// Stamps a file and compares it with its copy, byte by byte outside the marked cells.
fn stamp(name: &str, source: &[u8], delimiter: u8) -> Fared {
    let desk = Desk::with_home();
    desk.run(&["recipient", "add", "acme", "--name", "A"]).ok();
    let Some(policy) = policy(source, delimiter) else { return Fared::Refused };
    desk.write("policy.toml", &policy);
    let said = desk.run(&["policy", "adopt", "policy.toml"]);
    if said.code != 0 {
        return refused(name, &said);
    }
    desk.write(name, source);
    let before = (desk.names(), desk.entries());
    let said = desk.run(&["stamp", name, "--dataset", "t", "--to", "acme", "-o", "out.csv"]);
    assert_eq!(desk.read(name), source, "{name}: the input was touched");
    if said.code != 0 {
        assert_eq!((desk.names(), desk.entries()), before, "{name}: something was left behind");
        return refused(name, &said);
    }
    let copy = desk.read("out.csv");
    let (ours, theirs) = (records(source, delimiter), records(&copy, delimiter));
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let mut changed = 0;
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!((a.0.len(), a.1), (b.0.len(), b.1), "{name}, record {i}");
        for (column, (a, b)) in a.0.iter().zip(&b.0).enumerate() {
            if a != b {
                assert!(i > 0 && column == 1, "{name}, record {i}, field {column}");
                let is_quoted = |raw: &[u8]| raw.starts_with(b"\"") && raw.ends_with(b"\"");
                // Quotes come only where the new value needs them, and never go.
                let needs_quotes = value(b).contains([char::from(delimiter), '"', '\r', '\n']);
                assert!(
                    is_quoted(b) == (is_quoted(a) || needs_quotes),
                    "{name}, record {i}: the quoting changed"
                );
                let spaces = |raw: &[u8]| raw.len() - raw.trim_ascii_start().len();
                assert_eq!(spaces(a), spaces(b), "{name}, record {i}: the space changed");
                changed += 1;
            }
        }
    }
    Fared::Changed(changed)
}

/// A clear refusal: what is wrong, and what to do.
fn refused(name: &str, said: &Said) -> Fared {
    assert_eq!(said.code, 2, "{name}: {}", said.stderr);
    let lines: Vec<&str> = said.stderr.lines().collect();
    let [error, hint] = lines.as_slice() else { panic!("{name}: {}", said.stderr) };
    assert!(error.starts_with("error: ") && hint.starts_with("hint: "), "{name}: {}", said.stderr);
    Fared::Refused
}

#[track_caller]
fn changes(name: &str, source: impl AsRef<[u8]>) {
    let fared = stamp(name, source.as_ref(), b',');
    assert!(matches!(fared, Fared::Changed(1..)), "{name}: {fared:?}");
}

/// Twenty rows made by `row`, after a header.
fn table(header: &str, row: impl Fn(u32) -> String) -> String {
    header.to_owned() + &(0..20).map(row).collect::<String>()
}

#[test]
fn line_ends_and_marks_of_byte_order_stay() {
    changes("crlf.csv", table("id,n\r\n", |i| format!("{i},{}\r\n", 10 * i)));
    changes(
        "mixed.csv",
        table("id,n\r\n", |i| format!("{i},{}{}", 10 * i, ["\n", "\r\n"][(i % 2) as usize])),
    );
    changes("bom.csv", table("\u{feff}id,n\n", |i| format!("{i},{}\n", 10 * i)));
    changes("no_end.csv", table("id,n\n", |i| format!("{i},{}\n", 10 * i)).trim_end());
    changes("blank.csv", table("\nid,n\n\n", |i| format!("{i},{}\n\n", 10 * i)).trim_start());
}

#[test]
fn quotes_and_spaces_stay() {
    changes("quoted.csv", table("\"id\",\"n\"\n", |i| format!("\"{i}\",\"{}\"\n", 10 * i)));
    changes("some.csv", table("id,n,x\n", |i| format!("\"{i}\",{},\"a,\"\"b\"\"\n c\"\n", 10 * i)));
    changes("spaces.csv", table("id,n\n", |i| format!(" {i}, {} \n", 10 * i)));
    changes("stray.csv", table("id,n,x\n", |i| format!("{i},{},6\" tall\n", 10 * i)));
    changes(
        "words.csv",
        table("id,w\n", |i| format!("{i},\"{}\"\n", ["Red", "green, light", "BLUE"][(i % 3) as usize])),
    );
}

#[test]
fn bytes_that_are_no_utf_8_are_data() {
    let mut latin1 = b"id,n,x\n".to_vec();
    for i in 0..20u8 {
        latin1.extend(format!("{i},{},", u32::from(i) * 10).bytes().chain([0xe9, 0xff, 0x00, b'\n']));
    }
    changes("latin1.csv", latin1);
}

#[test]
fn what_can_not_be_split_is_refused() {
    for (name, source) in [
        ("short.csv", "id,n,x\n1,2,3\n4,5\n"),
        ("long.csv", "id,n,x\n1,2,3\n4,5,6,7\n"),
        ("open.csv", "id,n,x\n1,2,\"3\n4,5,6\n"),
        ("twice.csv", "id,n,n\n1,2,3\n"),
    ] {
        assert_eq!(stamp(name, source.as_bytes(), b','), Fared::Refused, "{name}");
    }
}

#[test]
fn the_collection_of_awkward_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/awkward_csv");
    let Ok(entries) = fs::read_dir(folder) else { return };
    let (mut changed, mut refused) = (Vec::new(), Vec::new());
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".csv") {
            continue;
        }
        let delimiter = if name.starts_with("semicolon") { b';' } else { b',' };
        let source = with_key(&fs::read(&path).unwrap(), delimiter);
        match stamp(name, &source, delimiter) {
            Fared::Changed(cells) => changed.push((name.to_owned(), cells)),
            Fared::Refused => refused.push(name.to_owned()),
        }
    }
    refused.sort();
    // Keys are random, and of a few cells a file about half are changed: far fewer files than these would be no chance.
    assert!(changed.iter().filter(|(_, cells)| *cells > 0).count() >= 5, "{changed:?}");
    assert_eq!(
        refused,
        ["comment_line.csv", "dup_headers.csv", "ragged_long.csv", "ragged_short.csv"],
        "{changed:?}"
    );
}
