//! The repair that makes a leaked column most like a column of the release, without any reference.

use crate::leak::cells::Cells;
use crate::leak::likeness::{Alike, Evidence, Likeness};
use crate::sketch::{Counted, Grain, Profile, Sampler};
use crate::table::value::Decimal;

use super::{Coarse, Dates, Repair, Spelling, Undo, Unit, candidates};

/// The share of a column's values that lie on a grid if it was rounded to it: damage and missing marks excepted, all.
const ON_GRID: f64 = 0.98;

/// If so many of the source's values lie on a grid anyway, values on it say nothing.
const ON_GRID_ANYWAY: f64 = 0.9;

/// Log of the chance that cells of a column which was not rounded all lie on the grid, below which it was: 1 in 10,000.
const LN_ROUNDED: f64 = -9.2;

/// A leaked column under one release's sketch key, as it is and under each repair that its cells suggest.
#[derive(Default)]
pub struct Variants {
    variants: Vec<(Repair, Profile, Evidence)>,
}

/// The best of a column's variants for one column of ours.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    /// Index of the variant.
    pub variant: usize,
    /// How alike the two columns are under it, less its price.
    pub score: f64,
}

impl Variants {
    /// The column as it is, only.
    pub fn plain(cells: &Cells, likeness: &Likeness, sampler: &Sampler) -> Variants {
        let mut variants = Variants { variants: Vec::new() };
        variants.add(Repair::NONE, cells, likeness, sampler);
        variants
    }

    /// The column under one repair only, of which this was counted.
    pub fn under(repair: Repair, profile: Profile, counted: &Counted, likeness: &Likeness) -> Variants {
        Variants { variants: vec![(repair, profile, likeness.evidence(counted))] }
    }

    /// Adds what the column's cells suggest.
    pub fn with_repairs(mut self, cells: &Cells, likeness: &Likeness, sampler: &Sampler) -> Variants {
        for repair in candidates(cells).into_iter().skip(1) {
            self.add(repair, cells, likeness, sampler);
        }
        self
    }

    fn add(&mut self, repair: Repair, cells: &Cells, likeness: &Likeness, sampler: &Sampler) {
        let profile = cells.profile(&repair, sampler);
        let evidence = likeness.evidence(&profile.hashed_by(sampler));
        self.variants.push((repair, profile, evidence));
    }

    /// How alike the first of the variants and `ours` are.
    pub fn alike(&self, likeness: &Likeness, ours: usize) -> Alike {
        likeness.compare(ours, &self.variants[0].2)
    }

    /// Whether the values of the first variant can be of a column that was rounded, or was not, as is known of it.
    pub fn may_be_rounded(&self, known: Option<Coarse>, grains: &[(Grain, f64)], quantum: Decimal) -> bool {
        let profile = &self.variants[0].1;
        let Some(known) = known else { return coarse(profile, grains, quantum).is_none() };
        let is_grid = |grid: &Grain| grid.step() == Some(known.step) && grid.is_time() == known.is_time;
        Grain::all().find(is_grid).is_some_and(|grid| {
            let of_kind = profile.grains().filter(|(grain, _)| grain.is_time() == grid.is_time());
            let count = |sum: (u64, u64), (grain, n): (Grain, u64)| {
                (sum.0 + if grain.is_on(grid) { n } else { 0 }, sum.1 + n)
            };
            let (on, all) = of_kind.fold((0, 0), count);
            on as f64 >= ON_GRID * all as f64
        })
    }

    /// Whether the column as it is looks like `ours` in every respect.
    pub fn is_intact(&self, likeness: &Likeness, ours: usize) -> bool {
        let alike = self.alike(likeness, ours);
        alike.sizes >= 0.0 && alike.grains >= 0.0 && alike.shapes >= 0.0
    }

    /// The variant that is most like `ours`. A repair has its price, so that none is preferred unless another is clearly better.
    pub fn guess(&self, likeness: &Likeness, ours: usize) -> Guess {
        let alike = |variant: usize| likeness.compare(ours, &self.variants[variant].2);
        let plain = alike(0);
        let mut best = Guess { variant: 0, score: plain.total() };
        for variant in 1..self.variants.len() {
            let undo = self.variants[variant].0.undo;
            let alike = alike(variant);
            let total = match undo {
                // What a number says is the same with zeros before it.
                Undo::Padded(_) => plain.total() + alike.shape_agreement - plain.shape_agreement,
                _ => alike.total(),
            };
            let score = total - price(undo);
            if score > best.score {
                best = Guess { variant, score };
            }
        }
        best
    }

    /// A variant's repair for a column whose marks move by `quantum` and whose original has values on `grains` with these shares:
    /// coarse, if its values were rounded to more than a quantum.
    pub fn repair(&self, variant: usize, grains: &[(Grain, f64)], quantum: Decimal) -> Repair {
        let (repair, profile, _) = &self.variants[variant];
        Repair { coarse: coarse(profile, grains, quantum), ..*repair }
    }
}

/// What a repair has to be better than none, in terms of likeness.
fn price(undo: Undo) -> f64 {
    match undo {
        Undo::Nothing => 0.0,
        Undo::Number(_, Unit::OURS) | Undo::Date(Dates { swapped: false, .. }) => 0.2,
        Undo::Date(_) | Undo::Padded(_) => 0.4,
        Undo::Number(Spelling::Point, _) => 1.0,
        Undo::Number(Spelling::Comma, _) => 1.2,
    }
}

/// The coarsest grid above a quantum on which all values lie now, although far from all of the source's did.
fn coarse(profile: &Profile, source: &[(Grain, f64)], quantum: Decimal) -> Option<Coarse> {
    if quantum <= Decimal::ZERO {
        return None;
    }
    let leaked: Vec<(Grain, f64)> = profile.grains().map(|(grain, n)| (grain, n as f64)).collect();
    let share_on = |shares: &[(Grain, f64)], grid: Grain| {
        let (mut on, mut all) = (0.0, 0.0);
        for &(grain, share) in shares.iter().filter(|(grain, _)| grain.is_time() == grid.is_time()) {
            all += share;
            on += if grain.is_on(grid) { share } else { 0.0 };
        }
        (on, all)
    };
    // Most grids are out of the question by the commonest grain alone.
    let commonest = |is_time: bool| {
        let of_kind = leaked.iter().filter(|(grain, _)| grain.is_time() == is_time);
        let all: f64 = of_kind.clone().map(|(_, n)| n).sum();
        let (grain, n) = of_kind.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (*n > (1.0 - ON_GRID) * all).then_some(*grain)
    };
    let commonest = [commonest(false), commonest(true)];
    let may_be = |grid: Grain| commonest[usize::from(grid.is_time())].is_none_or(|grain| grain.is_on(grid));
    let is_rounded = |&grid: &Grain| {
        if !may_be(grid) {
            return false;
        }
        let ((on, all), (source_on, source_all)) = (share_on(&leaked, grid), share_on(source, grid));
        let anyway = source_on / source_all;
        all > 0.0
            && source_all > 0.0
            && on >= ON_GRID * all
            && anyway < ON_GRID_ANYWAY
            && all * anyway.max(0.001).ln() < LN_ROUNDED
    };
    let grids =
        Grain::all().filter_map(|grid| Some((grid.step()?, grid))).filter(|(step, _)| *step > quantum);
    let (step, grid) = grids.filter(|(_, grid)| is_rounded(grid)).max_by_key(|(step, _)| *step)?;
    Some(Coarse { step, is_time: grid.is_time() })
}
