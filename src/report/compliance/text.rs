//! A report for a terminal or a letter: a block for each row, as no table this wide fits.

use std::fmt::Write as _;

use crate::report::terminal::plain;

use super::Document;

/// The text, with a line end.
pub fn text(document: &Document) -> String {
    let mut out = format!("{}\n\n", plain(&document.title));
    for (name, fact) in document.facts() {
        let _ = writeln!(out, "{name:<9} {}", plain(&fact));
    }
    if !document.is_complete() {
        out.push_str("\nINCOMPLETE\n");
        for gap in &document.gaps {
            let _ = writeln!(out, "* {}", plain(gap));
        }
    }
    let count = document.rows.len();
    let _ = writeln!(
        out,
        "\n{}",
        if count == 0 { "Nothing is on record.".into() } else { format!("Rows: {count}") }
    );
    let width = document.columns.iter().map(|(_, heading)| heading.len()).max().unwrap_or(0);
    for (number, row) in document.rows.iter().enumerate() {
        let _ = writeln!(out, "\n{}.", number + 1);
        for ((_, heading), cell) in document.columns.iter().zip(row).filter(|(_, cell)| !cell.is_nothing()) {
            let _ = writeln!(out, "   {heading:<width$}  {}", plain(&cell.text()));
        }
    }
    out.push('\n');
    for note in &document.notes {
        let _ = writeln!(out, "{note}");
    }
    out
}
