//! The board as one page: it needs nothing but itself, and reads in light, in the dark and on paper.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::chart::chart;
use super::{interval, percent, title};
use crate::report::terminal::grouped;
use crate::trial::Board;
use crate::trial::board::{Counted, Line};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub fn html(board: &Board) -> String {
    let has_reference = board.lines.iter().any(|line| line.reference.is_some());
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Trial of " (board.dataset) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(board))
                p {
                    "A dot is the share of trials in which a leaker was named and nobody innocent; "
                    "its line is where the chance lies (exact 95 % interval)."
                    @if has_reference {
                        span class="key blind" {} "the leak alone"
                        span class="key reference" {} "with the unmarked table at hand"
                    }
                }
                @for lines in board.groups() { (group(lines)) }
                (foot(board))
            }
        }
    };
    page.into_string()
}

fn head(board: &Board) -> Markup {
    let (wrong, all) = board.innocents();
    let table = &board.table;
    markup! {
        h1 { "Trial of " (board.dataset) }
        p class="soft" {
            (grouped(table.rows as u64)) " rows"
            @if table.rows < table.rows_of_file {
                " drawn from " (grouped(table.rows_of_file as u64))
            }
            ", " (table.columns) " columns, " (board.recipients) " partners, every attack " (board.trials)
            " times with new keys, seed " (board.seed)
        }
        dl {
            div {
                dt { "innocents named" }
                dd class=(if wrong == 0 { "good" } else { "alarm" }) {
                    (grouped(wrong as u64)) " in " (grouped(all as u64)) " traces"
                }
            }
            div { dt { "cells changed by marking" } dd { (percent(board.distortion.share)) } }
            div { dt { "cells that carry a mark" } dd { (grouped(board.distortion.carriers)) } }
            div { dt { "error allowed" } dd { (format!("{:e}", board.alpha)) } }
        }
    }
}

fn group(lines: &[Line]) -> Markup {
    let name = &lines[0].group;
    let guilty: Vec<&Line> = lines.iter().filter(|line| line.leakers > 0).collect();
    markup! {
        section {
            h2 { (name) }
            @if !guilty.is_empty() { (chart(name, &guilty)) }
            details open[guilty.is_empty()] {
                summary { "figures" }
                div class="wide" { (figures(lines)) }
            }
        }
    }
}

fn figures(lines: &[Line]) -> Markup {
    let has_reference = lines.iter().any(|line| line.reference.is_some());
    markup! {
        table {
            thead {
                tr {
                    th { "attack" } th { "rows" }
                    th { "carriers read" } th { "right" } th { "wrong" } th { "nobody" }
                    th { "chance of right" }
                    @if has_reference {
                        th { "with reference: carriers" } th { "right" } th { "wrong" } th { "nobody" }
                        th { "chance of right" }
                    }
                }
            }
            tbody {
                @for line in lines {
                    tr {
                        td { (title(line)) }
                        td { (grouped(line.rows.round() as u64)) }
                        (counted(line, &line.blind))
                        @if let Some(reference) = &line.reference { (counted(line, reference)) }
                    }
                }
            }
        }
    }
}

fn counted(line: &Line, counted: &Counted) -> Markup {
    let is_guilty = line.leakers > 0;
    markup! {
        td { (grouped(counted.carriers_read.round() as u64)) }
        td { @if is_guilty { (counted.right) " of " (counted.trials) } @else { "-" } }
        td class=[(counted.wrong > 0).then_some("alarm")] { (counted.wrong) }
        td { (counted.nobody) }
        td { @if is_guilty { (interval(counted.right_interval)) } @else { "-" } }
    }
}

fn foot(board: &Board) -> Markup {
    markup! {
        h2 { "What was changed" }
        p {
            (grouped(board.distortion.changed)) " of " (grouped(board.distortion.cells)) " cells: "
            @for (i, (column, changed)) in board.distortion.by_column.iter().enumerate() {
                @if i > 0 { ", " }
                (column) " " (grouped(*changed))
            }
        }
        @for (what, cases) in [
            ("Changes nothing on this table", &board.without_effect),
            ("Takes more partners", &board.left_out),
        ] {
            @if !cases.is_empty() { p class="soft" { (what) ": " (cases.join("; ")) } }
        }
        p {
            small {
                "Right: a leaker is named and nobody innocent. Wrong: somebody innocent is named. "
                "Keys were made for this trial alone. The evidence identifies a copy, not a person."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_stands_alone() {
        let page = html(&super::super::tests::board());
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        for foreign in ["http:", "https:", "<script", "@import", "url(", "src="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&lt;b&gt;magic") && !page.contains("<b>magic"), "names are escaped");
        assert_eq!(page.matches("<svg").count(), 2, "a chart for each group");
        assert_eq!(page.matches("<circle").count(), 6, "a dot for each line, blind and with reference");
        assert!(page.contains("2 in 24 traces"));
    }
}
