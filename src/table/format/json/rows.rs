//! The rows of a block, one after the other.
//!
//! In tolerant reading a broken row is passed: to the next line, or to the next place where a row of an array seems to begin.
//! A line may have other words around its row, as logs do.

use super::blocks::Shape;
use super::lex::Lexer;
use super::reason::JsonReason;

/// Braces of a line at which a row is looked for.
const MAX_TRIES: usize = 16;

/// Goes through a block.
pub(super) struct Rows<'a> {
    lexer: Lexer<'a>,
    shape: Shape,
    is_tolerant: bool,
    /// Whether a comma must come before the next row of an array.
    needs_comma: bool,
    closed: bool,
}

impl<'a> Rows<'a> {
    pub fn of(block: &'a [u8], shape: Shape, is_tolerant: bool) -> Rows<'a> {
        Rows { lexer: Lexer { bytes: block, at: 0 }, shape, is_tolerant, needs_comma: false, closed: false }
    }

    /// Passes one row, read by `parse`; `None` after the last. A row that `parse` doesn't like is passed too if reading is
    /// tolerant; otherwise there is nothing to be had after it.
    pub fn next_row(
        &mut self,
        mut parse: impl FnMut(&mut Lexer<'a>) -> Result<(), JsonReason>,
    ) -> Option<Result<(), JsonReason>> {
        if self.is_tolerant && self.shape == Shape::Lines {
            return self.next_line(parse);
        }
        match self.find_next() {
            Ok(false) => return None,
            Ok(true) => {}
            Err(reason) => return Some(Err(self.pass_broken(reason))),
        }
        self.needs_comma = true;
        Some(parse(&mut self.lexer).map_err(|reason| self.pass_broken(reason)))
    }

    /// Goes to the start of the next row, if there is one.
    fn find_next(&mut self) -> Result<bool, JsonReason> {
        let byte = self.lexer.skip_space();
        if self.lexer.at == self.lexer.bytes.len() {
            return Ok(false);
        }
        if self.closed {
            return Err(JsonReason::Syntax);
        }
        if self.shape != Shape::Array {
            return Ok(true);
        }
        match byte {
            b']' => {
                self.lexer.at += 1;
                self.closed = true;
                self.find_next()
            }
            // Before the first row of a block, where the reader of the blocks has looked whether one belongs there.
            b',' => {
                self.lexer.at += 1;
                self.lexer.skip_space();
                Ok(self.lexer.at < self.lexer.bytes.len() || !self.is_tolerant)
            }
            _ if self.needs_comma => Err(JsonReason::Syntax),
            _ => Ok(true),
        }
    }

    /// Goes to where a row seems to begin: after a comma between braces.
    fn pass_broken(&mut self, reason: JsonReason) -> JsonReason {
        let bytes = self.lexer.bytes;
        let mut at = self.lexer.at.min(bytes.len());
        while self.is_tolerant && !self.closed {
            let Some(offset) = memchr::memchr(b'}', &bytes[at..]) else { break };
            at += offset + 1;
            let mut rest = Lexer { bytes, at };
            let has_comma = rest.skip_space() == b',';
            rest.at += usize::from(has_comma);
            if has_comma == (self.shape == Shape::Array) && rest.skip_space() == b'{' {
                self.lexer.at = rest.at;
                self.needs_comma = false;
                return reason;
            }
        }
        self.lexer.at = bytes.len();
        reason
    }

    fn next_line(
        &mut self,
        mut parse: impl FnMut(&mut Lexer<'a>) -> Result<(), JsonReason>,
    ) -> Option<Result<(), JsonReason>> {
        self.lexer.skip_space();
        let (bytes, start) = (self.lexer.bytes, self.lexer.at);
        if start == bytes.len() {
            return None;
        }
        let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
        self.lexer.at = end;
        let mut failed = JsonReason::NoObject;
        for at in memchr::memchr_iter(b'{', &bytes[start..end]).take(MAX_TRIES) {
            match parse(&mut Lexer { bytes: &bytes[..end], at: start + at }) {
                Ok(()) => return Some(Ok(())),
                Err(reason) => failed = reason,
            }
        }
        Some(Err(failed))
    }
}
