//! Why a plugin cannot be used, in one line each.

use std::path::PathBuf;

use plugin_api::abi::root::AbiVersion;

/// A plugin cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// No folder has it.
    #[error("there is no {kind} `{name}`{}; searched {}", suggestion(.nearest.as_ref()), folders(.searched))]
    Missing {
        /// What kind of plugin was asked for.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// A name that is there and nearly the same.
        nearest: Option<String>,
        /// The folders, first to last.
        searched: Vec<PathBuf>,
    },
    /// The name would lead out of the plugin folders.
    #[error(
        "`{name}` is no plugin name: words of letters, digits, `-` and `_` were expected, with `/` between them"
    )]
    BadName {
        /// What was asked for.
        name: String,
    },
    /// The file is no library that this machine opens.
    #[error("{path}: not a library that can be opened: {why}", path = path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What the dynamic linker said.
        why: String,
    },
    /// The file was written into after it was opened.
    #[error("{path}: it was overwritten while its code is in use; put a new build in place by renaming (`install` and `mv` \
        do, `cp` does not), and start the processes that use it again", path = path.display())]
    Overwritten {
        /// The file.
        path: PathBuf,
    },
    /// The file is being replaced just now.
    #[error("{path}: it changed while it was opened; try again", path = path.display())]
    Changing {
        /// The file.
        path: PathBuf,
    },
    /// The library exports no plugin.
    #[error("{path}: a library, but no plugin: it exports no root; write `#[xlator(…)]` or `export_…!` once in it",
        path = path.display())]
    NoRoot {
        /// The file.
        path: PathBuf,
    },
    /// The plugin was built for another major version.
    #[error("{path}: built for plugin-api {found}, this host speaks {host}; rebuild it with plugin-api {}.x",
        host.major, path = path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it was built for.
        found: String,
        /// What this host speaks.
        host: AbiVersion,
    },
    /// The versions fit but the types do not.
    #[error("{path}: built for plugin-api {built}, but its types are not those of plugin-api {host}: {difference}; rebuild \
        it with plugin-api {host}", path = path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What it says it was built for.
        built: String,
        /// What this host speaks.
        host: AbiVersion,
        /// The first type that differs, and the field.
        difference: String,
    },
    /// The plugin says that it uses what only later hosts have.
    #[error("{path}: needs plugin-api {needs}, this host speaks {host}; run it in a host of {needs} or later, or rebuild \
        it with plugin-api {host}", path = path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// What it needs.
        needs: AbiVersion,
        /// What this host speaks.
        host: AbiVersion,
    },
    /// Making the root failed.
    #[error("{path}: its root could not be made: {why}", path = path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// What it said.
        why: String,
    },
    /// It is a plugin of another kind.
    #[error("{path}: a plugin, but no {expected}", path = path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        expected: &'static str,
    },
    /// It is another translator than its place says.
    #[error("{path}: it calls itself `{found}`, but its place says `{expected}`; move the file", path = path.display())]
    OtherName {
        /// The file.
        path: PathBuf,
        /// What it calls itself.
        found: String,
        /// What was asked for.
        expected: String,
    },
}

fn suggestion(nearest: Option<&String>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn folders(searched: &[PathBuf]) -> String {
    let names: Vec<_> = searched.iter().map(|dir| dir.display().to_string()).collect();
    if names.is_empty() { "no folder: give --plugin-dir".to_owned() } else { names.join(", ") }
}
