//! Files that are compressed, or in another encoding: stamped as they are, traced as they turn up.

use std::io::{Read as _, Write as _};

use encoding_rs::GB18030;

use super::{Desk, visits};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("visits.csv")
        .mtime(77)
        .write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

fn of_utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    String::from_utf16(&units.skip(1).collect::<Vec<u16>>()).unwrap()
}

/// A table whose notes are Chinese; one has a character of four bytes, one ends in a byte that is `|` in ASCII.
fn chinese() -> String {
    visits(300).replace("\"seen, and sent home\"", "\"\u{5df2}\u{8bca}, \u{3fc0}\u{8e96}|\u{5df2}\"")
}

/// Stamps a file for both partners.
fn stamp(desk: &Desk, file: &str) -> [Vec<u8>; 2] {
    ["acme", "bob"].map(|to| {
        let copy = format!("{to}-{file}");
        let release = format!("{file}-{to}");
        let args = ["stamp", file, "--dataset", "visits", "--to", to, "-o", &copy, "--release-id", &release];
        desk.run(&args).ok();
        desk.read(&copy)
    })
}

#[test]
fn a_packed_table_is_stamped_like_the_plain_one() {
    let desk = Desk::ready();
    let plain = stamp(&desk, "visits.csv");
    desk.write("visits.csv.gz", gzip(visits(300).as_bytes()));
    desk.write("visits.csv.zst", zstd::encode_all(visits(300).as_bytes(), 1).unwrap());
    let packed = stamp(&desk, "visits.csv.gz");
    for (packed, plain) in packed.iter().zip(&plain) {
        assert_eq!(&gunzip(packed), plain);
        let header = flate2::read::GzDecoder::new(&packed[..]);
        let header = header.header().unwrap();
        assert_eq!((header.filename(), header.mtime()), (Some(&b"visits.csv"[..]), 77));
    }
    for (packed, plain) in stamp(&desk, "visits.csv.zst").iter().zip(&plain) {
        assert_eq!(&zstd::decode_all(&packed[..]).unwrap(), plain);
    }
    let said = desk.trace(&["bob-visits.csv.zst"]).ok().out();
    assert!(said.starts_with("EXACT COPY  bob (Bob's Bureau)\n"), "{said}");
}

#[test]
fn a_packed_table_that_is_cut_off_still_names_its_copy() {
    let desk = Desk::ready();
    let rows = visits(3000);
    desk.write("visits.csv.gz", gzip(rows.as_bytes()));
    let [acme, _] = stamp(&desk, "visits.csv.gz");
    desk.write("leak", &acme[..acme.len() / 2]);
    let said = desk.trace(&["leak"]).ok().out();
    assert!(said.starts_with("IDENTIFIED  acme (Acme Analytics)\n"), "{said}");
    assert!(said.contains("Damage     its compressed data is damaged or cut off"), "{said}");
    desk.write("cut.csv.gz", &gzip(rows.as_bytes())[..5000]);
    let hint = "fetch the file again, it may not have been copied whole";
    let args = ["stamp", "cut.csv.gz", "--dataset", "visits", "--to", "bob", "-o", "out"];
    desk.run(&args).fails(2, "cut.csv.gz: the gzip data ends too early", hint);
    assert!(!desk.path("out").exists());
}

#[test]
fn a_table_in_another_encoding_is_stamped_in_it() {
    let desk = Desk::ready();
    desk.write("plain.csv", chinese());
    let plain = stamp(&desk, "plain.csv").map(|copy| String::from_utf8(copy).unwrap());
    assert_ne!(plain[0], chinese());
    desk.write("utf16.csv", utf16(&chinese()));
    assert_eq!(stamp(&desk, "utf16.csv").map(|copy| of_utf16(&copy)), plain);
    desk.write("gb.csv", &GB18030.encode(&chinese()).0);
    let copies = stamp(&desk, "gb.csv");
    assert_eq!(copies.clone().map(|copy| GB18030.decode(&copy).0.into_owned()), plain);
    // What is not marked is the source's, byte for byte.
    let source = desk.read("gb.csv");
    let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let note = |line: &[u8]| line[line.iter().rposition(|byte| *byte == b',').unwrap_or(0)..].to_vec();
    for (copied, line) in lines(&copies[1]).iter().zip(lines(&source)) {
        assert_eq!(note(copied), note(&line));
    }
    for leak in ["bob-gb.csv", "bob-utf16.csv"] {
        let mut bytes = desk.read(leak);
        bytes.truncate(bytes.len() * 3 / 4 / 2 * 2);
        desk.write("leak", bytes);
        let said = desk.trace(&["leak"]).ok().out();
        assert!(said.starts_with("IDENTIFIED  bob (Bob's Bureau)\n"), "{leak}: {said}");
    }
}

#[test]
fn an_encoding_that_does_not_fit_is_an_error_at_its_byte() {
    let desk = Desk::ready();
    desk.write("odd.csv", [visits(3).as_bytes(), b"V9,,north,5,\xff\xfe\n"].concat());
    let args =
        ["stamp", "odd.csv", "--dataset", "visits", "--to", "bob", "-o", "out", "--encoding", "gb18030"];
    let hint = "name the encoding with `--encoding`, or mend the file there";
    let at = visits(3).len() + "V9,,north,5,".len();
    let what = format!("odd.csv: byte {at} of the text is no gb18030");
    desk.run(&args).fails(2, &what, hint);
    // As bytes it can be stamped: all else is UTF-8.
    desk.run(&[&args[..8], &["--encoding", "utf-8"]].concat()).ok();
    assert!(desk.read("out").ends_with(b"\xff\xfe\n"));
    let said = desk.run(&[&args[..8], &["--encoding", "klingon"]].concat()).exits(2);
    assert!(said.stderr.contains("there is no encoding `klingon`"), "{}", said.stderr);
}
