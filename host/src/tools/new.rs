//! `mortar new`: writes a translator's crate from the template, outside any tree of ours.
//!
//! `name` is what it may be called, `source` where it takes plugin-api from, `template` the files.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ToolError, print};

mod name;
mod source;
mod template;

use name::Name;
pub use name::NameError;
use source::Source;
pub use source::SourceError;

/// What is asked for: `mortar new TYPE [FOLDER] [--plugin-api WHERE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The volfile type, such as `features/write-cap`.
    pub type_name: String,
    /// The new folder; named after the translator when left out.
    pub folder: Option<PathBuf>,
    /// A folder with plugin-api's source, or a version.
    pub plugin_api: Option<String>,
}

/// A crate cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// It may not be called so.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no plugin-api to build against.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Something of that name is there.
    #[error("{}: is there already; remove it, or name another folder: mortar new TYPE FOLDER", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Writes the crate and says what to do with it.
pub(super) fn new(ask: &Ask) -> Result<(), ToolError> {
    print(&write(ask)?)
}

fn write(ask: &Ask) -> Result<String, NewError> {
    let name = Name::parse(&ask.type_name)?;
    let source = Source::choose(ask.plugin_api.as_deref())?;
    let folder = ask.folder.clone().unwrap_or_else(|| PathBuf::from(name.short()));
    match fs::create_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(NewError::Exists(folder)),
        made => made.map_err(failed(&folder))?,
    }
    if let Err(error) = fill(&folder, &name, &source) {
        // What was begun is ours alone: the folder was not there before.
        let _ = fs::remove_dir_all(&folder);
        return Err(error);
    }
    Ok(farewell(&folder, &name, &source))
}

fn fill(folder: &Path, name: &Name, source: &Source) -> Result<(), NewError> {
    let src = folder.join("src");
    fs::create_dir(&src).map_err(failed(&src))?;
    for (path, text) in template::files(name, source) {
        let path = folder.join(path);
        fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> NewError {
    let path = path.to_owned();
    move |source| NewError::Write { path, source }
}

fn farewell(folder: &Path, name: &Name, source: &Source) -> String {
    let (folder, library) = (folder.display(), name.library());
    format!(
        "{folder}: {name}, a translator in a crate of its own; plugin-api comes from {source}\n\
         \n    cd {folder}\
         \n    cargo test                 # it runs over a fake child\
         \n    cargo build --release      # makes target/release/{library}\n\
         \nREADME.md goes on from there: looking at it, serving it, taking it out again.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(type_name: &str, folder: &Path) -> Ask {
        Ask { type_name: type_name.to_owned(), folder: Some(folder.to_owned()), plugin_api: None }
    }

    #[test]
    fn a_crate_is_written_under_its_own_names() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("made");
        let said = write(&ask("debug/slow-read", &folder)).unwrap();
        assert!(said.contains("libdebug_slow_read.so"), "{said}");
        let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
        assert!(read("Cargo.toml").contains("name = \"debug-slow-read\""));
        assert!(read("src/lib.rs").contains("struct SlowRead {"));
        assert!(read("slow-read.vol").contains("type debug/slow-read"));
        assert!(read("README.md").contains("user.xlator.slow-read.limit"));
        assert_eq!(read(".gitignore"), "/target\n");
        for file in ["Cargo.toml", "src/lib.rs", "slow-read.vol", "README.md"] {
            let text = read(file).to_lowercase();
            assert!(!text.contains("write-cap") && !text.contains("write_cap") && !text.contains("writecap"));
        }
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("mine"), "kept").unwrap();
        let refused = write(&ask("features/write-cap", scratch.path())).unwrap_err();
        assert!(matches!(refused, NewError::Exists(_)), "{refused}");
        assert_eq!(fs::read_to_string(scratch.path().join("mine")).unwrap(), "kept");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }
}
