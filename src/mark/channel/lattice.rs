//! The two interleaved lattices of quantisation index modulation, for anything that is a number.
//!
//! The number line is cut into cells one quantum wide; even and odd cells say different bits. One quantum up or
//! down therefore always changes the bit and always keeps the remainder within the cell, so that values off the
//! grid stay off it.

use super::{Limits, Occurrence};
use crate::{
    mark::model::{Plausible, doubt, exchange},
    table::value::Decimal,
};

/// Where the cells of the line are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Half way between multiples of the quantum (rounding half up), so that noise either way is survived alike.
    ///
    /// Not half away from zero: under that, plus and minus half a quantum are one quantum apart and say the same.
    Halfway,
    /// At the multiples (rounding down).
    Multiples,
}

/// The lattice of one column.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    pub quantum: Decimal,
    pub cut: Cut,
    /// Inclusive. A value outside is no carrier and says nothing.
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
}

impl Lattice {
    /// The bit of a value.
    pub(super) fn read(&self, value: Decimal, spin: u16) -> Option<bool> {
        if !self.holds(value) {
            return None;
        }
        let index = match self.cut {
            Cut::Multiples => value.floor_div(self.quantum)?,
            Cut::Halfway => {
                // floor(v / q + 1/2) without halves.
                let twice = value.checked_add(value)?.checked_add(self.quantum)?;
                twice.floor_div(self.quantum.checked_add(self.quantum)?)?
            }
        };
        Some((index & 1 == 1) ^ (spin & 1 == 1))
    }

    /// The admissible values one quantum away, the spin's direction first.
    pub(super) fn neighbours(
        &self,
        value: Decimal,
        spin: u16,
        limits: &Limits,
    ) -> impl Iterator<Item = Decimal> {
        let up_first = spin & 2 == 0;
        [up_first, !up_first]
            .into_iter()
            .filter_map(move |up| if up { self.up(value, limits) } else { self.down(value, limits) })
    }

    fn up(&self, value: Decimal, limits: &Limits) -> Option<Decimal> {
        let moved = value.checked_add(self.quantum)?;
        let within =
            self.holds(value) && self.holds(moved) && limits.not_above.is_none_or(|bound| moved <= bound);
        within.then_some(moved)
    }

    fn down(&self, value: Decimal, limits: &Limits) -> Option<Decimal> {
        let moved = value.checked_sub(self.quantum)?;
        let within =
            self.holds(value) && self.holds(moved) && limits.not_below.is_none_or(|bound| moved >= bound);
        within.then_some(moved)
    }

    /// The value that a cell may be exchanged for, of those that occur no further than `max_change` away.
    pub(super) fn exchange(
        &self,
        value: Decimal,
        spin: u16,
        limits: &Limits,
        max_change: Decimal,
        plausible: &Plausible<'_>,
    ) -> Option<Decimal> {
        let here = plausible.index(Occurrence::Number(value))?;
        if plausible.weight(here) == 0.0 || !self.holds(value) {
            return None;
        }
        let others = |from| self.others(from, spin, limits, max_change, plausible);
        exchange((here, value), spin, others).map(|(_, moved)| moved)
    }

    /// See [`Channel::doubt`](super::Channel::doubt).
    pub(super) fn doubt(
        &self,
        value: Decimal,
        spin: u16,
        limits: &Limits,
        max_change: Decimal,
        plausible: &Plausible<'_>,
    ) -> u8 {
        // A value that never occurs was rounded or altered, which is not for a model to judge.
        let Some(here) = plausible.index(Occurrence::Number(value)) else { return 0 };
        let others = |from| self.others(from, spin, limits, max_change, plausible);
        doubt((here, value), plausible.weight(here), spin, others)
    }

    /// The values that one with its index may become, with their plausibility.
    fn others(
        &self,
        (_, from): (usize, Decimal),
        spin: u16,
        limits: &Limits,
        max_change: Decimal,
        plausible: &Plausible<'_>,
    ) -> Vec<((usize, Decimal), f64)> {
        let (Some(low), Some(high)) = (from.checked_sub(max_change), from.checked_add(max_change)) else {
            return Vec::new();
        };
        let said = self.read(from, spin);
        let is_within = |to: Decimal| {
            let in_order = if to > from {
                limits.not_above.is_none_or(|bound| to <= bound)
            } else {
                limits.not_below.is_none_or(|bound| to >= bound)
            };
            in_order && self.holds(to) && (to < Decimal::ZERO) == (from < Decimal::ZERO)
        };
        plausible
            .numbers(low, high)
            .filter(|(_, to)| self.read(*to, spin) != said && is_within(*to))
            .map(|(index, to)| ((index, to), plausible.weight(index)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect()
    }

    pub(super) fn holds(&self, value: Decimal) -> bool {
        self.min.is_none_or(|min| value >= min) && self.max.is_none_or(|max| value <= max)
    }
}
