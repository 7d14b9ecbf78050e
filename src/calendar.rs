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

#[cfg(test)]
mod tests {
    use super::*;

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
