//! The board as text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{interval, percent, title};
use crate::report::terminal::{grouped, plain};
use crate::trial::Board;
use crate::trial::board::{Counted, Line};

const BOLD: Style = Style::new().bold();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// Columns of an attack with its strength; longer ones push the rest to the right.
const ATTACK_WIDTH: usize = 54;

/// The whole board.
pub fn text(board: &Board) -> String {
    let mut out = String::new();
    head(&mut out, board);
    for lines in board.groups() {
        let has_reference = lines.iter().any(|line| line.reference.is_some());
        group_head(&mut out, &lines[0].group, has_reference);
        lines.iter().for_each(|line| row(&mut out, line));
    }
    foot(&mut out, board);
    out
}

fn head(out: &mut String, board: &Board) {
    let table = &board.table;
    let of_file = match table.rows < table.rows_of_file {
        true => format!(" drawn from {}", grouped(table.rows_of_file as u64)),
        false => String::new(),
    };
    let _ = writeln!(
        out,
        "{BOLD}{}{BOLD:#}: {} rows{of_file}, {} columns; {} partners; every attack {} times; seed {}",
        plain(&board.dataset),
        grouped(table.rows as u64),
        table.columns,
        board.recipients,
        board.trials,
        board.seed
    );
    let cost = &board.distortion;
    let _ = writeln!(
        out,
        "Marking changes {} of {} cells ({}); {} carry a mark",
        grouped(cost.changed),
        grouped(cost.cells),
        percent(cost.share),
        grouped(cost.carriers)
    );
    let (wrong, all) = board.innocents();
    let style = if wrong > 0 { ALARM } else { BOLD };
    let _ = writeln!(
        out,
        "{style}Innocents were named in {} of {} traces{style:#}, at alpha = {:e}",
        grouped(wrong as u64),
        grouped(all as u64),
        board.alpha
    );
}

fn group_head(out: &mut String, group: &str, has_reference: bool) {
    let blind = "right wrong nobody  chance of right";
    let reference = if has_reference { format!("   with reference: {blind}") } else { String::new() };
    let _ =
        writeln!(out, "\n{BOLD}{:ATTACK_WIDTH$}    rows  carriers  {blind}{reference}{BOLD:#}", plain(group));
}

fn row(out: &mut String, line: &Line) {
    let attack = plain(&title(line));
    let row = format!(
        "{:ATTACK_WIDTH$} {:>7} {:>9}  {}{}",
        attack,
        grouped(line.rows.round() as u64),
        grouped(line.blind.carriers_read.round() as u64),
        counted(line, &line.blind),
        line.reference
            .as_ref()
            .map_or(String::new(), |found| { format!("                   {}", counted(line, found)) })
    );
    let _ = writeln!(out, "{}", row.trim_end());
}

fn counted(line: &Line, counted: &Counted) -> String {
    let right = if line.leakers > 0 { counted.right.to_string() } else { "-".into() };
    let chance = if line.leakers > 0 { interval(counted.right_interval) } else { "-".into() };
    format!("{right:>5} {:>5} {:>6}  {chance:15}", counted.wrong, counted.nobody)
}

fn foot(out: &mut String, board: &Board) {
    out.push_str(
        "\nright: a leaker is named and nobody innocent; wrong: somebody innocent is named;\n\
         nobody: nobody is named. The chance of right is an exact 95 % interval (Clopper and Pearson).\n",
    );
    for (what, cases) in
        [("Changes nothing here", &board.without_effect), ("Takes more partners", &board.left_out)]
    {
        if !cases.is_empty() {
            let _ = writeln!(out, "{what}: {}", plain(&cases.join("; ")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_was_counted() {
        let out = anstream::adapter::strip_str(&text(&super::super::tests::board())).to_string();
        assert!(out.starts_with(
            "adult: 1,000 rows drawn from 32,561, 16 columns; 20 partners; every attack 4 times"
        ));
        assert!(out.contains("Marking changes 74 of 16,000 cells (0.46 %); 150 carry a mark"), "{out}");
        assert!(out.contains("Innocents were named in 2 of 24 traces, at alpha = 1e-6"), "{out}");
        let line = out.lines().find(|line| line.starts_with("rows deleted: 98 %")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[4..10], ["651", "1,234", "4", "0", "0", "39"], "{line}");
        assert!(out.ends_with("Changes nothing here: dates cut short to days\n"), "{out}");
    }
}
