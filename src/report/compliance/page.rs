//! A report as one page to print: it needs nothing but itself.

use maud::{DOCTYPE, PreEscaped, html as markup};

use super::Document;

const STYLE: &str = include_str!("page.css");

/// The whole page. Columns in which nothing is on record are left out.
pub fn html(document: &Document) -> String {
    let shown: Vec<usize> = (0..document.columns.len())
        .filter(|&column| document.rows.iter().any(|row| !row[column].is_nothing()))
        .collect();
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (document.title) }
                dl {
                    @for (name, fact) in document.facts() {
                        dt { (name) } dd { (fact) }
                    }
                }
                @if !document.is_complete() {
                    section class="gaps" {
                        strong { "Incomplete" }
                        ul { @for gap in &document.gaps { li { (gap) } } }
                    }
                }
                @if document.rows.is_empty() {
                    p { "Nothing is on record." }
                } @else {
                    table {
                        thead { tr { @for &column in &shown { th { (document.columns[column].1) } } } }
                        tbody {
                            @for row in &document.rows {
                                tr { @for &column in &shown { td { (row[column].text()) } } }
                            }
                        }
                    }
                }
                @for note in &document.notes { p class="note" { (note) } }
            }
        }
    };
    page.into_string()
}
