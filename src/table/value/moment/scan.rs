//! Reads the text of a date from left to right, and notes where each number stands.

use super::{
    DateOrder, Numeric, Precision,
    layout::{DAY, Field, HOUR, Layout, MINUTE, MONTH, SECOND, YEAR},
    two,
};

/// Reads a text from left to right.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Cursor { text: text.as_bytes(), at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// The date, without a time unless the digits run on.
    pub(super) fn date(&mut self, order: DateOrder, numeric: Numeric) -> Option<Layout> {
        let first = self.run();
        let mut fields = [Field::default(); 6];
        let mut precision = Precision::Day;
        let year_first = match first.width() {
            4 => {
                fields[YEAR] = self.number(first)?;
                let separator = self.eat(b"-/.")?;
                fields[MONTH] = self.short()?;
                self.eat(&[separator])?;
                fields[DAY] = self.short()?;
                true
            }
            8 | 12 | 14 if numeric == Numeric::Yes => {
                fields = self.compact(first)?;
                precision = match first.width() {
                    8 => Precision::Day,
                    12 => Precision::Minute,
                    _ => Precision::Second,
                };
                true
            }
            1 | 2 => {
                let first = self.number(first)?;
                let separator = self.eat(b"/.-")?;
                let second = self.short()?;
                self.eat(&[separator])?;
                let year = self.run();
                fields[YEAR] = (year.width() == 4).then(|| self.number(year))??;
                let day_first = match order {
                    DateOrder::DayFirst => true,
                    DateOrder::MonthFirst => false,
                    DateOrder::Unknown => {
                        let told = first.value > 12 || second.value > 12 || first.value == second.value;
                        told.then_some(first.value > 12)?
                    }
                };
                (fields[DAY], fields[MONTH]) = if day_first { (first, second) } else { (second, first) };
                false
            }
            _ => return None,
        };
        Some(Layout { fields, precision, offset_seconds: 0, twelve_hours: false, year_first })
    }

    /// The time, the fraction and the zone, to the end of the text. Returns the nanoseconds.
    pub(super) fn time(&mut self, layout: &mut Layout) -> Option<u32> {
        if layout.precision == Precision::Day {
            self.clock(layout)?;
        }
        let mut fraction = 0;
        if layout.precision == Precision::Second && self.eat(b".,").is_some() {
            let digits = self.run();
            fraction = nanos(&self.text[digits.start..digits.end])?;
            layout.precision = Precision::Subsecond;
        }
        self.meridiem(layout)?;
        let zone = &self.text[self.at..];
        if !zone.is_empty() {
            layout.offset_seconds = offset_seconds(zone)?;
        }
        Some(fraction)
    }

    /// `Thh:mm[:ss]`, `Thhmm` or `Thhmmss`, also after a space.
    fn clock(&mut self, layout: &mut Layout) -> Option<()> {
        self.eat(b"Tt ")?;
        let hour = self.run();
        match hour.width() {
            1 | 2 => {
                layout.fields[HOUR] = self.number(hour)?;
                self.eat(b":")?;
                layout.fields[MINUTE] = self.pair()?;
                layout.precision = Precision::Minute;
                if self.eat(b":").is_some() {
                    layout.fields[SECOND] = self.pair()?;
                    layout.precision = Precision::Second;
                }
            }
            4 | 6 => {
                for (field, start) in
                    [HOUR, MINUTE, SECOND].into_iter().zip((hour.start..hour.end).step_by(2))
                {
                    layout.fields[field] = self.number(Field { value: 0, start, end: start + 2 })?;
                }
                layout.precision = if hour.width() == 4 { Precision::Minute } else { Precision::Second };
            }
            _ => return None,
        }
        Some(())
    }

    /// An optional AM or PM.
    fn meridiem(&mut self, layout: &mut Layout) -> Option<()> {
        let rest = self.text[self.at..].trim_ascii_start();
        let afternoon = match rest {
            [b'a' | b'A', b'm' | b'M', ..] => false,
            [b'p' | b'P', b'm' | b'M', ..] => true,
            _ => return Some(()),
        };
        let hour = &mut layout.fields[HOUR].value;
        if !(1..=12).contains(hour) {
            return None;
        }
        *hour = *hour % 12 + if afternoon { 12 } else { 0 };
        layout.twelve_hours = true;
        self.at = self.text.len() - rest.len() + 2;
        Some(())
    }

    /// `yyyymmdd`, `yyyymmddhhmm` or `yyyymmddhhmmss` as one run of digits.
    fn compact(&self, run: Field) -> Option<[Field; 6]> {
        let mut fields = [Field::default(); 6];
        let mut start = run.start;
        for (index, field) in fields.iter_mut().enumerate() {
            let end = start + if index == YEAR { 4 } else { 2 };
            if end > run.end {
                break;
            }
            *field = self.number(Field { value: 0, start, end })?;
            start = end;
        }
        Some(fields)
    }

    /// The run of digits here, without its value.
    fn run(&mut self) -> Field {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Field { value: 0, start, end: self.at }
    }

    /// Gives a run its value; at most four digits.
    fn number(&self, run: Field) -> Option<Field> {
        let digits = self.text.get(run.start..run.end).filter(|digits| (1..=4).contains(&digits.len()))?;
        let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        Some(Field { value, ..run })
    }

    /// One or two digits.
    fn short(&mut self) -> Option<Field> {
        let run = self.run();
        (run.width() <= 2).then(|| self.number(run))?
    }

    /// Two digits.
    fn pair(&mut self) -> Option<Field> {
        let run = self.run();
        (run.width() == 2).then(|| self.number(run))?
    }

    fn eat(&mut self, any_of: &[u8]) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        any_of.contains(&byte).then(|| {
            self.at += 1;
            byte
        })
    }
}

/// Nanoseconds of a decimal fraction; digits beyond the ninth are cut off.
pub(super) fn nanos(fraction: &[u8]) -> Option<u32> {
    if fraction.is_empty() {
        return None;
    }
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

/// Seconds east of Greenwich: `Z`, `UTC`, `GMT`, `+hh`, `+hhmm` or `+hh:mm`, also after a space.
pub(super) fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    if [b"Z".as_slice(), b"UTC", b"GMT"].iter().any(|name| zone.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let (sign, digits) = match zone {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (two(digits, 0)?, 0),
        [_, _, _, _] => (two(digits, 0)?, two(digits, 2)?),
        [_, _, b':', _, _] => (two(digits, 0)?, two(digits, 3)?),
        _ => return None,
    };
    // No zone is further from Greenwich than fourteen hours; eighteen is what RFC 3339 readers allow.
    let valid = hours <= 18 && minutes < 60;
    valid.then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}
