//! Whether another table of the same header has its columns where they were found before, damaged alike.
//!
//! The files of a folder are parts of one table, and to find the columns of each anew takes longer than to read it. A pattern
//! holds each part's cells against what was found, under the repairs that were found, and says which columns look otherwise.
//! What is asked is what a name is asked, too, before it is believed: do the contents speak against it?
//!
//! Invariant: as in the [folder](super), all of it looks at the leak and at keyed sketches of unmarked sources.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::leak::cells::Cells;
use crate::leak::likeness::{Alike, Likeness};
use crate::leak::repair::Repair;
use crate::leak::repair::guess::Variants;
use crate::sketch::{Grain, Sampler};
use crate::table::value::Decimal;

use super::{ColumnMatch, LeakedColumns, MatchedBy, Wanted};

/// By how much a part's contents may fit worse than those that a column was found in, if they speak against it at all.
const WORSE: f64 = 0.5;

/// By how much two columns without names must fit better when they are exchanged.
const EXCHANGED: f64 = 1.0;

/// What was found of a table's columns.
pub struct Pattern<'a> {
    likeness: Likeness<'a>,
    columns: Vec<Expected>,
    words: Words,
}

/// Keyed hashes of outlines: parts of one table have the same ones, and to hash them takes longer than all else.
#[derive(Default)]
struct Words(RefCell<HashMap<Vec<u8>, u64>>);

/// Outlines that are remembered. There are some tens for each column.
const MOST_WORDS: usize = 1 << 16;

impl Words {
    fn of(&self, outline: &[u8], sampler: &Sampler) -> u64 {
        let mut words = self.0.borrow_mut();
        if let Some(&word) = words.get(outline) {
            return word;
        }
        let word = sampler.word(outline);
        if words.len() < MOST_WORDS {
            words.insert(outline.to_vec(), word);
        }
        word
    }
}

/// A column, and how well it fitted where it was found.
struct Expected {
    ours: String,
    index: usize,
    repair: Repair,
    by: MatchedBy,
    quantum: Decimal,
    /// Its index in the release; `None` if there is no sketch of it, or if names around the file say what it is.
    release: Option<usize>,
    /// The source's values on each grid.
    grains: Vec<(Grain, f64)>,
    alike: Alike,
}

impl<'a> Pattern<'a> {
    /// Of what was `found` in a leak.
    pub fn new(
        found: &[ColumnMatch],
        wanted: &[Wanted],
        likeness: Likeness<'a>,
        leaked: LeakedColumns,
        sampler: &Sampler,
    ) -> Pattern<'a> {
        let words = Words::default();
        let place = |name: &str| likeness.columns().iter().position(|column| column.name == name);
        let columns = found.iter().map(|found| {
            let release = place(&found.ours).filter(|_| found.index < leaked.own);
            let wanted = wanted.iter().find(|wanted| wanted.name == found.ours);
            let mut expected = Expected {
                ours: found.ours.clone(),
                index: found.index,
                repair: found.repair,
                by: found.by,
                quantum: wanted.map_or(Decimal::ZERO, |wanted| wanted.quantum),
                release,
                grains: Vec::new(),
                alike: Alike::default(),
            };
            if let Some(release) = release {
                expected.grains = likeness.columns()[release].grain_shares(sampler);
                let seen = expected.seen(&leaked.cells[found.index], &likeness, (sampler, &words));
                expected.alike = seen.alike(&likeness, release);
            }
            expected
        });
        Pattern { columns: columns.collect(), likeness, words }
    }

    /// The columns of a part that look otherwise, by their index in it.
    pub fn misfits(&self, cells: &[Cells], sampler: &Sampler) -> Vec<usize> {
        let seen: Vec<(&Expected, usize, Variants)> = self
            .columns
            .iter()
            .filter_map(|expected| {
                let release = expected.release?;
                let cells = &cells[expected.index];
                Some((expected, release, expected.seen(cells, &self.likeness, (sampler, &self.words))))
            })
            .collect();
        let mut misfits: Vec<usize> = seen
            .iter()
            .filter(|(expected, release, seen)| {
                !expected.fits(&seen.alike(&self.likeness, *release))
                    || !seen.may_be_rounded(expected.repair.coarse, &expected.grains, expected.quantum)
            })
            .map(|(expected, ..)| expected.index)
            .collect();
        let nameless: Vec<_> = seen.iter().filter(|(column, ..)| column.by == MatchedBy::Contents).collect();
        let totals: Vec<Vec<f64>> = nameless
            .iter()
            .map(|(.., seen)| {
                nameless.iter().map(|(_, ours, _)| seen.alike(&self.likeness, *ours).total()).collect()
            })
            .collect();
        for a in 0..nameless.len() {
            for b in 0..a {
                if totals[a][b] + totals[b][a] - totals[a][a] - totals[b][b] > EXCHANGED {
                    misfits.extend([nameless[a].0.index, nameless[b].0.index]);
                }
            }
        }
        misfits.sort_unstable();
        misfits.dedup();
        misfits
    }

    /// Whether this says all that was found in a part by itself, and that all its `misfits` were found there.
    pub fn explains(&self, found: &[ColumnMatch], misfits: &[usize]) -> bool {
        let is_known = |found: &ColumnMatch| {
            let same = |known: &&Expected| known.index == found.index && known.ours == found.ours;
            // Few cells do not show that a column was rounded.
            let coarse = found.repair.coarse;
            self.columns.iter().find(same).is_some_and(|known| {
                known.repair.undo == found.repair.undo && (coarse.is_none() || coarse == known.repair.coarse)
            })
        };
        found.iter().all(is_known)
            && misfits.iter().all(|misfit| found.iter().any(|found| found.index == *misfit))
    }
}

impl Expected {
    /// A column as it looks under the repair that was found.
    fn seen(&self, cells: &Cells, likeness: &Likeness, (sampler, words): (&Sampler, &Words)) -> Variants {
        let repair = Repair::new(self.repair.undo);
        // Values tell columns without names apart, and nothing else is asked of them.
        let is_named = self.by != MatchedBy::Contents;
        let profile = if is_named { cells.outlines(&repair) } else { cells.profile(&repair, sampler) };
        let counted = profile.hashed_with(|outline| words.of(outline, sampler));
        Variants::under(repair, profile, &counted, likeness)
    }

    /// Whether the contents do not speak against the column, or no more than where it was found.
    fn fits(&self, seen: &Alike) -> bool {
        let kinds = |alike: &Alike| [alike.sizes, alike.grains, alike.shapes];
        kinds(&self.alike).iter().zip(kinds(seen)).all(|(known, seen)| seen >= 0.0 || seen >= known - WORSE)
    }
}
