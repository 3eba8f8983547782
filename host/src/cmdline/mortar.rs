//! The sub-commands of `mortar`.
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use super::args::HostArgs;
use super::settle::{self, Origin, plugin_dirs};
use super::{CheckAsk, CmdlineError, PluginAsk, Request, Tool};
use crate::isolate::Inherited;
use crate::settings::Mode;
use crate::tools::new::Ask;
use crate::tools::processes::Which;

/// The plugin host by its own name.
#[derive(Debug, Parser)]
#[command(name = "mortar", about = "The plugin host by its own name", disable_version_flag = true)]
struct MortarArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the version
    #[arg(short = 'V', long)]
    version: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a volfile, as glusterd, glusterfsd or glusterfs do
    Run {
        /// The role to play
        #[arg(long = "as", value_enum, default_value_t = Role::Glusterd)]
        role: Role,
        #[command(flatten)]
        args: Box<HostArgs>,
    },
    /// Check a volfile: exit code 0 when it is sound
    Check {
        /// The volfile
        volfile: PathBuf,
        /// Folder searched for plugins first; may be repeated
        #[arg(long, value_name = "FOLDER")]
        plugin_dir: Vec<PathBuf>,
    },
    /// Show the graph of a volfile
    Graph {
        /// The volfile
        volfile: PathBuf,
        /// Folder searched for plugins first; may be repeated
        #[arg(long, value_name = "FOLDER")]
        plugin_dir: Vec<PathBuf>,
    },
    /// Write the crate of a new translator: code, test, README, volfile
    New {
        /// Its type, such as features/write-cap
        r#type: String,
        /// The new folder; named after the translator when left out
        folder: Option<PathBuf>,
        /// Where plugin-api comes from: a folder with its source, or a version
        #[arg(long, value_name = "FOLDER|VERSION")]
        plugin_api: Option<String>,
    },
    /// Let the bricks of a volume take new builds of plugins and a changed volfile, while they serve
    Reload {
        #[command(flatten)]
        which: WhichArgs,
    },
    /// Write manual pages and shell completions, laid out as below /usr/share
    Documents {
        /// The folder that they go below
        folder: PathBuf,
    },
    /// Run one translator for a host, which starts this by itself
    #[command(hide = true)]
    IsolateWorker {
        /// Its type, for the list of processes
        name: String,
        memory: i32,
        bell: i32,
        their_bell: i32,
        library: i32,
    },
    /// Ask about plugins
    Plugin {
        #[command(subcommand)]
        ask: PluginCommand,
        /// Folder searched for plugins first; may be repeated
        #[arg(long, value_name = "FOLDER", global = true)]
        plugin_dir: Vec<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    /// List every plugin found, with its fops and options
    List,
    /// Show one plugin's declaration
    Info {
        /// A type, such as debug/trace, or a file
        plugin: String,
    },
    /// Print the folder that new plugins go to
    Dir,
    /// Hold a plugin to the rule book: exit code 0 when it keeps it, 1 when not, 2 when that cannot be tried
    Check(CheckArgs),
    /// Show the faults that the bricks of a volume have counted
    Faults {
        #[command(flatten)]
        which: WhichArgs,
    },
}

#[derive(Debug, Args)]
struct WhichArgs {
    /// The volume; all of this node without it
    volume: Option<String>,
    /// Just the process that was started with -S SOCKET
    #[arg(long, value_name = "SOCKET", conflicts_with = "volume")]
    socket: Option<PathBuf>,
    /// Where the daemon keeps pid files
    #[arg(long, value_name = "FOLDER", default_value = crate::install::STATEDUMP_DIR)]
    run_directory: PathBuf,
}

impl From<WhichArgs> for Which {
    fn from(args: WhichArgs) -> Which {
        Which { volume: args.volume, socket: args.socket, run_directory: args.run_directory }
    }
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The plugin's file
    #[arg(required_unless_present = "list")]
    file: Option<PathBuf>,
    /// List the rules and leave
    #[arg(long)]
    list: bool,
    /// Run only this rule; may be repeated
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,
    /// Do what is random as a run with this seed did
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// An option of the translator; `{scratch}` in it becomes an empty folder; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    option: Vec<(String, String)>,
    /// Use small counts, for a check at each build
    #[arg(long)]
    quick: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Seconds that one rule may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    limit: u64,
    #[arg(long, hide = true)]
    apart: Option<PathBuf>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE was expected")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Glusterd,
    Glusterfsd,
    Glusterfs,
}

/// Reads the command line of `mortar`.
pub(super) fn parse(words: Vec<OsString>, origin: Origin) -> Result<Request, CmdlineError> {
    let args = match MortarArgs::try_parse_from(words) {
        Ok(args) => args,
        Err(error) => return super::usage(&error),
    };
    let tool = match args.command {
        _ if args.version => Tool::Print(super::version()),
        Some(Command::Run { role, args }) => return settle::settle(*args, role.mode(), origin),
        Some(Command::IsolateWorker { memory, bell, their_bell, library, .. }) => {
            return Ok(Request::Isolated(Inherited { memory, bell, their_bell, library }));
        }
        Some(Command::Check { volfile, plugin_dir }) => {
            Tool::Check { volfile, plugin_dirs: plugin_dirs(plugin_dir) }
        }
        Some(Command::Graph { volfile, plugin_dir }) => {
            Tool::Graph { volfile, plugin_dirs: plugin_dirs(plugin_dir) }
        }
        Some(Command::New { r#type, folder, plugin_api }) => {
            Tool::New(Ask { type_name: r#type, folder, plugin_api })
        }
        Some(Command::Documents { folder }) => Tool::Documents(folder),
        Some(Command::Reload { which }) => Tool::Reload(which.into()),
        Some(Command::Plugin { ask, plugin_dir }) => {
            let plugin_dirs = plugin_dirs(plugin_dir);
            Tool::Plugin { ask: ask.settle(&plugin_dirs), plugin_dirs }
        }
        None => return super::usage(&missing_command()),
    };
    Ok(Request::Tool(tool))
}

/// The command line of `mortar`.
pub(super) fn definition() -> clap::Command {
    MortarArgs::command()
}

fn missing_command() -> clap::Error {
    MortarArgs::command().error(
        clap::error::ErrorKind::MissingSubcommand,
        "what is to be done? run, check, graph, reload, new or plugin; `mortar --help` shows more",
    )
}

impl Role {
    fn mode(self) -> Mode {
        match self {
            Role::Glusterd => Mode::Management,
            Role::Glusterfsd => Mode::Server,
            Role::Glusterfs => Mode::Client,
        }
    }
}

impl PluginCommand {
    fn settle(self, plugin_dirs: &[PathBuf]) -> PluginAsk {
        match self {
            PluginCommand::List => PluginAsk::List,
            PluginCommand::Info { plugin } => PluginAsk::Info(plugin),
            PluginCommand::Check(args) => PluginAsk::Check(Box::new(args.settle(plugin_dirs))),
            PluginCommand::Dir => PluginAsk::Folder,
            PluginCommand::Faults { which } => PluginAsk::Faults(which.into()),
        }
    }
}

impl CheckArgs {
    fn settle(self, plugin_dirs: &[PathBuf]) -> CheckAsk {
        let Self { file, list, only, seed, option, quick, json, limit, apart } = self;
        let (options, plugin_dirs) = (option, plugin_dirs.to_vec());
        CheckAsk {
            file,
            list,
            only,
            seed,
            options,
            quick,
            json,
            limit: Duration::from_secs(limit),
            plugin_dirs,
            apart,
        }
    }
}
