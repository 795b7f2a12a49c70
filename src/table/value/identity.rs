//! The canonical bytes of a key cell.
//!
//! A row's randomness is derived from its key cells, so a key must come out the same however the leak spells it.
//! Merging two keys is harmless (their rows share their marks); splitting one loses its row. So whenever in
//! doubt, spellings are merged. Deliberately lost are:
//!
//! * surrounding white space, letter case, full-width forms and Unicode composition;
//! * leading zeros, a plus sign, trailing decimal zeros and the exponent of a number: `00123`, `123.0` and
//!   `1.23e2` are `123`, and a code such as `12E4` is the number that a spreadsheet makes of it;
//! * the layout and zone of an ISO date and time; midnight UTC and the date alone, since programs turn one into
//!   the other;
//! * which spelling of "no value" stood there.
//!
//! Slash dates and serials are left as text: whether they are dates can't be told from one cell. Only the whole
//! cell is ever read as a number, so no part of a UUID is.

use super::{
    Decimal, Moment,
    decimal::{trim_back, trim_front},
    fold, is_missing,
};

/// Appends the canonical form of one key cell after its length (u32, little-endian).
///
/// A missing value has length 0 and nothing else has. Bytes that are not UTF-8 are kept as they are.
pub fn identity(cell: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    append_canonical(cell, out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn append_canonical(cell: &[u8], out: &mut Vec<u8>) {
    let kinds = kinds_of(cell);
    if kinds & HIGH == 0 {
        return append_ascii(cell.trim_ascii(), kinds, out);
    }
    match std::str::from_utf8(cell) {
        Ok(text) => {
            let folded = fold(text);
            if folded.is_ascii() {
                append_ascii(folded.as_bytes(), kinds_of(folded.as_bytes()), out);
            } else {
                out.extend_from_slice(folded.as_bytes());
            }
        }
        Err(_) => out.extend_from_slice(cell),
    }
}

fn append_ascii(cell: &[u8], kinds: u8, out: &mut Vec<u8>) {
    if is_missing(cell) {
        return;
    }
    if kinds & !(DIGIT | SPACE) == 0 && cell.iter().all(u8::is_ascii_digit) {
        let digits = trim_front(cell);
        return out.extend_from_slice(if digits.is_empty() { b"0" } else { digits });
    }
    // Letters other than the exponent's leave only text and, with its T and Z, a date.
    if kinds & LETTER == 0 && append_number(cell, out) {
        return;
    }
    if cell.get(4) == Some(&b'-')
        && let Some(moment) = Moment::iso(cell)
    {
        return moment.write_canonical(out);
    }
    let start = out.len();
    out.extend_from_slice(cell);
    if kinds & UPPER != 0 {
        out[start..].make_ascii_lowercase();
    }
}

/// Appends a number that is not all digits. False, and nothing appended, when the cell is no number.
fn append_number(cell: &[u8], out: &mut Vec<u8>) -> bool {
    let (negative, digits) = match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, cell),
    };
    let mut parts = digits.splitn(2, |byte| *byte == b'.');
    let integer = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    let is_plain =
        integer.iter().chain(fraction).all(u8::is_ascii_digit) && integer.len() + fraction.len() > 0;
    if !is_plain {
        let Some(value) = std::str::from_utf8(cell).ok().and_then(Decimal::parse) else { return false };
        out.extend_from_slice(value.to_string().as_bytes());
        return true;
    }
    let (integer, fraction) = (trim_front(integer), trim_back(fraction));
    if negative && integer.len() + fraction.len() > 0 {
        out.push(b'-');
    }
    out.extend_from_slice(if integer.is_empty() { b"0" } else { integer });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
    true
}

const DIGIT: u8 = 1;
const UPPER: u8 = 2;
/// A letter that no number has.
const LETTER: u8 = 4;
const SPACE: u8 = 8;
const OTHER: u8 = 16;
/// Not ASCII.
const HIGH: u8 = 32;

