//! What the sample of a leak, beside its originals, tells of the damage to each column: exact repairs and noise.
//!
//! Guesses from sketches come first, and are enough to find most rows; pairs of those rows tell more. Most of a pair's cells are
//! unmarked, and none is looked at through a codeword (see [`leak::repair`](crate::leak::repair)).

use std::sync::Arc;

use crate::leak::columns::ColumnMatch;
use crate::leak::referee::{Referee, RefereeScratch};
use crate::leak::repair::{Fit, Repair, RepairedRow};
use crate::table::Row;
use crate::table::value::Decimal;

use super::beside::SampleRow;

/// Fewer pairs than this tell nothing of a column.
const ENOUGH_PAIRS: u64 = 20;

/// What was found for the columns of a leak.
pub(super) struct Mended {
    /// By column of the leak.
    pub repairs: Vec<Repair>,
    /// By name of ours.
    fits: Vec<(String, Arc<Fit>)>,
}

impl Mended {
    /// What was guessed so far, and nothing more.
    pub(super) fn guessed(repairs: &[Repair]) -> Mended {
        Mended { repairs: repairs.to_vec(), fits: Vec::new() }
    }

    /// Whether pairs have told anything yet.
    pub(super) fn is_fitted(&self) -> bool {
        !self.fits.is_empty()
    }

    /// Learns from the rows of the sample that a referee finds.
    pub(super) fn fit(&mut self, referee: &Referee, columns: &[ColumnMatch], sample: &[&SampleRow]) {
        let mut scratch = RefereeScratch::default();
        let found: Vec<(&SampleRow, usize)> = sample
            .iter()
            .filter_map(|row| {
                let alignment = referee.align(&RepairedRow::new(*row, &self.repairs), &mut scratch);
                Some((*row, alignment.row()?))
            })
            .collect();
        let reference = referee.reference();
        for column in columns {
            let Some(ours) = reference.header().iter().position(|name| *name == column.ours) else {
                continue;
            };
            let cells: Vec<_> = found
                .iter()
                .map(|(row, number)| (row.cell(column.index), reference.row(*number).text(ours)))
                .collect();
            let texts = cells.iter().filter_map(|(leaked, ours)| {
                Some((std::str::from_utf8(leaked).ok()?, std::str::from_utf8(ours).ok()?))
            });
            let marked = referee.marker().plan().columns.iter().find(|marked| marked.index == ours);
            let quantum = marked.map_or(Decimal::ZERO, |marked| marked.channel.reach());
            let fit = Fit::of(texts, quantum);
            if fit.pairs >= ENOUGH_PAIRS {
                self.repairs[column.index] = fit.repair;
                self.fits.push((column.ours.clone(), Arc::new(fit)));
            }
        }
    }

    /// Lets a referee judge the cells of noisy columns by what is known of the noise.
    pub(super) fn soften(&self, referee: &mut Referee) {
        let names: Vec<String> =
            referee.marker().plan().columns.iter().map(|column| column.name.clone()).collect();
        for (i, name) in names.iter().enumerate() {
            let fit = self.fits.iter().find(|(ours, fit)| ours == name && !fit.is_exact());
            if let Some((_, fit)) = fit {
                let fit = Arc::clone(fit);
                referee.soften(i, Box::new(move |ours, other, leaked| fit.soft(ours, other, leaked)));
            }
        }
    }

    /// Notes in `columns` what is undone and what is left.
    pub(super) fn describe(&self, columns: &mut [ColumnMatch]) {
        for column in columns {
            if let Some((_, fit)) = self.fits.iter().find(|(ours, _)| *ours == column.ours) {
                (column.repair, column.noise) = (fit.repair, fit.noise);
            }
        }
    }
}
