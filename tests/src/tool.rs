//! A program that a test drives and that need not be there: the test says so and is left out.

use std::path::PathBuf;

use crate::stack::workspace;

/// Where `make tools` installs a program, or else where `PATH` finds it; says on standard error when it is nowhere.
pub fn tool(name: &str) -> Option<PathBuf> {
    let own = workspace().join("target/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::iter::once(own).chain(std::env::split_paths(&path)).map(|folder| folder.join(name));
    let found = found.into_iter().find(|program| program.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: no {name} on this machine (`make tools` installs fsx and pjdfstest)");
    }
    found
}
