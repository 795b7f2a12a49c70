//! Which shape a text has, judged by its head. Says nothing where CSV would read well.

use std::collections::HashSet;

use super::Parser;
use super::aligned::{self, Aligned};
use super::html::{self, Html};
use super::logfmt::{self, Logfmt};
use super::pairs::{self, Pairs};
use super::ruled::{self, Ruled};

/// Bytes of the head that are looked at.
const HEAD_BYTES: usize = 1 << 16;

/// Keys of a card that stands alone: with fewer it may be anything.
const MIN_CARD_KEYS: usize = 4;

/// The shape of a text with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Bars and rules: Markdown, console boxes, grids.
    Ruled,
    /// Columns that stand below each other.
    Aligned,
    /// Blocks of keys and values.
    Pairs,
    /// Log lines with keys and values.
    Logfmt,
    /// Web pages.
    Html,
}

impl Shape {
    pub(super) fn parser(self) -> Box<dyn Parser> {
        match self {
            Shape::Ruled => Box::new(Ruled::default()),
            Shape::Aligned => Box::new(Aligned::default()),
            Shape::Pairs => Box::new(Pairs::default()),
            Shape::Logfmt => Box::new(Logfmt::default()),
            Shape::Html => Box::new(Html::default()),
        }
    }
}

/// The shape of the text that begins with `head`, unless it is CSV or none.
pub fn sniff(head: &[u8]) -> Option<Shape> {
    let text = String::from_utf8_lossy(&head[..head.len().min(HEAD_BYTES)]);
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.lines().collect();
    // Styles and scripts may look like CSV, but no CSV begins with a tag.
    if text.trim_start().starts_with('<') && html::is_html(text) {
        return Some(Shape::Html);
    }
    if is_records(&lines) {
        return Some(Shape::Pairs);
    }
    // Names and numbers with commas in every row make no CSV of these two; what is in a cell of CSV is not most of its lines.
    if is_ruled(&lines) && is_barred(&lines) {
        return Some(Shape::Ruled);
    }
    if is_logfmt(&lines) {
        return Some(Shape::Logfmt);
    }
    // Texts in cells have commas, perhaps one in each row.
    if is_headed(&lines, b",;\t") && is_aligned(&lines) {
        return Some(Shape::Aligned);
    }
    if is_csv(&lines, b",;\t") {
        return None;
    }
    if html::is_html(text) {
        return Some(Shape::Html);
    }
    if is_ruled(&lines) {
        return Some(Shape::Ruled);
    }
    // Bars without a rule are a delimiter.
    if is_csv(&lines, b"|") {
        return None;
    }
    if is_pairs(&lines) {
        return Some(Shape::Pairs);
    }
    is_aligned(&lines).then_some(Shape::Aligned)
}

/// Whether most lines have the same number of one of these delimiters.
fn is_csv(lines: &[&str], delimiters: &[u8]) -> bool {
    let filled: Vec<_> = lines.iter().filter(|line| !line.trim().is_empty()).collect();
    delimiters.iter().any(|delimiter| {
        let mut counts: Vec<_> =
            filled.iter().map(|line| line.bytes().filter(|byte| byte == delimiter).count()).collect();
        let first = counts.first().copied().unwrap_or(0);
        counts.sort_unstable();
        let most = counts.chunk_by(|a, b| a == b).filter(|run| run[0] > 0).map(<[_]>::len).max().unwrap_or(0);
        // A header that splits, before records with quoted line breaks, speaks for CSV as well.
        2 * most > filled.len() || (first > 1 && 4 * most > filled.len())
    })
}

/// Whether the first line stands in columns, and has no such delimiter.
fn is_headed(lines: &[&str], delimiters: &[u8]) -> bool {
    let first = lines.iter().find(|line| !line.trim().is_empty());
    first
        .is_some_and(|line| aligned::is_columns(line) && !line.bytes().any(|byte| delimiters.contains(&byte)))
}

fn is_ruled(lines: &[&str]) -> bool {
    lines.windows(2).any(|pair| {
        let Some(cells) = ruled::cells(ruled::bare(pair[0]), true) else { return false };
        let rule_line = ruled::bare(pair[1]);
        ruled::rule(ruled::bare(pair[0])).is_none() && ruled::rule(rule_line) == Some(cells.len())
    })
}

