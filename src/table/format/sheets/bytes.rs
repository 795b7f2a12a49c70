//! Numbers and texts in records of bytes; nothing where a record is too short.

use crate::table::format::xlsx::serial::{self, Epoch, Shown};

/// `N` bytes at a place.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A number of 16 bits.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// A number of 32 bits.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A number of 64 bits with a fraction.
pub(super) fn f64_at(bytes: &[u8], at: usize) -> Option<f64> {
    array(bytes, at).map(f64::from_le_bytes)
}

/// A number in 30 bits: an integer or the upper half of a double, perhaps of hundredths ([MS-XLS] 2.5.218).
pub(super) fn rk_at(bytes: &[u8], at: usize) -> Option<f64> {
    let bits = u32_at(bytes, at)?;
    let value = match bits & 2 != 0 {
        true => f64::from(bits as i32 >> 2),
        false => f64::from_bits(u64::from(bits & !3) << 32),
    };
    Some(if bits & 1 != 0 { value / 100.0 } else { value })
}

/// A text of 16-bit letters after their number ([MS-XLSB] 2.5.168), and where it ends.
pub(super) fn wide_text(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let letters = u32_at(bytes, at)?;
    // No text at all.
    if letters == u32::MAX {
        return Some((String::new(), at + 4));
    }
    let end = (at + 4).checked_add(usize::try_from(letters).ok()?.checked_mul(2)?)?;
    Some((utf16(bytes.get(at + 4..end)?), end))
}

/// A text of 16-bit letters.
pub(super) fn utf16(bytes: &[u8]) -> String {
    let letters = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(letters).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// What the cells of a workbook are shown as.
#[derive(Default)]
pub(super) struct Styles {
    /// By the number of a format that the workbook gives.
    pub formats: std::collections::HashMap<u16, Shown>,
    /// The numbers of the formats of the styles.
    pub styles: Vec<u16>,
    pub is_1904: bool,
}

impl Styles {
    /// The text of a number in a cell of some style.
    pub fn number(&self, value: f64, style: usize) -> String {
        let known = |id: u16| crate::table::format::xlsx::styles::of_number(id.into());
        let shown =
            self.styles.get(style).map(|id| self.formats.get(id).copied().unwrap_or_else(|| known(*id)));
        let epoch = if self.is_1904 { Epoch::Since1904 } else { Epoch::Since1900 };
        let mut text = Vec::new();
        if value.is_finite() {
            serial::write(value, shown.unwrap_or_default(), epoch, &mut text);
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The text of a truth value.
pub(super) fn truth(byte: u8) -> &'static str {
    if byte != 0 { "true" } else { "false" }
}
