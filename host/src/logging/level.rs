//! Severity of a log line.
use std::str::FromStr;

/// Severities, most severe first; [`Level::None`] as a threshold lets nothing through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// No line at all; a threshold only.
    None,
    /// The process cannot go on.
    Critical,
    /// Someone must act.
    Error,
    /// Degraded, coping.
    Warning,
    /// Normal and worth noting.
    Notice,
    /// What an operator greps for.
    Info,
    /// The control path.
    Debug,
    /// The data path.
    Trace,
}

impl Level {
    const ALL: [Level; 8] = [
        Level::None,
        Level::Critical,
        Level::Error,
        Level::Warning,
        Level::Notice,
        Level::Info,
        Level::Debug,
        Level::Trace,
    ];

    /// The letter that stands for it in a log line.
    pub fn letter(self) -> char {
        match self {
            Level::None => ' ',
            Level::Critical => 'C',
            Level::Error => 'E',
            Level::Warning => 'W',
            Level::Notice => 'N',
            Level::Info => 'I',
            Level::Debug => 'D',
            Level::Trace => 'T',
        }
    }

    /// The number that the incumbent has for it: it knows two more that are worse than critical.
    pub fn incumbents(self) -> u8 {
        match self {
            Level::None => 0,
            other => other as u8 + 2,
        }
    }

    /// The level that the incumbent has a number for; what is worse than critical is critical here.
    pub fn of_incumbents(number: u8) -> Option<Level> {
        match number {
            0 => Some(Level::None),
            1..=3 => Some(Level::Critical),
            other => Level::ALL.get(usize::from(other) - 2).copied(),
        }
    }

    /// The level stored as `number`; anything out of range is [`Level::Trace`].
    pub(super) fn from_number(number: u8) -> Level {
        Level::ALL.get(usize::from(number)).copied().unwrap_or(Level::Trace)
    }

    /// The last of `tracing`'s levels that this threshold lets through.
    pub(super) fn filter(self) -> tracing::level_filters::LevelFilter {
        use tracing::level_filters::LevelFilter;
        match self {
            Level::None | Level::Critical => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warning | Level::Notice => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Level {
        match *level {
            tracing::Level::ERROR => Level::Error,
            tracing::Level::WARN => Level::Warning,
            tracing::Level::INFO => Level::Info,
            tracing::Level::DEBUG => Level::Debug,
            tracing::Level::TRACE => Level::Trace,
        }
    }
}

impl FromStr for Level {
    type Err = String;

    /// Reads the name used by `--log-level` and by volume options, upper or lower case.
    fn from_str(text: &str) -> Result<Level, String> {
        match text.to_ascii_uppercase().as_str() {
            "NONE" => Ok(Level::None),
            "CRITICAL" => Ok(Level::Critical),
            "ERROR" => Ok(Level::Error),
            "WARNING" => Ok(Level::Warning),
            "NOTICE" => Ok(Level::Notice),
            "INFO" => Ok(Level::Info),
            "DEBUG" => Ok(Level::Debug),
            "TRACE" => Ok(Level::Trace),
            _ => Err("expected TRACE, DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL or NONE".to_owned()),
        }
    }
}
