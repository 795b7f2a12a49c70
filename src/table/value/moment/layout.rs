//! Where the numbers of a date stand in its text, so that another date can be put there.

use super::{DAY_SECONDS, DateOrder, Moment, Numeric, Precision, calendar, scan::Cursor};

/// A number in the text: its value and its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    pub value: u32,
    pub start: usize,
    pub end: usize,
}

impl Field {
    pub(super) fn width(self) -> usize {
        self.end - self.start
    }
}

/// Where the numbers of a date stand, and the zone that they are told in.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Year, month, day, hour, minute, second; the last three may be empty.
    pub(super) fields: [Field; 6],
    pub(super) precision: Precision,
    pub(super) offset_seconds: i64,
    /// A time told with AM or PM is read and never rewritten.
    pub(super) twelve_hours: bool,
    /// The year comes first, so short numbers are padded unless one is seen that is not.
    pub(super) year_first: bool,
}

pub(super) const YEAR: usize = 0;
pub(super) const MONTH: usize = 1;
pub(super) const DAY: usize = 2;
pub(super) const HOUR: usize = 3;
pub(super) const MINUTE: usize = 4;
pub(super) const SECOND: usize = 5;

impl Layout {
    /// Reads a text that is a date in ISO order (`yyyy-mm-dd`, `yyyy/mm/dd`, compact `yyyymmdd` when numbers are
    /// dates) or a slash order (`dd/mm/yyyy`, `mm.dd.yyyy`), alone or with a time and a zone. ASCII, untrimmed
    /// text is refused.
    pub fn of(text: &str, order: DateOrder, numeric: Numeric) -> Option<(Moment, Layout)> {
        let mut cursor = Cursor::new(text);
        let mut layout = cursor.date(order, numeric)?;
        let mut nanos = 0;
        if !cursor.is_at_end() {
            nanos = cursor.time(&mut layout)?;
        }
        // Not `array::map`, which is no longer inlined at this size.
        let [year, month, day, hour, minute, second] = &layout.fields;
        let (year, month, day) = (year.value, month.value, day.value);
        let (hour, minute, second) = (hour.value, minute.value, second.value);
        let days = calendar::days(i64::from(year), u8::try_from(month).ok()?, u8::try_from(day).ok()?)?;
        let time =
            calendar::second_of_day(u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, second as u8)?;
        let seconds = days * DAY_SECONDS + time - layout.offset_seconds;
        Some((Moment::at(seconds, nanos, layout.precision)?, layout))
    }

    /// Appends `text`, from which this layout was read, with `moved` in place of its instant. Nothing is
    /// appended when that can't be done in exactly the same layout: a finer instant, another fraction, or a
    /// padding that the text does not show.
    pub fn write(&self, text: &str, moved: Moment, out: &mut String) -> Option<()> {
        if self.twelve_hours {
            return None;
        }
        let local = moved.seconds() + self.offset_seconds;
        let (year, month, day) = calendar::civil(local.div_euclid(DAY_SECONDS));
        let time = local.rem_euclid(DAY_SECONDS);
        if local % self.precision.unit_seconds() != 0 || !(1..=9999).contains(&year) {
            return None;
        }
        let values = [year, i64::from(month), i64::from(day), time / 3600, time / 60 % 60, time % 60];
        let mut order = [YEAR, MONTH, DAY, HOUR, MINUTE, SECOND];
        if !self.year_first {
            order.sort_by_key(|index| self.fields[*index].start);
        }

        let start = out.len();
        let mut copied = 0;
        for index in order {
            let field = self.fields[index];
            if field.width() == 0 {
                continue;
            }
            out.push_str(&text[copied..field.start]);
            if self.write_field(index, values[index] as u32, text, out).is_none() {
                out.truncate(start);
                return None;
            }
            copied = field.end;
        }
        out.push_str(&text[copied..]);
        Some(())
    }

    /// Whether the year comes first, so that no order of day and month has to be known.
    pub fn is_year_first(&self) -> bool {
        self.year_first
    }