/// Whether most lines have bars.
fn is_barred(lines: &[&str]) -> bool {
    let filled = lines.iter().map(|line| ruled::bare(line)).filter(|line| !line.is_empty());
    let (all, with) = filled.fold((0, 0), |(all, with), line| {
        (all + 1, with + usize::from(ruled::rule(line).is_some() || ruled::cells(line, true).is_some()))
    });
    2 * with > all
}

fn is_records(lines: &[&str]) -> bool {
    lines
        .windows(2)
        .any(|two| pairs::is_record(ruled::bare(two[0])) && pairs::pair(ruled::bare(two[1])).is_some())
}

fn is_logfmt(lines: &[&str]) -> bool {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let mut has_pairs = filled.map(|line| logfmt::pairs(line).len() >= 2).peekable();
    // The header of a table has none.
    let first = has_pairs.peek() == Some(&true);
    let (all, with) = has_pairs.fold((0, 0), |(all, with), has| (all + 1, with + usize::from(has)));
    first && all >= 2 && 10 * with >= 8 * all
}

/// Nearly all lines are pairs, and the first key comes again; or all are pairs with colons, and none comes again: a single card.
fn is_pairs(lines: &[&str]) -> bool {
    let filled: Vec<_> = lines.iter().map(|line| ruled::bare(line)).filter(|line| !line.is_empty()).collect();
    let keys: Vec<_> = filled.iter().map(|line| pairs::pair(line).map(|(key, _)| key)).collect();
    let distinct: HashSet<_> = keys.iter().flatten().collect();
    let has_colon =
        |line: &&str| line.find([':', '=', '\t', '|']).is_some_and(|at| line[at..].starts_with(':'));
    if distinct.len() >= MIN_CARD_KEYS && distinct.len() == keys.len() && filled.iter().all(has_colon) {
        return true;
    }
    let Some(first) = keys.iter().flatten().next() else { return false };
    let pairs = keys.iter().flatten().count();
    let again = keys.iter().flatten().filter(|key| *key == first).count();
    let other = keys.iter().flatten().any(|key| key != first);
    again >= 2 && other && 10 * pairs >= 8 * keys.len()
}

/// Three lines in a row share a wide gap at least, and such runs are most of the text.
fn is_aligned(lines: &[&str]) -> bool {
    let filled = lines.iter().filter(|line| !line.trim().is_empty()).count();
    let within = |run: &[&str]| {
        let chars: Vec<Vec<char>> = run.iter().map(|line| line.trim_end().chars().collect()).collect();
        let spans = aligned::spans(&chars);
        run.len() >= 3 && spans.windows(2).any(|two| two[1].0 - two[0].1 >= 2)
    };
    let runs = lines.split(|line| !aligned::is_columns(line)).filter(|run| within(run));
    2 * runs.map(<[_]>::len).sum::<usize>() > filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_each_row_are_those_of_texts_where_the_table_is_drawn() {
        let of = |text: &str| sniff(text.as_bytes());
        let framed = "+---+------+\n| a | note |\n+---+------+\n| 1 | x, y |\n| 2 | z, w |\n+---+------+\n";
        assert_eq!(of(framed), Some(Shape::Ruled));
        assert_eq!(
            of("┌───┬──────┐\n│ a │ note │\n├───┼──────┤\n│ 1 │ x, y │\n└───┴──────┘\n"),
            Some(Shape::Ruled)
        );
        assert_eq!(of("a   note\n1   x, y\n2   z, w\n3   x, w\n"), Some(Shape::Aligned));
        assert_eq!(of("a,  note\n1,  x y\n2,  z w\n3,  x w\n"), None);
    }

    #[test]
    fn records_in_frames_are_pairs() {
        let framed = "+-[ RECORD 1 ]-+\n| id   | 1     |\n| note | x, y  |\n+------+-------+\n";
        assert_eq!(sniff(framed.as_bytes()), Some(Shape::Pairs));
        assert_eq!(pairs::pair("| note | x | y |"), Some(("note", "x | y")));
        assert_eq!(pairs::pair("│ note │ x │"), Some(("note", "x")));
        assert_eq!(pairs::pair("note | x |"), Some(("note", "x |")));
    }
}
