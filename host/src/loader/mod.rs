//! Loader: from a volfile type to the functions of a plugin, or to the reason why not.
//!
//! `search` knows where files lie, `open` opens one library, `check` decides whether it fits and `compare`
//! where two types part ways, `build` tells one build of a plugin from another, `error` says why not.
#![allow(
    unsafe_code,
    reason = "opening a library runs its code, and its root is taken for what the check says it is"
)]

mod build;
mod check;
mod compare;
mod error;
mod open;
mod search;

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use abi_stable::std_types::ROption;
use plugin_api::abi::account::account;
use plugin_api::abi::host::{HostApiRef, PluginKind};
use plugin_api::abi::root::{PluginRootRef, XlatorModuleRef};

pub use build::Build;
pub use error::LoadError;

use crate::graph::Opened;

use build::Stamp;

use crate::isolate::{self, Library};

/// Opens plugins from a list of folders, each build of a library once a process.
#[derive(Debug)]
pub struct Loader {
    dirs: Vec<PathBuf>,
    host: OnceLock<HostApiRef>,
    /// The program that runs a translator in a process of its own.
    worker: PathBuf,
    /// What stands in for translators that run apart, by type and build.
    apart: Mutex<HashMap<(String, String), Opened>>,
    open: Mutex<HashMap<PathBuf, Place>>,
}

