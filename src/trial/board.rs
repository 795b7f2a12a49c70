//! What came of a trial: the object that `trial --json` prints and the text and the page show.
//!
//! Fields may be added, never renamed. Counts and names of columns only, no value of the table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::interval::clopper_pearson;

/// Each end of an interval is wrong with this probability, so that it holds in 95 of 100.
const END_ERROR: f64 = 0.025;

/// The outcome of one trial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// `dyepack.trial/1`.
    pub schema: &'static str,
    pub dataset: String,
    pub table: TableSummary,
    pub recipients: usize,
    /// How often every attack was tried.
    pub trials: usize,
    pub seed: u64,
    /// The family-wise error below which somebody is named.
    pub alpha: f64,
    pub distortion: Distortion,
    /// One for each attack and strength, in the battery's order.
    pub lines: Vec<Line>,
    /// Attacks that change nothing on this table, and were not traced.
    pub without_effect: Vec<String>,
    /// Attacks that need more partners than there are.
    pub left_out: Vec<String>,
}

/// What was tried on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// Its rows.
    pub rows: usize,
    /// Rows of the file, if they were sampled.
    pub rows_of_file: usize,
    pub columns: usize,
}

/// What marking costs, in the first trial's first copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distortion {
    /// Cells of the table.
    pub cells: u64,
    /// Cells that carry a bit.
    pub carriers: u64,
    /// Cells that were changed.
    pub changed: u64,
    /// Changed cells of all cells.
    pub share: f64,
    pub by_column: BTreeMap<String, u64>,
}

/// One attack at one strength.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub group: String,
    pub attack: String,
    pub strength: String,
    /// Partners who leaked; 0 if nobody of them did, and nobody may be named.
    pub leakers: usize,
    /// Rows of the leak, on average.
    pub rows: f64,
    /// Traced with the leak alone.
    pub blind: Counted,
    /// Traced with the unmarked table at hand.
    pub reference: Option<Counted>,
}

/// How traces ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counted {
    pub trials: usize,
    /// At least one leaker was named, and nobody innocent.
    pub right: usize,
    /// Somebody innocent was named.
    pub wrong: usize,
    /// Nobody was named.
    pub nobody: usize,
    /// The 95 % interval for the chance of `right`.
    pub right_interval: [f64; 2],
    /// The 95 % interval for the chance of `wrong`.
    pub wrong_interval: [f64; 2],
    /// Leakers named, on average.
    pub leakers_named: f64,
    /// Marked cells that gave a bit, on average.
    pub carriers_read: f64,
}

/// How one trace ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Leakers named.
    pub right: usize,
    /// Innocents named.
    pub wrong: usize,
    pub carriers_read: u64,
}

impl Counted {
    /// Adds traces up.
    pub fn of(outcomes: &[Outcome]) -> Counted {
        let trials = outcomes.len();
        let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
        let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / trials.max(1) as f64;
        let right = count(|outcome| outcome.right > 0 && outcome.wrong == 0);
        let wrong = count(|outcome| outcome.wrong > 0);
        let interval = |successes| {
            let (low, high) = clopper_pearson(successes, trials, END_ERROR);
            [low, high]
        };
        Counted {
            trials,
            right,
            wrong,
            nobody: trials - right - wrong,
            right_interval: interval(right),
            wrong_interval: interval(wrong),
            leakers_named: mean(|outcome| outcome.right as f64),
            carriers_read: mean(|outcome| outcome.carriers_read as f64),
        }
    }
}

impl Board {
    /// Trials, blind or not, in which somebody innocent was named, and how many there were.
    pub fn innocents(&self) -> (usize, usize) {
        let counted = self.lines.iter().flat_map(|line| std::iter::once(&line.blind).chain(&line.reference));
        counted.fold((0, 0), |(wrong, all), counted| (wrong + counted.wrong, all + counted.trials))
    }

    /// The lines of each group, in order.
    pub fn groups(&self) -> impl Iterator<Item = &[Line]> {
        self.lines.chunk_by(|a, b| a.group == b.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_add_up() {
        let outcome = |right, wrong| Outcome { right, wrong, carriers_read: 100 };
        let counted = Counted::of(&[outcome(2, 0), outcome(0, 0), outcome(1, 1), outcome(1, 0)]);
        assert_eq!((counted.right, counted.wrong, counted.nobody), (2, 1, 1));
        assert_eq!((counted.leakers_named, counted.carriers_read), (1.0, 100.0));
        assert!(counted.right_interval[0] < 0.5 && counted.right_interval[1] > 0.5);
        assert_eq!(Counted::of(&[]).trials, 0);
    }
}
