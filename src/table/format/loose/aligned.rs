//! Columns that only stand below each other: `column -t`, `pdftotext -layout`, printouts of pandas and R.
//!
//! Lines without an empty one between them are a section. Where all lines of a section have a space there is a gap between
//! columns. Sections are looked at in parts of bounded size, so a long table is read as it comes. A section with as many
//! columns as the one before goes on with its table, and a header that comes again is passed over.

use super::ruled::bare;
use super::{Event, MAX_COLUMNS, Parser};

/// Lines in which gaps are looked for at a time: some pages.
const SECTION_LINES: usize = 256;

/// Bytes of a section that are kept, so that long lines can't add up.
const SECTION_BYTES: usize = 4 << 20;

/// Characters of a line in which gaps are looked for; what follows belongs to the last column.
const WIDEST: usize = 1 << 14;

/// Columns from one character to another, the second not included.
pub(super) type Spans = Vec<(usize, usize)>;

/// Whether the line has two parts with two spaces or a tab between them.
pub(super) fn is_columns(line: &str) -> bool {
    let line = line.trim();
    line.contains("  ") || line.contains('\t')
}

/// Where columns stand. The first line is the header: a narrow gap needs a name on both sides to count.
pub(super) fn spans(lines: &[Vec<char>]) -> Spans {
    let width = lines.iter().map(Vec::len).max().unwrap_or(0).min(WIDEST);
    let mut filled = vec![false; width];
    for line in lines {
        for (at, c) in line.iter().enumerate().take(width) {
            filled[at] |= !c.is_whitespace();
        }
    }
    let mut spans: Spans = Vec::new();
    for at in (0..width).filter(|&at| filled[at]) {
        match spans.last_mut() {
            Some(last) if last.1 == at => last.1 += 1,
            _ => spans.push((at, at + 1)),
        }
    }
    let named = |span: &(usize, usize)| lines[0].iter().take(span.1).skip(span.0).any(|c| !c.is_whitespace());
    let mut columns: Spans = Vec::new();
    for span in spans {
        let full = columns.len() == MAX_COLUMNS;
        match columns.last_mut() {
            // The first column may lack a name: the index of a printout.
            Some(last) if span.0 - last.1 < 2 && !(named(&span) && (named(last) || last.0 == 0)) => {
                last.1 = span.1
            }
            Some(last) if full => last.1 = span.1,
            _ => columns.push(span),
        }
    }
    columns
}

/// The cells of a line; what stands between columns goes to the one before.
fn cut(line: &[char], spans: &Spans) -> Vec<String> {
    let text = |from: usize, to: usize| -> String {
        let to = to.min(line.len());
        line[from.min(to)..to].iter().collect::<String>().trim().to_owned()
    };
    (0..spans.len())
        .map(|column| {
            let from = if column == 0 { 0 } else { spans[column].0 };
            text(from, spans.get(column + 1).map_or(line.len(), |next| next.0))
        })
        .collect()
}

/// See the module.
#[derive(Default)]
pub(super) struct Aligned {
    section: Vec<Vec<char>>,
    bytes: usize,
    header: Option<Vec<String>>,
    /// The header as it is printed: it helps to find the gaps of every part of a long section.
    printed: Vec<char>,
    spans: Spans,
    /// Whether the section goes on where the last part of it was cut.
    goes_on: bool,
}

impl Aligned {
    fn flush(&mut self, out: &mut Vec<Event>) {
        let lines = std::mem::take(&mut self.section);
        self.bytes = 0;
        if lines.is_empty() {
            return;
        }
        if self.goes_on {
            let with_header: Vec<_> =
                [self.printed.clone()].into_iter().chain(lines.iter().cloned()).collect();
            let found = spans(&with_header);
            // Gaps may have moved a little; if they are others, those of before are the better guess.
            if found.len() == self.spans.len() {
                self.spans = found;
            }
            return self.rows(&lines, out);
        }
        let found = spans(&lines);
        let header = cut(&lines[0], &found);
        if self.header.as_ref() == Some(&header) {
            self.spans = found;
            out.push(Event::Fault("repeating the header, left out"));
            return self.rows(&lines[1..], out);
        }
        if self.header.is_some()
            && found.len() == self.spans.len()
            && lines.len() > 1
            && overlap(&found, &self.spans)
        {
            self.spans = found;
            return self.rows(&lines, out);
        }
        if lines.len() < 2 || found.len() < 2 {
            return lines.iter().for_each(|_| out.push(Event::Fault("not in columns, left out")));
        }
        out.push(Event::Start(header.clone()));
        (self.header, self.printed, self.spans) = (Some(header), lines[0].clone(), found);
        self.rows(&lines[1..], out);
    }

    fn rows(&self, lines: &[Vec<char>], out: &mut Vec<Event>) {
        for line in lines {
            let cells = cut(line, &self.spans);
            let stands_for_others = |cell: &String| matches!(cell.as_str(), "..." | ".." | "…" | "");
            let ruled = |cell: &String| cell.chars().all(|c| matches!(c, '-' | '=' | '─'));
            if cells.iter().all(stands_for_others) || cells.iter().all(ruled) {
                out.push(Event::Fault("without cells, left out"));
            } else if Some(&cells) == self.header.as_ref() {
                out.push(Event::Fault("repeating the header, left out"));
            } else {
                out.push(Event::Row(cells));
            }
        }
    }
}

/// Whether columns of the same number stand in about the same places.
fn overlap(one: &Spans, other: &Spans) -> bool {
    one.iter().zip(other).all(|(a, b)| a.0 < b.1 && b.0 < a.1)
}

impl Parser for Aligned {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        if line.starts_with('\u{c}') {
            self.flush(out);
            self.goes_on = false;
        }
        // Indentation is needed, it is part of the columns; marks of quoting are not.
        let line = line.trim_start_matches('\u{c}').trim_end();
        let line = if line.starts_with('>') { bare(line) } else { line };
        if !is_columns(line) {
            self.flush(out);
            self.goes_on = false;
            if !line.trim().is_empty() {
                out.push(Event::Fault("not in columns, left out"));
            }
            return;
        }
        self.bytes += line.len();
        self.section.push(untabbed(line));
        if self.section.len() == SECTION_LINES || self.bytes > SECTION_BYTES {
            self.flush(out);
            self.goes_on = self.header.is_some();
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.flush(out);
    }
}

/// The characters of a line, tabs as spaces up to the next multiple of eight.
fn untabbed(line: &str) -> Vec<char> {
    let mut chars = Vec::with_capacity(line.len());
    for c in line.chars() {
        if c == '\t' {
            chars.resize((chars.len() / 8 + 1) * 8, ' ');
        } else {
            chars.push(c);
        }
    }
    chars
}
