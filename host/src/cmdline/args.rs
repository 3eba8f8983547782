//! The options of `glusterd`, `glusterfsd`, `glusterfs` and `mortar run`, as they are written.
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser};

use super::mount_args::MountArgs;
use super::values::{on_off, ports, transport, xlator_option};
use crate::logging::Level;
use crate::settings::XlatorOption;

/// The options of a process that serves a graph, under the incumbent's names.
#[derive(Debug, Parser)]
#[command(
    about = "Serves a graph of translators from a volfile",
    override_usage = "PROGRAM [OPTION...] --volfile-server=SERVER [MOUNT-POINT]\n       \
                      PROGRAM [OPTION...] --volfile=VOLFILE [MOUNT-POINT]",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    infer_long_args = true
)]
pub(super) struct HostArgs {
    #[command(flatten)]
    pub basic: BasicArgs,
    #[command(flatten)]
    pub advanced: AdvancedArgs,
    #[command(flatten)]
    pub process: ProcessArgs,
    #[command(flatten)]
    pub mortar: MortarArgs,
    #[command(flatten)]
    pub mount: MountArgs,
    #[command(flatten)]
    pub print: PrintArgs,
}

/// Volfile and log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Basic options")]
pub(super) struct BasicArgs {
    /// File to use as the volfile
    #[arg(short = 'f', long, alias = "spec-file", value_name = "VOLFILE")]
    pub volfile: Option<PathBuf>,
    /// Server to get the volfile from, or the path of a unix socket; may be repeated, and goes before --volfile
    #[arg(short = 's', long, value_name = "SERVER", action = ArgAction::Append)]
    pub volfile_server: Vec<String>,
    /// File to log to; - is standard error
    #[arg(short = 'l', long, value_name = "LOGFILE")]
    pub log_file: Option<PathBuf>,
    /// Least severe level that is logged: TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL or NONE
    #[arg(short = 'L', long, value_name = "LOGLEVEL", default_value = "INFO")]
    pub log_level: Level,
    /// Where log lines go: gluster-log (the log file); syslog is not there yet
    #[arg(long, value_name = "LOGGER", value_parser = ["gluster-log", "syslog"], default_value = "gluster-log")]
    pub logger: String,
    /// Whether log lines show message numbers
    #[arg(
        long,
        value_name = "LOG-FORMAT",
        value_parser = ["no-msg-id", "with-msg-id"],
        default_value = "with-msg-id"
    )]
    pub log_format: String,
    /// Accepted for compatibility: every line is written at once
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(0..=20), default_value = "5")]
    pub log_buf_size: u32,
    /// Accepted for compatibility: every line is written at once
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(30..=300),
        default_value = "120"
    )]
    pub log_flush_timeout: u32,
    /// Log local time instead of UTC
    #[arg(long)]
    pub localtime_logging: bool,
}

/// How the volfile is fetched and the graph is put together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Advanced options")]
pub(super) struct AdvancedArgs {
    /// Key of the volfile to be fetched
    #[arg(long, value_name = "KEY")]
    pub volfile_id: Option<String>,
    /// Port of the volfile server
    #[arg(
        long,
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..),
        default_value = "24007"
    )]
    pub volfile_server_port: u16,
    /// Transport to the volfile server: socket or unix
    #[arg(long, value_name = "TRANSPORT", value_parser = transport, default_value = "socket")]
    pub volfile_server_transport: String,
    /// How often the list of volfile servers is tried
    #[arg(long, hide = true, value_parser = clap::value_parser!(u32).range(1..), default_value = "1")]
    pub volfile_max_fetch_attempts: u32,
    /// Refuse a volfile that changed
    #[arg(long)]
    pub volfile_check: bool,
    /// Translator to be the top of the graph [default: the last one of the volfile]
    #[arg(long, value_name = "XLATOR-NAME")]
    pub volume_name: Option<String>,
    /// Set an option of the translators whose name matches the shell pattern; may be repeated
    #[arg(
        long,
        value_name = "XLATOR-NAME.OPTION=VALUE",
        value_parser = xlator_option,
        action = ArgAction::Append
    )]
    pub xlator_option: Vec<XlatorOption>,
    /// Fetch the volfile that connects through gfproxyd
    #[arg(long)]
    pub thin_client: bool,
    /// Use TLS for management connections
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub secure_mgmt: Option<bool>,
    /// Serve the mount write-once
    #[arg(long)]
    pub worm: bool,
    /// Enforce POSIX ACLs in this process
    #[arg(long)]
    pub acl: bool,
    /// Answer the attributes that macOS asks for
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub mac_compat: Option<bool>,
    /// Give access to files by gfid
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_name = "BOOL", value_parser = on_off)]
    pub aux_gfid_mount: Option<bool>,
}

