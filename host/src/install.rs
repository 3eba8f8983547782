//! Where things are installed.
use std::path::PathBuf;

/// The folder of the logs.
pub const LOG_DIR: &str = "/var/log/glusterfs";

/// The folder of the statedumps and of everything else that lives as long as the machine is up.
pub const STATEDUMP_DIR: &str = "/var/run/gluster";

/// The folder of the installed plugins, `../lib/mortar` beside this program's real path, if it can be told.
pub fn plugin_dir() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.canonicalize().ok()?;
    Some(program.parent()?.parent()?.join("lib/mortar"))
}
