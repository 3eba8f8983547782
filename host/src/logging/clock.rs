//! The time at the head of a log line.
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process;

const DAY: i64 = 86_400;

/// Appends `YYYY-MM-DD hh:mm:ss.uuuuuu +hhmm`, in UTC or in local time.
pub(super) fn write_time(line: &mut String, now: SystemTime, local: bool) {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    let offset = if local { process::local_offset(seconds) } else { 0 };
    let shown = seconds + offset;
    let (year, month, day) = date(shown.div_euclid(DAY));
    let second = shown.rem_euclid(DAY);
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    line.write_fmt(format_args!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:06} {sign}{:02}{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_micros(),
        minutes / 60,
        minutes % 60
    ))
    .expect("a string takes everything");
}

/// Year, month and day of the day that is `days` after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is a year's last; 719,468 days lie between 0000-03-01 and 1970.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + 400 * era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(20_779), (2026, 11, 22));
        assert_eq!(date(47_540), (2100, 2, 28));
        assert_eq!(date(47_541), (2100, 3, 1));
    }
}
