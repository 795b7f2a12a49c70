//! How much a leaked column looks like each column of a release, by what it holds.
//!
//! For each kind of evidence (common values, sizes, grains, shapes) the score is the mean, over the leaked cells, of the log of
//! `(1 - e) p / g + e`: `p` is how often the release's column holds what the cell holds, `g` how often the release's columns
//! do on average. So what only one column holds counts much, what all hold counts nothing, and each strange cell costs a
//! bounded amount. A further term counts how many of the leaked values are among the release's own, which tells identifiers
//! of one layout apart.
//!
//! Everything compared is a keyed hash of the unmarked source or of the leak. Marks move few values, and never to another decade.
//!
//! Source of the idea: Fellegi and Sunter, "A theory for record linkage", JASA 64 (1969), with columns in place of records.

use std::collections::{BTreeMap, HashMap};

use crate::sketch::{ColumnSketch, Counted, SAMPLED_VALUES, Shares, Sketch};

/// The share of cells that may be anything: damaged, altered, new.
const STRANGE: f64 = 0.05;

/// Columns that are imagined beside the release's, and hold nothing of ours, so that the average of a narrow table is not the
/// column itself.
const IMAGINED_COLUMNS: f64 = 2.0;

/// Cells that make the evidence of a few cells count half.
const HALF_CELLS: f64 = 4.0;

/// A chance that two columns share a value, where none was seen to.
const LEAST_CHANCE: f64 = 1e-4;

/// Log-odds of shared values that count as much as one unit of the other kinds, and the bounds of this term.
const VALUES_UNIT: f64 = 20.0;
const VALUES_BOUNDS: (f64, f64) = (-1.5, 3.0);

/// The worst that coarser or finer values count: rounding must not hide a column.
const WORST_GRAIN: f64 = -1.5;

/// Shapes count less, and in favour alone: any program that writes a column anew changes them.
const SHAPE_WORTH: f64 = 0.5;

/// The columns of a release, ready to be compared with.
pub struct Likeness<'a> {
    columns: &'a [ColumnSketch],
    sampled_share: f64,
    values: Kind,
    shapes: Kind,
    sizes: Kind,
    grains: Kind,
    /// For each column the chance that a value of another column is among its own.
    chance: Vec<f64>,
}

/// How often each column of a release holds something, and all of them on average.
struct Kind {
    columns: Vec<HashMap<u64, f64>>,
    /// For each column what its commonest leave, in terms of the average.
    others: Vec<f64>,
    average: HashMap<u64, f64>,
}

/// A leaked column in terms of a release: counts of what is common there, and of everything else.
struct Common {
    counts: Vec<(u64, u64)>,
    others: u64,
}

/// A leaked column, ready to be compared with a release's.
pub struct Evidence {
    filled: f64,
    values: Common,
    shapes: Common,
    sizes: Common,
    grains: Common,
    /// The smallest hashes of its values that are not common, as far as a sketch of it would hold them.
    rare: Vec<u64>,
}

/// How alike two columns are, by kind of evidence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alike {
    pub values: f64,
    pub sizes: f64,
    pub grains: f64,
    pub shapes: f64,
    /// By how many values they share.
    pub shared: f64,
    /// How well the shares of their sizes agree, 0 at best. What one column alone holds, however rarely, counts much above;
    /// here a leak that holds nothing but that counts against it.
    pub agreement: f64,
    /// The same of their shapes, for repairs that change nothing else.
    pub shape_agreement: f64,
}

impl Alike {
    /// All of it: about 0 for what says nothing, above for what fits, below for what does not.
    pub fn total(self) -> f64 {
        let shapes = self.shapes.max(0.0) * SHAPE_WORTH;
        self.values + self.sizes + self.grains.max(WORST_GRAIN) + shapes + self.shared + self.agreement
    }
}

impl Kind {
    fn of(columns: &[ColumnSketch], kind: fn(&ColumnSketch) -> &Shares) -> Kind {
        let columns: Vec<HashMap<u64, f64>> =
            columns.iter().map(|column| kind(column).iter().collect()).collect();
        let count = columns.len() as f64 + IMAGINED_COLUMNS;
        let mut average: HashMap<u64, f64> = HashMap::new();
        for (&hash, share) in columns.iter().flatten() {
            *average.entry(hash).or_default() += share / count;
        }
        let left = |column: &HashMap<u64, f64>| f64::max(1.0 - column.values().sum::<f64>(), 0.0);
        let others: Vec<f64> = columns.iter().map(left).collect();
        let average_other = (others.iter().sum::<f64>() + IMAGINED_COLUMNS) / count;
        Kind { columns, average, others: others.into_iter().map(|other| other / average_other).collect() }
    }

    fn common(&self, leaked: &BTreeMap<u64, u64>) -> Common {
        let (counts, others): (Vec<_>, Vec<_>) =
            leaked.iter().map(|(&hash, &n)| (hash, n)).partition(|(hash, _)| self.average.contains_key(hash));
        Common { counts, others: others.into_iter().map(|(_, n)| n).sum() }
    }

