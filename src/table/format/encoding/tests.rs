//! Texts that go through both ways, and hostile ones.

use std::io::{Read, Write};

use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::Error;
use crate::table::format::block::Reading;

const LABELS: [&str; 14] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "gb18030",
    "gbk",
    "big5",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "euc-kr",
    "windows-1252",
    "windows-1251",
    "iso-8859-2",
    "koi8-r",
];

const TABLE: &str = "编号,姓名,出生日期,诊断\n1,王小明,1980-01-02,高血压|糖尿病\n2,李雷,1975-12-31,健康\n";

fn decoded(bytes: &[u8], encoding: Encoding, reading: Reading) -> Result<(String, Replaced), Error> {
    let mut decoder = Decoder::new(bytes, encoding, reading);
    let (mut text, replaced) = (Vec::new(), decoder.replaced());
    decoder.read_to_end(&mut text).map_err(crate::table::format::reason::read_failed)?;
    Ok((String::from_utf8(text).expect("always UTF-8"), replaced))
}

/// Written in pieces of this many bytes.
fn encoded(text: &str, encoding: Encoding, piece_bytes: usize) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(Vec::new(), encoding);
    let mut write = || text.as_bytes().chunks(piece_bytes).try_for_each(|piece| encoder.write_all(piece));
    write().and_then(|()| encoder.finish()).map_err(crate::table::format::reason::write_failed)
}

fn strict(bytes: &[u8], label: &str) -> Result<String, Error> {
    decoded(bytes, Encoding::of_label(label).unwrap(), Reading::Strict).map(|(text, _)| text)
}

fn message(result: Result<impl Sized, Error>) -> String {
    let error = result.err().expect("it can't be read");
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

proptest! {
    #[test]
    fn what_can_be_written_is_read_again(
        text in "([ -~\n]|[à-ÿ]|[а-я]|[一-龥]|[あ-ん]|[가-힣]|\\PC){0,40}",
        piece in 1..9usize,
    ) {
        for label in LABELS {
            // Texts of one script too, as few encodings hold several.
            let ascii = text.chars().filter(char::is_ascii).collect();
            let first = text.chars().take(1).collect();
            for text in [&text, &ascii, &first] {
                let encoding = Encoding::of_label(label).unwrap();
                if let Ok(bytes) = encoded(text, encoding, piece) {
                    prop_assert_eq!(&encoded(text, encoding, usize::MAX).unwrap(), &bytes);
                    let (again, _) = decoded(&bytes, encoding, Reading::Strict).unwrap();
                    prop_assert_eq!(&again, text);
                } else {
                    prop_assert!(!label.starts_with("utf"), "Unicode holds everything");
                }
            }
        }
    }

    #[test]
    fn what_is_read_strictly_is_written_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..10)) {
        for label in LABELS {
            let encoding = Encoding::of_label(label).unwrap();
            if let Ok((text, _)) = decoded(&bytes, encoding, Reading::Strict) {
                prop_assert_eq!(&encoded(&text, encoding, 1).unwrap(), &bytes);
            }
        }
    }
}

#[test]
fn every_pair_of_bytes_is_kept_or_refused() {
    for label in LABELS.iter().filter(|label| !label.starts_with("utf-16")) {
        let encoding = Encoding::of_label(label).unwrap();
        for pair in 0..=u16::MAX {
            let bytes = pair.to_be_bytes();
            if let Ok((text, _)) = decoded(&bytes, encoding, Reading::Strict) {
                assert_eq!(encoded(&text, encoding, 1).unwrap(), bytes, "{label}");
            }
        }
    }
}

