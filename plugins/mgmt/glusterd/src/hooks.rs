//! Hook scripts: programs of the administrator that run before and after an operation.

use crate::paths::Paths;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// On which side of the commit a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it; the operation waits.
    Pre,
    /// After it; nobody waits.
    Post,
}

/// The scripts of one operation, and what they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The operation's folder, such as `start`.
    pub operation: &'static str,
    /// The arguments of every script.
    pub args: Vec<String>,
}

/// A script that does not end by then is ended.
const LIMIT: Duration = Duration::from_secs(60);

/// What became of a script that did not succeed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum HookError {
    #[error("{script}: {source}")]
    Run { script: PathBuf, source: std::io::Error },
    #[error("{script}: ended with {status}")]
    Status { script: PathBuf, status: std::process::ExitStatus },
    #[error("{script}: ended after {LIMIT:?}, it did not end by itself")]
    TooLong { script: PathBuf },
}

impl Hook {
    /// Runs the scripts of a side, one after the other; answers those that did not succeed. It blocks.
    #[must_use]
    pub fn run(&self, side: Side, paths: &Paths) -> Vec<HookError> {
        let word = if side == Side::Pre { "pre" } else { "post" };
        let folder = paths.work.join("hooks/1").join(self.operation).join(word);
        scripts(&folder).into_iter().filter_map(|script| run(&script, &self.args).err()).collect()
    }
}

/// Executable files whose name begins with `S`, in the order of their names' bytes; not what package managers leave.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(|name| {
            let name = name.as_bytes();
            name.starts_with(b"S") && !name.ends_with(b".rpmsave") && !name.ends_with(b".rpmnew")
        })
        .collect();
    names.sort();
    let is_executable =
        |path: &PathBuf| path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    names.into_iter().map(|name| folder.join(name)).filter(is_executable).collect()
}

fn run(script: &Path, args: &[String]) -> Result<(), HookError> {
    let failed = |source| HookError::Run { script: script.to_owned(), source };
    let mut command = Command::new(script);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let end = Instant::now() + LIMIT;
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(HookError::Status { script: script.to_owned(), status }),
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(HookError::TooLong { script: script.to_owned() });
            }
            None => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn scripts_run_in_order_with_their_arguments_as_they_are() {
        let root = tempfile::tempdir().unwrap();
        let paths = Paths::new(root.path(), "/r", "/l");
        let folder = root.path().join("hooks/1/set/post");
        std::fs::create_dir_all(&folder).unwrap();
        let out = root.path().join("out");
        for (name, mode) in
            [("S20b", 0o755), ("S10a", 0o755), ("K30", 0o755), ("S30off", 0o644), ("S40.rpmsave", 0o755)]
        {
            let script = folder.join(name);
            std::fs::write(&script, format!("#!/bin/sh\necho {name} \"$1\" >> {}\n", out.display())).unwrap();
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let hook = Hook { operation: "set", args: vec!["$(touch x) ; y".to_owned()] };
        assert!(hook.run(Side::Pre, &paths).is_empty());
        let failures = hook.run(Side::Post, &paths);
        assert!(failures.is_empty(), "{failures:?}");
        assert_eq!(std::fs::read_to_string(out).unwrap(), "S10a $(touch x) ; y\nS20b $(touch x) ; y\n");
    }
}
