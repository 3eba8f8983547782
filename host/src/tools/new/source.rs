//! Where a new crate takes plugin-api from: a folder with its source, or a published version.
use std::fmt;
use std::path::{Path, PathBuf};

use plugin_api::abi::root::ABI_VERSION;

/// There is no plugin-api where it was said to be.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder is not its source.
    #[error("{}: no source of plugin-api: a folder with its Cargo.toml and its testkit was expected, or a version such as {ABI_VERSION}", .0.display())]
    NoSource(PathBuf),
    /// Cargo.toml is text.
    #[error("{}: cannot be written into a Cargo.toml: a path in UTF-8 without quotes and backslashes was expected", .0.display())]
    Unwritable(PathBuf),
}

/// What `Cargo.toml` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A folder.
    Folder {
        /// Its absolute path.
        path: String,
        /// Nobody named it: this program was built from it.
        is_our_own: bool,
    },
    /// A version in the registry.
    Version(String),
}

impl Source {
    /// What is asked for; else the source that this program was built from, while it is there: plugin-api is not
    /// published yet, so a version alone would not build. Else the version that this host speaks.
    pub(super) fn choose(asked: Option<&str>) -> Result<Self, SourceError> {
        let ours = || folder(Path::new(OURS), true).ok();
        match asked {
            Some(version) if is_version(version) => Ok(Self::Version(version.to_owned())),
            Some(path) => folder(Path::new(path), false),
            None => Ok(ours().unwrap_or_else(|| Self::Version(ABI_VERSION.to_string()))),
        }
    }

    /// The value of the dependency `plugin-api` in Cargo.toml.
    pub(super) fn plugin_api(&self) -> String {
        self.dependency("")
    }

    /// The value of the dependency `plugin-testkit`.
    pub(super) fn testkit(&self) -> String {
        self.dependency("/testkit")
    }

    fn dependency(&self, below: &str) -> String {
        match self {
            Self::Folder { path, .. } => format!("{{ path = \"{path}{below}\" }}"),
            Self::Version(version) => format!("\"{version}\""),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, is_our_own: true } => {
                write!(f, "{path},\nthe source that this mortar was built from (--plugin-api names another)")
            }
            Self::Folder { path, .. } => f.write_str(path),
            Self::Version(version) => {
                write!(
                    f,
                    "the registry, version {version};\nwhere cargo does not find it there, --plugin-api FOLDER names its source"
                )
            }
        }
    }
}

/// Where the source lay when this program was built.
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugin-api");

/// A version has a digit first and no slash in it.
fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b))
}

fn folder(path: &Path, is_our_own: bool) -> Result<Source, SourceError> {
    let no_source = || SourceError::NoSource(path.to_owned());
    let absolute = path.canonicalize().map_err(|_| no_source())?;
    let manifest = std::fs::read_to_string(absolute.join("Cargo.toml")).map_err(|_| no_source())?;
    if !manifest.lines().any(|line| line.trim() == "name = \"plugin-api\"")
        || !absolute.join("testkit/Cargo.toml").is_file()
    {
        return Err(no_source());
    }
    match absolute.to_str() {
        Some(path) if !path.contains(['"', '\\', '\n']) => {
            Ok(Source::Folder { path: path.to_owned(), is_our_own })
        }
        _ => Err(SourceError::Unwritable(absolute)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_that_this_was_built_from_is_taken_while_it_is_there() {
        let Source::Folder { path, is_our_own } = Source::choose(None).unwrap() else {
            panic!("it is there")
        };
        assert!(is_our_own && path.ends_with("/plugin-api") && !path.contains(".."), "{path}");
    }

    #[test]
    fn a_version_and_a_folder_are_told_apart() {
        let version = Source::choose(Some("1.2.0-rc.1")).unwrap();
        assert_eq!(version.plugin_api(), "\"1.2.0-rc.1\"");
        let named = Source::choose(Some(OURS)).unwrap();
        assert!(named.testkit().ends_with("/plugin-api/testkit\" }"), "{}", named.testkit());
    }

    #[test]
    fn a_folder_without_the_source_is_refused() {
        for bad in ["/", "/nowhere", "", concat!(env!("CARGO_MANIFEST_DIR"), "/src")] {
            assert!(matches!(Source::choose(Some(bad)), Err(SourceError::NoSource(_))), "{bad}");
        }
    }
}
