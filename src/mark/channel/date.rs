//! Dates, with or without a time: the parity of the whole quanta since 1970.
//!
//! Rounded down, not to the nearest: what happens to times is truncation (a fraction of a second or the seconds
//! are dropped), and as long as the quantum is a multiple of the unit that is left, rounding down gives the same
//! before and after. Text coarser than the quantum says nothing.
//!
//! Instants, not wall clocks, are counted, so that a column that was re-exported in another zone reads the same.
//! The price: a time with an offset, cut to its local date, reads differently under a quantum of days.
//!
//! `dd/mm/yyyy` and `mm/dd/yyyy` are rewritten only where the policy says `order`, never by guess; without it they
//! are read (a leak may have been reformatted) where only one reading is possible. Years before 1800 and after
//! 2199 are placeholders (`9999-12-31`) and are left alone unless the policy's `min` and `max` say otherwise.

use std::sync::Arc;

use super::{
    Channel, Embedded, Family, Kind, Limits, Occurrence, around,
    lattice::{Cut, Lattice},
};
use crate::{
    Result,
    mark::{
        model::Plausible,
        policy::{
            reason::PolicyReason,
            section::{Located, Section},
        },
    },
    table::value::{DateOrder, Decimal, Layout, Moment, Numeric, fold, trim},
};

const KEYS: &[&str] = &["quantum", "max_change", "min", "max", "order"];

/// A column of days.
pub(super) const DATE: Kind = Kind {
    name: "date",
    family: Family::Instant,
    keys: KEYS,
    build: |section| Ok(Arc::new(Date::from_section(section, DAY_SECONDS)?)),
};

/// A column of instants.
pub(super) const DATETIME: Kind = Kind {
    name: "datetime",
    family: Family::Instant,
    keys: KEYS,
    build: |section| Ok(Arc::new(Date::from_section(section, 1)?)),
};

const DAY_SECONDS: i64 = 86_400;

/// 1800-01-01, the first instant that is not taken for a placeholder.
const FIRST_SECOND: i64 = -5_364_662_400;

/// 2199-12-31T23:59:59, the last one.
const LAST_SECOND: i64 = 7_258_118_399;

/// A longer quantum than ten years is a slip of the pen, and the bound keeps products small.
const MAX_QUANTUM_SECONDS: i64 = 3_653 * DAY_SECONDS;

/// The channel of a column of dates or times.
#[derive(Clone, Debug)]
pub struct Date {
    quantum_seconds: i64,
    lattice: Lattice,
    max_change: Decimal,
    order: DateOrder,
}

impl Date {
    /// A channel that moves by a positive number of seconds. `order` is what short dates of the column mean.
    pub fn new(quantum_seconds: i64, order: DateOrder) -> Self {
        let lattice = Lattice {
            quantum: Decimal::whole(quantum_seconds),
            cut: Cut::Multiples,
            min: Some(Decimal::whole(FIRST_SECOND)),
            max: Some(Decimal::whole(LAST_SECOND)),
        };
        Date { quantum_seconds, max_change: lattice.quantum, lattice, order }
    }

    /// The same channel with other short dates.
    #[must_use]
    pub fn with_order(mut self, order: DateOrder) -> Self {
        self.order = order;
        self
    }

    fn from_section(section: &Section<'_>, unit_seconds: i64) -> Result<Self> {
        let quantum = section.need(span(section, "quantum")?, "quantum")?;
        let max_change = span(section, "max_change")?;
        section.check_quantum(&quantum, max_change.as_ref())?;
        let seconds = quantum.value.mantissa() as i64;
        if seconds % unit_seconds != 0 {
            return Err(quantum.at.fail(PolicyReason::QuantumNoWholeDays));
        }
        let order = match section.text("order")? {
            None => DateOrder::Unknown,
            Some(order) => match order.value.as_str() {
                "day-first" => DateOrder::DayFirst,
                "month-first" => DateOrder::MonthFirst,
                _ => return Err(order.at.fail(PolicyReason::UnknownOrder { order: order.value })),
            },
        };
        let mut date = Date::new(seconds, order);
        if let Some(max_change) = max_change {
            date.max_change = max_change.value;
        }
        let (min, max) = (instant(section, "min")?, instant(section, "max")?);
        let bounds = &mut date.lattice;
        bounds.min = min.as_ref().map(|min| min.value).or(bounds.min);
        bounds.max = max.as_ref().map(|max| max.value).or(bounds.max);
        if bounds.min > bounds.max {
            let at = min.or(max).expect("the defaults are in order").at;
            return Err(at.fail(PolicyReason::MinAboveMax));
        }
        Ok(date)
    }

    /// What a cell says that may be rewritten.
    fn rewritable(&self, core: &str) -> Option<(Moment, Layout)> {
        let (moment, layout) = Layout::of(core, self.order, Numeric::Yes)?;
        let is_sure = self.order != DateOrder::Unknown || layout.is_year_first();
        (self.resolves(moment) && is_sure).then_some((moment, layout))
    }

