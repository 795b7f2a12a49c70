//! Numbers: the parity of the rounded multiple of the quantum.
//!
//! A cell may be rewritten only when it is plain (`-12.50`, not `1.25e1` or `+12.5`), has at least the quantum's
//! decimals, and keeps its minus sign or the absence of one: a mark never turns a cost into a refund, and never
//! writes a negative nought. Whether nought itself may become a little more is for `min` to say: `min = 0.01`
//! protects it.

use std::sync::Arc;

use super::{
    Channel, Embedded, Family, Kind, Limits, Occurrence, around,
    lattice::{Cut, Lattice},
};
use crate::{
    Result,
    mark::{
        model::Plausible,
        policy::{reason::PolicyReason, section::Section},
    },
    table::value::{Decimal, trim},
};

pub(super) const NUMBER: Kind = Kind {
    name: "number",
    family: Family::Number,
    keys: &["quantum", "max_change", "min", "max"],
    build: |section| Ok(Arc::new(Number::from_section(section)?)),
};

/// The channel of a numeric column.
#[derive(Clone, Debug)]
pub struct Number {
    lattice: Lattice,
    max_change: Decimal,
}

impl Number {
    /// A channel that moves by `quantum`, which must be positive, within `min` and `max`.
    pub fn new(quantum: Decimal, min: Option<Decimal>, max: Option<Decimal>) -> Self {
        Number { lattice: Lattice { quantum, cut: Cut::Halfway, min, max }, max_change: quantum }
    }

    /// The same channel, moving up to `max_change`, at least the quantum, where a model says what occurs.
    #[must_use]
    pub fn with_max_change(mut self, max_change: Decimal) -> Self {
        self.max_change = max_change;
        self
    }

    fn from_section(section: &Section<'_>) -> Result<Self> {
        let quantum = section.need(section.number("quantum")?, "quantum")?;
        let max_change = section.number("max_change")?;
        section.check_quantum(&quantum, max_change.as_ref())?;
        let (min, max) = (section.number("min")?, section.number("max")?);
        if let (Some(min), Some(max)) = (&min, &max)
            && min.value > max.value
        {
            return Err(min.at.fail(PolicyReason::MinAboveMax));
        }
        let number = Number::new(quantum.value, min.map(|min| min.value), max.map(|max| max.value));
        Ok(match max_change {
            Some(max_change) => number.with_max_change(max_change.value),
            None => number,
        })
    }
}

impl Channel for Number {
    fn read(&self, cell: &str, spin: u16) -> Option<bool> {
        self.lattice.read(Decimal::parse(cell)?, spin)
    }

    fn embed(&self, cell: &str, bit: bool, spin: u16, limits: &Limits, out: &mut String) -> Option<Embedded> {
        around(cell, out, |core, out| {
            let (value, decimals) = Decimal::plain(core)?;
            if self.lattice.quantum.scale() > decimals {
                return None;
            }
            let said = self.lattice.read(value, spin)?;
            let negative = value < Decimal::ZERO;
            let moved = self
                .lattice
                .neighbours(value, spin, limits)
                .find(|moved| (*moved < Decimal::ZERO) == negative)?;
            if said == bit {
                return Some(Embedded::Kept);
            }
            moved.write_fixed(decimals, out).map(|()| Embedded::Changed)
        })
    }

    fn embed_plausibly(
        &self,
        cell: &str,
        bit: bool,
        spin: u16,
        limits: &Limits,
        plausible: &Plausible<'_>,
        out: &mut String,
    ) -> Option<Embedded> {
        around(cell, out, |core, out| {
            let (value, decimals) = Decimal::plain(core)?;
            let said = self.lattice.read(value, spin)?;
            let moved = self.lattice.exchange(value, spin, limits, self.max_change, plausible)?;
            // Written even where it is not needed: whether the cell has decimals enough is seen by writing it.
            moved.write_fixed(decimals, out)?;
            Some(if said == bit { Embedded::Kept } else { Embedded::Changed })
        })
    }

    fn doubt(&self, cell: &str, spin: u16, limits: &Limits, plausible: &Plausible<'_>) -> u8 {
        let value = Decimal::parse(cell);
        value.map_or(0, |value| self.lattice.doubt(value, spin, limits, self.max_change, plausible))
    }

    fn occurrence<'a>(&'a self, cell: &'a str) -> Option<Occurrence<'a>> {
        let (value, _) = Decimal::plain(trim(cell))?;
        self.lattice.holds(value).then_some(Occurrence::Number(value))
    }

    fn ordinal(&self, cell: &str) -> Option<Decimal> {
        Decimal::parse(cell)
    }

    fn reach(&self) -> Decimal {
        self.lattice.quantum
    }