#[test]
fn long_texts_go_through_with_characters_across_all_pieces() {
    for (label, line) in [
        ("gb18030", "1,王小明€𠀀,x\n"),
        ("utf-16le", "1,王小明€𠀀,x\n"),
        ("shift_jis", "1,日本語ソ,x\n"),
        ("iso-2022-jp", "1,日本語,x\n"),
        ("windows-1252", "1,Müller €,x\n"),
    ] {
        let (text, encoding) = (line.repeat(30_000), Encoding::of_label(label).unwrap());
        let bytes = encoded(&text, encoding, 4099).unwrap();
        assert!(strict(&bytes, label).unwrap() == text, "{label}");
        let (tolerant, replaced) = decoded(&bytes, encoding, Reading::Tolerant).unwrap();
        assert!(tolerant == text, "{label}");
        assert_eq!(replaced.characters(), 0);
    }
}

#[test]
fn the_encoding_is_sniffed() {
    for label in ["utf-8", "utf-16le", "utf-16be", "gb18030", "big5"] {
        let encoding = Encoding::of_label(label).unwrap();
        let text = if label == "big5" {
            "編號,姓名,診斷\n1,王小明,高血壓\n2,陳大文,健康檢查\n"
        } else {
            TABLE
        };
        let bytes = encoded(text, encoding, 7).unwrap();
        for cut in 0..3 {
            let expected = Sniffed { encoding, byte_order_mark: false };
            assert_eq!(sniff(&bytes[..bytes.len() - cut]).unwrap(), expected, "{label}");
        }
        if label != "big5" {
            let bytes = encoded(&format!("\u{feff}{TABLE}"), encoding, 7).unwrap();
            assert_eq!(sniff(&bytes).unwrap(), Sniffed { encoding, byte_order_mark: true });
        }
    }
    let named = |bytes: &[u8]| sniff(bytes).unwrap().encoding.name();
    assert_eq!(
        named(
            "Straße;Größe;Name\nMüllerweg;groß;Jürgen\n"
                .chars()
                .map(|c| c as u8)
                .collect::<Vec<_>>()
                .as_slice()
        ),
        "windows-1252"
    );
    let mut euro = encoded(TABLE, Encoding::GBK, 7).unwrap();
    euro.extend_from_slice(b"3,\x80 5\n");
    assert_eq!(named(&euro), "GBK");
    assert_eq!(named(b""), "UTF-8");
    assert_eq!(named(b"a,b\n1,2\n"), "UTF-8");
    assert_eq!(message(sniff(b"\xff\xfe\0\0a\0\0\0")), "the file is UTF-32");
    let units = "a,b\n1,2\n".repeat(9).encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    assert!(sniff(&units).unwrap().encoding.is_utf16());
}

#[test]
fn ill_formed_bytes_are_named_by_their_place() {
    assert_eq!(message(strict(b"ab\xffc", "gb18030")), "byte 2 of the text is no gb18030");
    assert_eq!(message(strict(b"a\0b", "utf-16le")), "byte 2 of the text is no UTF-16LE");
    assert_eq!(message(strict(b"a\0\0\xd8b\0", "utf-16le")), "byte 2 of the text is no UTF-16LE");
    assert_eq!(message(strict(b"\xd6", "gbk")), "byte 0 of the text is no GBK");
    let long = [b"x".repeat(70_000), b"\xb0\xa1\xff".to_vec()].concat();
    assert_eq!(message(strict(&long, "gb18030")), "byte 70002 of the text is no gb18030");
}

#[test]
fn what_would_be_written_otherwise_is_refused() {
    let otherwise =
        |label| format!("byte 2 of the text is read as {label}, but would be written in another way");
    assert_eq!(message(strict(b"1,\xa2\xe3", "gbk")), otherwise("GBK"));
    assert_eq!(message(strict(b"1,\x80", "gb18030")), otherwise("gb18030"));
    assert_eq!(message(strict(b"1,\x81\x30\x81\x30", "gbk")), otherwise("GBK"));
    // Back to ASCII, where it is ASCII already.
    assert_eq!(message(strict(b"1,\x1b(B", "iso-2022-jp")), otherwise("ISO-2022-JP"));
    assert_eq!(strict(b"1,\x80", "gbk").unwrap(), "1,€");
    assert_eq!(strict(b"1,\xa2\xe3", "gb18030").unwrap(), "1,€");
}