    /// The mean score of leaked cells against one column. Sketches of the first format lack some kinds, which then say nothing.
    fn score(&self, ours: usize, leaked: &Common, filled: f64) -> f64 {
        if self.average.is_empty() {
            return 0.0;
        }
        let ln = |ratio: f64| ((1.0 - STRANGE) * ratio + STRANGE).ln();
        let share = |hash| self.columns[ours].get(hash).copied().unwrap_or(0.0);
        let common = leaked.counts.iter().map(|(hash, n)| *n as f64 * ln(share(hash) / self.average[hash]));
        (common.sum::<f64>() + leaked.others as f64 * ln(self.others[ours])) / filled
    }

    /// Minus the divergence (Kullback and Leibler 1951) of a column's shares from the leaked ones.
    fn agreement(&self, ours: usize, leaked: &Common, filled: f64) -> f64 {
        if self.average.is_empty() {
            return 0.0;
        }
        let terms = leaked.counts.iter().map(|(hash, n)| {
            let (theirs, ours) = (*n as f64 / filled, self.columns[ours].get(hash).copied().unwrap_or(0.0));
            theirs * ((1.0 - STRANGE) * ours / theirs + STRANGE).ln().min(0.0)
        });
        terms.sum::<f64>() + leaked.others as f64 / filled * STRANGE.ln()
    }
}

impl<'a> Likeness<'a> {
    /// Prepares a release for comparisons.
    pub fn new(release: &'a Sketch) -> Likeness<'a> {
        let columns = &release.columns;
        Likeness {
            columns,
            sampled_share: release.sampled_share(),
            values: Kind::of(columns, |column| &column.commonest),
            shapes: Kind::of(columns, |column| &column.shapes),
            sizes: Kind::of(columns, |column| &column.sizes),
            grains: Kind::of(columns, |column| &column.grains),
            chance: chances(columns),
        }
    }

    /// The release's columns.
    pub fn columns(&self) -> &'a [ColumnSketch] {
        self.columns
    }

    /// Prepares a leaked column, counted under the release's sketch key.
    pub fn evidence(&self, leaked: &Counted) -> Evidence {
        let rare = leaked.values.keys().filter(|hash| !self.values.average.contains_key(hash));
        Evidence {
            filled: leaked.filled as f64,
            values: self.values.common(&leaked.values),
            shapes: self.shapes.common(&leaked.shapes),
            sizes: self.sizes.common(&leaked.sizes),
            grains: self.grains.common(&leaked.grains),
            rare: rare.copied().take(SAMPLED_VALUES).collect(),
        }
    }

    /// Compares a leaked column with one of ours.
    pub fn compare(&self, ours: usize, leaked: &Evidence) -> Alike {
        let filled = leaked.filled;
        if filled == 0.0 || self.columns[ours].filled == 0 {
            return Alike::default();
        }
        let weight = filled / (filled + HALF_CELLS);
        Alike {
            values: self.values.score(ours, &leaked.values, filled) * weight,
            sizes: self.sizes.score(ours, &leaked.sizes, filled) * weight,
            grains: self.grains.score(ours, &leaked.grains, filled) * weight,
            shapes: self.shapes.score(ours, &leaked.shapes, filled) * weight,
            shared: self.shared_values(ours, &leaked.rare),
            agreement: self.sizes.agreement(ours, &leaked.sizes, filled) * weight,
            shape_agreement: self.shapes.agreement(ours, &leaked.shapes, filled) * weight,
        }
    }

    /// What the leaked values say that are not common: whether they are values of ours.
    fn shared_values(&self, ours: usize, rare: &[u64]) -> f64 {
        let values = &self.columns[ours].values;
        let chance = self.chance[ours];
        let all = if values.is_complete() { 1.0 } else { self.sampled_share };
        let hit = (all * (1.0 - 2.0 * STRANGE)).max(2.0 * chance);
        let (if_hit, if_miss) = ((hit / chance).ln(), ((1.0 - hit) / (1.0 - chance)).ln());
        // Counted once each: a value that is repeated says no more by that.
        let total: f64 =
            rare.iter().filter_map(|&hash| Some(if values.has(hash)? { if_hit } else { if_miss })).sum();
        (total / VALUES_UNIT).clamp(VALUES_BOUNDS.0, VALUES_BOUNDS.1)
    }
}

/// For each column how likely a value of another column is among its own, from how many of its values others have.
fn chances(columns: &[ColumnSketch]) -> Vec<f64> {
    let mut holders: HashMap<u64, u32> = HashMap::new();
    columns.iter().flat_map(|column| column.values.kept()).for_each(|&h| *holders.entry(h).or_default() += 1);
    let others = (columns.len().max(2) - 1) as f64;
    columns
        .iter()
        .map(|column| {
            let kept = column.values.kept();
            let shared: u32 = kept.iter().map(|hash| holders[hash] - 1).sum();
            (f64::from(shared) / others / kept.len().max(1) as f64).clamp(LEAST_CHANCE, 0.25)
        })
        .collect()
}
