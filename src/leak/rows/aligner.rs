//! Finds the row of the reference that a leaked row is. See the [page of the folder](super).

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::blocks::{Blocks, Leaked};
use super::digest::Digest;
use super::field::{Field, Pair};
use super::weigh::{Agreement, Scale};
use crate::leak::reference::Reference;
use crate::mark::marker::{Marker, Scratch};
use crate::table::Row;

/// How sure a row must be, against all other candidates together and against being none of ours: a hundred to one.
const SURE: f32 = 4.6;

/// The share of the leak that is taken to be ours lies between these, whatever its first rows say: the rest may be otherwise.
const OURS: [f32; 2] = [0.01, 0.5];

/// What an equal key weighs by itself, if keys can be trusted: ten to one.
const KEY_WEIGHT: f32 = 2.3;

/// Keys were replaced if rows of equal keys agree no better than this, on a scale from chance (0) to always (1).
const KEY_TRUST: f64 = 0.1;

/// Rounds of learning: each weighs with what the one before has learned.
const ROUNDS: usize = 3;

/// Which row a leaked row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// This one, by its key.
    Key(usize),
    /// This one, by its content.
    Content(usize),
    /// One of several that can't be told apart.
    Ambiguous,
    /// None that we hold.
    Foreign,
}

impl Alignment {
    /// The row of the reference, if there is one.
    pub fn row(self) -> Option<usize> {
        match self {
            Alignment::Key(row) | Alignment::Content(row) => Some(row),
            Alignment::Ambiguous | Alignment::Foreign => None,
        }
    }
}

/// Buffers of one worker.
#[derive(Default)]
pub struct Buffers {
    leaked: Leaked,
    candidates: Vec<u32>,
    weighed: Vec<(f32, u32)>,
    marker: Scratch,
}

/// A reference prepared for finding rows in it. Clones share what is large, and learn each for itself.
#[derive(Clone)]
pub struct Aligner {
    fields: Arc<[Field]>,
    digest: Arc<Digest>,
    blocks: Arc<Blocks>,
    scale: Scale,
    /// Whether the leak has all the columns that identify a row.
    has_key: bool,
    /// Whether equal keys mean equal rows.
    trusts_key: bool,
    /// What a row must weigh against a single chance meeting; against `N` of them, `ln N` more.
    chance: f32,
    /// The leak's column for each of the reference.
    leaked_index: Vec<Option<usize>>,
}

/// What a row must weigh if this share of the leak is ours: Bayes' rule in logs.
fn chance(ours: f32) -> f32 {
    let ours = ours.clamp(OURS[0], OURS[1]);
    SURE + ((1.0 - ours) / ours).ln()
}

/// A leaked row under the reference's column numbers.
struct AsOurs<'a, R> {
    leaked: &'a R,
    index: &'a [Option<usize>],
}

impl<R: Row> Row for AsOurs<'_, R> {
    fn cell(&self, column: usize) -> Cow<'_, [u8]> {
        match self.index.get(column) {
            Some(&Some(leaked)) => self.leaked.cell(leaked),
            _ => Cow::Borrowed(b""),
        }
    }
}

impl Aligner {
    /// Prepares `reference` for a leak that has the columns of `pairs`. `marker` has its plan from the reference's header.
    pub fn new(reference: &Reference, marker: &Marker, pairs: &[Pair]) -> Aligner {
        let mut leaked_index = vec![None; reference.header().len()];
        pairs.iter().for_each(|pair| leaked_index[pair.ours] = Some(pair.leaked));
        let fields: Vec<Field> =
            pairs.iter().map(|pair| Field::new(*pair, marker.plan(), reference)).collect();
        let digest = Digest::new(reference, marker, &fields);
        let has_key = marker.plan().identity.iter().all(|&column| leaked_index[column].is_some());
        Aligner {
            blocks: Arc::new(Blocks::new(reference, &digest, &fields)),
            scale: Scale::new(&digest, &fields),
            has_key,
            trusts_key: has_key,
            chance: chance(OURS[0]),
            leaked_index,
            fields: fields.into(),
            digest: Arc::new(digest),
        }
    }

    /// Learns from some rows of the leak, its first few thousand say, whether keys can be trusted and how much was altered in
    /// each column. Without it rows are found as well as they can be by a guess.
    pub fn learn<R: Row>(&mut self, marker: &Marker, rows: impl Iterator<Item = R>) {
        let mut buffers = Buffers::default();
        let sample: Vec<(Leaked, Option<u64>)> = rows
            .map(|row| {
                let id = self.take(&row, marker, &mut buffers);
                (std::mem::take(&mut buffers.leaked), id)
            })
            .collect();
        self.trusts_key = self.has_key && self.keys_hold(&sample);
        for _ in 0..ROUNDS {
            let found = sample.par_iter().map_init(Buffers::default, |buffers, (leaked, id)| {
                Some((leaked, self.pair_to_learn_from(leaked, *id, buffers)?))
            });
            let pairs: Vec<(&Leaked, usize)> = found.flatten_iter().collect();
            self.scale.learn(&self.digest, pairs.iter().copied());
            self.chance = chance(pairs.len() as f32 / sample.len().max(1) as f32);
        }
    }

    /// Which row `leaked` is.
    pub fn align(&self, leaked: &impl Row, marker: &Marker, buffers: &mut Buffers) -> Alignment {
        let id = self.take(leaked, marker, buffers);
        let Buffers { leaked, candidates, weighed, .. } = buffers;
        id.and_then(|id| self.by_key(leaked, id, weighed))
            .unwrap_or_else(|| self.by_content(leaked, candidates, weighed))
    }