#[test]
fn text_before_an_error_is_given_first() {
    let mut decoder = Decoder::new(&b"ab\xb0\xa1\xff"[..], Encoding::GB18030, Reading::Strict);
    let mut text = Vec::new();
    assert!(decoder.read_to_end(&mut text).is_err());
    assert_eq!(text, "ab啊".as_bytes());
    assert_eq!(decoder.read(&mut [0; 9]).unwrap(), 0, "and nothing after it");
}

#[test]
fn characters_that_the_encoding_lacks_are_refused() {
    let refused = |text, label| message(encoded(text, Encoding::of_label(label).unwrap(), 2));
    assert_eq!(refused("王", "windows-1252"), "new text has a character that windows-1252 can't hold");
    assert_eq!(refused("\u{a5}", "shift_jis"), "new text has a character that Shift_JIS can't hold");
    assert_eq!(message(Encoding::of_label("utf-\u{7}9").map(drop)), "there is no encoding `utf-9`");
}

#[test]
fn a_file_put_together_from_several_encodings_is_read_line_by_line() {
    let gbk = encoded(&TABLE.repeat(3), Encoding::GB18030, 7).unwrap();
    let mixed = [TABLE.as_bytes(), &gbk, TABLE.as_bytes()].concat();
    for encoding in [Encoding::UTF_8, Encoding::GB18030] {
        let (text, replaced) = decoded(&mixed, encoding, Reading::Tolerant).unwrap();
        assert_eq!(text, TABLE.repeat(5));
        let foreign = if encoding == Encoding::UTF_8 { 9 } else { 6 };
        assert_eq!((replaced.characters(), replaced.foreign_lines()), (0, foreign));
    }
    let torn = [TABLE.as_bytes(), &TABLE.as_bytes()[..TABLE.len() - 2]].concat();
    let (text, replaced) = decoded(&torn, Encoding::UTF_8, Reading::Tolerant).unwrap();
    assert!(text.ends_with("健\u{fffd}"));
    assert_eq!((replaced.characters(), replaced.foreign_lines()), (1, 0));
}

#[test]
fn lines_that_never_end_are_read_all_the_same() {
    let text = "王小明,".repeat(1_000_000);
    let bytes = encoded(&text, Encoding::GB18030, usize::MAX).unwrap();
    let (again, replaced) = decoded(&bytes, Encoding::GB18030, Reading::Tolerant).unwrap();
    assert!(again == text && replaced.characters() == 0);
    let (_, replaced) = decoded(&b"\xff".repeat(5 << 20), Encoding::GB18030, Reading::Tolerant).unwrap();
    assert_eq!(replaced.characters(), 5 << 20);
}

#[test]
fn no_mutation_of_a_text_panics() {
    let mut random = StdRng::seed_from_u64(7);
    for label in LABELS {
        let encoding = Encoding::of_label(label).unwrap();
        let text = if encoded(TABLE, encoding, 7).is_ok() { TABLE } else { "a,b\n1,Muller\n" };
        let valid = encoded(text, encoding, 7).unwrap();
        for _ in 0..300 {
            let mut bytes = valid.clone();
            for _ in 0..random.random_range(1..6) {
                mutate(&mut bytes, &mut random);
            }
            let _ = sniff(&bytes);
            decoded(&bytes, encoding, Reading::Tolerant).unwrap();
            if let Ok((text, _)) = decoded(&bytes, encoding, Reading::Strict) {
                assert_eq!(encoded(&text, encoding, 5).unwrap(), bytes, "{label}");
            }
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut impl Rng) {
    let at = random.random_range(0..=bytes.len());
    match random.random_range(0..4) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, random.random()),
        2 => bytes.extend_from_within(at..),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
    }
}
