//! Times as people and programs write them.

/// A day, in milliseconds.
pub const DAY_MS: u64 = 86_400_000;

/// A time in UTC as ISO 8601 writes it, to the millisecond.
pub fn iso(ms: u64) -> String {
    let (year, month, day) = date(ms / DAY_MS);
    let within = ms % DAY_MS;
    let (hour, minute, second) = (within / 3_600_000, within / 60_000 % 60, within / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", within % 1000)
}

/// The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, which puts the leap day at their end;
/// 400 of them are always 146,097 days.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day - (153 * from_march + 2) / 5 + 1)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time as HTTP's headers write it, in the form of today or one of the two of old (RFC 9110, 5.6.7), in milliseconds since 1970.
pub fn http_date(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split([' ', ',', '-', ':']).filter(|p| !p.is_empty()).collect();
    let (year, month, day, [hour, minute, second]) = match parts.as_slice() {
        [_, day, month, year, hour, minute, second, "GMT"] => (year, month, day, [hour, minute, second]),
        [_, month, day, hour, minute, second, year] => (year, month, day, [hour, minute, second]),
        _ => return None,
    };
    let number = |text: &str, most: u64| text.parse::<u64>().ok().filter(|n| *n <= most);
    let month = MONTHS.iter().position(|m| m == month)? as u64 + 1;
    let year = match number(year, 9_999)? {
        short @ 0..70 => short + 2000,
        short @ 70..100 => short + 1900,
        whole => whole,
    };
    let day = number(day, 31).filter(|d| *d > 0)?;
    let (year, from_march) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 + day - 1;
    let seconds = (number(hour, 23)? * 60 + number(minute, 59)?) * 60 + number(second, 60)?;
    Some(days.checked_sub(719_468)? * DAY_MS + seconds * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    proptest! {
        #[test]
        fn a_date_of_http_is_read_in_any_of_its_forms(seconds in 0u64..3_155_760_000) {
            let today = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            prop_assert_eq!(http_date(&today), Some(seconds * 1000));
            let parts: Vec<&str> = today.split([' ', ',']).filter(|p| !p.is_empty()).collect();
            let [weekday, day, month, year, time, zone] = parts[..] else { panic!("{today}") };
            let of_c = format!("{weekday} {month} {:>2} {time} {year}", day.trim_start_matches('0'));
            prop_assert_eq!(http_date(&of_c), Some(seconds * 1000));
            let of_old = format!("{weekday}day, {day}-{month}-{} {time} {zone}", &year[2..]);
            prop_assert_eq!(http_date(&of_old), Some(seconds * 1000));
        }

        #[test]
        fn no_text_breaks_the_reading(text in "[A-Za-z0-9 ,:-]{0,40}") {
            http_date(&text);
        }
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in ["", "soon", "Mon, 23 Nov 2026", "Mon, 32 Nov 2026 12:00:00 GMT", "Mon, 23 Now 2026 12:00:00 GMT"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_written_as_the_calendar_has_it() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
        assert_eq!(iso(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_of_four_hundred_years_follows_the_one_before() {
        let mut before = date(0);
        for day in 1..146_097 {
            let (y, m, d) = date(day);
            let next_in_month = (y, m) == (before.0, before.1) && d == before.2 + 1;
            let next_month = d == 1 && before.2 >= 28 && (y * 12 + m == before.0 * 12 + before.1 + 1);
            assert!(next_in_month || next_month, "{before:?} {:?}", (y, m, d));
            before = (y, m, d);
        }
    }
}
