//! A stack: the folder whose `glusterd`, `glusterfsd`, `glusterfs` and `gluster` a test runs.

use std::path::{Path, PathBuf};

/// Four programs that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    sbin: PathBuf,
}

impl Stack {
    /// Debian's packages glusterfs-server and glusterfs-client: the incumbent, and the judge.
    ///
    /// # Panics
    /// When they are not installed: interoperability that was not tested must not look as if it held.
    pub fn system() -> Self {
        Self::named("system")
    }

    /// The daemon and bricks under test: `MORTAR_STACK_SERVER`, or else the stage.
    ///
    /// # Panics
    /// When the folder has no `glusterd`.
    pub fn server() -> Self {
        let named = std::env::var("MORTAR_STACK_SERVER");
        named.map_or_else(|_| Self::at(&stage()), |name| Self::named(&name))
    }

    /// The CLI and client that drive it: `MORTAR_STACK_CLIENT`, or else the incumbent's.
    ///
    /// # Panics
    /// When the folder has no `glusterd`.
    pub fn client() -> Self {
        std::env::var("MORTAR_STACK_CLIENT").map_or_else(|_| Self::system(), |name| Self::named(&name))
    }

    /// A folder by its path (relative ones begin at the workspace), or `system`.
    ///
    /// # Panics
    /// When there is no `glusterd` in it.
    pub fn named(name: &str) -> Self {
        match name {
            "system" => Self::at(Path::new("/usr/sbin")),
            path => Self::at(&workspace().join(path)),
        }
    }

    fn at(sbin: &Path) -> Self {
        assert!(
            sbin.join("glusterd").exists(),
            "no glusterd in {}: `make stage` lays ours out, `apt-get install glusterfs-server` brings the incumbent's",
            sbin.display()
        );
        Self { sbin: sbin.to_path_buf() }
    }

    /// The absolute path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.sbin.join(name)
    }

    /// True for the incumbent's own programs.
    pub fn is_system(&self) -> bool {
        self.sbin == Path::new("/usr/sbin")
    }
}

/// The workspace's root folder.
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the crate lies in the workspace").to_path_buf()
}

/// Where `make stage` puts the programs.
fn stage() -> PathBuf {
    workspace().join("target/stage/sbin")
}
