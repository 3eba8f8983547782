//! What somebody does who has never seen the tree: `mortar new`, cargo, and nothing else; each step timed.

use crate::built::{file, host};
use crate::process::{Answer, run};
use crate::sandbox::LIMIT;
use crate::stack::workspace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A first build of everything that a translator depends on, on a busy machine.
const BUILD: Duration = Duration::from_secs(900);

/// A translator's crate in a folder that was empty, and what its author did so far.
#[derive(Debug)]
pub struct Newcomer {
    scratch: TempDir,
    target: PathBuf,
    steps: Vec<(String, Duration)>,
}

impl Newcomer {
    /// Writes `features/write-cap`. What it builds is kept beside the workspace's own, so that it takes seconds the
    /// second time.
    ///
    /// # Panics
    /// When `mortar new` fails.
    #[track_caller]
    pub fn begin() -> Self {
        let profile = file("mortar");
        let target = profile.ancestors().nth(2).expect("it lies in target/<profile>").join("newcomer");
        Self::in_target(target)
    }

    /// The same with nothing built before.
    ///
    /// # Panics
    /// When `mortar new` fails.
    #[track_caller]
    pub fn begin_cold() -> Self {
        let mut newcomer = Self::in_target(PathBuf::new());
        newcomer.target = newcomer.folder().join("target");
        newcomer
    }

    #[track_caller]
    fn in_target(target: PathBuf) -> Self {
        let scratch = tempfile::tempdir().expect("the temporary folder takes a folder");
        let mut newcomer = Self { scratch, target, steps: Vec::new() };
        let empty = newcomer.scratch.path().to_owned();
        newcomer.step("mortar new features/write-cap", || {
            run(host("mortar").args(["new", "features/write-cap"]).current_dir(empty), LIMIT).ok()
        });
        // The versions that this workspace builds with: they are there without a network.
        let lock = newcomer.folder().join("Cargo.lock");
        std::fs::copy(workspace().join("Cargo.lock"), lock).expect("scratch");
        newcomer
    }

    /// The crate's folder.
    pub fn folder(&self) -> PathBuf {
        self.scratch.path().join("write-cap")
    }

    /// Where cargo puts what it builds in a profile.
    pub fn built(&self, profile: &str) -> PathBuf {
        self.target.join(profile)
    }

    /// Runs cargo in the crate, without a network.
    #[track_caller]
    pub fn cargo(&mut self, words: &[&str]) -> Answer {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(self.folder()).args(words).env("CARGO_NET_OFFLINE", "true");
        command.env("CARGO_TARGET_DIR", &self.target).env("CARGO_TERM_QUIET", "true");
        self.step(&format!("cargo {}", words.join(" ")), || run(&mut command, BUILD))
    }

    /// Does something and notes how long it took.
    pub fn step<R>(&mut self, name: &str, work: impl FnOnce() -> R) -> R {
        let begun = Instant::now();
        let done = work();
        self.steps.push((name.to_owned(), begun.elapsed()));
        done
    }

    /// The steps and their times, a line each.
    pub fn log(&self) -> String {
        let line = |name: &str, time: Duration| format!("{:>8.2} s  {name}\n", time.as_secs_f64());
        let total = self.steps.iter().map(|step| step.1).sum();
        let lines = self.steps.iter().map(|(name, time)| line(name, *time));
        lines.chain([line("all of it", total)]).collect()
    }

    /// Puts the library that was built into a folder of plugins, as the README does.
    ///
    /// # Panics
    /// When `install` fails.
    #[track_caller]
    pub fn install(&mut self, profile: &str, folder: &Path) {
        let library = self.built(profile).join("libfeatures_write_cap.so");
        let name = format!("install target/{profile}/libfeatures_write_cap.so \"$(mortar plugin dir)\"");
        self.step(&name, || run(Command::new("install").arg(library).arg(folder), LIMIT)).ok();
    }
}
