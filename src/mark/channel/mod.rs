//! Channels: how one cell says one bit.
//!
//! A channel is one small file with two inverse halves. `read` says which bit any text of the cell says, without
//! the original; `embed` keeps a cell that says the wanted bit and otherwise finds the nearest admissible text that does.
//!
//! Invariants, each a property test in the channel's file:
//!
//! * `read(embed(cell, bit)) == bit`;
//! * a change stays within quantum, minimum, maximum and the row's [`Limits`], and keeps the cell's layout;
//! * whether a cell is a carrier (`embed` gives something) depends on the cell, the row's other originals and the
//!   spin alone, never on the bit: otherwise colluders would learn bits from which cells ever change.
//!
//! The spin is 16 secret bits of the cell. Bit 0 swaps the meaning of nought and one, so that a value alone says
//! nothing; bit 1 is the preferred direction; channels that need more randomness mix all sixteen.
//!
//! Source: Chen and Wornell, "Quantization index modulation", IEEE Transactions on Information Theory 47 (2001),
//! section III; here with two quantisers (the even and the odd multiples of the quantum).

mod category;
mod date;
mod lattice;
mod number;

use std::{fmt, sync::Arc};

use super::{model::Plausible, policy::section::Section};
use crate::{
    Result,
    table::value::{DateOrder, Decimal, fold, trim},
};

pub use category::Category;
pub use date::Date;
pub use number::Number;

/// Every kind of channel that a policy can name. A new channel is one file and one line here.
pub(super) static KINDS: [Kind; 4] = [number::NUMBER, date::DATE, date::DATETIME, category::CATEGORY];

/// How a policy names and builds a channel.
#[derive(Debug)]
pub(super) struct Kind {
    /// The word after `channel =`.
    pub name: &'static str,
    /// Which columns this one can be compared with.
    pub family: Family,
    /// The policy keys of this kind, beside those of every column.
    pub keys: &'static [&'static str],
    /// Builds the channel from its section of the policy.
    pub build: fn(&Section<'_>) -> Result<Arc<dyn Channel>>,
}

/// Values that have an order in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Number,
    Instant,
    Unordered,
}

impl Family {
    /// The policy keys that name a column which this one may not exceed, and may not fall below.
    pub(super) fn order_keys(self) -> Option<[&'static str; 2]> {
        match self {
            Family::Number => Some(["at_most", "at_least"]),
            Family::Instant => Some(["before", "after"]),
            Family::Unordered => None,
        }
    }
}

/// Bounds on a cell from the other cells of its row, already for the worst case that those are marked too.
/// They bind a move towards them only: a cell that is beyond one already may always move back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// No move up may end above this ordinal.
    pub not_above: Option<Decimal>,
    /// No move down may end below this ordinal.
    pub not_below: Option<Decimal>,
}

/// What [`Channel::embed`] did to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Embedded {
    /// The cell already says the bit and stays, byte for byte.
    Kept,
    /// The text that was appended replaces the cell.
    Changed,
}

/// What a model knows a cell by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence<'a> {
    /// Its place in the column's order.
    Number(Decimal),
    /// The value as the policy writes it.
    Name(&'a str),
}

/// How cells of one column say bits. See the [module page](self).
pub trait Channel: fmt::Debug + Send + Sync {
    /// The bit that a cell says, however it is written. Nothing for what is missing, unreadable, too coarse or
    /// out of the column's range.
    fn read(&self, cell: &str, spin: u16) -> Option<bool>;

    /// Makes the cell say `bit`: keeps it if it does already, otherwise appends the nearest admissible text that does.
    /// Nothing, and nothing appended, when either bit is out of reach: then the cell is no carrier.
    fn embed(&self, cell: &str, bit: bool, spin: u16, limits: &Limits, out: &mut String) -> Option<Embedded>;

    /// As [`embed`](Channel::embed), but exchanges the cell only for a value that is plausible in its row, as far away as the
    /// policy's `max_change` allows. Nothing also if the cell itself is not plausible there: an outlier draws attention.
    fn embed_plausibly(
        &self,
        cell: &str,
        bit: bool,
        spin: u16,
        limits: &Limits,
        plausible: &Plausible<'_>,
        out: &mut String,
    ) -> Option<Embedded>;

    /// How likely a leaked cell that is selected is no carrier, and so says a bit at random: half of the probability, in
    /// 64ths. 0 where nothing is known.
    fn doubt(&self, cell: &str, spin: u16, limits: &Limits, plausible: &Plausible<'_>) -> u8;

    /// What a model knows a cell by that may be rewritten.
    fn occurrence<'a>(&'a self, cell: &'a str) -> Option<Occurrence<'a>>;

    /// Where the cell stands in the order that the policy's `before` and `at_most` speak of.
    fn ordinal(&self, _cell: &str) -> Option<Decimal> {
        None
    }

    /// Whether two texts say one value, however they are written: the same number, the same instant as finely as the column is
    /// marked, the same words.
    fn same(&self, a: &str, b: &str) -> bool {
        match (self.ordinal(a), self.ordinal(b)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => fold(a) == fold(b),
            _ => false,
        }
    }

    /// Whether a cell that says no bit is at least of the column's kind: never marked, rather than damaged.
    fn recognises(&self, cell: &str) -> bool {
        self.ordinal(cell).is_some()
    }

    /// How far a mark moves an ordinal.
    fn reach(&self) -> Decimal {
        Decimal::ZERO
    }

    /// The furthest that a mark moves an ordinal when a model says what occurs.
    fn farthest(&self) -> Decimal {
        self.reach()
    }

    /// The same channel for reading a leak whose short dates are in another order. Nothing when that makes no
    /// difference.
    fn reading_dates(&self, _order: DateOrder) -> Option<Arc<dyn Channel>> {
        None
    }
}

/// Lets `write` append a new core for a cell, and puts the cell's own surrounding white space around it. Unless the cell
/// changes, nothing is appended, whatever `write` tried.
fn around(
    cell: &str,
    out: &mut String,
    write: impl FnOnce(&str, &mut String) -> Option<Embedded>,
) -> Option<Embedded> {
    let core = trim(cell);
    let start = out.len();
    let before = core.as_ptr() as usize - cell.as_ptr() as usize;
    out.push_str(&cell[..before]);
    let done = write(core, out);
    if done == Some(Embedded::Changed) {
        out.push_str(&cell[before + core.len()..]);
    } else {
        out.truncate(start);
    }
    done
}

/// The text that says the other bit, for the channels' tests.
#[cfg(test)]
fn flip(channel: &dyn Channel, cell: &str, spin: u16, limits: &Limits, out: &mut String) -> Option<()> {
    let bit = channel.read(cell, spin)?;
    let kept = channel.embed(cell, bit, spin, limits, out);
    assert!(kept.is_none_or(|kept| kept == Embedded::Kept));
    let changed = channel.embed(cell, !bit, spin, limits, out);
    assert_eq!(kept.is_some(), changed.is_some(), "a carrier can say both bits");
    changed.map(|changed| assert_eq!(changed, Embedded::Changed))
}