    fn farthest(&self) -> Decimal {
        self.max_change
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mark::channel::flip;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    fn flipped(channel: &Number, cell: &str, spin: u16, limits: &Limits) -> Option<String> {
        let mut out = String::new();
        flip(channel, cell, spin, limits, &mut out).map(|()| out)
    }

    #[test]
    fn flips_by_example() {
        let cents = Number::new(decimal("0.01"), Some(decimal("0.01")), Some(decimal("1000")));
        let free = Limits::default();
        for (cell, spin, expected) in [
            ("146.76", 0, Some("146.77")),
            ("146.76", 2, Some("146.75")),
            (" 9.990", 0, Some(" 10.000")),
            ("0.01", 2, Some("0.02")),
            ("1000.00", 0, Some("999.99")),
            ("0.00", 0, None),
            ("1000.01", 2, None),
            ("146.8", 0, None),
            ("147", 0, None),
            ("1.4676e2", 0, None),
            ("-", 0, None),
            ("NA", 0, None),
        ] {
            assert_eq!(flipped(&cents, cell, spin, &free).as_deref(), expected, "{cell:?}");
        }
        assert_eq!(cents.read("0.00", 0), None, "protected by min");
        assert_eq!(cents.read("146.76", 0), Some(false));
        assert_eq!(cents.read("146.77", 0), Some(true));
        assert_eq!(cents.read("146.77", 1), Some(false));
    }

    #[test]
    fn the_sign_is_neither_added_nor_dropped() {
        let channel = Number::new(decimal("0.5"), None, None);
        let free = Limits::default();
        assert_eq!(flipped(&channel, "0.0", 2, &free).as_deref(), Some("0.5"));
        assert_eq!(flipped(&channel, "0.2", 2, &free).as_deref(), Some("0.7"));
        assert_eq!(flipped(&channel, "-0.5", 0, &free).as_deref(), Some("-1.0"));
        assert_eq!(flipped(&channel, "-0.2", 0, &free).as_deref(), Some("-0.7"));
        assert_eq!(flipped(&channel, "-0.0", 0, &free), None);
    }

    #[test]
    fn limits_bind_moves_towards_them_only() {
        let channel = Number::new(decimal("1"), None, None);
        let below_ten = Limits { not_above: Some(decimal("10")), not_below: None };
        assert_eq!(flipped(&channel, "9", 0, &below_ten).as_deref(), Some("10"));
        assert_eq!(flipped(&channel, "10", 0, &below_ten).as_deref(), Some("9"));
        assert_eq!(flipped(&channel, "12", 0, &below_ten).as_deref(), Some("11"), "already beyond");
        let pinned = Limits { not_above: Some(decimal("10")), not_below: Some(decimal("10")) };
        assert_eq!(flipped(&channel, "10", 0, &pinned), None);
    }

    proptest! {
        #[test]
        fn read_inverts_flip(
            mantissa in -100_000_i64..100_000,
            decimals in 0_u8..4,
            quantum in 1_i64..50,
            quantum_scale in 0_u8..4,
            spin in any::<u16>(),
            bounds in (-90_000_i64..90_000, 0_i64..90_000),
            room in (-50_i64..50, -50_i64..50),
        ) {
            let of = |mantissa: i64, scale| Decimal::new(i128::from(mantissa), scale).unwrap();
            let value = of(mantissa, decimals);
            let quantum = of(quantum, quantum_scale);
            let (min, max) = (of(bounds.0, decimals), of(bounds.0 + bounds.1, decimals));
            let channel = Number::new(quantum, Some(min), Some(max));
            let limits = Limits {
                not_above: value.checked_add(of(room.0, 0)),
                not_below: value.checked_add(of(room.1, 0)),
            };
            let mut cell = String::new();
            value.write_fixed(decimals, &mut cell).unwrap();
            if let Some(new) = flipped(&channel, &cell, spin, &limits) {
                let (moved, kept) = Decimal::plain(&new).unwrap();
                prop_assert_eq!(channel.read(&new, spin), channel.read(&cell, spin).map(|bit| !bit));
                prop_assert_eq!(kept, decimals);
                prop_assert!(moved >= min && moved <= max && new.starts_with('-') == cell.starts_with('-'));
                if moved > value {
                    prop_assert_eq!(moved.checked_sub(value), Some(channel.reach()));
                    prop_assert!(moved <= limits.not_above.unwrap());
                } else {
                    prop_assert_eq!(value.checked_sub(moved), Some(channel.reach()));
                    prop_assert!(moved >= limits.not_below.unwrap());
                }
                let damaged = format!("\u{a0}+{}e0 ", new.trim_end_matches('0'));
                if !new.starts_with('-') && new.contains('.') {
                    prop_assert_eq!(channel.read(&damaged, spin), channel.read(&new, spin));
                }
            }
        }

        #[test]
        fn embedding_is_read_back_and_carriers_do_not_depend_on_the_bit(
            mantissa in -1_000_i64..1_000, spin in any::<u16>(), above in -20_i64..20, below in -20_i64..20,
        ) {
            let channel = Number::new(decimal("5"), Some(decimal("-900")), Some(decimal("900")));
            let limits = Limits {
                not_above: Some(Decimal::whole(mantissa + above)),
                not_below: Some(Decimal::whole(mantissa + below)),
            };
            let cell = mantissa.to_string();
            let mut carries = Vec::new();
            for bit in [false, true] {
                let mut out = String::new();
                let done = channel.embed(&cell, bit, spin, &limits, &mut out);
                carries.push(done.is_some());
                match done {
                    Some(Embedded::Changed) => prop_assert_eq!(channel.read(&out, spin), Some(bit)),
                    Some(Embedded::Kept) => prop_assert_eq!(channel.read(&cell, spin), Some(bit)),
                    None => prop_assert!(out.is_empty()),
                }
            }
            prop_assert_eq!(carries[0], carries[1]);
        }
    }
}