/// The process itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Process options")]
pub(super) struct ProcessArgs {
    /// Stay in the foreground
    #[arg(short = 'N', long)]
    pub no_daemon: bool,
    /// Stay in the foreground and log at DEBUG to standard error
    #[arg(long)]
    pub debug: bool,
    /// File to hold the process number
    #[arg(short = 'p', long, value_name = "PIDFILE")]
    pub pid_file: Option<PathBuf>,
    /// Unix socket to listen on for brick operations
    #[arg(short = 'S', long, value_name = "SOCKFILE")]
    pub socket_file: Option<PathBuf>,
    /// Let this process take several bricks
    #[arg(long)]
    pub brick_mux: bool,
    /// Accepted for compatibility: timers are shared always
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub global_timer_wheel: Option<bool>,
    /// Accepted for compatibility: one pool of threads serves all translators
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub global_threading: Option<bool>,
    /// I/O engine; there is one, legacy
    #[arg(long, value_name = "ENGINE", num_args = 0..=1, require_equals = true, default_missing_value = "legacy")]
    pub io_engine: Option<String>,
    #[arg(long, hide = true)]
    pub run_id: Option<String>,
    #[arg(long, hide = true)]
    pub process_name: Option<String>,
    #[arg(long, hide = true)]
    pub brick_name: Option<String>,
    #[arg(long, hide = true, value_name = "PORT[,PORT]", value_parser = ports)]
    pub brick_port: Option<std::vec::Vec<u16>>,
    #[arg(long, hide = true, allow_negative_numbers = true)]
    pub client_pid: Option<i32>,
    #[arg(long, hide = true)]
    pub user_map_root: Option<String>,
    #[arg(long, hide = true, overrides_with = "no_mem_accounting")]
    pub mem_accounting: bool,
    #[arg(long, hide = true, overrides_with = "mem_accounting")]
    pub no_mem_accounting: bool,
}

/// What only this host has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plugins")]
pub(super) struct MortarArgs {
    /// Folder searched for plugins before those of MORTAR_PLUGIN_DIR and the installed ones; may be repeated
    #[arg(long, value_name = "FOLDER", action = ArgAction::Append)]
    pub plugin_dir: Vec<PathBuf>,
    /// Program that the management daemon runs for self-heal, rebalance and the like [default: the `glusterfs` beside
    /// this program if there is one that can mount, else the system's]
    #[arg(long, value_name = "PROGRAM")]
    pub client_binary: Option<PathBuf>,
    /// How long the init of one translator may take
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), default_value = "120")]
    pub init_timeout: u64,
    /// How often a translator may panic before it is marked down and answers ENOTCONN; 0 for ever
    #[arg(long, value_name = "N", default_value = "100")]
    pub fault_limit: u64,
    /// How long a file operation may wait for its answer before it fails with ETIMEDOUT; 0 for ever
    #[arg(long, value_name = "SECONDS", default_value = "1800")]
    pub frame_timeout: u64,
    /// Name a translator that keeps a thread for itself for so many seconds; 0 for never
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    pub stall_limit: u64,
}

/// Print something and exit.
#[derive(Debug, Args)]
#[command(next_help_heading = "Print and exit")]
pub(super) struct PrintArgs {
    /// Print the folder of the translators
    #[arg(long)]
    pub print_xlatordir: bool,
    /// Print the folder of the logs
    #[arg(long)]
    pub print_logdir: bool,
    /// Print the folder of the statedumps
    #[arg(long)]
    pub print_statedumpdir: bool,
    /// Print the folder of helper programs
    #[arg(long)]
    pub print_libexecdir: bool,
    /// Validate an exports file and print it
    #[arg(short = 'e', long, value_name = "EXPORTS-FILE")]
    pub print_exports: Option<PathBuf>,
    /// Validate a netgroups file and print it
    #[arg(short = 'n', long, value_name = "NETGROUP-FILE")]
    pub print_netgroups: Option<PathBuf>,
    /// Print this help
    #[arg(short = '?', long, action = ArgAction::Help)]
    pub help: Option<bool>,
    /// Print a short usage message
    #[arg(long)]
    pub usage: bool,
    /// Print the version
    #[arg(short = 'V', long)]
    pub version: bool,
}
