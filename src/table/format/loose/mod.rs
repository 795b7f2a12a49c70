//! Leaks that are text but no clean CSV: pasted from a screen, a console or a forum, or saved as a web page. For tracing only.
//!
//! A [`Shape`] is sniffed from the head of the text, and the [`Tables`] of a text in that shape are given one after the other.
//! Each shape is a [`Parser`] that is fed lines and says where tables begin and what their rows are; it keeps no more than
//! a record or a section. Sniffing is conservative: what reads well as CSV is left to CSV.

mod aligned;
mod entity;
mod html;
mod line;
mod logfmt;
mod pairs;
mod ruled;
mod sniff;
mod tables;

pub use sniff::{Shape, sniff};
pub use tables::{Tables, tables};

/// What a parser says of the lines it has seen.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// A table begins, with these columns.
    Start(Vec<String>),
    /// A row of the table that began last.
    Row(Vec<String>),
    /// Something that was passed over.
    Fault(&'static str),
}

/// Finds the tables in lines of one shape.
trait Parser: Send {
    /// Looks at the next line, without its end.
    fn line(&mut self, line: &str, out: &mut Vec<Event>);

    /// Looks at a part of a line that is too long, which goes on in the next one. False if the parser has to take it for a line.
    fn piece(&mut self, _piece: &str, _out: &mut Vec<Event>) -> bool {
        false
    }

    /// The text has ended.
    fn end(&mut self, out: &mut Vec<Event>);
}

/// Most columns of a table; more than any table has, so that a hostile line can't multiply.
const MAX_COLUMNS: usize = 4096;

#[cfg(test)]
mod tests;
