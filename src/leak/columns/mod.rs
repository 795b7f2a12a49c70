//! Which column of the leak is which of ours: by name, by what it holds, by what the user says.
//!
//! All pairs are scored together. A name that is one of ours counts much, contents as the [likeness](super::likeness) of the two
//! columns, the leaked one as it is or [repaired](super::repair). Then one optimal [matching](assign) decides, in which
//! columns that tracing does not need compete too: a leaked column that fits one of those better is that one. A pair stands
//! only if the best matching without it is clearly worse. What fits two columns alike is left out rather than guessed,
//! because a wrong column would be read as noise and could hide the leaker, though it could not accuse anybody.
//!
//! Invariant: nothing here depends on any codeword. Columns are recognised by names and by the keyed sketch of the
//! *unmarked* source, so an innocent's bits stay independent of what is read, and the bound of `evidence::tail` holds.
//!
//! A leak may have lost its header. Its first row then stands for the names, and a name would be a cell's value: unless one
//! of the names is one of ours, columns are named by their number.

mod assign;
mod header;
mod map;
mod pattern;

use std::collections::{HashMap, HashSet};

use serde::{Serialize, Serializer};

use crate::sketch::Sampler;
use crate::table::value::Decimal;

use super::cells::Cells;
use super::likeness::Likeness;
use super::repair::guess::{Guess, Variants};
use super::repair::{Noise, Repair};

pub use header::is_row;
pub use map::{Mapping, Place, Resolved, resolve};
pub use pattern::Pattern;

/// What a name of ours counts, letter for letter: more than any contents that fit another column somewhat better, less than
/// headers that were exchanged.
const SAME_NAME: f64 = 6.0;

/// And a name of ours but for case, spaces and punctuation.
const SIMILAR_NAME: f64 = 5.0;

/// The worst that contents count against a name: a damaged column keeps its name.
const WORST_UNDER_NAME: f64 = -3.0;

/// Contents must be at least this alike.
const LEAST_ALIKE: f64 = 1.0;

/// The best matching without a pair must be worse by this.
const LEAST_MARGIN: f64 = 0.5;

/// Columns of ours and of the leak together, beyond which those without a name of ours are not looked at: the time that a
/// matching takes grows with the cube of their number, and is a second or so for this one.
const MOST_COLUMNS: usize = 800;

/// What a column was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// The user said so.
    Given,
    /// The same name, letter for letter.
    Name,
    /// The same name but for case, spaces and punctuation.
    SimilarName,
    /// What it holds.
    Contents,
}

/// Where a column of ours was found in the leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnMatch {
    /// The column's name in the dataset.
    pub ours: String,
    /// Its name in the leak; `column 3` if the leak's first line may be no header.
    pub leaked: String,
    /// What it was recognised by.
    pub by: MatchedBy,
    /// 1 for a name; otherwise from 0 to 1, by how much any other matching would fit worse.
    pub confidence: f64,
    /// What was done to its cells, and is undone; in words, or `null`.
    #[serde(serialize_with = "in_words")]
    pub repair: Repair,
    /// What was done to its cells and can't be undone, as far as the original tells; in words, or `null`.
    #[serde(serialize_with = "noise_in_words")]
    pub noise: Noise,
    /// Its index in the leak.
    #[serde(skip)]
    pub index: usize,
}

fn in_words<S: Serializer>(repair: &Repair, serializer: S) -> Result<S::Ok, S::Error> {
    (!repair.is_none()).then(|| repair.to_string()).serialize(serializer)
}

fn noise_in_words<S: Serializer>(noise: &Noise, serializer: S) -> Result<S::Ok, S::Error> {
    (*noise != Noise::None).then(|| noise.to_string()).serialize(serializer)
}

/// A column of ours that tracing needs.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub name: &'a str,
    /// How far a mark moves a value of it; nought if that is no number.
    pub quantum: Decimal,
}

/// A leak's columns: their names in the header, and a sample of the cells.
#[derive(Clone, Copy)]
pub struct LeakedColumns<'a> {
    pub names: &'a [String],
    pub cells: &'a [Cells],
    /// How many of them the file has; the others are named by what is around it.
    pub own: usize,
}

