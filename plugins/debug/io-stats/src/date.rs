//! A point in time for people.

/// `YYYY-MM-DD hh:mm:ss`, UTC, of seconds since the epoch; `N/A` for 0.
pub(crate) fn utc(seconds: u64) -> String {
    if seconds == 0 {
        return "N/A".into();
    }
    plugin_api::date::utc(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(utc(0), "N/A");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34:56");
        assert_eq!(utc(1_798_761_599), "2026-12-31 23:59:59");
    }
}