    /// Reads a leaked row into the buffers; gives its number in sketches, if it has its key.
    fn take(&self, row: &impl Row, marker: &Marker, buffers: &mut Buffers) -> Option<u64> {
        let Leaked { exact, coarse, places } = &mut buffers.leaked;
        [&mut *exact, &mut *coarse].into_iter().for_each(Vec::clear);
        places.clear();
        for field in self.fields.iter() {
            let said = field.say(&row.cell(field.pair.leaked));
            exact.push(said.exact);
            coarse.push(said.coarse);
            places.push(said.place);
        }
        if !self.has_key {
            return None;
        }
        marker.id(&AsOurs { leaked: row, index: &self.leaked_index }, &mut buffers.marker)
    }

    /// The row that has the key, unless the rest of the row speaks against it: the key may be somebody else's who numbers rows
    /// as we do. If keys can't be trusted, the rest has to speak for it; but it is held against this one row only, not against
    /// all of them.
    fn by_key(&self, leaked: &Leaked, id: u64, weighed: &mut Vec<(f32, u32)>) -> Option<Alignment> {
        self.weigh_all(leaked, self.digest.rows_of(id), weighed, |field| !self.fields[field].is_identity);
        let &(best, row) = weighed.first()?;
        if best < if self.trusts_key { -KEY_WEIGHT } else { self.chance } {
            return None;
        }
        Some(if self.is_clear(leaked, weighed) { Alignment::Key(row as usize) } else { Alignment::Ambiguous })
    }

    fn by_content(
        &self,
        leaked: &Leaked,
        candidates: &mut Vec<u32>,
        weighed: &mut Vec<(f32, u32)>,
    ) -> Alignment {
        self.blocks.candidates(leaked, candidates);
        self.weigh_all(leaked, candidates.iter().copied(), weighed, |_| true);
        match weighed.first() {
            Some(&(best, row)) if best >= (self.digest.rows as f32).ln() + self.chance => {
                if self.is_clear(leaked, weighed) {
                    Alignment::Content(row as usize)
                } else {
                    Alignment::Ambiguous
                }
            }
            _ => Alignment::Foreign,
        }
    }

    /// Weighs rows, the best first; of equals the first row.
    fn weigh_all(
        &self,
        leaked: &Leaked,
        rows: impl Iterator<Item = u32>,
        weighed: &mut Vec<(f32, u32)>,
        counts: impl Fn(usize) -> bool,
    ) {
        weighed.clear();
        weighed.extend(rows.map(|row| (self.scale.weigh(&self.digest, leaked, row as usize, &counts), row)));
        weighed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    }

    /// Whether the first row outweighs all others that would be read differently, whatever its bits are.
    fn is_clear(&self, leaked: &Leaked, weighed: &[(f32, u32)]) -> bool {
        let (best, row) = (weighed[0].0, weighed[0].1 as usize);
        let others = weighed[1..].iter().map(|&(weight, other)| (weight, other as usize));
        let rivals = others.filter(|(_, other)| !self.reads_alike(row, *other));
        let others: f32 = rivals
            .map(|(weight, other)| weight + self.scale.benefit(&self.digest, leaked, row, other))
            .map(|weight| (weight - best).exp())
            .sum();
        others.ln() <= -SURE
    }

    /// Whether two rows have the same marks: the same identity, and the same originals in the marked columns.
    fn reads_alike(&self, a: usize, b: usize) -> bool {
        let mut marked = (0..self.fields.len()).filter(|&field| self.fields[field].marked.is_some());
        self.digest.id(a) == self.digest.id(b)
            && marked.all(|field| self.digest.said(a, field) == self.digest.said(b, field))
    }

    /// Whether rows of equal keys agree better than rows that are thrown together.
    fn keys_hold(&self, sample: &[(Leaked, Option<u64>)]) -> bool {
        let pairs: Vec<(usize, usize)> = sample
            .iter()
            .enumerate()
            .filter_map(|(at, (_, id))| Some((at, self.digest.rows_of((*id)?).next()? as usize)))
            .collect();
        let agreed = |shift: usize| {
            let rows = pairs.iter().cycle().skip(shift).map(|(_, row)| *row);
            let both = pairs.iter().zip(rows).map(|((at, _), row)| self.agreed(&sample[*at].0, row));
            both.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
        };
        let (by_key, compared) = agreed(0);
        // A single row has no other to be thrown together with, and a leak of keys alone nothing to agree in.
        let (by_chance, _) = if pairs.len() < 2 { (0, 0) } else { agreed(1) };
        let room = compared - by_chance.min(compared);
        room == 0 || (by_key as f64 - by_chance as f64) >= KEY_TRUST * room as f64
    }

    /// Columns that agree, exactly or nearly, and columns that could.
    fn agreed(&self, leaked: &Leaked, row: usize) -> (usize, usize) {
        let fields = (0..self.fields.len()).filter(|&field| !self.fields[field].is_identity);
        let known = fields
            .map(|field| self.scale.agreement(&self.digest, leaked, row, field))
            .filter(|agreement| *agreement != Agreement::Unknown);
        known.fold((0, 0), |(agreed, all), agreement| {
            (agreed + usize::from(agreement != Agreement::No), all + 1)
        })
    }

    /// The row that a leaked row of the sample is. Keys that hold are believed whatever else the row says: it is what was altered
    /// that is to be learned.
    fn pair_to_learn_from(&self, leaked: &Leaked, id: Option<u64>, buffers: &mut Buffers) -> Option<usize> {
        if let Some(id) = id.filter(|_| self.trusts_key) {
            self.weigh_all(leaked, self.digest.rows_of(id), &mut buffers.weighed, |_| true);
            if let Some(&(_, row)) = buffers.weighed.first() {
                return Some(row as usize);
            }
        }
        self.by_content(leaked, &mut buffers.candidates, &mut buffers.weighed).row()
    }
}
