//! One rule in a process of its own, with an end to its time.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::message::{Told, Verdict};
use super::{ToolError, alone, cannot};
use crate::cmdline::CheckAsk;

/// Lines of a dead process's last words that are shown.
const LAST_WORDS: usize = 6;

/// Runs a rule and tells what came of it, whatever the plugin does to the process.
pub(super) fn run(ask: &CheckAsk, file: &Path, rule: &str, seed: u64) -> Result<Told, ToolError> {
    let place = tempfile::Builder::new().prefix("mortar-check-").tempdir();
    let place = place.map_err(|e| cannot(format!("a folder for the check: {e}")))?;
    let begun = Instant::now();
    let mut child = start(ask, file, rule, seed, place.path())
        .map_err(|e| cannot(format!("a process for the check: {e}")))?;
    let ended = wait(&mut child, ask.limit).map_err(|e| cannot(format!("the process of the check: {e}")))?;
    let mut told = match (answered(place.path()), ended) {
        // What it said counts, also when it could not end in order afterwards: that is one more finding.
        (Some(told), Some(status)) if status.success() => told,
        (_, Some(status)) if status.code() == Some(2) => {
            Told::plain(rule, Verdict::CannotRun(last_words(place.path())))
        }
        (_, Some(status)) => Told::broken(rule, &last_step(place.path()), died(status, place.path())),
        (_, None) => {
            let what = format!("no end after {} s: the process was killed", ask.limit.as_secs());
            Told::broken(rule, &last_step(place.path()), what)
        }
    };
    told.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(told)
}

fn start(ask: &CheckAsk, file: &Path, rule: &str, seed: u64, place: &Path) -> std::io::Result<Child> {
    let words = File::create(place.join("words"))?;
    let mut command = Command::new(std::env::current_exe()?);
    // The name decides the role, whatever the file is called.
    command.arg0("mortar");
    command.args(["plugin", "check"]).arg(file).args(["--only", rule, "--seed", &seed.to_string()]);
    command.arg("--apart").arg(place);
    if ask.quick {
        command.arg("--quick");
    }
    for (key, value) in &ask.options {
        command.arg("--option").arg(format!("{key}={value}"));
    }
    for folder in &ask.plugin_dirs {
        command.arg("--plugin-dir").arg(folder);
    }
    // What the plugin makes of its own goes with the rest.
    command.env("TMPDIR", place).stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words).spawn()
}

/// How it ended, or `None` when it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(child);
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let end = Instant::now() + limit;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            Ok(_) => return child.wait().map(Some),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn answered(place: &Path) -> Option<Told> {
    serde_json::from_slice(&fs::read(alone::answer(place)).ok()?).ok()
}

fn last_step(place: &Path) -> String {
    match fs::read_to_string(alone::step(place)) {
        Ok(step) if !step.is_empty() => step,
        _ => "opening it".to_owned(),
    }
}

fn died(status: ExitStatus, place: &Path) -> String {
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("the process was ended by signal {signal}{}", signal_name(signal)),
        (None, code) => format!("the process ended with status {}", code.unwrap_or_default()),
    };
    match last_words(place).as_str() {
        "" => how,
        words => format!("{how}; its last words: {words}"),
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGKILL => " (SIGKILL)",
        _ => "",
    }
}

fn last_words(place: &Path) -> String {
    let words = fs::read(place.join("words")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words);
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_WORDS)..].join(" / ")
}
