//! Retention: for how long a file is kept as it is, and what that means at a point in time.

use std::fmt;

use crate::options::Settings;

const COMMITTED: u8 = 1;
const KEPT: u8 = 2;
const ENTERPRISE: u8 = 8;

/// Whether the time that a file is kept for may be shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// It may.
    #[default]
    Relax,
    /// It may only be made longer.
    Enterprise,
}

/// What is written on a committed file, as text: bits (1 committed, 2 still kept, 8 enterprise), for how long it is
/// kept, and how soon it was committed, both in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    bits: u8,
    period: u64,
    auto_commit: u64,
}

impl Retention {
    /// That of a file which is committed now.
    pub(crate) fn new(settings: &Settings) -> Self {
        let mode = if settings.mode == Mode::Enterprise { ENTERPRISE } else { 0 };
        Self {
            bits: COMMITTED | KEPT | mode,
            period: settings.period.as_secs(),
            auto_commit: settings.auto_commit.as_secs(),
        }
    }

    /// Reads what is written on a file; `None` when it is none of this.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim_end_matches('\0');
        let mut numbers = text.split('/');
        let bits = numbers.next()?.parse().ok()?;
        let period = numbers.next()?.parse().ok()?;
        let auto_commit = numbers.next()?.parse().ok()?;
        numbers.next().is_none().then_some(Self { bits, period, auto_commit })
    }

    /// Whether the file's time runs.
    pub(crate) fn is_kept(self) -> bool {
        self.bits & KEPT != 0
    }

    /// Whether that may be shortened, as it was when the file was committed.
    pub(crate) fn mode(self) -> Mode {
        if self.bits & ENTERPRISE != 0 { Mode::Enterprise } else { Mode::Relax }
    }

    /// For how many seconds the file is kept.
    pub(crate) fn period(self) -> u64 {
        self.period
    }

    /// Kept for another time.
    pub(crate) fn with_period(self, period: u64) -> Self {
        Self { period, ..self }
    }

    /// That of a file whose time is over.
    pub(crate) fn over(self) -> Self {
        Self { bits: self.bits & !KEPT, period: 0, auto_commit: 0 }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.bits, self.period, self.auto_commit)
    }
}

/// How a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be changed.
    Free,
    /// It is old enough to be committed.
    Due,
    /// It is kept as it is.
    Kept(Retention),
    /// Its time is over, and nobody has noted that yet.
    Expired(Retention),
    /// Its time is over: it does not change, and may be deleted if the volume says so.
    Over,
}

impl Standing {
    /// That of a file which was made at `made` and whose access time, until which it is kept, is `until`.
    pub(crate) fn of(
        retention: Option<Retention>,
        made: i64,
        until: i64,
        now: i64,
        settings: &Settings,
    ) -> Self {
        match retention {
            None => {
                let wait = i64::try_from(settings.auto_commit.as_secs()).unwrap_or(i64::MAX);
                if now.saturating_sub(made) < wait { Self::Free } else { Self::Due }
            }
            Some(retention) if !retention.is_kept() => Self::Over,
            Some(retention) if now < until => Self::Kept(retention),
            Some(retention) => Self::Expired(retention),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn settings(mode: Mode) -> Settings {
        let (period, auto_commit) = (Duration::from_secs(10), Duration::from_secs(5));
        Settings { period, auto_commit, mode, ..Settings::default() }
    }

    #[test]
    fn the_text_is_the_one_of_the_disk() {
        assert_eq!(Retention::new(&settings(Mode::Relax)).to_string(), "3/10/5");
        let enterprise = Retention::new(&settings(Mode::Enterprise));
        assert_eq!(enterprise.to_string(), "11/10/5");
        assert_eq!(Retention::parse(b"11/10/5\0"), Some(enterprise));
        assert_eq!(enterprise.over().to_string(), "9/0/0");
        for nonsense in [&b""[..], b"3/10", b"3/10/5/7", b"300/1/1", b"a/b/c", b"\xff"] {
            assert_eq!(Retention::parse(nonsense), None);
        }
    }

    #[test]
    fn a_file_is_free_then_due_then_kept_then_over() {
        let settings = settings(Mode::Relax);
        let standing = |retention, now| Standing::of(retention, 100, 115, now, &settings);
        assert_eq!(standing(None, 104), Standing::Free);
        assert_eq!(standing(None, 105), Standing::Due);
        let kept = Retention::new(&settings);
        assert_eq!(standing(Some(kept), 114), Standing::Kept(kept));
        assert_eq!(standing(Some(kept), 115), Standing::Expired(kept));
        assert_eq!(standing(Some(kept.over()), 50), Standing::Over);
    }
}
