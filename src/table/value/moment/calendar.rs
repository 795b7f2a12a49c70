//! Days and civil dates, after Hinnant.

use super::DAY_SECONDS;

/// 0001-01-01T00:00:00Z
pub(super) const FIRST_SECOND: i64 = -719_162 * DAY_SECONDS;

/// 10000-01-01T00:00:00Z, the first instant that no longer fits four digits.
pub(super) const END_SECOND: i64 = 2_932_897 * DAY_SECONDS;

/// Days from 1970-01-01 to a date; nothing when there is no such date.
pub(in crate::table) fn days(year: i64, month: u8, day: u8) -> Option<i64> {
    if year < 1 || !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day of a number of days since 1970-01-01.
pub(in crate::table) fn civil(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u8;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u8;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Seconds since midnight; nothing for 24:00 and leap seconds, which no two programs read alike.
pub(in crate::table) fn second_of_day(hour: u8, minute: u8, second: u8) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then(|| i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

fn month_days(year: i64, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_the_years_they_name() {
        assert_eq!(civil(FIRST_SECOND / DAY_SECONDS), (1, 1, 1));
        assert_eq!(civil(END_SECOND / DAY_SECONDS), (10_000, 1, 1));
    }

    #[test]
    fn every_day_from_1583_to_2400_is_the_one_jiff_says() {
        let mut date = jiff::civil::date(1583, 1, 1);
        let mut number = days(1583, 1, 1).unwrap();
        assert_eq!(days(1970, 1, 1), Some(0));
        while date.year() < 2400 {
            let civil_date = (i64::from(date.year()), date.month() as u8, date.day() as u8);
            assert_eq!(days(civil_date.0, civil_date.1, civil_date.2), Some(number));
            assert_eq!(civil(number), civil_date);
            date = date.tomorrow().unwrap();
            number += 1;
        }
        assert_eq!(days(2100, 2, 29), None);
    }
}
