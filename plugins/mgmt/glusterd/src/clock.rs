//! Times as people read them, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2026-11-22 11:05:19.894158 +0000`, as lines of logs begin.
#[must_use]
pub fn of_line() -> String {
    let since = since_epoch();
    let [year, month, day, hour, minute, second] = parts(since);
    let micros = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} +0000")
}

/// `20261122_110519`, as names of files end.
#[must_use]
pub fn of_file() -> String {
    let [year, month, day, hour, minute, second] = parts(since_epoch());
    format!("{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}")
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn parts(since: Duration) -> [u64; 6] {
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    [year, month, day, rest / 3600, rest / 60 % 60, rest % 60]
}

/// Year, month and day of a day counted from 1970, by the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March, so that the leap day is the last one.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * of_era + of_era / 4 - of_era / 100);
    let month = (5 * day + 2) / 153;
    let (of_year, day) = (if month < 10 { month + 3 } else { month - 9 }, day - (153 * month + 2) / 5 + 1);
    (era * 400 + of_era + u64::from(of_year <= 2), of_year, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
        assert_eq!(parts(Duration::from_secs(1_795_345_519)), [2026, 11, 22, 11, 5, 19]);
    }
}
