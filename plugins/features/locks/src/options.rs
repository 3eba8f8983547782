//! The options of `features/locks`.

use plugin_api::InitCx;
use plugin_api::InitError;
use plugin_api::options::Options;

use crate::engine::Revocation;

/// Which reads and writes the record locks of others stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mandatory {
    /// None: locks are advice.
    #[default]
    Off,
    /// Those on files with the set-gid bit and without group execute.
    File,
    /// All.
    Forced,
    /// Those that meet a lock which was taken as mandatory.
    Optimal,
}

impl Mandatory {
    /// The mode a volfile's word names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "off" => Some(Self::Off),
            "file" => Some(Self::File),
            "forced" => Some(Self::Forced),
            "optimal" => Some(Self::Optimal),
            _ => None,
        }
    }
}

/// What the translator declares.
pub fn declare() -> Options {
    Options::new()
        .choice(
            "mandatory-locking",
            &["off", "file", "forced", "optimal"],
            "which reads and writes another owner's record locks stop",
        )
        .default_value("off")
        .reconfigurable()
        .bool("trace", "log every lock request")
        .default_value("off")
        .reconfigurable()
        .bool("monkey-unlocking", "drop some unlock requests, to test what clients do with stale locks")
        .default_value("false")
        .reconfigurable()
        .int("revocation-secs", "seconds after which a contended range or name lock is taken away; 0 never")
        .range(0.0, f64::from(i32::MAX))
        .default_value("0")
        .reconfigurable()
        .bool("revocation-clear-all", "refuse those who wait as well when a lock is taken away")
        .default_value("false")
        .reconfigurable()
        .int("revocation-max-blocked", "waiters in a domain after which a lock is taken away; 0 any number")
        .range(0.0, f64::from(i32::MAX))
        .default_value("0")
        .reconfigurable()
        .bool("notify-contention", "tell the holder of a range or name lock that another client waits for it")
        .default_value("yes")
        .reconfigurable()
        .int("notify-contention-delay", "seconds between two such notices about one lock")
        .range(0.0, 60.0)
        .default_value("5")
        .reconfigurable()
        .bool("enforce-mandatory-lock", "let files ask that only lock holders read and write them (fencing)")
        .default_value("off")
        .reconfigurable()
}

/// The options, read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// See [`Mandatory`].
    pub mandatory: Mandatory,
    /// Whether files may ask that only lock holders read and write them.
    pub fences: bool,
    /// Whether some unlock requests are dropped.
    pub monkey: bool,
    /// Whether every request is logged.
    pub trace: bool,
    /// When locks are taken from their holders; `None` for never.
    pub revocation: Option<Revocation>,
    /// Milliseconds between two notices of contention; `None` sends none.
    pub notice_every: Option<u64>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let word = cx.text("mandatory-locking")?;
        let mandatory = Mandatory::from_word(word).ok_or_else(|| {
            InitError(format!(
                "option `mandatory-locking` is `{word}`, expected off, file, forced or optimal"
            ))
        })?;
        let number = |key| cx.int(key).map(|n| u64::try_from(n).unwrap_or(0));
        let (seconds, most) = (number("revocation-secs")?, number("revocation-max-blocked")?);
        let rules = Revocation {
            after: (seconds > 0).then_some(seconds.saturating_mul(1000)),
            waiting: usize::try_from(most).ok().filter(|most| *most > 0),
            refuse_waiting: cx.bool("revocation-clear-all")?,
        };
        let notify = cx.bool("notify-contention")?;
        Ok(Self {
            mandatory,
            fences: cx.bool("enforce-mandatory-lock")?,
            monkey: cx.bool("monkey-unlocking")?,
            trace: cx.bool("trace")?,
            revocation: (rules.after.is_some() || rules.waiting.is_some()).then_some(rules),
            notice_every: notify.then_some(number("notify-contention-delay")?.saturating_mul(1000)),
        })
    }
}