/// What a byte can be part of, so that one pass over a cell decides its path.
static KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        kinds[byte] = match letter {
            b'0'..=b'9' => DIGIT,
            b'E' => UPPER,
            b'e' => OTHER,
            b'A'..=b'Z' => UPPER | LETTER,
            b'a'..=b'z' => LETTER,
            b' ' | b'\t' | b'\r' | b'\n' => SPACE,
            128.. => HIGH,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

fn kinds_of(cell: &[u8]) -> u8 {
    cell.iter().fold(0, |kinds, byte| kinds | KINDS[usize::from(*byte)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(cell: impl AsRef<[u8]>) -> Vec<u8> {
        let mut out = Vec::new();
        identity(cell.as_ref(), &mut out);
        let length = u32::from_le_bytes(*out.first_chunk().unwrap());
        assert_eq!(length as usize, out.len() - 4);
        out.split_off(4)
    }

    #[test]
    fn keys_by_example() {
        for (cell, expected) in [
            ("00123", "123"),
            (" 123\r\n", "123"),
            ("123.0", "123"),
            ("1.23e2", "123"),
            ("+1.50", "1.5"),
            ("-0.0", "0"),
            ("-007.10", "-7.1"),
            (".5", "0.5"),
            ("0", "0"),
            ("000", "0"),
            ("１２３", "123"),
            (
                "00012345678901234567890123456789012345678901234567890",
                "12345678901234567890123456789012345678901234567890",
            ),
            (
                "0001.000000000000000000000000000000000000000000000000010",
                "1.00000000000000000000000000000000000000000000000001",
            ),
            ("2021-08-23 03:26:50+00:00", "2021-08-23T03:26:50Z"),
            ("2021-08-23T03:26:50Z", "2021-08-23T03:26:50Z"),
            ("2021-08-23T05:26:50.500+0200", "2021-08-23T03:26:50.5Z"),
            ("2021-08-23", "2021-08-23"),
            ("2021-08-23 00:00:00", "2021-08-23"),
            ("33DC326D-4b64-921b-4afe-6456415a2e78", "33dc326d-4b64-921b-4afe-6456415a2e78"),
            ("12345678-1234-1234-1234-1234567890e1", "12345678-1234-1234-1234-1234567890e1"),
            ("2021-0823", "2021-0823"),
            ("03/04/2021", "03/04/2021"),
            ("Müller", "müller"),
            ("MU\u{308}LLER", "müller"),
            ("Ａｂ－１", "ab-1"),
            ("1 234", "1 234"),
            ("1.2.3", "1.2.3"),
            ("1e999999", "1e999999"),
            ("", ""),
            ("NULL", ""),
            ("\u{3000}", ""),
        ] {
            assert_eq!(canonical(cell), expected.as_bytes(), "{cell:?}");
        }
        assert_eq!(canonical(b" \xff\xfe "), b" \xff\xfe ");
    }

    #[test]
    fn a_canonical_key_is_fast() {
        // A smoke test for accidental slowness only: the benches measure.
        let cells = ["33dc326d-4b64-921b-4afe-6456415a2e78", "2278392", "00123"];
        let mut out = Vec::with_capacity(128);
        let start = std::time::Instant::now();
        const ROUNDS: u32 = 200_000;
        for _ in 0..ROUNDS {
            for cell in cells {
                out.clear();
                identity(std::hint::black_box(cell.as_bytes()), &mut out);
            }
        }
        let each = start.elapsed() / (ROUNDS * cells.len() as u32);
        println!("{each:?} per key cell");
        assert!(each.as_nanos() < 2_000);
    }

    proptest! {
        #[test]
        fn canonical_forms_are_their_own(cell in "\\PC{0,24}|[-+0-9.eEzZtT: ]{0,24}") {
            let once = canonical(&cell);
            prop_assert_eq!(canonical(&once), once);
        }

        #[test]
        fn damage_keeps_the_key(number in any::<i64>(), zeros in 0_usize..5, text in "[a-z]{1,9}[0-9]{0,5}") {
            let whole = canonical(number.to_string());
            let padded = format!(" {}.{}", number, "0".repeat(zeros));
            prop_assert_eq!(canonical(padded), whole);
            prop_assert_eq!(canonical(format!("\t{} ", text.to_uppercase())), canonical(&text));
        }

        #[test]
        fn any_bytes_have_a_key(cell in prop::collection::vec(any::<u8>(), 0..40)) {
            canonical(&cell);
        }
    }
}
