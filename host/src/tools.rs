//! Things done and printed without serving: `mortar check` and its like.
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cmdline::{PluginAsk, Tool};
use crate::graph::{self, Draft, GraphError, Unknown, Wishes, dump};
use crate::loader::{LoadError, Loader};
use crate::settings::Insertions;
use crate::volfile::{self, VolfileError};
use processes::Order;

pub mod attach;
mod call;
mod check;
mod documents;
pub mod mount;
pub mod new;
mod plugins;
pub mod processes;
mod setgfid2path;

/// A tool could not do its work, or found a fault.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The volfile is faulty.
    #[error(transparent)]
    Volfile(#[from] VolfileError),
    /// Its graph is.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A plugin cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file is in no plugin folder.
    #[error("{}: not a plugin: a file NAME.so below xlator/CATEGORY, rpc-transport, rpc-program or auth was expected, or libCATEGORY_NAME.so", path.display())]
    NoPlugin {
        /// The file.
        path: PathBuf,
    },
    /// Where plugins lie cannot be told.
    #[error("the installed plugin folder cannot be told: name one with --plugin-dir or MORTAR_PLUGIN_DIR")]
    NoFolder,
    /// Some of the plugins found cannot be used; they were listed.
    #[error("{count} of the plugins cannot be used")]
    Unusable {
        /// How many.
        count: usize,
    },
    /// A crate cannot be written.
    #[error(transparent)]
    New(#[from] new::NewError),
    /// A plugin does not keep the rules; what is wrong was printed.
    #[error("{file}: {count} of the rules are broken")]
    Broken {
        /// The plugin.
        file: String,
        /// How many.
        count: usize,
    },
    /// A plugin cannot be held to the rules.
    #[error("the check cannot run: {why}")]
    CannotCheck {
        /// What is missing.
        why: String,
    },
    /// A brick was not attached or detached.
    #[error(transparent)]
    Attach(#[from] attach::AttachError),
    /// A volume was not mounted.
    #[error(transparent)]
    Mount(#[from] mount::MountToolError),
    /// A file's name was not recorded.
    #[error(transparent)]
    Gfid2path(#[from] setgfid2path::Gfid2pathError),
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
    /// A manual page or completion was not written.
    #[error(transparent)]
    Documents(#[from] documents::DocumentsError),
    /// No process is there to be asked.
    #[error("no process serves {}: no pid file lies below {}; --run-directory says where the daemon keeps them, --socket \
        names one process", volume.as_ref().map_or("a volume".to_owned(), |name| format!("volume `{name}`")), folder.display())]
    NoProcess {
        /// The volume, or nothing for any.
        volume: Option<String>,
        /// Where was looked.
        folder: PathBuf,
    },
    /// Some of the processes could not do all that they were ordered to; what each said was printed.
    #[error("{failed} of {count} processes did not do all of it")]
    NotAllDone {
        /// How many.
        failed: usize,
        /// Of how many.
        count: usize,
    },
}

/// Does what the tool is for.
/// # Errors
/// The tool found a fault, or could not do its work.
pub fn run(tool: Tool) -> Result<(), ToolError> {
    match tool {
        Tool::Print(text) => print(&text),
        Tool::Check { volfile, plugin_dirs } => check_volfile(&volfile, plugin_dirs),
        Tool::Graph { volfile, plugin_dirs } => show(&volfile, plugin_dirs),
        Tool::New(ask) => new::new(&ask),
        Tool::Attach(ask) => attach::attach(&ask),
        Tool::Mount(ask) => mount::mount(&ask),
        Tool::SetGfid2path(file) => setgfid2path::record(&file),
        Tool::Documents(folder) => Ok(documents::write(&folder)?),
        Tool::Reload(which) => processes::order(Order::Reload, &which),
        Tool::Plugin { ask, plugin_dirs } => {
            let loader = Loader::new(plugin_dirs.clone());
            match ask {
                PluginAsk::List => plugins::list(&loader, &plugin_dirs),
                PluginAsk::Info(plugin) => plugins::info(&loader, &plugin),
                PluginAsk::Folder => folder(&plugin_dirs),
                PluginAsk::Check(ask) => check::run(&ask),
                PluginAsk::Faults(which) => processes::order(Order::Faults, &which),
            }
        }
    }
}

/// Judges the text, and where there are plugins, types and options, too.
fn check_volfile(path: &Path, plugin_dirs: Vec<PathBuf>) -> Result<(), ToolError> {
    let plan = volfile::load(path)?;
    let top = plan.nodes.last().map_or("", |node| node.name.as_str());
    let (count, shown) = (plan.nodes.len(), path.display());
    let plural = if count == 1 { "" } else { "s" };
    let mut text = format!("{shown}: sound, {count} volume{plural}, top {top}\n");
    match loader(plugin_dirs) {
        Some(loader) => drop(graph::draft(plan, no_wishes(), Unknown::Refused, &loader)?),
        None => text += "no plugin folder is there: types and options were not looked at\n",
    }
    print(&text)
}

/// Prints the tree, whatever is wrong with it; then says what is.
fn show(path: &Path, plugin_dirs: Vec<PathBuf>) -> Result<(), ToolError> {
    let plan = volfile::load(path)?;
    let Some(loader) = loader(plugin_dirs) else { return print(&dump::tree(&graph::unopened(plan))) };
    let mut draft = graph::construct(plan, &loader);
    print(&dump::tree(&draft.nodes))?;
    graph::check::check(&mut draft, Unknown::Refused);
    let Draft { faults, origin, text, .. } = draft;
    if faults.is_empty() { Ok(()) } else { Err(GraphError::Faults { origin, text, faults }.into()) }
}

/// Prints the folder that is searched first, which is where a new plugin goes.
fn folder(plugin_dirs: &[PathBuf]) -> Result<(), ToolError> {
    let first = plugin_dirs.first().ok_or(ToolError::NoFolder)?;
    print(&format!("{}\n", first.display()))
}

/// A loader, when at least one of the folders is there.
fn loader(plugin_dirs: Vec<PathBuf>) -> Option<Loader> {
    plugin_dirs.iter().any(|dir| dir.is_dir()).then(|| Loader::new(plugin_dirs))
}

fn no_wishes() -> Wishes<'static> {
    const NOTHING: &Insertions = &Insertions { worm: false, acl: false, mac_compat: false, aux_gfid: false };
    Wishes { top: None, insert: NOTHING, options: &[], mount: None, process: None }
}

fn print(text: &str) -> Result<(), ToolError> {
    io::stdout().write_all(text.as_bytes()).map_err(ToolError::Output)
}
