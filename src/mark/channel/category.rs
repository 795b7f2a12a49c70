//! Categories: the parity of a value's rank in its group, after a secret shuffle.
//!
//! The policy lists groups of values that mean nearly the same. For each cell the spin shuffles its group; the
//! parity of the value's place in the shuffled order, swapped by bit 0 of the spin, is the bit. The swap makes
//! both bits equally likely for every value, also in a group of odd size, whose even places are one more. Both
//! parities exist in every group because it has at least two values.
//!
//! A cell is rewritten only when it is a value of the policy to the letter, so that the new one is in the same
//! style; it is read in any case, width and composition.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Channel, Embedded, Family, Kind, Limits, Occurrence, around};
use crate::{
    Result,
    mark::{
        model::{Plausible, doubt, exchange},
        policy::{
            reason::PolicyReason,
            section::{Located, Section},
        },
    },
    table::value::{fold, is_missing, trim},
};

pub(super) const CATEGORY: Kind = Kind {
    name: "category",
    family: Family::Unordered,
    keys: &["groups"],
    build: |section| Ok(Arc::new(Category::from_section(section)?)),
};

/// A larger group can't be made of neighbours, and its shuffle fits the stack.
const MAX_GROUP: usize = 256;

/// Group and place of a value in the policy.
type Place = (usize, usize);

/// The channel of a column with few values.
#[derive(Clone, Debug)]
pub struct Category {
    groups: Vec<Vec<String>>,
    exact: HashMap<String, Place>,
    folded: HashMap<String, Place>,
}

impl Category {
    fn from_section(section: &Section<'_>) -> Result<Self> {
        let groups = section.need(section.groups("groups")?, "groups")?;
        if groups.value.is_empty() {
            return Err(groups.at.fail(PolicyReason::NoGroups));
        }
        let mut seen = HashSet::new();
        for group in &groups.value {
            check_group(group, &mut seen)?;
        }
        let texts = groups.value.into_iter().map(|group| group.value.into_iter().map(|v| v.value).collect());
        Ok(Self::of(texts.collect()))
    }

    /// The groups have been checked.
    fn of(groups: Vec<Vec<String>>) -> Self {
        let places = || {
            groups.iter().enumerate().flat_map(|(group, values)| {
                values.iter().enumerate().map(move |(place, value)| (value.as_str(), (group, place)))
            })
        };
        let exact = places().map(|(value, place)| (trim(value).to_owned(), place)).collect();
        let folded = places().map(|(value, place)| (fold(value), place)).collect();
        Category { exact, folded, groups }
    }

    /// Which value a cell is, however it is written.
    fn place(&self, cell: &str) -> Option<Place> {
        self.exact.get(trim(cell)).or_else(|| self.folded.get(&fold(cell))).copied()
    }
}

impl Channel for Category {
    /// Any text may be a value that no group lists.
    fn recognises(&self, _cell: &str) -> bool {
        true
    }

    fn read(&self, cell: &str, spin: u16) -> Option<bool> {
        let (group, place) = self.place(cell)?;
        Some(Shuffle::of(spin, self.groups[group].len()).bit(place))
    }

    fn embed(
        &self,
        cell: &str,
        bit: bool,
        spin: u16,
        _limits: &Limits,
        out: &mut String,
    ) -> Option<Embedded> {
        around(cell, out, |core, out| {
            let (group, place) = *self.exact.get(core)?;
            let values = &self.groups[group];
            let shuffle = Shuffle::of(spin, values.len());
            if shuffle.bit(place) == bit {
                return Some(Embedded::Kept);
            }
            out.push_str(trim(&values[shuffle.opposite(place)]));
            Some(Embedded::Changed)
        })
    }

    fn embed_plausibly(
        &self,
        cell: &str,
        bit: bool,
        spin: u16,
        _limits: &Limits,
        plausible: &Plausible<'_>,
        out: &mut String,
    ) -> Option<Embedded> {
        around(cell, out, |core, out| {
            let (group, place) = *self.exact.get(core)?;
            let values = &self.groups[group];
            let shuffle = Shuffle::of(spin, values.len());
            if weight(&values[place], plausible) == 0.0 {
                return None;
            }
            let partner = exchange(place, spin, |from| shuffle.others(from, values, plausible))?;
            if shuffle.bit(place) == bit {
                return Some(Embedded::Kept);
            }
            out.push_str(trim(&values[partner]));
            Some(Embedded::Changed)
        })
    }

    fn doubt(&self, cell: &str, spin: u16, _limits: &Limits, plausible: &Plausible<'_>) -> u8 {
        let Some((group, place)) = self.place(cell) else { return 0 };
        let values = &self.groups[group];
        let shuffle = Shuffle::of(spin, values.len());
        doubt(place, weight(&values[place], plausible), spin, |from| shuffle.others(from, values, plausible))
    }

    fn occurrence<'a>(&'a self, cell: &'a str) -> Option<Occurrence<'a>> {
        self.exact.contains_key(trim(cell)).then(|| Occurrence::Name(trim(cell)))
    }
}

