//! What this process was asked to do: plain values, settled once from the command line.
use std::path::PathBuf;
use std::time::Duration;

use crate::logging::Level;

/// Which of its roles the process plays; taken from the name it was started by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `glusterd`
    Management,
    /// `glusterfsd`
    Server,
    /// `glusterfs`
    Client,
}

/// Every setting of a process that serves a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The role.
    pub mode: Mode,
    /// The base name of `argv[0]`.
    pub program: String,
    /// The whole command line, words joined by spaces, for the first log line.
    pub command_line: String,
    /// Where the volfile comes from.
    pub volfile: VolfileSource,
    /// The translator that is to be the top of the graph, instead of the last one.
    pub volume_name: Option<String>,
    /// Options added to translators, in the order given.
    pub xlator_options: Vec<XlatorOption>,
    /// Logging.
    pub log: LogSettings,
    /// Whether the process leaves the terminal.
    pub daemonize: bool,
    /// The file that holds the process number.
    pub pid_file: Option<PathBuf>,
    /// The unix socket on which brick operations are taken.
    pub socket_file: Option<PathBuf>,
    /// The part this process plays among its like: `brick`, `glustershd`, `fuse`, `rebalance`, …
    pub process_name: Option<String>,
    /// What a brick signs in with.
    pub brick: BrickSettings,
    /// The process number reported in credentials; negative numbers are the incumbent's internal users.
    pub client_pid: Option<i32>,
    /// The user who is treated as root.
    pub user_map_root: Option<String>,
    /// The value for `/proc/self/oom_score_adj`.
    pub oom_score_adj: Option<i32>,
    /// A mark that scripts find in the process list.
    pub run_id: Option<String>,
    /// Whether memory is counted for each translator.
    pub mem_accounting: bool,
    /// Whether the shared timer wheel was asked for; our timers are shared always.
    pub global_timer_wheel: bool,
    /// Whether one thread pool serves all translators; ours does always.
    pub global_threading: bool,
    /// Translators that the prepare step puts on top.
    pub insert: Insertions,
    /// The mount, when a mount point was given.
    pub mount: Option<MountSettings>,
    /// Folders searched for plugins, first to last.
    pub plugin_dirs: Vec<PathBuf>,
    /// The client program that a management daemon runs, where it was named.
    pub client_binary: Option<PathBuf>,
    /// How long a translator's `init` may take.
    pub init_timeout: Duration,
    /// After so many panics a translator is marked down; 0 for never.
    pub fault_limit: u64,
    /// How long a call may wait for its answer before it fails with ETIMEDOUT; zero for ever.
    pub frame_timeout: Duration,
    /// For how long a translator may keep a thread for itself before it is named; 0 for as long as it likes.
    pub stall_limit: Duration,
    /// Sentences about options that are accepted and have no effect here; logged once logging works.
    pub notes: Vec<String>,
}

/// Where the volfile comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolfileSource {
    /// A file of this machine.
    File(PathBuf),
    /// A volfile server.
    Server(VolfileServer),
}

/// How the volfile is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolfileServer {
    /// Host names, or paths of unix sockets, tried in turn; never empty.
    pub servers: Vec<String>,
    /// The key of the volfile.
    pub id: String,
    /// The port, in host byte order.
    pub port: u16,
    /// The transport: `socket` (tcp) or `unix`.
    pub transport: String,
    /// How often the whole list of servers is tried.
    pub attempts: u32,
    /// Whether a changed volfile is refused.
    pub strict: bool,
}

/// One `--xlator-option`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XlatorOption {
    /// A shell pattern that names translators.
    pub pattern: String,
    /// The option's key.
    pub key: String,
    /// The option's value; never empty.
    pub value: String,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The log file; none means standard error.
    pub file: Option<PathBuf>,
    /// The least severe level that is written.
    pub level: Level,
    /// Whether a line shows its message number.
    pub msg_id: bool,
    /// Whether time is local rather than UTC.
    pub local_time: bool,
}

/// What a brick signs in with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrickSettings {
    /// The brick's path; without one there is no sign-in.
    pub name: Option<String>,
    /// The ports it listens on, in host byte order.
    pub ports: Vec<u16>,
    /// Whether the process may take more bricks.
    pub multiplex: bool,
}

/// Translators that the prepare step puts on top, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Insertions {
    /// `features/worm`
    pub worm: bool,
    /// `system/posix-acl`
    pub acl: bool,
    /// `features/mac-compat`
    pub mac_compat: bool,
    /// `features/gfid-access`
    pub aux_gfid: bool,
}

/// A mount: the mount point, and the options of `mount/fuse` that were given, in its own names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountSettings {
    /// The mount point, absolute.
    pub point: PathBuf,
    /// Keys and values for `mount/fuse`: where and under which device's name, then what was asked for; defaults are the
    /// translator's.
    pub options: Vec<(String, String)>,
}

impl MountSettings {
    /// The folder of the volume that is mounted, where it is not all of it.
    pub fn folder(&self) -> Option<&str> {
        let given = self.options.iter().find(|(key, _)| key == "subdir-mount");
        given.map(|(_, folder)| folder.as_str()).filter(|folder| !folder.trim_matches('/').is_empty())
    }
}

impl XlatorOption {
    /// Whether the option is meant for the translator of this name.
    pub fn is_for(&self, xlator: &str) -> bool {
        crate::glob::matches(&self.pattern, xlator)
    }
}

impl Mode {
    /// The mode that belongs to a program name; any name but the two daemons' is a client.
    pub fn of_program(name: &str) -> Mode {
        if name.starts_with("glusterfsd") {
            Mode::Server
        } else if name.starts_with("glusterd") {
            Mode::Management
        } else {
            Mode::Client
        }
    }

    /// The volfile that is read when neither a file nor a server is named.
    pub fn default_volfile(self) -> &'static str {
        match self {
            Mode::Management => "/etc/glusterfs/glusterd.vol",
            Mode::Server => "/etc/glusterfs/glusterfsd.vol",
            Mode::Client => "/etc/glusterfs/glusterfs.vol",
        }
    }
}
