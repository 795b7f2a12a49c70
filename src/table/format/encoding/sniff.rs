//! Which encoding a file has, by its first bytes.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use memchr::memchr;

use crate::error::Result;

use super::Encoding;
use super::reason::EncodingReason;

/// Bytes by which UTF-16 is recognised.
const UTF16_BYTES: usize = 1024;

/// Fewer pairs of bytes than this may have their zeros by chance, and are too few for a table.
const UTF16_PAIRS: usize = 16;

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    /// The encoding.
    pub encoding: Encoding,
    /// Whether a byte-order mark says so. It stays in the text, as U+FEFF.
    pub byte_order_mark: bool,
}

/// The encoding of a file that starts with `head`, which may be cut anywhere.
///
/// A byte-order mark is believed. Else what is well-formed UTF-8 is UTF-8: no other text of some length is. Else it is guessed
/// by which characters and sequences of characters are common where.
///
/// # Errors
/// If it is UTF-32, which nothing here reads.
pub fn sniff(head: &[u8]) -> Result<Sniffed> {
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        return Err(EncodingReason::Utf32.into());
    }
    // GB18030 has one too, of its own making.
    let marked = match encoding_rs::Encoding::for_bom(head) {
        Some((encoding, _)) => Some(Encoding(encoding)),
        None => head.starts_with(b"\x84\x31\x95\x33").then_some(Encoding::GB18030),
    };
    if let Some(encoding) = marked {
        return Ok(Sniffed { encoding, byte_order_mark: true });
    }
    let encoding = match utf16_by_zeros(head) {
        Some(encoding) => encoding,
        None if is_utf8_so_far(head) => Encoding::UTF_8,
        None => guess(head),
    };
    Ok(Sniffed { encoding, byte_order_mark: false })
}

/// In UTF-16 nearly every second byte of a table is a zero, and nearly none of the others is. In a table of Chinese text it is
/// only the delimiters, digits and line ends, so that few zeros do if all the rest agrees.
fn utf16_by_zeros(head: &[u8]) -> Option<Encoding> {
    let pairs = head[..head.len().min(UTF16_BYTES)].chunks_exact(2);
    let zeros = |half: usize| pairs.clone().filter(|pair| pair[half] == 0).count();
    let (even, odd, all) = (zeros(0), zeros(1), pairs.len());
    let (more, fewer) = (even.max(odd), even.min(odd));
    let encoding = if even > odd { Encoding::UTF_16BE } else { Encoding::UTF_16LE };
    let nearly_all = more * 10 >= all * 8 && fewer * 10 <= all;
    let some = more * 10 >= all && fewer == 0 && is_well_formed_so_far(head, encoding);
    (all >= UTF16_PAIRS && (nearly_all || some)).then_some(encoding)
}

fn is_well_formed_so_far(head: &[u8], encoding: Encoding) -> bool {
    let mut decoder = encoding.0.new_decoder_without_bom_handling();
    let mut text = vec![0; decoder.max_utf8_buffer_length_without_replacement(head.len()).unwrap_or(0)];
    let (result, ..) = decoder.decode_to_utf8_without_replacement(head, &mut text, false);
    result == encoding_rs::DecoderResult::InputEmpty
}

/// Whether all of it is UTF-8, but for a character that is cut at its end.
pub(super) fn is_utf8_so_far(head: &[u8]) -> bool {
    std::str::from_utf8(head).err().is_none_or(|error| error.error_len().is_none())
}

/// The encoding of text that is no UTF-8.
pub(super) fn guess(head: &[u8]) -> Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(head, false);
    let guessed = Encoding(detector.guess(None, Utf8Detection::Deny));
    // GB18030 holds all that GBK does and all that may come later, except for 0x80.
    if guessed == Encoding::GBK && memchr(0x80, head).is_none_or(|_| is_gb18030_so_far(head)) {
        return Encoding::GB18030;
    }
    guessed
}

/// Whether it would be written as it is by an encoder of GB18030: every 0x80 is a trail byte then.
fn is_gb18030_so_far(head: &[u8]) -> bool {
    let mut bytes = head.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            0x80 => return false,
            // The trail byte, or the second of four; the third of those is a lead byte too.
            0x81..=0xfe => drop(bytes.next()),
            _ => {}
        }
    }
    true
}
