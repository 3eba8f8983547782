//! Limits: how much may lie below a directory, and how that stands.

use std::time::{Duration, Instant};

use crate::options::Settings;

/// As it is set on a directory: two big-endian numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Bytes or objects.
    pub(crate) hard: i64,
    /// Percent of that; below zero the volume's default.
    pub(crate) soft_percent: i64,
}

impl Limit {
    /// Reads a mark; a limit of nothing is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let limit = Self { hard: number(0)?, soft_percent: number(8).unwrap_or(-1) };
        (limit.hard > 0).then_some(limit)
    }

    /// Whether so much is above the soft limit.
    fn is_above_soft(self, used: i64, settings: &Settings) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "a share of a limit need not be exact")]
        let (used, hard) = (used as f64, self.hard as f64);
        #[allow(clippy::cast_precision_loss, reason = "a percentage")]
        let percent = if self.soft_percent < 0 { settings.soft_percent } else { self.soft_percent as f64 };
        used > hard / 100.0 * percent
    }
}

/// How much there is, or is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    pub(crate) bytes: i64,
    pub(crate) objects: i64,
}

impl Amount {
    /// Nothing but one more object.
    pub(crate) const OBJECT: Self = Self { bytes: 0, objects: 1 };

    /// Reads the mark of a directory's size: bytes, files, directories.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let objects = number(8).unwrap_or(0).saturating_add(number(16).unwrap_or(0));
        Some(Self { bytes: number(0)?, objects })
    }
}

/// What is known of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) space: Option<Limit>,
    pub(crate) objects: Option<Limit>,
    pub(crate) used: Amount,
    /// When that was read.
    pub(crate) read: Instant,
    /// Which removal of something it knows of.
    pub(crate) epoch: u64,
    /// When something was added to it that its marks may not know yet.
    pub(crate) grown: Option<Instant>,
    /// When a warning was written last.
    pub(crate) warned: Option<Instant>,
}

/// What is to be said about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warning {
    /// Its usage is above the soft limit since just now.
    Crossed,
    /// It still is.
    Above,
}

/// How long the marks may take to know of a change.
const LAG: Duration = Duration::from_millis(500);

impl Standing {
    pub(crate) fn is_limited(&self) -> bool {
        self.space.is_some() || self.objects.is_some()
    }

    fn is_above_soft(&self, settings: &Settings) -> bool {
        self.space.is_some_and(|limit| limit.is_above_soft(self.used.bytes, settings))
            || self.objects.is_some_and(|limit| limit.is_above_soft(self.used.objects, settings))
    }

    /// Whether it need not be read again. What has no limit gets one by a fop that is seen here.
    pub(crate) fn is_fresh(&self, epoch: u64, now: Instant, settings: &Settings) -> bool {
        let trusted =
            if self.is_above_soft(settings) { settings.hard_timeout } else { settings.soft_timeout };
        !self.is_limited() || (self.epoch == epoch && now.saturating_duration_since(self.read) < trusted)
    }

    /// Read again: what was added a moment ago may be missing there.
    pub(crate) fn after(mut self, before: &Self, now: Instant) -> Self {
        self.warned = before.warned;
        let lags = before.grown.is_some_and(|grown| now.saturating_duration_since(grown) < LAG);
        if lags && before.epoch == self.epoch {
            self.grown = before.grown;
            self.used.bytes = self.used.bytes.max(before.used.bytes);
            self.used.objects = self.used.objects.max(before.used.objects);
        }
        self
    }

    /// How many bytes may be added at most; `None` when what is needed may not.
    pub(crate) fn room(&self, need: Amount) -> Option<i64> {
        let full =
            |limit: &Limit| need.objects > 0 && self.used.objects.saturating_add(need.objects) > limit.hard;
        if self.objects.as_ref().is_some_and(full) {
            return None;
        }
        let room = self.space.map_or(i64::MAX, |limit| limit.hard.saturating_sub(self.used.bytes));
        (room > 0).then_some(room)
    }