/// Finds the columns `wanted` of a release in a leak. `release` is of the sketch of the release's source, `sampler` hashes under
/// the same key; `map` is what the user says.
pub fn match_columns(
    wanted: &[Wanted],
    release: &Likeness,
    leaked: LeakedColumns,
    sampler: &Sampler,
    map: &Resolved,
) -> Vec<ColumnMatch> {
    let mut matcher = Matcher::new(wanted, release, leaked, sampler);
    let has_header = has_header(matcher.ours.iter().map(|ours| ours.name), &leaked.names[..leaked.own]);
    let is_named = |column: usize| has_header || column >= leaked.own;
    let found = matcher.matches(map);
    let wanted = |name: &str| wanted.iter().find(|wanted| wanted.name == name);
    let known = found.into_iter().filter_map(|found| {
        let ours = &matcher.ours[found.ours];
        let wanted = wanted(ours.name)?;
        let leaked_name = &leaked.names[found.leaked];
        Some(ColumnMatch {
            ours: ours.name.to_owned(),
            leaked: if is_named(found.leaked) {
                leaked_name.clone()
            } else {
                format!("column {}", found.leaked + 1)
            },
            by: found.by,
            confidence: found.confidence,
            repair: matcher.repair(&found, wanted.quantum),
            noise: Noise::None,
            index: found.leaked,
        })
    });
    known.collect()
}

/// Whether the first line of a leak can be told to be a header, by a name that is one of ours.
pub fn has_header<'a>(ours: impl Iterator<Item = &'a str>, leaked: &[String]) -> bool {
    let leaked: HashSet<String> = leaked.iter().map(|name| plain(name)).collect();
    ours.map(plain).any(|name| !name.is_empty() && leaked.contains(&name))
}

/// A name without case, spaces and punctuation: what aggregators and databases do to headers.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A column of ours.
struct Ours<'a> {
    name: &'a str,
    plain: String,
    /// Its index in the release; `None` if the policy names a column that the release had not.
    release: Option<usize>,
}

/// A pair that was found.
struct Found {
    ours: usize,
    leaked: usize,
    by: MatchedBy,
    confidence: f64,
    guess: Guess,
}

/// Everything that is compared.
struct Matcher<'a> {
    ours: Vec<Ours<'a>>,
    likeness: &'a Likeness<'a>,
    leaked: LeakedColumns<'a>,
    plain_names: Vec<String>,
    variants: Vec<Variants>,
    sampler: &'a Sampler,
}

impl<'a> Matcher<'a> {
    fn new(
        wanted: &[Wanted<'a>],
        likeness: &'a Likeness<'a>,
        leaked: LeakedColumns<'a>,
        sampler: &'a Sampler,
    ) -> Matcher<'a> {
        let release = likeness.columns();
        let known = release.iter().map(|column| column.name.as_str());
        let unknown = wanted.iter().map(|wanted| wanted.name);
        let unknown = unknown.filter(|name| release.iter().all(|column| column.name != *name));
        let ours = known.chain(unknown).enumerate().map(|(index, name)| Ours {
            name,
            plain: plain(name),
            release: (index < release.len()).then_some(index),
        });
        Matcher {
            ours: ours.collect(),
            variants: leaked.cells.iter().map(|cells| Variants::plain(cells, likeness, sampler)).collect(),
            plain_names: leaked.names.iter().map(|name| plain(name)).collect(),
            likeness,
            leaked,
            sampler,
        }
    }

    /// The pairs that the user gives; those of one name whose contents agree; and the best matching of all others.
    fn matches(&mut self, map: &Resolved) -> Vec<Found> {
        let mut found = self.given(map);
        let mut columns: Vec<usize> =
            (0..self.leaked.names.len()).filter(|&leaked| map.of(leaked).is_none()).collect();
        let mut rows: Vec<usize> =
            (0..self.ours.len()).filter(|&ours| map.place_of(self.ours[ours].name).is_none()).collect();
        found.extend(self.plainly_named(&rows, &columns));
        let (known, taken): (HashSet<usize>, HashSet<usize>) =
            found.iter().map(|found| (found.ours, found.leaked)).unzip();
        rows.retain(|ours| !known.contains(ours));
        columns.retain(|leaked| !taken.contains(leaked));
        self.leave_out_twins(&mut columns);
        if rows.len() + columns.len() <= MOST_COLUMNS {
            found.extend(self.best_matching(&rows, &columns));
        }
        found
    }

    /// Leaves out columns that hold what an earlier one of another name holds.
    fn leave_out_twins(&self, columns: &mut Vec<usize>) {
        let mut names: HashMap<[u8; 32], HashSet<&str>> = HashMap::new();
        columns.retain(|&leaked| {
            let Some(hash) = self.leaked.cells[leaked].twin_hash() else { return true };
            let (earlier, name) = (names.entry(hash).or_default(), self.leaked.names[leaked].as_str());
            let is_first = earlier.len() == usize::from(earlier.contains(name));
            // Two tell all that come later apart from one of them.
            if earlier.len() < 2 {
                earlier.insert(name);
            }
            is_first
        });
    }

