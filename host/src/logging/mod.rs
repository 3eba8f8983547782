//! Logging: lines as the incumbent writes them, from our own code and from plugins.
//!
//! Our own code logs through `tracing`, plugins hand their records to [`sink`]. Each line is one `write` to a file
//! opened for appending, so lines of several threads and processes never mix.
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::settings::LogSettings;

mod clock;
mod layer;
mod level;
mod line;
mod output;

pub use level::Level;
use line::Style;
use output::Output;

/// Why logging could not start or be reopened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file cannot be opened.
    #[error("log file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Logging was set up before.
    #[error("logging was set up before")]
    Twice,
}

/// One line to be written.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// How severe it is.
    pub level: Level,
    /// The number of the graph the translator belongs to; 0 outside graphs.
    pub graph: u32,
    /// The translator's name, or the part of the host that speaks.
    pub xlator: &'a str,
    /// Where in the code: `file:line:function` or a module.
    pub target: &'a str,
    /// The message's number in the incumbent's catalogue, where it has one.
    pub msg_id: Option<u64>,
    /// The sentence, and the fields after it.
    pub message: &'a str,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Where lines go instead, in a process that has no log of its own.
static DIVERTED: OnceLock<Diverted> = OnceLock::new();

struct Diverted {
    level: Level,
    to: Box<dyn Fn(&Record<'_>) + Send + Sync>,
}

/// What every line passes through.
#[derive(Debug)]
struct Logger {
    threshold: AtomicU8,
    style: Style,
    output: Output,
}

/// Opens the log and makes it the process's own.
/// # Errors
/// The log file cannot be opened, or logging was set up before.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let logger = Logger {
        threshold: AtomicU8::new(settings.level as u8),
        style: Style { msg_id: settings.msg_id, local_time: settings.local_time },
        output: Output::open(settings.file.as_deref())
            .map_err(|source| open_error(&settings.file, source))?,
    };
    LOGGER.set(logger).map_err(|_| LogError::Twice)?;
    let subscriber = Registry::default().with(layer::LineLayer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)
}

/// Hands every line to `to` from now on, for a process that has no log of its own.
pub fn divert(level: u8, to: impl Fn(&Record<'_>) + Send + Sync + 'static) {
    let _ = DIVERTED.set(Diverted { level: Level::from_number(level), to: Box::new(to) });
    // Somebody else may have subscribed; then its lines are not ours.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layer::LineLayer));
}

/// Writes a line that another process was diverted.
pub fn forward(level: u8, target: &str, xlator: &str, message: &str) {
    let level = Level::from_number(level).max(Level::Critical);
    sink(&Record { level, graph: 0, xlator, target, msg_id: None, message });
}

/// Opens the log file anew, after it was moved away.
/// # Errors
/// It cannot be opened; lines go on into the old one.
pub fn reopen() -> Result<(), LogError> {
    let Some(logger) = LOGGER.get() else { return Ok(()) };
    logger.output.reopen().map_err(|source| open_error(&logger.output.path().map(Path::to_owned), source))
}

/// Whether lines go to standard error.
pub fn is_terminal() -> bool {
    LOGGER.get().is_none_or(|logger| logger.output.path().is_none())
}

/// The least severe level that is written.
pub fn level() -> Level {
    let diverted = || DIVERTED.get().map_or(Level::Info, |diverted| diverted.level);
    LOGGER.get().map_or_else(diverted, Logger::level)
}

/// Changes the least severe level that is written.
pub fn set_level(level: Level) {
    if let Some(logger) = LOGGER.get() {
        logger.threshold.store(level as u8, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }
}

/// A moment as log lines show it.
pub fn time_text(moment: SystemTime) -> String {
    let mut text = String::new();
    clock::write_time(&mut text, moment, LOGGER.get().is_some_and(|logger| logger.style.local_time));
    text
}

/// Writes one line, if its level is written at all. Before [`init`] lines go to standard error.
pub fn sink(record: &Record<'_>) {
    if let Some(diverted) = DIVERTED.get() {
        if record.level <= diverted.level {
            (diverted.to)(record);
        }
        return;
    }
    match LOGGER.get() {
        Some(logger) if record.level <= logger.level() => logger.write(record),
        None if record.level <= Level::Info => {
            let style = Style { msg_id: true, local_time: false };
            line::with_line(style, record, |line| Output::stderr().write(line));
        }
        _ => {}
    }
}

/// Writes text of several lines as it is, such as a graph or a drawing of a faulty volfile.
pub fn block(level: Level, text: &str) {
    if let Some(logger) = LOGGER.get()
        && level <= logger.level()
    {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        logger.output.write(&format!("{text}{end}"));
    }
}

impl Logger {
    fn level(&self) -> Level {
        Level::from_number(self.threshold.load(Ordering::Relaxed))
    }

    fn write(&self, record: &Record<'_>) {
        line::with_line(self.style, record, |line| self.output.write(line));
    }
}

fn open_error(path: &Option<PathBuf>, source: io::Error) -> LogError {
    LogError::Open { path: path.clone().unwrap_or_else(|| "/dev/stderr".into()), source }
}
