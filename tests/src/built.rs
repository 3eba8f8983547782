//! What cargo has built beside the test that runs: the host, and plugins, good and bad.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A file that cargo has built in the profile of this test.
///
/// # Panics
/// When it is not there: a part of the workspace that was not built must not look as if it had passed.
pub fn file(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("/proc is mounted");
    let folder = own.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps");
    let path = folder.join(name);
    assert!(path.exists(), "no {name} in {}: build the workspace in this profile first", folder.display());
    path
}

/// The host, under the name that decides its role: `glusterd`, `glusterfsd`, `glusterfs` or `mortar`.
pub fn host(name: &str) -> Command {
    let mut command = Command::new(file("mortar"));
    command.arg0(name).env_remove("MORTAR_PLUGIN_DIR");
    command
}

/// A folder with these plugins in their places and no others: `debug/trace` names a translator,
/// `rpc-transport/socket` a transport.
pub fn plugin_folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("the temporary folder takes a folder");
    for name in names {
        add_plugin(folder.path(), name);
    }
    folder
}

/// Copies one more plugin into its place in a folder of plugins.
pub fn add_plugin(folder: &Path, name: &str) {
    let built = file(&format!("lib{}.so", name.replace(['/', '-'], "_")));
    fs::copy(built, place(folder, name)).expect("a plugin can be copied");
}

/// Where a folder of plugins holds the one with this name; the folders above it are made.
pub fn place(folder: &Path, name: &str) -> PathBuf {
    let translator = !["rpc-transport/", "rpc-program/", "auth/"].iter().any(|kind| name.starts_with(kind));
    let top = if translator { folder.join("xlator") } else { folder.to_path_buf() };
    let path = top.join(format!("{name}.so"));
    fs::create_dir_all(path.parent().expect("it has a name")).expect("a folder can be made");
    path
}
