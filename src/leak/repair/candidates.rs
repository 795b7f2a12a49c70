//! Which repairs a column's cells suggest, by themselves. Which of them is right is for the release's sketch to say.

use crate::leak::cells::Cells;
use crate::table::value::{DateOrder, Decimal, Moment, trim};

use super::{Dates, Repair, Spelling, Undo, Unit, number};

/// Units that a column of numbers may be in: cents, thousandths, thousands.
const UNITS: [Unit; 4] = [Unit::Tens(2), Unit::Tens(-2), Unit::Tens(3), Unit::Tens(-3)];

/// The longest code whose zeros are put back.
const LONGEST_CODE: usize = 18;

/// Dates that all could be exchanged by accident once in 7,000 times: twelve days of thirty can.
const TELLING_CELLS: u64 = 10;

/// How a column's cells can be read, in numbers of cells.
#[derive(Default)]
struct Readings {
    filled: u64,
    plain: u64,
    point: u64,
    comma: u64,
    /// Has a separator, so that reading it as a point or as a comma makes a difference.
    separated: u64,
    iso: u64,
    /// ISO dates whose day could be a month.
    exchangeable: u64,
    day_first: u64,
    month_first: u64,
    /// A date that is possible in one order alone.
    only: [u64; 2],
    /// A date whatever the order.
    dated: u64,
    digits: u64,
    shortest: usize,
    longest: usize,
}

/// The repairs that a column suggests; none at all is always among them, and comes first.
pub fn candidates(cells: &Cells) -> Vec<Repair> {
    let readings = Readings::of(cells);
    let mut undos = vec![Undo::Nothing];
    readings.numbers(&mut undos);
    readings.dates(&mut undos);
    if readings.mostly(readings.digits)
        && readings.shortest < readings.longest
        && readings.longest <= LONGEST_CODE
    {
        undos.push(Undo::Padded(readings.longest as u8));
    }
    undos.into_iter().map(Repair::new).collect()
}

impl Readings {
    fn of(cells: &Cells) -> Readings {
        let mut readings = Readings { shortest: usize::MAX, ..Readings::default() };
        cells.texts().for_each(|(text, times)| readings.add(text, times));
        readings
    }

    fn add(&mut self, text: &str, times: u64) {
        self.filled += times;
        if !text.bytes().any(|byte| byte.is_ascii_digit()) && text.is_ascii() {
            return;
        }
        let count = |counter: &mut u64, is_so: bool| *counter += if is_so { times } else { 0 };
        let is_plain = Decimal::parse(text).is_some();
        count(&mut self.plain, is_plain);
        count(&mut self.point, is_plain || number::read(text, Spelling::Point).is_some());
        count(&mut self.comma, number::read(text, Spelling::Comma).is_some());
        count(&mut self.separated, text.contains(['.', ',']));
        let iso = Moment::iso(trim(text).as_bytes());
        count(&mut self.iso, iso.is_some());
        count(&mut self.exchangeable, iso.is_some_and(|iso| iso.with_day_and_month_swapped().is_some()));
        count(&mut self.dated, Dates::default().read(text).is_some());
        if iso.is_none() && !is_plain {
            let reads = |order| Dates::ordered(order).read(text).is_some();
            let (day_first, month_first) = (reads(DateOrder::DayFirst), reads(DateOrder::MonthFirst));
            count(&mut self.day_first, day_first);
            count(&mut self.month_first, month_first);
            count(&mut self.only[0], day_first && !month_first);
            count(&mut self.only[1], month_first && !day_first);
        }
        let digits = trim(text);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.digits += times;
            self.shortest = self.shortest.min(digits.len());
            self.longest = self.longest.max(digits.len());
        }
    }

    /// More than half: a few cells of another kind are damage, or words such as "free".
    fn mostly(&self, count: u64) -> bool {
        2 * count > self.filled
    }

    fn numbers(&self, undos: &mut Vec<Undo>) {
        let mut spellings = Vec::new();
        if self.mostly(self.plain) || self.mostly(self.point) {
            spellings.push(Spelling::Point);
        }
        // `1,234` and `1.234` can be either, so both are tried; `12.5` can't be of a comma column.
        if self.mostly(self.comma) && self.separated > 0 && self.comma >= self.plain {
            spellings.push(Spelling::Comma);
        }
        for spelling in spellings {
            if spelling == Spelling::Comma || self.point > self.plain {
                undos.push(Undo::Number(spelling, Unit::OURS));
            }
            undos.extend(UNITS.map(|unit| Undo::Number(spelling, unit)));
        }
    }

    fn dates(&self, undos: &mut Vec<Undo>) {
        let ordered = |order| Undo::Date(Dates::ordered(order));
        let [day_only, month_only] = self.only;
        // One date that is possible in one order alone tells the order of all.
        let is_told = (day_only > 0) != (month_only > 0);
        if self.mostly(self.dated) && !self.mostly(self.iso) && !is_told {
            undos.push(ordered(DateOrder::Unknown));
        }
        let orders = [
            (DateOrder::DayFirst, self.day_first, month_only),
            (DateOrder::MonthFirst, self.month_first, day_only),
        ];
        for (order, reads, contrary) in orders {
            if contrary > 0 || reads == 0 {
                continue;
            }
            // A spreadsheet that reads dates in the other order turns those that it can into dates, and leaves the others as
            // text. So the one kind could all be exchanged, and none of the other.
            let may_be_mixed = self.iso > 0 && self.exchangeable == self.iso && self.mostly(reads + self.iso);
            let is_mixed = may_be_mixed && self.iso >= TELLING_CELLS && reads == day_only + month_only;
            if self.mostly(reads) && !is_mixed {
                undos.push(ordered(order));
            }
            if may_be_mixed {
                undos.push(Undo::Date(Dates { swapped: true, ..Dates::ordered(order) }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(texts: &[&str]) -> Vec<String> {
        let mut cells = Cells::default();
        texts.iter().for_each(|text| cells.add(text.as_bytes()));
        let found = candidates(&cells);
        assert!(found[0].is_none());
        found[1..].iter().map(Repair::to_string).filter(|words| !words.contains("ousand")).collect()
    }

    #[test]
    fn cells_suggest_their_repairs() {
        let hundred = ["in hundredths", "divided by 100"];
        let comma = ["decimal commas", "decimal commas, in hundredths", "decimal commas, divided by 100"];
        assert_eq!(suggested(&["emergency", "elective"]), [""; 0]);
        assert_eq!(suggested(&["146.70", "7.25"]), hundred);
        assert_eq!(suggested(&["146,70", "7,25"]), comma);
        assert_eq!(suggested(&["1.234", "7.250"]), [&hundred[..], &comma].concat(), "either");
        assert_eq!(suggested(&["23/08/2021", "03/04/2021"]), ["dates day first"]);
        let either = ["dates day first", "dates month first"];
        assert_eq!(suggested(&["03/08/2021", "03/04/2021"]), either, "either");
        assert_eq!(suggested(&["2021-04-03", "2021-08-23"]), [""; 0]);
        assert_eq!(suggested(&["23/08/2021", "2021-03-04"]).last().unwrap(), "day and month mixed up");
        assert!(suggested(&["7", "12", "104"]).contains(&"leading zeros lost".to_owned()));
        assert!(suggested(&["44431.25", "44432.5"]).contains(&"dates in another layout".to_owned()));
    }
}
