//! Characters and their bytes, looked up once.
//!
//! The tables of `encoding_rs` are made for decoding; encoding a Chinese character searches through them from the start. A
//! column has few different ones, so that they are kept. Whether a character's bytes are read as the same character
//! (those of a yen sign in Shift_JIS are not) is tried out on that occasion.

use super::Encoding;
use super::script::Unmappable;

/// Characters that are kept: the basic plane, which has nearly all that are in use.
const KEPT: usize = 1 << 16;

/// No bytes: no encoding has four of these for a character.
const NONE: u32 = u32::MAX;

/// Writes an encoding in which the bytes of a character don't depend on others, and ASCII is ASCII.
pub(super) struct Memo {
    encoding: Encoding,
    /// The bytes of each character, the last one lowest; zero if it hasn't been looked up.
    known: Vec<u32>,
}

impl Memo {
    pub(super) fn new(encoding: Encoding) -> Memo {
        Memo { encoding, known: vec![0; KEPT] }
    }

    /// Adds `text` to `bytes`, up to an unmappable character.
    pub(super) fn write(&mut self, text: &str, bytes: &mut Vec<u8>) -> Result<(), Unmappable> {
        bytes.reserve(text.len());
        for c in text.chars() {
            if c.is_ascii() {
                bytes.push(c as u8);
                continue;
            }
            let code = self.code(c);
            if code == NONE {
                return Err(Unmappable);
            }
            let start = code.leading_zeros() as usize / 8;
            bytes.extend_from_slice(&code.to_be_bytes()[start..]);
        }
        Ok(())
    }

    fn code(&mut self, c: char) -> u32 {
        match self.known.get_mut(c as usize) {
            Some(0) => {
                let code = look_up(self.encoding, c);
                self.known[c as usize] = code;
                code
            }
            Some(code) => *code,
            None => look_up(self.encoding, c),
        }
    }
}

/// The bytes of a character that are read as that character.
fn look_up(encoding: Encoding, c: char) -> u32 {
    let mut utf8 = [0; 4];
    let text: &str = c.encode_utf8(&mut utf8);
    let (bytes, _, is_replaced) = encoding.0.encode(text);
    let is_read_again = || encoding.0.decode_without_bom_handling_and_without_replacement(&bytes);
    if is_replaced || bytes.len() > 4 || is_read_again().as_deref() != Some(text) {
        return NONE;
    }
    bytes.iter().fold(0, |code, &byte| code << 8 | u32::from(byte))
}