    /// Adds what was let in; what is to be said about it.
    pub(crate) fn grow(&mut self, by: Amount, now: Instant, settings: &Settings) -> Option<Warning> {
        self.used.bytes = self.used.bytes.saturating_add(by.bytes);
        self.used.objects = self.used.objects.saturating_add(by.objects);
        self.grown = Some(now);
        if !self.is_above_soft(settings) {
            self.warned = None;
            return None;
        }
        let warning = match self.warned {
            None => Warning::Crossed,
            Some(last) if now.saturating_duration_since(last) >= settings.alert_time => Warning::Above,
            Some(_) => return None,
        };
        self.warned = Some(now);
        Some(warning)
    }
}

/// Bytes as people read them.
pub(crate) fn human(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes}Bytes");
    }
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let (soft_timeout, hard_timeout) = (Duration::from_secs(60), Duration::from_secs(5));
        let alert_time = Duration::from_secs(100);
        Settings { soft_percent: 80.0, soft_timeout, hard_timeout, alert_time, ..Settings::default() }
    }

    fn standing(hard: i64, bytes: i64) -> Standing {
        let space = Some(Limit { hard, soft_percent: -1 });
        let used = Amount { bytes, objects: 1 };
        Standing { space, objects: None, used, read: Instant::now(), epoch: 0, grown: None, warned: None }
    }

    #[test]
    fn marks_are_those_of_the_disk() {
        let mut mark = [0, 0, 0, 0, 0, 16, 0, 0].to_vec();
        mark.extend([0xff; 8]);
        assert_eq!(Limit::parse(&mark), Some(Limit { hard: 1 << 20, soft_percent: -1 }));
        assert_eq!(Limit::parse(&[0; 16]), None);
        assert_eq!(Limit::parse(b"short"), None);
        let mark: Vec<u8> = [512_i64, 3, 2].iter().flat_map(|n| n.to_be_bytes()).collect();
        assert_eq!(Amount::parse(&mark), Some(Amount { bytes: 512, objects: 5 }));
    }

    #[test]
    fn there_is_room_up_to_the_limit() {
        assert_eq!(standing(100, 40).room(Amount::OBJECT), Some(60));
        assert_eq!(standing(100, 100).room(Amount::OBJECT), None);
        let objects = Some(Limit { hard: 3, soft_percent: -1 });
        let standing =
            Standing { space: None, objects, used: Amount { bytes: 9, objects: 2 }, ..standing(1, 0) };
        assert!(standing.room(Amount::OBJECT).is_some());
        assert!(standing.room(Amount { bytes: 0, objects: 2 }).is_none());
        let full = Standing { used: Amount { bytes: 9, objects: 3 }, ..standing };
        assert!(full.room(Amount { bytes: 5, objects: 0 }).is_some(), "a write makes no object");
    }

    #[test]
    fn above_the_soft_limit_a_usage_is_trusted_for_less_long_and_warned_of() {
        let (settings, now) = (settings(), Instant::now());
        let mut standing = standing(100, 80);
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(standing.is_fresh(0, later(30), &settings));
        assert!(!standing.is_fresh(1, later(1), &settings), "something was removed");
        let one = Amount { bytes: 1, objects: 0 };
        assert_eq!(standing.grow(one, now, &settings), Some(Warning::Crossed));
        assert!(!standing.is_fresh(0, later(30), &settings));
        assert_eq!(standing.grow(one, later(99), &settings), None);
        assert_eq!(standing.grow(one, later(100), &settings), Some(Warning::Above));
    }

    #[test]
    fn marks_that_lag_behind_do_not_hide_what_was_just_let_in() {
        let now = Instant::now();
        let before = Standing { grown: Some(now), ..standing(100, 90) };
        assert_eq!(standing(100, 10).after(&before, now).used.bytes, 90);
        assert_eq!(standing(100, 10).after(&before, now + LAG).used.bytes, 10);
        let removed = Standing { epoch: 1, ..standing(100, 10) };
        assert_eq!(removed.after(&before, now).used.bytes, 10);
    }

    #[test]
    fn people_read_short_numbers() {
        assert_eq!([512, 569_344, 3 << 30].map(human), ["512Bytes", "556.0KB", "3.0GB"]);
    }
}
