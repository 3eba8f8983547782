//! The edge to people: an error becomes words on standard error and an exit code.
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::cmdline::CmdlineError;
use crate::ctx::Ctx;
use crate::graph::GraphError;
use crate::logging::{self, Level, LogError};
use crate::mount::MountError;
use crate::process::{self, DaemonError, Parent, SignalError};
use crate::services::ServicesError;
use crate::tools::ToolError;
use crate::volfile::{VolfileError, render};
use crate::volumes::VolumesError;

/// Why a process did not start; one variant for each step that may fail.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command line.
    #[error(transparent)]
    Cmdline(#[from] CmdlineError),
    /// A tool.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// Logging.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The mount.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// Leaving the terminal, and the pid file.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// Signals.
    #[error(transparent)]
    Signals(SignalError),
    /// The event pool.
    #[error(transparent)]
    Services(#[from] ServicesError),
    /// The volfile and its graph.
    #[error(transparent)]
    Volumes(#[from] VolumesError),
    /// The process was told to end before it served.
    #[error("told to end before the graph was up")]
    Stopped {
        /// The exit status.
        status: i32,
    },
}

impl StartError {
    /// The exit code: 64 for an option that does not exist, 255 for one that cannot be followed; the system's error
    /// number for a pid file that cannot be had, a mount point, a volfile that cannot be fetched, and a translator that names one (the
    /// daemon chooses another port for a brick that ends with 98); 2 for a check that cannot run; the small programs' own;
    /// else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Cmdline(CmdlineError::Usage { value: false, .. }) => 64,
            StartError::Cmdline(CmdlineError::Small { code, .. }) => *code,
            StartError::Cmdline(_) => 255,
            StartError::Daemon(error) => error.exit_code(),
            StartError::Mount(error) => error.exit_code(),
            StartError::Volumes(VolumesError::Fetch(error)) => u8::try_from(error.errno().raw()).unwrap_or(1),
            StartError::Volumes(VolumesError::Graph(GraphError::Init { why, .. })) => {
                system_error(why).unwrap_or(1)
            }
            StartError::Tool(ToolError::CannotCheck { .. }) => 2,
            StartError::Tool(ToolError::Gfid2path(_)) => 255,
            StartError::Tool(ToolError::Mount(error)) => error.exit_code(),
            StartError::Stopped { status } => u8::try_from(*status).unwrap_or(1),
            _ => 1,
        }
    }

    /// The words for a terminal or a pipe.
    pub fn words(&self, colour: bool) -> String {
        match self {
            StartError::Tool(ToolError::Volfile(VolfileError::Faults { origin, text, faults }))
            | StartError::Volumes(VolumesError::Volfile(VolfileError::Faults { origin, text, faults }))
                if colour =>
            {
                render::terminal(origin, text, faults)
            }
            StartError::Tool(ToolError::Graph(GraphError::Faults { origin, text, faults }))
            | StartError::Volumes(VolumesError::Graph(GraphError::Faults { origin, text, faults }))
                if colour =>
            {
                render::terminal(origin, text, faults)
            }
            other => other.to_string(),
        }
    }
}

/// The number in the `(os error N)` with which the standard library ends the words of a system's error.
fn system_error(words: &str) -> Option<u8> {
    let (_, rest) = words.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok().filter(|number| *number != 0)
}

/// Prints the error and gives the exit code.
pub fn failure(program: &str, error: &StartError) -> ExitCode {
    let words = error.words(std::io::stderr().is_terminal());
    match error {
        // The small programs speak the incumbent's words, which scripts may look for.
        StartError::Cmdline(CmdlineError::Small { .. })
        | StartError::Tool(ToolError::Attach(_) | ToolError::Gfid2path(_) | ToolError::Mount(_)) => {
            eprintln!("{words}")
        }
        _ => say(program, &words),
    }
    ExitCode::from(error.exit_code())
}

/// Prints words on standard error, under the program's name; usage errors and drawings name their place themselves.
pub fn say(program: &str, words: &str) {
    let words = words.trim_end();
    if words.contains('\n') {
        eprintln!("{words}");
    } else {
        eprintln!("{program}: {words}");
    }
}

/// The first lines of a log: who started, with what, and which options do nothing here.
pub fn first_lines(ctx: &Ctx) {
    let Ctx { settings, .. } = ctx;
    tracing::info!(
        xl = %settings.program, msgid = 100_030, arg = %settings.program, version = "10.3",
        mortar = env!("CARGO_PKG_VERSION"), cmdlinestr = %settings.command_line, "Started running version"
    );
    for note in &settings.notes {
        tracing::warn!(xl = %settings.program, "{note}");
    }
    if let Some(score) = settings.oom_score_adj
        && let Err(error) = process::set_oom_score(score)
    {
        tracing::warn!(xl = %settings.program, "{error}");
    }
}

/// Logs the error of a start that failed; where the log is the terminal, [`failure`] says it.
pub fn log(error: &StartError) {
    let words = error.words(false);
    if logging::is_terminal() {
        return;
    }
    match words.split_once('\n') {
        Some(_) => logging::block(Level::Error, &words),
        None => tracing::error!("{words}"),
    }
}

/// Logs the error of a start that failed after the fork, leaves nothing behind, and tells the parent.
pub fn failed_start(parent: &Parent, error: &StartError) {
    log(error);
    parent.discard_pid_file();
    parent.report_failure(error.exit_code(), &error.words(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translators_system_error_is_the_exit_code() {
        let init = |why: &str| {
            let (volume, type_name) = ("v-server".to_owned(), "protocol/server".to_owned());
            StartError::Volumes(VolumesError::Graph(GraphError::Init {
                volume,
                type_name,
                why: why.to_owned(),
            }))
        };
        assert_eq!(init("port 49152: Address already in use (os error 98)").exit_code(), 98);
        assert_eq!(init("no port was named").exit_code(), 1);
        assert_eq!(init("odd (os error 0)").exit_code(), 1);
    }
}