    fn given(&mut self, map: &Resolved) -> Vec<Found> {
        let mut found = Vec::new();
        for ours in 0..self.ours.len() {
            if let Some(leaked) = map.place_of(self.ours[ours].name) {
                self.try_repairs(leaked);
                let guess = self.guess(ours, leaked);
                found.push(Found { ours, leaked, by: MatchedBy::Given, confidence: 1.0, guess });
            }
        }
        found
    }

    /// Pairs of one name that no other column has, and whose contents do not speak against it: all of them, in most leaks. It
    /// spares the time to try repairs.
    fn plainly_named(&self, rows: &[usize], columns: &[usize]) -> Vec<Found> {
        let (mut found, mut places) = (Vec::new(), HashMap::<&str, Vec<usize>>::new());
        for &leaked in columns {
            places.entry(&self.leaked.names[leaked]).or_default().push(leaked);
        }
        for &ours in rows {
            let Some(&[leaked]) = places.get(self.ours[ours].name).map(Vec::as_slice) else { continue };
            let is_intact = self.ours[ours]
                .release
                .is_none_or(|release| self.variants[leaked].is_intact(self.likeness, release));
            if is_intact {
                let guess = self.guess(ours, leaked);
                found.push(Found { ours, leaked, by: MatchedBy::Name, confidence: 1.0, guess });
            }
        }
        found
    }

    fn best_matching(&mut self, rows: &[usize], columns: &[usize]) -> Vec<Found> {
        columns.iter().for_each(|&leaked| self.try_repairs(leaked));
        let guesses: Vec<Vec<(Guess, MatchedBy)>> = rows
            .iter()
            .map(|&ours| {
                columns.iter().map(|&leaked| (self.guess(ours, leaked), self.by(ours, leaked))).collect()
            })
            .collect();
        let scores: Vec<Vec<f64>> = guesses
            .iter()
            .map(|row| row.iter().map(|(guess, by)| pair_score(guess.score, *by)).collect())
            .collect();
        let pairs = assign::assign(&scores).into_iter().filter(|pair| pair.margin >= LEAST_MARGIN);
        let found = pairs.map(|pair| {
            let (guess, by) = guesses[pair.row][pair.column];
            let confidence = if by == MatchedBy::Contents { confidence(pair.margin) } else { 1.0 };
            Found { ours: rows[pair.row], leaked: columns[pair.column], by, confidence, guess }
        });
        found.collect()
    }

    fn try_repairs(&mut self, leaked: usize) {
        let plain = std::mem::take(&mut self.variants[leaked]);
        self.variants[leaked] = plain.with_repairs(&self.leaked.cells[leaked], self.likeness, self.sampler);
    }

    fn guess(&self, ours: usize, leaked: usize) -> Guess {
        match self.ours[ours].release {
            Some(release) => self.variants[leaked].guess(self.likeness, release),
            // Without a sketch there is nothing to tell by.
            None => Guess { variant: 0, score: 0.0 },
        }
    }

    fn by(&self, ours: usize, leaked: usize) -> MatchedBy {
        let ours = &self.ours[ours];
        if self.leaked.names[leaked] == ours.name {
            MatchedBy::Name
        } else if self.plain_names[leaked] == ours.plain && !ours.plain.is_empty() {
            MatchedBy::SimilarName
        } else {
            MatchedBy::Contents
        }
    }

    fn repair(&self, found: &Found, quantum: Decimal) -> Repair {
        let grains = self.ours[found.ours]
            .release
            .map(|release| self.likeness.columns()[release].grain_shares(self.sampler));
        self.variants[found.leaked].repair(found.guess.variant, &grains.unwrap_or_default(), quantum)
    }
}

/// What a pair adds to a matching.
fn pair_score(alike: f64, by: MatchedBy) -> f64 {
    match by {
        MatchedBy::Contents => alike - LEAST_ALIKE,
        MatchedBy::SimilarName => alike.max(WORST_UNDER_NAME) + SIMILAR_NAME,
        MatchedBy::Name | MatchedBy::Given => alike.max(WORST_UNDER_NAME) + SAME_NAME,
    }
}

/// From 0 to 1: half at the least margin that is accepted.
fn confidence(margin: f64) -> f64 {
    1.0 - (-margin * std::f64::consts::LN_2 / LEAST_MARGIN).exp()
}

#[cfg(test)]
mod tests;
