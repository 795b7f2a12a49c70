//! Numbers as digits. A stamp writes millions of them, and `write!` takes several times as long.

use std::io::Write;

/// Appends a number, with noughts in front of it up to `width` digits.
pub(super) fn write(value: u128, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    match u64::try_from(value) {
        Ok(mut rest) if width <= digits.len() => {
            let mut at = digits.len();
            while rest > 0 {
                at -= 1;
                digits[at] = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
        }
        _ => write!(out, "{value:0width$}").expect("a vector takes everything"),
    }
}

/// Appends `value / 10^scale` with all its decimals.
pub(super) fn write_scaled(value: i128, scale: usize, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write(value.unsigned_abs(), scale + 1, out);
    if scale > 0 {
        out.insert(out.len() - scale, b'.');
    }
}

/// Removes the noughts at the end, and a point that they leave there.
pub(super) fn trim_decimals(out: &mut Vec<u8>) {
    let kept = out.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
    out.truncate(kept);
    if out.last() == Some(&b'.') {
        out.pop();
    }
}