    /// Whether the quantum is a whole number of the finest units that the text shows.
    fn resolves(&self, moment: Moment) -> bool {
        self.quantum_seconds % moment.precision().unit_seconds() == 0
    }
}

impl Channel for Date {
    fn read(&self, cell: &str, spin: u16) -> Option<bool> {
        let moment = Moment::parse(cell, self.order, Numeric::Yes)?;
        if !self.resolves(moment) {
            return None;
        }
        self.lattice.read(moment.ordinal(), spin)
    }

    fn embed(&self, cell: &str, bit: bool, spin: u16, limits: &Limits, out: &mut String) -> Option<Embedded> {
        around(cell, out, |core, out| {
            let (moment, layout) = self.rewritable(core)?;
            let value = moment.ordinal();
            let said = self.lattice.read(value, spin)?;
            self.lattice.neighbours(value, spin, limits).find_map(|moved| {
                let sign = if moved > value { 1 } else { -1 };
                // Written even where it is not needed: whether a layout can hold a date is seen by writing it.
                layout.write(core, moment.plus_seconds(sign * self.quantum_seconds)?, out)
            })?;
            Some(if said == bit { Embedded::Kept } else { Embedded::Changed })
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
            let (moment, layout) = self.rewritable(core)?;
            let value = moment.ordinal();
            let said = self.lattice.read(value, spin)?;
            let moved = self.lattice.exchange(value, spin, limits, self.max_change, plausible)?;
            let step = moved.checked_sub(value).filter(|step| step.scale() == 0)?;
            let start = out.len();
            layout.write(core, moment.plus_seconds(i64::try_from(step.mantissa()).ok()?)?, out)?;
            // A layout of days can't show an instant within one.
            let is_shown = self.ordinal(&out[start..]) == Some(moved);
            is_shown.then_some(if said == bit { Embedded::Kept } else { Embedded::Changed })
        })
    }

    fn doubt(&self, cell: &str, spin: u16, limits: &Limits, plausible: &Plausible<'_>) -> u8 {
        let value = self.ordinal(cell);
        value.map_or(0, |value| self.lattice.doubt(value, spin, limits, self.max_change, plausible))
    }

    fn occurrence<'a>(&'a self, cell: &'a str) -> Option<Occurrence<'a>> {
        let value = self.rewritable(trim(cell))?.0.ordinal();
        self.lattice.holds(value).then_some(Occurrence::Number(value))
    }

    fn ordinal(&self, cell: &str) -> Option<Decimal> {
        Moment::parse(cell, self.order, Numeric::Yes).map(Moment::ordinal)
    }

    /// Instants of one quantum are one: a leak whose seconds were dropped still tells the minute. Text coarser than the quantum
    /// is the same as nothing but itself.
    fn same(&self, a: &str, b: &str) -> bool {
        let moment = |text| Moment::parse(text, self.order, Numeric::Yes);
        match (moment(a), moment(b)) {
            (Some(a), Some(b)) if self.resolves(a) && self.resolves(b) => {
                let quanta = |moment: Moment| moment.ordinal().floor_div(self.lattice.quantum);
                quanta(a) == quanta(b)
            }
            (Some(a), Some(b)) => a.ordinal() == b.ordinal() && a.precision() == b.precision(),
            (None, None) => fold(a) == fold(b),
            _ => false,
        }
    }

    fn reach(&self) -> Decimal {
        self.lattice.quantum
    }

    fn farthest(&self) -> Decimal {
        self.max_change
    }

    fn reading_dates(&self, order: DateOrder) -> Option<Arc<dyn Channel>> {
        Some(Arc::new(self.clone().with_order(order)))
    }
}

/// A span of time such as `1s`, `15m`, `1h` or `30d`, in seconds.
fn span(section: &Section<'_>, key: &str) -> Result<Option<Located<Decimal>>> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    match span_seconds(trim(&text.value)) {
        Some(seconds) => Ok(Some(Located { value: Decimal::whole(seconds), at: text.at })),
        None => Err(text.at.fail(PolicyReason::BadSpan { key: key.into() })),
    }
}

fn span_seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => DAY_SECONDS,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<i64>().ok()?.checked_mul(unit_seconds)?;
    (seconds <= MAX_QUANTUM_SECONDS).then_some(seconds)
}

