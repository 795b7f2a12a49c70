//! What is decided at a place: whether a line is a row, and whether a table ends there.

use crate::table::format::messy::begin::{BOM, Line, MAX_AROUND, begin, is_named, lines};

use super::{AHEAD_BYTES, Current, NUL, PAGE, State, Stream};

/// Records after a break in which those of the table are looked for.
const GOES_ON_RECORDS: usize = 3;

const REPEATED: &str = "repeating the header, left out";
const AFTER: &str = "after the table, left out";
const NULS: &str = "with NUL bytes, which were dropped";

/// What comes before a line that may begin something new.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    Nothing,
    Blank,
    Page,
    Mark,
}

impl Stream {
    /// Decides what is at `at`.
    pub(super) fn decide(&mut self) {
        let at = self.at;
        if self.window[at] == NUL {
            return self.drop_nuls();
        }
        if self.quotes.is_open(&self.window, at, self.current.dialect) {
            return self.go_on(at + 1);
        }
        let begins = self.begins_line(at);
        if self.window[at..].starts_with(BOM) {
            return match (begins, self.header_at(at + BOM.len())) {
                (true, _) => self.begin_line(BOM.len(), Break::Mark),
                (false, Some(length)) => self.drop_header(BOM.len() + length, true),
                (false, None) => self.go_on(at + 1),
            };
        }
        match (self.window[at], self.header_at(at)) {
            (PAGE, _) if begins => self.begin_line(1, Break::Page),
            (_, Some(length)) if begins => self.drop_header(length, false),
            (_, Some(length)) if self.is_glued(at) => self.drop_header(length, true),
            _ if begins && self.tail == Some(at) && !self.is_after_blank(at) => {
                self.decide_line(Break::Nothing)
            }
            _ if begins && self.is_after_blank(at) => match self.blank_bytes(at) {
                0 => self.decide_line(Break::Blank),
                blank => self.go_on(at + blank),
            },
            _ => self.go_on(at + 1),
        }
    }

    fn drop_nuls(&mut self) {
        if self.line_with_nul.replace(self.lines) != Some(self.lines) {
            self.faults.add(NULS, self.row());
        }
        let nuls = self.window[self.at..].iter().take_while(|byte| **byte == NUL).count();
        let begins = self.begins_line(self.at);
        let is_open = self.quotes.is_open(&self.window, self.at, self.current.dialect);
        self.drop(nuls);
        if begins && !is_open {
            self.quotes.begin_line(self.at);
        }
    }

    /// Drops what stands before a line, and looks at the line.
    fn begin_line(&mut self, bytes: usize, after: Break) {
        self.drop(bytes);
        self.quotes.begin_line(self.at);
        match self.header_at(self.at) {
            Some(length) => self.drop_header(length, false),
            None => self.decide_line(after),
        }
    }

    fn drop_header(&mut self, bytes: usize, glued: bool) {
        self.faults.add(REPEATED, self.row());
        self.owes_line_end = glued;
        self.drop(bytes);
        self.quotes.begin_line(self.at);
    }

    fn begins_line(&self, at: usize) -> bool {
        at == 0 || self.window[at - 1] == self.line_end() || self.quotes.begins_at(at)
    }

    fn is_after_blank(&self, at: usize) -> bool {
        self.window[..at].ends_with(self.current.blank.needle())
    }

    /// Bytes of empty lines at the beginning of a line: a run of them is one break.
    fn blank_bytes(&self, at: usize) -> usize {
        let rest = &self.window[at..];
        let ends = rest.iter().take_while(|byte| **byte == b'\r' || **byte == self.line_end()).count();
        memchr::memrchr(self.line_end(), &rest[..ends]).map_or(0, |last| last + 1)
    }

    /// The length of the header with its line end, if it stands at `at`.
    fn header_at(&self, at: usize) -> Option<usize> {
        let Current { header, repeated, .. } = &self.current;
        repeated.as_ref()?;
        let rest = self.window.get(at..)?.strip_prefix(header.as_slice())?;
        let rest_length = rest.len();
        let rest = rest.strip_prefix(b"\r").filter(|_| self.line_end() == b'\n').unwrap_or(rest);
        match rest.first() {
            Some(byte) if *byte == self.line_end() => Some(header.len() + rest_length - rest.len() + 1),
            None if self.at_end => Some(header.len() + rest_length),
            _ => None,
        }
    }

