//! A trial's board for people: `text` for the terminal, `page` for reading and printing, with its charts in `chart`.
//!
//! Invariants: nothing comes from outside the file (no script, no font, no picture); what a battery says is escaped.

mod chart;
mod page;
mod text;

pub use page::html;
pub use text::text;

use crate::trial::board::{Counted, Line};

/// `95 %`, and below ten with two decimals: `0.49 %`.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent >= 10.0 || percent == percent.round() {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.2} %")
    }
}

/// An attack with its strength.
fn title(line: &Line) -> String {
    if line.strength.is_empty() { line.attack.clone() } else { format!("{}: {}", line.attack, line.strength) }
}

/// `83 to 100 %`: where the chance lies.
fn interval([low, high]: [f64; 2]) -> String {
    format!("{:.0} to {:.0} %", (100.0 * low).floor(), (100.0 * high).ceil())
}

fn rate(counted: &Counted) -> f64 {
    counted.right as f64 / counted.trials.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::board::{Board, Distortion, Outcome, TableSummary};

    pub(super) fn board() -> Board {
        let outcome = |right, wrong| Outcome { right, wrong, carriers_read: 1_234 };
        let line = |attack: &str, leakers, outcomes: &[Outcome]| Line {
            group: if leakers > 1 { "collusion".into() } else { "rows".into() },
            attack: attack.into(),
            strength: "98 %".into(),
            leakers,
            rows: 651.0,
            blind: Counted::of(outcomes),
            reference: Some(Counted::of(outcomes)),
        };
        Board {
            schema: "dyepack.trial/1",
            dataset: "adult".into(),
            table: TableSummary { rows: 1_000, rows_of_file: 32_561, columns: 16 },
            recipients: 20,
            trials: 4,
            seed: 7,
            alpha: 1e-6,
            distortion: Distortion {
                cells: 16_000,
                carriers: 150,
                changed: 74,
                share: 74.0 / 16_000.0,
                by_column: [("age".to_owned(), 74)].into(),
            },
            lines: vec![
                line("rows deleted", 1, &[outcome(1, 0); 4]),
                line("<b>magic", 1, &[outcome(1, 0), outcome(0, 0), outcome(0, 0), outcome(0, 0)]),
                line("5 colluders", 5, &[outcome(2, 1), outcome(0, 0), outcome(1, 0), outcome(1, 0)]),
            ],
            without_effect: vec!["dates cut short to days".into()],
            left_out: Vec::new(),
        }
    }

    #[test]
    fn shares_and_intervals_by_example() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.004_625), "0.46 %");
        assert_eq!(percent(0.000_4), "0.04 %");
        assert_eq!(interval([0.397_6, 1.0]), "39 to 100 %");
    }
}