/// A path, and what was opened there so far.
#[derive(Debug, Default)]
struct Place {
    /// What lay there last, and which of the builds that is.
    last: Option<(Stamp, usize)>,
    builds: Vec<(Build, PluginRootRef)>,
    /// Files that were opened there, whether they could be used or not.
    files: Vec<Stamp>,
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
        let worker = isolate::OWN_PROGRAM.into();
        Self { dirs, host: OnceLock::new(), worker, apart: Mutex::default(), open: Mutex::default() }
    }

    /// Has `program`, a `mortar`, run translators apart, and not the program that calls this.
    #[must_use]
    pub fn with_worker(mut self, program: PathBuf) -> Self {
        self.worker = program;
        self
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
        self.xlator_build(type_name).map(|opened| opened.module)
    }

    /// The translator of a volfile type, as it lies in its file now, and which build that is.
    ///
    /// # Errors
    /// As for [`xlator`](Self::xlator).
    pub fn xlator_build(&self, type_name: &str) -> Result<Opened, LoadError> {
        let (path, root, build) = self.find(PluginKind::XLATOR, type_name)?;
        named(path, root, build, type_name)
    }

    /// What stands in for the translator of a volfile type that is to run in a process of its own: its library is not
    /// opened here. Where no services run, as in a tool that only looks, it is.
    ///
    /// # Errors
    /// A sentence.
    pub fn isolated(&self, type_name: &str) -> Result<Opened, String> {
        if self.host.get().is_none() {
            return self.xlator_build(type_name).map_err(|error| error.to_string());
        }
        let path =
            search::find(&self.dirs, PluginKind::XLATOR, type_name).map_err(|error| error.to_string())?;
        let unreadable = |error: std::io::Error| format!("{}: {error}", path.display());
        let file = OwnedFd::from(File::open(&path).map_err(unreadable)?);
        let (_, id) = build::id(&in_use(&file)).map_err(unreadable)?;
        let mut apart = self.apart.lock().expect("no panic under it");
        if let Some(known) = apart.get(&(type_name.to_owned(), id.clone())) {
            return Ok(known.clone());
        }
        let (module, version) = isolate::open(Library {
            type_name: type_name.to_owned(),
            path,
            file,
            plugin_dirs: self.dirs.clone(),
            program: self.worker.clone(),
        })?;
        // Another build than the same file in the host's own process: one takes the other's place. What it holds is
        // counted where it runs.
        let build = Build { version, id: format!("{id}-isolated") };
        let opened = Opened { module, declaration: module.declare(), build, account: None };
        apart.insert((type_name.to_owned(), id), opened.clone());
        Ok(opened)
    }

    /// The translator in an open file, which lies at `path`.
    ///
    /// # Errors
    /// As for [`xlator`](Self::xlator).
    pub fn xlator_in(&self, file: &OwnedFd, type_name: &str, path: &Path) -> Result<Opened, LoadError> {
        let (root, build) = self.open(&in_use(file))?;
        named(path.to_owned(), root, build, type_name)
    }

    /// A plugin of any kind by name.
    ///
    /// # Errors
    /// As for [`xlator`](Self::xlator).
    pub fn plugin(&self, kind: PluginKind, name: &str) -> Result<PluginRootRef, LoadError> {
        let (path, root, _) = self.find(kind, name)?;
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
            true => own_type(&self.open(&entry.path).ok()?.0)
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
            let Ok((root, _)) = self.open(&path) else { continue };
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
        let root = self.open(&path).map(|(root, _)| root);
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
    pub fn file(&self, path: &Path) -> Result<PluginRootRef, LoadError> {
        // Without a folder in its name the linker would search its own folders.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.open(&path).map(|(root, _)| root)
    }

    fn find(&self, kind: PluginKind, name: &str) -> Result<(PathBuf, PluginRootRef, Build), LoadError> {
        let path = search::find(&self.dirs, kind, name)?;
        let (root, build) = self.open(&path)?;
        Ok((path, root, build))
    }

    /// The build that lies at `path` now. One that was opened before is not opened again, also when others were there
    /// meanwhile.
    fn open(&self, path: &Path) -> Result<(PluginRootRef, Build), LoadError> {
        let mut open = self.open.lock().expect("no panic under it");
        let place = open.entry(path.to_owned()).or_default();
        let unreadable =
            |error: std::io::Error| LoadError::NotALibrary { path: path.to_owned(), why: error.to_string() };
        if let Some((stamp, at)) = place.last
            && Stamp::of(path).is_ok_and(|now| now == stamp)
        {
            let (build, root) = &place.builds[at];
            return Ok((*root, build.clone()));
        }
        let (stamp, id) = build::id(path).map_err(unreadable)?;
        let at = match place.builds.iter().position(|(build, _)| build.id == id) {
            Some(at) => at,
            None => {
                place.builds.push(self.open_new(path, &mut place.files, stamp, id)?);
                place.builds.len() - 1
            }
        };
        place.last = Some((stamp, at));
        let (build, root) = &place.builds[at];
        Ok((*root, build.clone()))
    }

    fn open_new(
        &self,
        path: &Path,
        files: &mut Vec<Stamp>,
        stamp: Stamp,
        id: String,
    ) -> Result<(Build, PluginRootRef), LoadError> {
        let before = files.iter().position(|file| file.inode == stamp.inode);
        let nth = match before {
            // The linker would hand out what it has of this file, whose code is no longer what lies there.
            Some(at) if files[at] != stamp => return Err(LoadError::Overwritten { path: path.to_owned() }),
            Some(at) => at,
            None => {
                files.push(stamp);
                files.len() - 1
            }
        };
        let root = open::root(path, nth).inspect_err(|error| {
            // The linker kept nothing of it, so that the next file may have its place, and its number on disk.
            if before.is_none() && matches!(error, LoadError::NotALibrary { .. }) {
                files.truncate(nth);
            }
        })?;
        if Stamp::of(path).ok() != Some(stamp) {
            return Err(LoadError::Changing { path: path.to_owned() });
        }
        if let Some(host) = self.host.get() {
            root.attach()(*host);
        }
        Ok((Build { version: root.version().to_string(), id }, root))
    }
}

/// The very file, whatever lies at its path by now.
fn in_use(file: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// The root's translator, when it is the one that was asked for.
fn named(path: PathBuf, root: PluginRootRef, build: Build, type_name: &str) -> Result<Opened, LoadError> {
    let ROption::RSome(module) = root.xlator() else {
        return Err(LoadError::OtherKind { path, expected: search::kind_name(PluginKind::XLATOR) });
    };
    let declaration = module.declare();
    let found = &declaration.type_name;
    if found.as_str() != type_name {
        return Err(LoadError::OtherName { path, found: found.to_string(), expected: type_name.to_owned() });
    }
    Ok(Opened { module, declaration, build, account: account(root.extension()) })
}

/// The type that a translator says it is.
fn own_type(root: &PluginRootRef) -> Option<String> {
    let module = root.xlator().into_option()?;
    Some(module.declare().type_name.into())
}
