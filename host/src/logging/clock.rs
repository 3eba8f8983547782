//! The time at the head of a log line.
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::date::parts;

use crate::process;

/// Appends `YYYY-MM-DD hh:mm:ss.uuuuuu +hhmm`, in UTC or in local time.
pub(super) fn write_time(line: &mut String, now: SystemTime, local: bool) {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    let offset = if local { process::local_offset(seconds) } else { 0 };
    let [year, month, day, hour, minute, second] = parts(seconds + offset);
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    line.write_fmt(format_args!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:06} {sign}{:02}{:02}",
        since.subsec_micros(),
        minutes / 60,
        minutes % 60
    ))
    .expect("a string takes everything");
}