    /// Whether the header at `at` follows a row that has lost its line end: the line has twice as many delimiters.
    fn is_glued(&self, at: usize) -> bool {
        let Some(end) = memchr::memrchr(self.line_end(), &self.window[..at]) else { return false };
        let line = &self.window[end + 1..at];
        let delimiters = memchr::memchr_iter(self.current.dialect.delimiter, line).count();
        self.current.width > 1 && delimiters == self.current.width - 1
    }

    /// Decides what the line at `at` is: a row, the start of another table, or the first line after the last table.
    fn decide_line(&mut self, after: Break) {
        let (at, Current { dialect, width, .. }) = (self.at, &self.current);
        let ahead = &self.window[at..self.window.len().min(at + AHEAD_BYTES)];
        let looked_bytes = ahead.len();
        let goes_on = lines(ahead, *dialect, GOES_ON_RECORDS).iter().any(|line| line.width == *width);
        let may_break =
            after != Break::Nothing && (!goes_on || after == Break::Mark) && self.look_bytes_left > 0;
        if may_break && self.is_other_table(ahead, goes_on, after) {
            self.state = State::Between;
            return;
        }
        let is_rest = self.at_end && self.failed.is_none() && at + ahead.len() == self.window.len();
        let near = if is_rest { lines(ahead, *dialect, MAX_AROUND + 1) } else { Vec::new() };
        if !near.is_empty() && near.len() <= MAX_AROUND && near.iter().all(|line| is_after(line, *width)) {
            near.iter().for_each(|_| self.faults.add(AFTER, self.row()));
            return self.drop(self.window.len() - at);
        }
        if may_break {
            self.look_bytes_left = self.look_bytes_left.saturating_sub(looked_bytes);
        }
        self.go_on(at + 1);
    }

    /// Whether another table begins in these lines.
    fn is_other_table(&self, ahead: &[u8], goes_on: bool, after: Break) -> bool {
        let Some(other) = begin(ahead, self.said) else { return false };
        if other.width < 2 || !other.is_named || !other.has_rows {
            return false;
        }
        if after == Break::Mark && !goes_on {
            return true;
        }
        // Names stand above values that are none.
        let rows = &ahead[other.header.end..];
        let is_value = |line: &Line| !is_named(&rows[line.range.clone()], other.dialect);
        let has_values = lines(rows, other.dialect, GOES_ON_RECORDS).iter().any(is_value);
        has_values && (!goes_on || other.lines_before == 0)
    }

    /// Looks for lines after the table, once the text has ended: those with few cells at its very end.
    pub(super) fn find_tail(&mut self) {
        self.tail = None;
        if !self.at_end || self.failed.is_some() || self.state != State::Within {
            return;
        }
        let (dialect, width) = (self.current.dialect, self.current.width);
        let mut quotes = self.quotes.clone();
        let mut from = self.at.max(self.window.len().saturating_sub(AHEAD_BYTES));
        while !self.begins_line(from) || quotes.is_open(&self.window, from, dialect) {
            match memchr::memchr(self.line_end(), &self.window[from..]) {
                Some(offset) => from += offset + 1,
                None => return,
            }
        }
        let lines = lines(&self.window[from..], dialect, usize::MAX);
        let rows = lines.iter().rposition(|line| !is_after(line, width)).map_or(0, |last| last + 1);
        let even = lines[..rows].iter().filter(|line| line.width == width).count();
        let after = &lines[rows..];
        // A last line without its end may be a row that was cut.
        let is_cut = after.len() == 1 && !after[0].is_whole && after[0].width > 1;
        let is_even = even > 1 && 10 * even >= 9 * rows;
        if !after.is_empty() && after.len() <= MAX_AROUND && is_even && !is_cut {
            self.tail = Some(from + after[0].range.start);
            self.stop = None;
        }
    }
}

/// Whether a line has too few cells for a row of a table of this width.
fn is_after(line: &Line, width: usize) -> bool {
    width > 1 && line.width != width && line.filled <= (width / 2).max(1)
}
