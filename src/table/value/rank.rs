//! Where a key stands in the order of its column, in eight bytes.

use super::{Decimal, Moment, fold, is_missing};

/// Bytes of a text that fit beside the bit that tells texts from numbers.
const TEXT_BYTES: usize = 8;

/// A number that sorts cells as their column would be sorted: numbers by value and dates by time, before texts by
/// their first letters (case folded), before what is missing. Equal for all spellings of a number; longer texts may tie.
pub fn rank(cell: &[u8]) -> u64 {
    if is_missing(cell) {
        return u64::MAX;
    }
    let Ok(text) = std::str::from_utf8(cell) else { return u64::MAX };
    if let Some(number) = Decimal::parse(text) {
        return number_rank(number.mantissa() as f64 / 10f64.powi(i32::from(number.scale())));
    }
    if let Some(moment) = Moment::iso(text.as_bytes()) {
        return number_rank(moment.seconds() as f64);
    }
    let mut letters = [0; TEXT_BYTES];
    for (letter, byte) in letters.iter_mut().zip(fold(text).bytes()) {
        *letter = byte;
    }
    1 << 63 | u64::from_be_bytes(letters) >> 1
}

/// The order of doubles as the order of their bits (IEEE 754, section 5.10), in 63 bits.
fn number_rank(number: f64) -> u64 {
    let bits = number.to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    ordered >> 1
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn ranks_sort_as_the_column_would() {
        let sorted =
            ["-12.5", "-1", "0", "0.5", "9", "10", "1e3", "2024-01-01", "2024-01-02", "a", "AB", "b", "NA"];
        let ranks: Vec<u64> = sorted.iter().map(|cell| rank(cell.as_bytes())).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert_eq!(rank(b"007"), rank(b"7.0"));
        assert_eq!(rank(b"Key-1"), rank(b" KEY-1 "));
    }
}
