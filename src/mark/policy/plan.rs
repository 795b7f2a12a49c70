//! A policy resolved against one table: indices, channels and bounds, and no names to look up.

use std::{collections::HashMap, sync::Arc};

use super::{
    Order, Policy, Rule,
    reason::PlanReason,
    section::{Position, closest},
};
use crate::{
    Result,
    mark::{
        channel::{Channel, Embedded, Limits},
        model::{self, Model, Placed},
    },
    table::{
        Row,
        value::{self, DateOrder, Decimal},
    },
};

/// The rate of a column whose every cell may be a carrier.
pub const RATE_ALWAYS: u32 = 65_536;

/// What to do with the rows of one table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the columns that identify a row stand, in the policy's order.
    pub identity: Vec<usize>,
    /// The identity columns that a leak lacks. Always empty for a table that is to be marked; when it is not
    /// empty, rows can't be recognised by their key and `identity` is incomplete.
    pub missing_identity: Vec<String>,
    /// The marked columns, in the policy's order.
    pub columns: Vec<Column>,
    /// The marked columns that a leak lacks.
    pub absent: Vec<String>,
    /// How many slots the dataset has: every column's `slot` is below this.
    pub slots: usize,
    /// One more than the highest index that any part of the plan looks at.
    pub width: usize,
}

/// One marked column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Where it stands in the table.
    pub index: usize,
    /// Its name in the policy.
    pub name: String,
    /// Its place in the dataset's stable order of marked columns.
    pub slot: usize,
    /// How many of its cells are selected, of [`RATE_ALWAYS`].
    pub rate: u32,
    /// How its cells say bits.
    pub channel: Arc<dyn Channel>,
    /// Columns that this one must not exceed.
    pub above: Vec<Bound>,
    /// Columns that this one must not fall below.
    pub below: Vec<Bound>,
    /// What occurs in it, if a model says so.
    pub known: Option<Placed>,
}

/// Another column that bounds this one.
#[derive(Clone, Debug)]
pub struct Bound {
    /// Where the other column stands.
    pub index: usize,
    /// How far the other column's own mark may move it towards this one; nought when it is not marked.
    pub margin: Decimal,
    /// How the other column's cells are read.
    pub channel: Arc<dyn Channel>,
}

impl Column {
    /// The bounds that the row's other original cells set, for the worst case of their marks.
    ///
    /// A cell that is missing or can't be read sets none. Both columns of an order keep to these bounds and both
    /// look at originals, so wherever each of them goes they do not cross: a lower one that moves up ends at or
    /// below the upper one's lowest place, and the other way round.
    pub fn limits(&self, row: &impl Row) -> Limits {
        let place = |bound: &Bound| bound.channel.ordinal(str::from_utf8(&row.cell(bound.index)).ok()?);
        let above = self.above.iter().filter_map(|bound| place(bound)?.checked_sub(bound.margin));
        let below = self.below.iter().filter_map(|bound| place(bound)?.checked_add(bound.margin));
        Limits { not_above: above.min(), not_below: below.max() }
    }

    /// Makes a cell of this column in an original row say `bit`; see [`Channel::embed`].
    pub fn embed(
        &self,
        row: &impl Row,
        cell: &str,
        bit: bool,
        spin: u16,
        out: &mut String,
    ) -> Option<Embedded> {
        let limits = self.limits(row);
        match &self.known {
            None => self.channel.embed(cell, bit, spin, &limits, out),
            Some(known) => self.channel.embed_plausibly(cell, bit, spin, &limits, &known.in_row(row)?, out),
        }
    }

    /// How much the bit of a leaked cell is to be doubted because the cell may be no carrier; see [`Channel::doubt`].
    pub fn doubt(&self, row: &impl Row, cell: &str, spin: u16) -> u8 {
        self.known
            .as_ref()
            .map_or(0, |known| self.channel.doubt(cell, spin, &self.limits(row), &known.in_leaked_row(row)))
    }

    /// For a leak whose short dates are in another order than the original's.
    #[must_use]
    pub fn reading_dates(mut self, order: DateOrder) -> Column {
        if let Some(channel) = self.channel.reading_dates(order) {
            self.channel = channel;
        }
        self
    }
}

