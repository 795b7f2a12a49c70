//! Tables of web pages: `<table>`, also as Excel saves them under the name `.xls`.
//!
//! Tags are scanned, not parsed: a cell goes on until another begins or its row ends, whatever is closed in between. Tags in a
//! cell are passed over, those that break lines are a space. The first row is the header; single cells above it are titles. A
//! table in a cell of another one ends the outer one: outer ones are there for the layout. Cells that span columns are one.
//!
//! Source: the HTML standard, sections 13.2.5 (tokenization) and 4.9 (tables), where leniency has to stop somewhere.

use crate::table::format::block::MAX_RECORD_BYTES;

use super::entity::decode;
use super::{Event, MAX_COLUMNS, Parser};

/// Rows with a single cell that may stand above the header, and bytes of them.
const MAX_TITLES: usize = 32;
const MAX_TITLE_BYTES: usize = 1 << 20;

/// The longest name of a tag or an entity that means anything here.
const MAX_NAME_CHARS: usize = 32;

/// The longest tag; a longer one is a quote in it that never closes.
const MAX_TAG_CHARS: usize = 1 << 16;

const TITLE: &str = "before the header, left out";
const REPEATED: &str = "repeating the header, left out";
const ALONE: &str = "alone in a table, left out";
const SHORT: &str = "with fewer cells than columns, filled up";
const LONG: &str = "with more cells than columns, kept";
const CUT: &str = "too long, the end left out";

/// Whether text has what a table needs, or says that it is a page.
pub(super) fn is_html(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    let is_page = text.starts_with("<!doctype html") || text.starts_with("<html");
    is_page || text.contains("<table") && (text.contains("<td") || text.contains("<th"))
}

/// What the scanner is in.
#[derive(Default)]
enum State {
    #[default]
    Text,
    /// After `&`.
    Entity(String),
    /// After `<`: its name, whether that has ended, the quote that is open, and characters so far.
    Tag { name: String, is_named: bool, quote: Option<char>, chars: usize },
    /// Within `<!--`, after so many dashes.
    Comment(usize),
    /// Within a script or a style, which end with this; so much of it has come.
    Raw(&'static str, usize),
}

/// See the module.
#[derive(Default)]
pub(super) struct Html {
    state: State,
    cell: Option<String>,
    row: Vec<String>,
    /// Bytes of the row, and whether it has lost some.
    bytes: usize,
    is_cut: bool,
    /// Rows with a single cell before the header.
    titles: Vec<String>,
    /// The first row, and whether it was given: when another follows.
    header: Option<Vec<String>>,
    is_started: bool,
}

impl Html {
    fn char(&mut self, c: char, out: &mut Vec<Event>) {
        match &mut self.state {
            State::Text => match c {
                '<' => {
                    self.state = State::Tag { name: String::new(), is_named: false, quote: None, chars: 0 }
                }
                '&' => self.state = State::Entity(String::new()),
                _ => self.text(c),
            },
            State::Entity(name) => {
                if (c.is_ascii_alphanumeric() || c == '#') && name.len() < MAX_NAME_CHARS {
                    return name.push(c);
                }
                let name = std::mem::take(name);
                self.state = State::Text;
                self.entity(&name, c == ';');
                if c != ';' {
                    self.char(c, out);
                }
            }
            State::Tag { .. } => self.tag_char(c, out),
            State::Comment(dashes) => match c {
                '-' => *dashes += 1,
                '>' if *dashes >= 2 => self.state = State::Text,
                _ => *dashes = 0,
            },
            State::Raw(ends, come) => {
                let expected = ends.as_bytes()[*come];
                *come = match c {
                    _ if c.eq_ignore_ascii_case(&char::from(expected)) => *come + 1,
                    '<' => 1,
                    _ => 0,
                };
                if *come == ends.len() {
                    self.state = State::Tag { name: ends[1..].into(), is_named: true, quote: None, chars: 0 };
                }
            }
        }
    }

    fn tag_char(&mut self, c: char, out: &mut Vec<Event>) {
        let State::Tag { name, is_named, quote, chars } = &mut self.state else { return };
        *chars += 1;
        if *chars == 1 && !(c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            // `a < b`, though it should be written otherwise.
            self.state = State::Text;
            self.text('<');
            return self.char(c, out);
        }
        if quote.is_some() && *chars < MAX_TAG_CHARS {
            if *quote == Some(c) {
                *quote = None;
            }
        } else if c == '>' {
            let name = std::mem::take(name);
            self.state = State::Text;
            self.tag(&name, out);
        } else if c.is_whitespace() || (c == '/' && *chars > 1) {
            *is_named = true;
        } else if *is_named {
            // An attribute; only there do quotes quote.
            if matches!(c, '"' | '\'') {
                *quote = Some(c);
            }
        } else if name.len() < MAX_NAME_CHARS {
            name.push(c.to_ascii_lowercase());
            if name == "!--" {
                self.state = State::Comment(0);
            }
        }
    }

