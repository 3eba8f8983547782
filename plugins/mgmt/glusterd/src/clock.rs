//! Times as people read them, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_api::date::parts;

/// `2026-11-22 11:05:19.894158 +0000`, as lines of logs begin.
#[must_use]
pub fn of_line() -> String {
    let since = since_epoch();
    let [year, month, day, hour, minute, second] = parts(seconds(since));
    let micros = since.subsec_micros();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} +0000")
}

/// `20261122_110519`, as names of files end.
#[must_use]
pub fn of_file() -> String {
    let [year, month, day, hour, minute, second] = parts(seconds(since_epoch()));
    format!("{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}")
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn seconds(since: Duration) -> i64 {
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