impl Plan {
    /// Where a row stands in the order of its keys.
    pub fn rank(&self, row: &impl Row) -> u64 {
        self.identity.first().map_or(0, |&column| value::rank(&row.cell(column)))
    }

    /// The same plan with what `model` knows. `place` finds columns by name.
    #[must_use]
    pub fn with_model(mut self, model: &Model, place: &dyn Fn(&str) -> Option<usize>) -> Plan {
        model::attach(&mut self.columns, model, place);
        let looked_at = self.columns.iter().filter_map(|column| column.known.as_ref()?.highest()).max();
        self.width = self.width.max(looked_at.map_or(0, |highest| highest + 1));
        self
    }
}

impl Policy {
    /// Resolves the policy against a table that is to be marked. Every column that the policy names must be in
    /// the header, once. `slots` is the dataset's order so far; see [`Policy::slots_after`].
    pub fn plan(&self, header: &[String], slots: &[String]) -> Result<Plan> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, name) in header.iter().enumerate() {
            places.entry(name).or_default().push(index);
        }
        for (name, at) in self.named_columns() {
            match places.get(name).map(Vec::len) {
                Some(1) => {}
                None => {
                    // Without any name of ours the first line may be no header but a row, and no row's value is repeated.
                    let has_header = self.named_columns().any(|(name, _)| places.contains_key(name));
                    let closest = closest(name, header.iter().map(String::as_str))
                        .filter(|_| has_header)
                        .map(str::to_owned);
                    return Err(at.fail(PlanReason::MissingColumn { column: name.into(), closest }));
                }
                Some(_) => return Err(at.fail(PlanReason::AmbiguousColumn { column: name.into() })),
            }
        }
        Ok(self.lenient_plan(&|name| places.get(name).map(|at| at[0]), slots))
    }

    /// Resolves the policy against a leak: a column that it lacks is left out of the plan and listed.
    pub fn lenient_plan(&self, header_map: &dyn Fn(&str) -> Option<usize>, slots: &[String]) -> Plan {
        let slots = self.slots_after(slots);
        let missing = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
            names.filter(|name| header_map(name).is_none()).map(str::to_owned).collect()
        };
        let columns: Vec<Column> =
            self.rules.iter().filter_map(|rule| self.column(rule, header_map, &slots)).collect();
        let identity: Vec<usize> = self.identity().filter_map(header_map).collect();
        let bounds = columns.iter().flat_map(|column| column.above.iter().chain(&column.below));
        let used = identity.iter().copied().chain(columns.iter().map(|column| column.index));
        Plan {
            width: used.chain(bounds.map(|bound| bound.index)).max().map_or(0, |highest| highest + 1),
            missing_identity: missing(&mut self.identity()),
            absent: missing(&mut self.rules.iter().map(|rule| rule.name.as_str())),
            slots: slots.len(),
            identity,
            columns,
        }
    }

    fn column(
        &self,
        rule: &Rule,
        header_map: &dyn Fn(&str) -> Option<usize>,
        slots: &[String],
    ) -> Option<Column> {
        let bounds = |side: fn(&Order) -> (&str, &str)| -> Vec<Bound> {
            let mut others: Vec<&str> = Vec::new();
            for order in &self.orders {
                let (this, other) = side(order);
                // The two columns may both say the same order.
                if this == rule.name && !others.contains(&other) {
                    others.push(other);
                }
            }
            others.into_iter().filter_map(|other| self.bound(rule, other, header_map)).collect()
        };
        Some(Column {
            index: header_map(&rule.name)?,
            name: rule.name.clone(),
            slot: slots.iter().position(|name| *name == rule.name)?,
            rate: rule.rate,
            channel: rule.channel.clone(),
            above: bounds(|order| (&order.lower, &order.upper)),
            below: bounds(|order| (&order.upper, &order.lower)),
            known: None,
        })
    }

    /// The bound that `other` sets. A column that is not marked is read as the one it bounds is.
    fn bound(&self, rule: &Rule, other: &str, header_map: &dyn Fn(&str) -> Option<usize>) -> Option<Bound> {
        let index = header_map(other)?;
        Some(match self.rules.iter().find(|rule| rule.name == other) {
            Some(marked) => Bound { index, margin: marked.channel.reach(), channel: marked.channel.clone() },
            None => Bound { index, margin: Decimal::ZERO, channel: rule.channel.clone() },
        })
    }

    /// Whether the policy names this column: as identity, as subject, as marked, or in an order.
    pub fn names_column(&self, name: &str) -> bool {
        self.named_columns().any(|(named, _)| named == name)
    }

    /// Every column that the policy names, in its order, with the place where it does.
    fn named_columns(&self) -> impl Iterator<Item = (&str, Position)> {
        let identity = self.identity.iter().map(|name| (name.value.as_str(), name.at));
        let subject = self.subject.iter().map(|name| (name.value.as_str(), name.at));
        let rules = self.rules.iter().map(|rule| (rule.name.as_str(), rule.at));
        let others =
            self.orders.iter().flat_map(|order| [&order.lower, &order.upper].map(|n| (n.as_str(), order.at)));
        identity.chain(subject).chain(rules).chain(others)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::mark::channel::Embedded;

    const POLICY: &str = r#"
[dataset]
name = "encounters"
key = ["Id", "SITE"]

[column.STOP]
channel = "datetime"
quantum = "2s"
rate = 1

[column.START]
channel = "datetime"
quantum = "3s"
before = ["STOP", "DEATH"]

[column.COST]
channel = "number"
quantum = 0.5
at_most = "TOTAL"
"#;

    const HEADER: [&str; 7] = ["SITE", "Id", "START", "STOP", "DEATH", "COST", "TOTAL"];

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn policy() -> Policy {
        Policy::parse(POLICY).unwrap()
    }

    /// A row of plain texts.
    struct Cells<'a, T>(&'a [T]);

    impl<T: AsRef<str>> Row for Cells<'_, T> {
        fn cell(&self, column: usize) -> Cow<'_, [u8]> {
            self.0.get(column).map_or(Cow::Borrowed(b""), |cell| Cow::Borrowed(cell.as_ref().as_bytes()))
        }
    }

    #[test]
    fn names_become_indices_and_slots_stay() {
        let policy = policy();
        let slots = owned(&["GONE", "COST"]);
        assert_eq!(policy.slots_after(&slots), ["GONE", "COST", "STOP", "START"]);
        let plan = policy.plan(&owned(&HEADER), &slots).unwrap();
        assert_eq!(plan.identity, [1, 0]);
        let columns: Vec<_> =
            plan.columns.iter().map(|c| (c.name.as_str(), c.index, c.slot, c.rate)).collect();
        assert_eq!(columns, [("STOP", 3, 2, RATE_ALWAYS), ("START", 2, 3, 6_554), ("COST", 5, 1, 6_554)]);
        assert_eq!((plan.slots, plan.width), (4, 7));
        assert!(plan.missing_identity.is_empty() && plan.absent.is_empty());
    }

    #[test]
    fn the_column_of_subjects_must_be_there_and_may_be_a_key() {
        let with = |subject: &str| {
            let policy =
                POLICY.replace("\n[column.STOP]", &format!("subject = \"{subject}\"\n\n[column.STOP]"));
            Policy::parse(&policy).unwrap()
        };
        assert_eq!(policy().subject(), None);
        assert_eq!(with("Id").subject(), Some("Id"));
        assert!(with("Id").plan(&owned(&HEADER), &[]).is_ok());
        let error = with("PATIENT").plan(&owned(&HEADER), &[]).unwrap_err();
        assert_eq!(error.to_string(), "line 5, column 11: the file has no column `PATIENT`");
    }

    #[test]
    fn an_order_binds_both_columns_by_each_others_reach() {
        let plan = policy().plan(&owned(&HEADER), &[]).unwrap();
        let seconds = |bounds: &[Bound]| -> Vec<(usize, String)> {
            bounds.iter().map(|bound| (bound.index, bound.margin.to_string())).collect()
        };
        let [stop, start, cost] = &plan.columns[..] else { panic!("three columns") };
        assert_eq!(seconds(&stop.below), [(2, "3".into())], "START is marked by 3 s");
        assert_eq!(seconds(&stop.above), []);
        assert_eq!(seconds(&start.above), [(3, "2".into()), (4, "0".into())], "DEATH is not marked");
        assert_eq!(seconds(&cost.above), [(6, "0".into())]);

        let row = ["", "", "2021-01-01T00:00:10", "2021-01-01 00:00:14Z", "NA", "1.0", "?"];
        let limits = start.limits(&Cells(&row));
        let bound = plan.columns[0].channel.ordinal("2021-01-01T00:00:12");
        assert_eq!(limits, Limits { not_above: bound, not_below: None });
        assert_eq!(cost.limits(&Cells(&row)), Limits::default());
    }

    #[test]
    fn a_column_that_the_file_lacks_is_an_error_with_the_closest_name() {
        let refused = |header: &[&str]| {
            let error = policy().plan(&owned(header), &[]).expect_err("refused");
            (error.to_string(), error.hint().unwrap().to_owned())
        };
        assert_eq!(
            refused(&["SITE", "Id", "start", "STOP", "DEATH", "COST", "TOTAL"]),
            ("line 11, column 9: the file has no column `START`".into(), "did you mean `start`?".into())
        );
        assert_eq!(
            refused(&["SITE", "Id", "START", "STOP", "DEAD", "COST", "TOTAL"]),
            (
                "line 14, column 19: the file has no column `DEATH`".into(),
                "check that the file belongs to this dataset; if it holds several tables, \
                 name one with --table"
                    .into()
            ),
        );
        assert_eq!(
            refused(&["SITE", "Id", "START", "STOP", "DEATH", "COST", "TOTAL", "COST"]),
            (
                "line 16, column 9: the file has more than one column `COST`".into(),
                "rename one of them".into()
            )
        );
        let record = ["7", "1d", "2021-01-01", "2021-01-02", "", "12.5", "14.0"];
        assert!(refused(&record).1.starts_with("check that"), "no cell of a record is quoted");
    }

    #[test]
    fn a_leak_may_lack_columns() {
        let leaked = owned(&["COST", "START", "Id"]);
        let plan =
            policy().lenient_plan(&|name| leaked.iter().position(|leaked| leaked == name), &owned(&["STOP"]));
        assert_eq!(plan.missing_identity, ["SITE"]);
        assert_eq!(plan.absent, ["STOP"]);
        let columns: Vec<_> = plan.columns.iter().map(|c| (c.index, c.slot, c.above.len())).collect();
        assert_eq!(columns, [(1, 1, 0), (0, 2, 0)]);
    }

    #[test]
    fn a_leaks_dates_may_be_in_another_order() {
        let plan = policy().plan(&owned(&HEADER), &[]).unwrap();
        let column = plan.columns[1].clone();
        assert_eq!(column.channel.read("03/04/2021 10:00:00", 0), None);
        let column = column.reading_dates(DateOrder::DayFirst);
        assert_eq!(
            column.channel.read("03/04/2021 10:00:00", 0),
            plan.columns[1].channel.read("2021-04-03T10:00:00Z", 0)
        );
    }

    proptest! {
        #[test]
        fn marked_columns_never_cross_or_drift_apart_wrongly(
            start in 0_i64..60, stop in 0_i64..60, death in 0_i64..60,
            bits in any::<(bool, bool)>(), spins in any::<(u16, u16)>(),
        ) {
            let plan = policy().plan(&owned(&HEADER), &[]).unwrap();
            let text = |second: i64| format!("2021-01-01T00:00:{second:02}Z");
            let row = [String::new(), String::new(), text(start), text(stop), text(death)];
            let marked = |column: &Column, bit, spin| {
                let limits = column.limits(&Cells(&row));
                let mut out = String::new();
                match column.channel.embed(&row[column.index], bit, spin, &limits, &mut out) {
                    Some(Embedded::Changed) => out,
                    _ => row[column.index].clone(),
                }
            };
            let second = |text: &str| plan.columns[0].channel.ordinal(text).unwrap();
            let new_stop = second(&marked(&plan.columns[0], bits.0, spins.0));
            let new_start = second(&marked(&plan.columns[1], bits.1, spins.1));
            let (old_start, old_stop) = (second(&row[2]), second(&row[3]));
            if start <= stop {
                prop_assert!(new_start <= new_stop);
            } else {
                let gap = |a: Decimal, b: Decimal| a.checked_sub(b).unwrap();
                prop_assert!(gap(new_start, new_stop) <= gap(old_start, old_stop), "no worse than it was");
            }
            prop_assert!(new_start <= second(&row[4]).max(old_start));
        }
    }
}
