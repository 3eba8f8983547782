//! The command line: who we are by our name, what we were asked to do.
//!
//! `args` and `mount_args` are the options as written, `values` how their values are, `mortar` the sub-commands of
//! `mortar`, `small` the words of the two small programs, `mount_helper` those of `mount.glusterfs`, `settle` the way from
//! there to [`Settings`].
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use crate::isolate::Inherited;
use crate::settings::{Mode, Settings};

mod args;
mod mortar;
mod mount_args;
mod mount_helper;
mod settle;
mod small;
mod values;

use args::HostArgs;

/// What the command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Serve a graph.
    Serve(Box<Settings>),
    /// Do one thing, print, and leave.
    Tool(Tool),
    /// Run one translator for a host that started this process.
    Isolated(Inherited),
}

/// Things done and printed without serving.
#[derive(Debug, PartialEq, Eq)]
pub enum Tool {
    /// Print this text.
    Print(String),
    /// Check a volfile.
    Check {
        /// The volfile.
        volfile: PathBuf,
        /// Folders searched for plugins.
        plugin_dirs: Vec<PathBuf>,
    },
    /// Show the graph of a volfile.
    Graph {
        /// The volfile.
        volfile: PathBuf,
        /// Folders searched for plugins.
        plugin_dirs: Vec<PathBuf>,
    },
    /// Write a new translator's crate.
    New(crate::tools::new::Ask),
    /// Write manual pages and completions below this folder.
    Documents(PathBuf),
    /// Let running processes take the volfile and the plugins as they are now.
    Reload(crate::tools::processes::Which),
    /// Give a brick process another brick, or take one from it.
    Attach(crate::tools::attach::Ask),
    /// Have a client mount a volume.
    Mount(crate::tools::mount::Ask),
    /// Record a file's name on the file itself.
    SetGfid2path(PathBuf),
    /// Something about plugins.
    Plugin {
        /// What.
        ask: PluginAsk,
        /// Folders searched for plugins.
        plugin_dirs: Vec<PathBuf>,
    },
}

/// What `mortar plugin` is asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum PluginAsk {
    /// Every plugin found.
    List,
    /// One plugin's declaration, by type or file.
    Info(String),
    /// The folder that new plugins go to.
    Folder,
    /// Whether a plugin keeps the rules.
    Check(Box<CheckAsk>),
    /// The faults counted by running processes.
    Faults(crate::tools::processes::Which),
}

/// What `mortar plugin check` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckAsk {
    /// The plugin.
    pub file: Option<PathBuf>,
    /// Whether only the rules are listed.
    pub list: bool,
    /// The rules to run; empty for all.
    pub only: Vec<String>,
    /// Where what is random in them comes from; a fresh one when there is none.
    pub seed: Option<u64>,
    /// Options of the translator.
    pub options: Vec<(String, String)>,
    /// Whether smaller counts do.
    pub quick: bool,
    /// Whether machines read the report.
    pub json: bool,
    /// How long one rule may take.
    pub limit: Duration,
    /// Folders in which the plugin finds others.
    pub plugin_dirs: Vec<PathBuf>,
    /// The folder in which the process of a single rule leaves its answer: given by the command to itself.
    pub apart: Option<PathBuf>,
}

/// A command line that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum CmdlineError {
    /// Unknown options, bad values, and the like; the text is complete.
    #[error("{}", text.trim_end())]
    Usage {
        /// What is wrong and how it is right.
        text: String,
        /// Whether a value rather than an option is wrong; the incumbent's exit codes differ.
        value: bool,
    },
    /// A small program was not called as it wants; the text is complete, and the program's name stands in it.
    #[error("{text}")]
    Small {
        /// How it is called.
        text: String,
        /// The exit code.
        code: u8,
    },
    /// An option that this build refuses to act on.
    #[error("{option}: {why}")]
    Refused {
        /// The option.
        option: &'static str,
        /// Why, and what to do instead.
        why: String,
    },
    /// No volfile was named and the default is not there.
    #[error("{}: {source}; name a volfile with -f, or a server with -s and --volfile-id", path.display())]
    NoVolfile {
        /// The default volfile.
        path: PathBuf,
        /// Why it cannot be used.
        source: std::io::Error,
    },
    /// The working folder is gone, so relative paths mean nothing.
    #[error("the working folder: {0}")]
    WorkingFolder(#[source] std::io::Error),
}

/// Reads a whole command line, the program's name first.
/// # Errors
/// Options that do not exist, values that are not of their kind, options that contradict the mode, and options that
/// this build does not act on.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Request, CmdlineError> {
    let words: Vec<OsString> = words.into_iter().collect();
    let program = words.first().map(base_name).unwrap_or_default();
    let text: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let origin = settle::Origin { program: program.clone(), command_line: text.join(" ") };
    match program.as_str() {
        "mortar" => return mortar::parse(words, origin),
        "gf_attach" => return small::gf_attach(&words[1..]).map(Request::Tool),
        "mount.glusterfs" => return mount_helper::parse(&words[1..]).map(Request::Tool),
        "gluster-setgfid2path" => return small::setgfid2path(&words[1..]).map(Request::Tool),
        _ => {}
    }
    let mode = Mode::of_program(&program);
    let command = HostArgs::command().name("PROGRAM").bin_name(program);
    let matches = command.try_get_matches_from(words);
    match matches.and_then(|matches| HostArgs::from_arg_matches(&matches)) {
        Ok(args) => settle::settle(args, mode, origin),
        Err(error) => usage(&error),
    }
}

/// The command lines of the programs, by their names.
pub(crate) fn definitions() -> Vec<clap::Command> {
    let serving =
        ["glusterd", "glusterfsd", "glusterfs"].map(|name| HostArgs::command().name(name).bin_name(name));
    std::iter::once(mortar::definition()).chain(serving).collect()
}

/// The base name of the program, as it was called.
pub fn program_name() -> String {
    std::env::args_os().next().map(|word| base_name(&word)).unwrap_or_default()
}

/// The version text: the line that scripts read, then our own.
pub fn version() -> String {
    format!(
        "glusterfs 10.3\nmortar {}: a plugin host that stands in for the glusterfs named above\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn base_name(word: &OsString) -> String {
    Path::new(word).file_name().unwrap_or(word).to_string_lossy().into_owned()
}

fn usage(error: &clap::Error) -> Result<Request, CmdlineError> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Request::Tool(Tool::Print(text))),
        kind => {
            let value = matches!(kind, ErrorKind::InvalidValue | ErrorKind::ValueValidation);
            Err(CmdlineError::Usage { text, value })
        }
    }
}

#[cfg(test)]
mod tests;