/// A date given as a bound.
fn instant(section: &Section<'_>, key: &str) -> Result<Option<Located<Decimal>>> {
    let Some(text) = section.text(key)? else { return Ok(None) };
    match Moment::iso(text.value.as_bytes()) {
        Some(moment) => Ok(Some(Located { value: moment.ordinal(), at: text.at })),
        None => Err(text.at.fail(PolicyReason::BadDate { key: key.into() })),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mark::channel::flip;

    fn flipped(channel: &Date, cell: &str, spin: u16, limits: &Limits) -> Option<String> {
        let mut out = String::new();
        flip(channel, cell, spin, limits, &mut out).map(|()| out)
    }

    #[test]
    fn the_placeholder_bounds_are_the_dates_they_name() {
        let second = |text: &str| Moment::iso(text.as_bytes()).unwrap().seconds();
        assert_eq!(second("1800-01-01"), FIRST_SECOND);
        assert_eq!(second("2199-12-31T23:59:59"), LAST_SECOND);
    }

    #[test]
    fn flips_by_example() {
        let (second, day) = (Date::new(1, DateOrder::Unknown), Date::new(DAY_SECONDS, DateOrder::Unknown));
        let day_first = Date::new(DAY_SECONDS, DateOrder::DayFirst);
        let free = Limits::default();
        for (channel, cell, spin, expected) in [
            (&second, "2021-08-23T03:26:59Z", 0, Some("2021-08-23T03:27:00Z")),
            (&second, "2021-08-23T03:26:59.75+02:00", 2, Some("2021-08-23T03:26:58.75+02:00")),
            (&second, " 2021-08-23 03:26:50 ", 0, Some(" 2021-08-23 03:26:51 ")),
            (&second, "2021-08-23T03:26", 0, None),
            (&second, "2021-08-23", 0, None),
            (&second, "1629689210", 0, None),
            (&second, "9999-12-31T23:59:59", 2, None),
            (&day, "2021-08-31", 0, Some("2021-09-01")),
            (&day, "20210831", 0, Some("20210901")),
            (&day, "2021-08-31T10:00", 0, Some("2021-09-01T10:00")),
            (&day, "31/08/2021", 0, None),
            (&day, "44431", 0, None),
            (&day, "NaT", 0, None),
            (&day_first, "31/08/2021", 0, Some("01/09/2021")),
            (&day_first, "30/08/2021", 0, Some("31/08/2021")),
        ] {
            assert_eq!(flipped(channel, cell, spin, &free).as_deref(), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_reformatted_leak_reads_the_same() {
        let second = Date::new(1, DateOrder::Unknown);
        let original = second.read("2021-08-03T03:26:50.250Z", 9);
        assert!(original.is_some());
        for text in [
            "2021-08-03 03:26:50+00:00",
            "2021-08-03T05:26:50+0200",
            "1627961210250",
            "44411.1436371528",
            "2021/8/3 3:26:50",
        ] {
            assert_eq!(second.read(text, 9), original, "{text}");
        }
        assert_eq!(second.read("3/8/2021 3:26:50", 9), None, "3 August or 8 March?");
        let read = second.reading_dates(DateOrder::DayFirst).unwrap();
        assert_eq!(read.read("3/8/2021 3:26:50", 9), original);
        assert_eq!(second.read("2021-08-03", 9), None, "coarser than the quantum");
    }

    #[test]
    fn spans_by_example() {
        for (text, seconds) in [("1s", 1), ("15m", 900), ("1h", 3600), ("30d", 2_592_000)] {
            assert_eq!(span_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "1", "1.5h", "-1d", "+1d", "1w", "99999d", "9999999999999999999s", "１s", "1é"]
        {
            assert_eq!(span_seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn read_inverts_flip(
            seconds in FIRST_SECOND..LAST_SECOND,
            quantum in prop::sample::select(vec![1_i64, 30, 60, 90, 900, 3600, 86_400, 604_800]),
            style in 0_usize..5,
            spin in any::<u16>(),
            room in (-5_i64..5, -5_i64..5),
        ) {
            let stamp = jiff::Timestamp::from_second(seconds).unwrap();
            let cell = stamp.strftime(match style {
                0 => "%Y-%m-%dT%H:%M:%SZ",
                1 => "%Y-%m-%d %H:%M",
                2 => "%d.%m.%Y %H:%M:%S.500",
                3 => "%Y%m%d",
                _ => "%Y/%m/%d %H:%M:%S-0330",
            }).to_string();
            let channel = Date::new(quantum, DateOrder::DayFirst);
            let value = channel.ordinal(&cell).unwrap();
            let near = |quanta: i64| value.checked_add(Decimal::whole(quanta * quantum));
            let limits = Limits { not_above: near(room.0), not_below: near(room.1) };
            if let Some(new) = flipped(&channel, &cell, spin, &limits) {
                prop_assert_eq!(channel.read(&new, spin), channel.read(&cell, spin).map(|bit| !bit));
                prop_assert_eq!(new.len(), cell.len());
                let moved = channel.ordinal(&new).unwrap();
                if moved > value {
                    prop_assert_eq!(moved.checked_sub(value), Some(channel.reach()));
                    prop_assert!(moved <= limits.not_above.unwrap());
                } else {
                    prop_assert_eq!(value.checked_sub(moved), Some(channel.reach()));
                    prop_assert!(moved >= limits.not_below.unwrap());
                }
            }
        }
    }
}