/// A group in the order that a spin gives it.
struct Shuffle {
    /// The value's place in the policy to its rank.
    ranks: [u8; MAX_GROUP],
    length: usize,
    swap: bool,
    /// Randomness left for choosing among the values of one parity.
    choice: u64,
}

impl Shuffle {
    /// Fisher and Yates's shuffle, drawn from the spin by splitmix64 (Steele, Lea and Flood 2014). The modulo's
    /// bias is at most 2^-56 for such short groups.
    fn of(spin: u16, length: usize) -> Shuffle {
        let mut state = u64::from(spin);
        let mut draw = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        let mut ranks = [0; MAX_GROUP];
        for (rank, slot) in ranks[..length].iter_mut().enumerate() {
            *slot = rank as u8;
        }
        for last in (1..length).rev() {
            ranks.swap(last, (draw() % (last as u64 + 1)) as usize);
        }
        Shuffle { ranks, length, swap: spin & 1 == 1, choice: draw() }
    }

    fn bit(&self, place: usize) -> bool {
        (self.ranks[place] & 1 == 1) ^ self.swap
    }

    /// The places that say the other bit than `from` and are plausible, with their plausibility.
    fn others(&self, from: usize, values: &[String], plausible: &Plausible<'_>) -> Vec<(usize, f64)> {
        let opposite = (0..self.length).filter(|to| self.bit(*to) != self.bit(from));
        opposite.map(|to| (to, weight(&values[to], plausible))).filter(|(_, weight)| *weight > 0.0).collect()
    }

    /// A place that says the other bit.
    fn opposite(&self, place: usize) -> usize {
        let others = || (0..self.length).filter(|other| self.bit(*other) != self.bit(place));
        let chosen = self.choice as usize % others().count();
        others().nth(chosen).expect("a group has both parities")
    }
}

/// How plausible a value of a group is.
fn weight(value: &str, plausible: &Plausible<'_>) -> f64 {
    plausible.index(Occurrence::Name(trim(value))).map_or(0.0, |index| plausible.weight(index))
}

/// A group must have two values or more, none missing and none seen before.
fn check_group(group: &Located<Vec<Located<String>>>, seen: &mut HashSet<String>) -> Result<()> {
    match group.value.len() {
        0 => return Err(group.at.fail(PolicyReason::EmptyGroup)),
        1 => return Err(group.at.fail(PolicyReason::LonelyGroup)),
        length if length > MAX_GROUP => return Err(group.at.fail(PolicyReason::LargeGroup)),
        _ => {}
    }
    for value in &group.value {
        if is_missing(value.value.as_bytes()) {
            return Err(value.at.fail(PolicyReason::MissingInGroup));
        }
        if !seen.insert(fold(&value.value)) {
            return Err(value.at.fail(PolicyReason::DuplicateValue));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mark::channel::flip;

    fn channel() -> Category {
        let groups: [&[&str]; 3] =
            [&["ambulatory", "outpatient", "Wellness"], &["a", "b"], &["é", "ü", "x", "y", "z"]];
        Category::of(groups.iter().map(|group| group.iter().map(|v| (*v).to_owned()).collect()).collect())
    }

    #[test]
    fn reading_is_tolerant_and_rewriting_is_not() {
        let channel = channel();
        for spin in 0..64 {
            let bit = channel.read("ambulatory", spin);
            assert!(bit.is_some());
            assert_eq!(channel.read(" ＡＭbulatory", spin), bit);
            assert_eq!(channel.read("E\u{301}", spin), channel.read("é", spin));
        }
        let mut out = String::new();
        assert_eq!(flip(&channel, "Ambulatory", 0, &Limits::default(), &mut out), None);
        assert_eq!(flip(&channel, "inpatient", 0, &Limits::default(), &mut out), None);
        assert_eq!(channel.read("inpatient", 0), None);
        assert!(out.is_empty());
    }

    #[test]
    fn every_value_says_each_bit_half_of_the_time_and_goes_everywhere() {
        let channel = channel();
        for value in ["ambulatory", "outpatient", "Wellness", "é", "z"] {
            let ones = (0..=u16::MAX).filter(|spin| channel.read(value, *spin) == Some(true)).count();
            assert!(ones.abs_diff(32_768) < 1_200, "{value}: {ones}");
        }
        let mut reached = HashMap::new();
        for spin in 0..=u16::MAX {
            let mut out = String::new();
            flip(&channel, "x", spin, &Limits::default(), &mut out).unwrap();
            *reached.entry(out).or_insert(0) += 1;
        }
        assert_eq!(reached.len(), 4);
        assert!(reached.values().all(|count: &usize| count.abs_diff(16_384) < 1_000), "{reached:?}");
    }

    proptest! {
        #[test]
        fn read_inverts_flip(
            spin in any::<u16>(),
            value in prop::sample::select(vec!["Wellness", " a ", "é", "z\t"]),
        ) {
            let channel = channel();
            let mut out = String::new();
            flip(&channel, value, spin, &Limits::default(), &mut out).unwrap();
            prop_assert_eq!(channel.read(&out, spin), channel.read(value, spin).map(|bit| !bit));
            prop_assert_eq!(out.len() - trim(&out).len(), value.len() - trim(value).len());
        }
    }
}
