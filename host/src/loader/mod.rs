//! Loader: from a volfile type to the functions of a plugin, or to the reason why not.
//!
//! `search` knows where files lie, `open` opens one library, `check` decides whether it fits and `compare`
//! where two types part ways, `error` says why not.
#![allow(
    unsafe_code,
    reason = "opening a library runs its code, and its root is taken for what the check says it is"
)]

mod check;
mod compare;
mod error;
mod open;
mod search;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use abi_stable::std_types::ROption;
use plugin_api::abi::host::{HostApiRef, PluginKind};
use plugin_api::abi::root::{PluginRootRef, XlatorModuleRef};

pub use error::LoadError;

/// Opens plugins from a list of folders, each library once a process.
#[derive(Debug)]
pub struct Loader {
    dirs: Vec<PathBuf>,
    host: OnceLock<HostApiRef>,
    open: Mutex<HashMap<PathBuf, PluginRootRef>>,
}

/// A plugin file that was found, and what it turned out to be.
#[derive(Debug)]
pub struct Found {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is called: a volfile type, or `rpc-transport/socket`.
    pub name: String,
    /// Its root, or why it cannot be used.
    pub root: Result<PluginRootRef, LoadError>,
    /// Where it belongs in a folder of plugins, when nobody would find it where it lies.
    pub belongs: Option<String>,
}

impl Loader {
    /// A loader that searches `dirs`, first to last.
    #[must_use]
    pub fn new(dirs: Vec<PathBuf>) -> Self {
        Self { dirs, host: OnceLock::new(), open: Mutex::new(HashMap::new()) }
    }

    /// The host's functions, handed to every library opened from now on.
    pub fn attach(&self, host: HostApiRef) {
        let _ = self.host.set(host);
    }

    /// The translator of a volfile type.
    ///
    /// # Errors
    /// There is none, or the one there cannot be used; see [`LoadError`].
    pub fn xlator(&self, type_name: &str) -> Result<XlatorModuleRef, LoadError> {
        let (path, root) = self.find(PluginKind::XLATOR, type_name)?;
        let ROption::RSome(module) = root.xlator() else {
            return Err(LoadError::OtherKind { path, expected: search::kind_name(PluginKind::XLATOR) });
        };
        let found = module.declare().type_name;
        if found.as_str() != type_name {
            return Err(LoadError::OtherName { path, found: found.into(), expected: type_name.to_owned() });
        }
        Ok(module)
    }

    /// A plugin of any kind by name.
    ///
    /// # Errors
    /// As for [`xlator`](Self::xlator).
    pub fn plugin(&self, kind: PluginKind, name: &str) -> Result<PluginRootRef, LoadError> {
        let (path, root) = self.find(kind, name)?;
        let fits = match kind {
            PluginKind::XLATOR => root.xlator().is_some(),
            PluginKind::TRANSPORT => root.transport().is_some(),
            PluginKind::PROGRAM => root.program().is_some(),
            PluginKind::AUTH => root.auth().is_some(),
            _ => false,
        };
        if !fits {
            return Err(LoadError::OtherKind { path, expected: search::kind_name(kind) });
        }
        if kind == PluginKind::XLATOR {
            self.xlator(name)?;
        }
        Ok(root)
    }

    /// The names of the plugins of a kind, as [`plugin`](Self::plugin) takes them.
    #[must_use]
    pub fn names(&self, kind: PluginKind) -> Vec<String> {
        let of_kind = |entry: search::Entry| match entry.flat {
            false => search::name_in(kind, &entry.name),
            true => own_type(&self.open(&entry.path).ok()?)
                .filter(|own| kind == PluginKind::XLATOR && entry.path.ends_with(search::flat_name(own))),
        };
        let mut names: Vec<String> = search::all(&self.dirs).into_iter().filter_map(of_kind).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Every plugin in the folders, opened or not.
    #[must_use]
    pub fn list(&self) -> Vec<Found> {
        let mut found: Vec<Found> =
            search::all(&self.dirs).into_iter().map(|entry| self.found(entry)).collect();
        for path in search::strays(&self.dirs) {
            // What is no plugin may lie wherever it likes.
            let Ok(root) = self.open(&path) else { continue };
            let name = own_type(&root).unwrap_or_else(|| path.display().to_string());
            let belongs = Some(own_type(&root).map_or_else(
                || "the folder of its kind".to_owned(),
                |own| search::home(PluginKind::XLATOR, &own),
            ));
            found.push(Found { path, name, root: Ok(root), belongs });
        }
        found
    }

    fn found(&self, search::Entry { name, path, flat }: search::Entry) -> Found {
        let root = self.open(&path);
        let own = root.as_ref().ok().and_then(own_type);
        let at_home = |own: &String| if flat { path.ends_with(search::flat_name(own)) } else { *own == name };
        match own {
            Some(own) if at_home(&own) => Found { path, name: own, root, belongs: None },
            Some(own) => {
                let belongs = Some(search::home(PluginKind::XLATOR, &own));
                Found { path, name: own, root, belongs }
            }
            None => Found { path, name, root, belongs: None },
        }
    }

    /// The plugin in a file, wherever that lies.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn file(&self, path: &std::path::Path) -> Result<PluginRootRef, LoadError> {
        // Without a folder in its name the linker would search its own folders.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.open(&path)
    }

    fn find(&self, kind: PluginKind, name: &str) -> Result<(PathBuf, PluginRootRef), LoadError> {
        let path = search::find(&self.dirs, kind, name)?;
        let root = self.open(&path)?;
        Ok((path, root))
    }

    fn open(&self, path: &std::path::Path) -> Result<PluginRootRef, LoadError> {
        let mut open = self.open.lock().expect("no panic under it");
        if let Some(root) = open.get(path) {
            return Ok(*root);
        }
        let root = open::root(path)?;
        if let Some(host) = self.host.get() {
            root.attach()(*host);
        }
        open.insert(path.to_owned(), root);
        Ok(root)
    }
}

/// The type that a translator says it is.
fn own_type(root: &PluginRootRef) -> Option<String> {
    let module = root.xlator().into_option()?;
    Some(module.declare().type_name.into())
}
