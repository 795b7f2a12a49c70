//! The tokens of JSON, found and checked without being decoded.
//!
//! Source: RFC 8259. The only liberty: an escaped half of a surrogate pair is a character that can't be shown, not an
//! error. UTF-8 is checked elsewhere, a record at a time.

use std::ops::Range;

use super::reason::JsonReason;

/// Levels of nesting in a row. FHIR, the deepest format in use, stays below 20; each level is a frame of the stack.
pub(super) const MAX_DEPTH: usize = 128;

type Lexed<T> = Result<T, JsonReason>;

/// A position in a text.
pub(super) struct Lexer<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

/// A string as written: the bytes between its quotes.
#[derive(Clone)]
pub(super) struct Quoted {
    pub inside: Range<usize>,
    /// Whether there are backslashes.
    pub escaped: bool,
}

impl<'a> Lexer<'a> {
    /// The byte that comes next; 0, which begins nothing, at the end.
    #[inline]
    pub fn next(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Passes spaces; gives the byte that comes then.
    #[inline]
    pub fn skip_space(&mut self) -> u8 {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    /// Passes a string.
    #[inline]
    pub fn string(&mut self) -> Lexed<Quoted> {
        if self.next() != b'"' {
            return Err(JsonReason::Syntax);
        }
        let (start, mut escaped) = (self.at + 1, false);
        let mut at = start;
        loop {
            at += plain_length(&self.bytes[at..]);
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    // Where it is broken, or cut off, must be known too.
                    self.at = at;
                    at += escape_length(&self.bytes[at..])?;
                }
                _ => {
                    self.at = at;
                    return Err(JsonReason::Syntax);
                }
            }
        }
        self.at = at + 1;
        Ok(Quoted { inside: start..at, escaped })
    }

    /// Passes a number.
    #[inline]
    pub fn number(&mut self) -> Lexed<Range<usize>> {
        let length = number_length(&self.bytes[self.at..]).ok_or(JsonReason::Syntax)?;
        let start = self.at;
        self.at += length;
        Ok(start..self.at)
    }

    /// Passes `true`, `false` or `null`.
    #[inline]
    pub fn word(&mut self) -> Lexed<Range<usize>> {
        let rest = &self.bytes[self.at..];
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        let word = words.into_iter().find(|word| rest.starts_with(word)).ok_or(JsonReason::Syntax)?;
        let start = self.at;
        self.at += word.len();
        Ok(start..self.at)
    }

    /// Passes any value, `depth` levels down.
    pub fn skip_value(&mut self, depth: usize) -> Lexed<()> {
        match self.skip_space() {
            b'{' => self.members(depth, |lexer, _| lexer.skip_value(depth + 1)),
            b'[' => self.items(depth, |lexer, _| lexer.skip_value(depth + 1)),
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => self.word().map(drop),
        }
    }

    /// Passes an object, at its `{`; `value` is called at each value, with its key, and passes it.
    #[inline]
    pub fn members(
        &mut self,
        depth: usize,
        mut value: impl FnMut(&mut Lexer<'a>, Quoted) -> Lexed<()>,
    ) -> Lexed<()> {
        self.enter(depth)?;
        if self.skip_space() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            if self.skip_space() != b':' {
                return Err(JsonReason::Syntax);
            }
            self.at += 1;
            self.skip_space();
            value(self, key)?;
            if self.ends(b'}')? {
                return Ok(());
            }
        }
    }

    /// Passes an array, at its `[`; `value` is called at each value, with its index, and passes it.
    #[inline]
    pub fn items(
        &mut self,
        depth: usize,
        mut value: impl FnMut(&mut Lexer<'a>, usize) -> Lexed<()>,
    ) -> Lexed<()> {
        self.enter(depth)?;
        if self.skip_space() == b']' {
            self.at += 1;
            return Ok(());
        }
        for index in 0.. {
            self.skip_space();
            value(self, index)?;
            if self.ends(b']')? {
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn enter(&mut self, depth: usize) -> Lexed<()> {
        self.at += 1;
        if depth < MAX_DEPTH { Ok(()) } else { Err(JsonReason::Deep { limit: MAX_DEPTH }) }
    }

    /// Passes a comma, or what closes.
    #[inline]
    fn ends(&mut self, closing: u8) -> Lexed<bool> {
        let byte = self.skip_space();
        self.at += 1;
        match byte {
            b',' => Ok(false),
            _ if byte == closing => Ok(true),
            _ => Err(JsonReason::Syntax),
        }
    }
}

/// Bytes until a quote, a backslash or a control character; eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // The lowest high bit that is set is exact; those above it need not be.
        let is_below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
        let quote = is_below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = is_below(word ^ (ONES * u64::from(b'\\')), 1);
        let special = quote | backslash | is_below(word, 0x20);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes[at..].iter();
    at + rest.take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count()
}

/// Length of an escape, at its backslash.
fn escape_length(bytes: &[u8]) -> Lexed<usize> {
    match bytes.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') if bytes.len() >= 6 && bytes[2..6].iter().all(u8::is_ascii_hexdigit) => Ok(6),
        _ => Err(JsonReason::Syntax),
    }
}

/// Length of the number that `bytes` begins with.
#[inline]
pub(super) fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || whole > 1 && bytes[at] == b'0' {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        if exponent == 0 {
            return None;
        }
        at += exponent;
    }
    Some(at)
}