    /// A tag has ended.
    fn tag(&mut self, name: &str, out: &mut Vec<Event>) {
        match name {
            "td" | "th" => {
                self.end_cell();
                self.cell = Some(String::new());
            }
            "/td" | "/th" => self.end_cell(),
            "tr" | "/tr" | "thead" | "/thead" | "tbody" | "/tbody" | "tfoot" | "/tfoot" => self.end_row(out),
            "table" => {
                // What stands around a table in a cell is no row.
                (self.cell, self.bytes, self.is_cut) = (None, 0, false);
                self.row.clear();
                self.end_table(out);
            }
            "/table" => {
                self.end_row(out);
                self.end_table(out);
            }
            "br" | "p" | "/p" | "div" | "/div" | "li" | "/li" | "hr" => self.text(' '),
            "script" => self.state = State::Raw("</script", 0),
            "style" => self.state = State::Raw("</style", 0),
            _ => {}
        }
    }

    /// A character of the text; spaces in a row are one.
    fn text(&mut self, c: char) {
        let Some(cell) = &mut self.cell else { return };
        let c = if c.is_ascii_whitespace() || c == '\u{a0}' { ' ' } else { c };
        if c == ' ' && (cell.is_empty() || cell.ends_with(' ')) {
            return;
        }
        if self.bytes + c.len_utf8() > MAX_RECORD_BYTES {
            self.is_cut = true;
            return;
        }
        self.bytes += c.len_utf8();
        cell.push(c);
    }

    fn entity(&mut self, name: &str, is_ended: bool) {
        if let Some(c) = decode(name).filter(|_| is_ended) {
            return self.text(c);
        }
        self.text('&');
        name.chars().for_each(|c| self.text(c));
        if is_ended {
            self.text(';');
        }
    }

    fn end_cell(&mut self) {
        if let Some(cell) = self.cell.take()
            && self.row.len() < MAX_COLUMNS
        {
            self.row.push(cell.trim().to_owned());
        }
    }

    fn end_row(&mut self, out: &mut Vec<Event>) {
        self.end_cell();
        let cells = std::mem::take(&mut self.row);
        self.bytes = 0;
        if std::mem::take(&mut self.is_cut) {
            out.push(Event::Fault(CUT));
        }
        if cells.is_empty() {
            return;
        }
        if self.header.is_some() {
            return self.body_row(cells, out);
        }
        let title_bytes = self.titles.iter().map(String::len).sum::<usize>();
        if cells.len() == 1 && self.titles.len() < MAX_TITLES && title_bytes < MAX_TITLE_BYTES {
            return self.titles.extend(cells);
        }
        if cells.len() == 1 {
            self.one_column(out);
            return self.body_row(cells, out);
        }
        self.titles.drain(..).for_each(|_| out.push(Event::Fault(TITLE)));
        self.header = Some(cells);
    }

    fn body_row(&mut self, mut cells: Vec<String>, out: &mut Vec<Event>) {
        let Some(header) = &self.header else { return };
        if cells == *header {
            return out.push(Event::Fault(REPEATED));
        }
        if !std::mem::replace(&mut self.is_started, true) {
            out.push(Event::Start(header.clone()));
        }
        if cells.len() < header.len() {
            cells.resize(header.len(), String::new());
            out.push(Event::Fault(SHORT));
        } else if cells.len() > header.len() {
            out.push(Event::Fault(LONG));
        }
        out.push(Event::Row(cells));
    }

    /// What looked like titles are the rows of a table with one column.
    fn one_column(&mut self, out: &mut Vec<Event>) {
        let mut cells = std::mem::take(&mut self.titles).into_iter();
        self.header = cells.next().map(|name| vec![name]);
        cells.for_each(|cell| self.body_row(vec![cell], out));
    }

    fn end_table(&mut self, out: &mut Vec<Event>) {
        if self.header.is_none() {
            self.one_column(out);
        }
        if self.header.take().is_some() && !self.is_started {
            out.push(Event::Fault(ALONE));
        }
        self.is_started = false;
    }
}

impl Parser for Html {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) {
        line.chars().for_each(|c| self.char(c, out));
        // A line end is a space, and ends the name of a tag.
        self.char('\n', out);
    }

    fn piece(&mut self, piece: &str, out: &mut Vec<Event>) -> bool {
        piece.chars().for_each(|c| self.char(c, out));
        true
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if let State::Entity(name) = std::mem::take(&mut self.state) {
            self.entity(&name, false);
        }
        self.end_row(out);
        self.end_table(out);
    }
}
