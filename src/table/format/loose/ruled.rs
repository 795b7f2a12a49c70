//! Tables drawn with bars and rules: Markdown, the consoles of MySQL, psql and DuckDB, rST grids.
//!
//! A table is known by its rule below the header. Prefixes of quoting (`> `), indentation and prose around are no part of it.

use super::{Event, MAX_COLUMNS, Parser};

/// Lines of a header or of one grid row that are kept; more are prose with bars.
const MAX_PART_LINES: usize = 64;

const SHORT: &str = "with fewer cells than columns, filled up";
const LONG: &str = "with more cells than columns, kept";
const ELIDED: &str = "standing for others that were left out";
const TYPES: &str = "naming types only";

/// Types as DuckDB and others print them below the names.
const TYPE_NAMES: [&str; 16] = [
    "varchar",
    "int8",
    "int16",
    "int32",
    "int64",
    "int128",
    "double",
    "float",
    "date",
    "time",
    "timestamp",
    "boolean",
    "uuid",
    "json",
    "str",
    "i64",
];

/// Without the marks of quoting and the spaces around.
pub(super) fn bare(line: &str) -> &str {
    let mut line = line.trim();
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.trim_start();
    }
    line
}

fn is_bar(c: char) -> bool {
    matches!(c, '|' | '│' | '┃' | '║' | '┆')
}

/// Columns of a rule such as `|---|:-:|`, `+---+---+`, `---+---` or `├───┼───┤`.
pub(super) fn rule(line: &str) -> Option<usize> {
    let joint = |c: char| is_bar(c) || c == '+' || ('┌'..='╬').contains(&c) && !matches!(c, '═' | '╌'..='╏');
    let stroke = |c: char| matches!(c, '-' | '=' | '─' | '━' | '═');
    let strokes = line.chars().filter(|&c| stroke(c)).count();
    let joints = line.chars().filter(|&c| joint(c)).count();
    if strokes < 2 || joints == 0 || !line.chars().all(|c| stroke(c) || joint(c) || matches!(c, ':' | ' ')) {
        return None;
    }
    let parts = line.split(joint).filter(|part| part.chars().any(stroke)).count();
    (parts > 0).then_some(parts)
}

/// The cells of a line with bars. `framed` says whether a bar at the start is a frame, with no cell before it.
pub(super) fn cells(line: &str, framed: bool) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if is_bar(c) && !escaped && cells.len() < MAX_COLUMNS {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            if escaped && c == '|' {
                cell.pop();
            }
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if cells.len() < 2 {
        return None;
    }
    if framed && line.starts_with(is_bar) {
        cells.remove(0);
        if line.ends_with(is_bar) && cells.len() > 1 {
            cells.pop();
        }
    }
    Some(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

fn join(parts: &[Vec<String>]) -> Vec<String> {
    let width = parts.iter().map(Vec::len).max().unwrap_or(0);
    (0..width)
        .map(|column| {
            let texts = parts.iter().filter_map(|part| part.get(column)).map(String::as_str);
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// See the module.
#[derive(Default)]
pub(super) struct Ruled {
    /// Lines with bars since the last rule: the header, or a row of a grid.
    parts: Vec<Vec<String>>,
    /// Columns of the table that is open.
    width: Option<usize>,
    /// Whether each row ends with a rule.
    grid: bool,
    /// Whether rows lack bars at both ends, as psql prints them: one there stands beside an empty cell.
    open: bool,
    after_rule: bool,
}

impl Ruled {
    fn row(&mut self, mut cells: Vec<String>, width: usize, out: &mut Vec<Event>) {
        let elided = |cell: &String| matches!(cell.as_str(), "·" | "…" | "..." | "");
        if cells.iter().all(elided) && cells.iter().any(|cell| !cell.is_empty()) {
            return out.push(Event::Fault(ELIDED));
        }
        if cells.len() < width {
            cells.resize(width, String::new());
            out.push(Event::Fault(SHORT));
        } else if cells.len() > width {
            out.push(Event::Fault(LONG));
        }
        out.push(Event::Row(cells));
    }

    fn flush(&mut self, out: &mut Vec<Event>) {
        if let (Some(width), true, false) = (self.width, self.grid, self.parts.is_empty()) {
            let cells = join(&self.parts);
            self.row(cells, width, out);
        }
        self.parts.clear();
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        self.flush(out);
        *self = Ruled::default();
    }

    fn ruled(&mut self, line: &str, width: usize, out: &mut Vec<Event>) {
        if self.width.is_some() && self.after_rule {
            self.close(out);
        }
        self.after_rule = true;
        if self.width.is_some() {
            return self.flush(out);
        }
        let types = |part: &Vec<String>| part.iter().all(|cell| TYPE_NAMES.contains(&cell.as_str()));
        if self.parts.len() > 1 && self.parts.last().is_some_and(types) {
            self.parts.pop();
            out.push(Event::Fault(TYPES));
        }
        // A Markdown header is one line; one of a box may be wrapped.
        let start = if line.starts_with('|') { self.parts.len().saturating_sub(1) } else { 0 };
        let header = join(&self.parts[start..]);
        self.parts.clear();
        if header.len() == width {
            self.width = Some(width);
            self.grid = line.contains('=');
            self.open = line.starts_with('-');
            out.push(Event::Start(header));
        }
    }
}

impl Parser for Ruled {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        let line = bare(line);
        if let Some(width) = rule(line) {
            return self.ruled(line, width, out);
        }
        let Some(cells) = cells(line, !self.open) else { return self.close(out) };
        self.after_rule = false;
        match self.width {
            Some(width) if !self.grid => {
                // A line of prose or a footer with a bar is no row.
                if cells.len() == 1 && width > 1 { self.close(out) } else { self.row(cells, width, out) }
            }
            _ => {
                if self.parts.len() == MAX_PART_LINES {
                    self.parts.remove(0);
                }
                self.parts.push(cells);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.close(out);
    }
}