    fn write_field(&self, index: usize, value: u32, text: &str, out: &mut String) -> Option<()> {
        let width = match index {
            YEAR => 4,
            MINUTE | SECOND => 2,
            _ if value >= 10 => 2,
            _ => self.short_width(index, text)?,
        };
        // Digit by digit: formatting takes several times as long.
        let mut digits = [b'0'; 4];
        let mut rest = value;
        for digit in digits[..width].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.push_str(str::from_utf8(&digits[..width]).expect("digits are ASCII"));
        Some(())
    }

    /// How wide a number below ten is written: as the text's other numbers of its kind show.
    fn short_width(&self, index: usize, text: &str) -> Option<usize> {
        let kind = if index == HOUR { HOUR..=HOUR } else { MONTH..=DAY };
        let fields = &self.fields[kind];
        if fields.iter().any(|field| field.width() == 1) {
            return Some(1);
        }
        let shows_zero = fields.iter().any(|field| text.as_bytes()[field.start] == b'0');
        (shows_zero || self.year_first).then_some(2)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moved(text: &str, order: DateOrder, by: i64) -> Option<String> {
        let (moment, layout) = Layout::of(text, order, Numeric::Yes)?;
        let mut out = String::from(">");
        layout.write(text, moment.plus_seconds(by)?, &mut out)?;
        Some(out.split_off(1))
    }

    #[test]
    fn a_moved_date_keeps_its_layout() {
        let day = DAY_SECONDS;
        for (text, by, expected) in [
            ("2021-08-23T03:26:59Z", 1, "2021-08-23T03:27:00Z"),
            ("2020-02-28", day, "2020-02-29"),
            ("2021-12-31 23:59:59.120+05:30", 1, "2022-01-01 00:00:00.120+05:30"),
            ("2021-08-23T03:26", 3600, "2021-08-23T04:26"),
            ("2021/8/31", day, "2021/9/1"),
            ("31.08.2021", day, "01.09.2021"),
            ("9/8/2021 9:59:59", 1, "9/8/2021 10:00:00"),
            ("20210831", day, "20210901"),
            ("20210831235959", 1, "20210901000000"),
            ("20210831T235959,5 UTC", 1, "20210901T000000,5 UTC"),
        ] {
            assert_eq!(moved(text, DateOrder::DayFirst, by).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_rewritten_in_its_layout_is_refused() {
        assert_eq!(moved("2021-08-23", DateOrder::DayFirst, 1), None, "no place for a second");
        assert_eq!(moved("10/10/2021", DateOrder::DayFirst, -DAY_SECONDS), None, "9 or 09?");
        assert_eq!(moved("10/10/2021", DateOrder::DayFirst, DAY_SECONDS).as_deref(), Some("11/10/2021"));
        assert_eq!(moved("23/8/2021 3:26 PM", DateOrder::DayFirst, 60), None, "twelve hours");
        assert_eq!(moved("9999-12-31", DateOrder::DayFirst, DAY_SECONDS), None, "five digits of year");
        assert_eq!(moved("9999-12-31T20:00:00-05:00", DateOrder::DayFirst, -1), None, "its instant is later");
        assert_eq!(moved("44431.5", DateOrder::DayFirst, 1), None, "a serial");
    }

    proptest! {
        #[test]
        fn moving_there_and_back_restores_the_text(
            seconds in -30_000_000_000_i64..60_000_000_000,
            by in -100_000_i64..100_000,
            style in 0_usize..5,
        ) {
            let (days, time) = (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS));
            let (year, month, day) = calendar::civil(days);
            let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
            let text = match style {
                0 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
                1 => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.250-0330"),
                2 => format!("{month}/{day}/{year:04} {hour}:{minute:02}:{second:02}"),
                3 => format!("{month:02}/{day:02}/{year:04} {hour:02}:{minute:02}:{second:02} +01"),
                _ => format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
            };
            let there = moved(&text, DateOrder::MonthFirst, by);
            if let Some(there) = there
                && let Some(back) = moved(&there, DateOrder::MonthFirst, -by)
            {
                prop_assert_eq!(back, text);
            }
        }
    }
}
