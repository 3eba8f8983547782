//! Sharing: which bricks may live in one process, and which processes there are to join.

use super::process::{Process, holder};
use crate::brick::Brick;
use crate::options::values::VolumeOptions;
use crate::paths::Paths;
use rustix::process::Pid;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How a brick may share a process with others.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    /// So many bricks live in one process at most; 0 for any number.
    pub most: usize,
    /// The other bricks of this node.
    pub neighbours: Vec<Neighbour>,
}

/// Another brick of this node.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// Its volume's name.
    pub volume: String,
    /// The brick.
    pub brick: Brick,
    /// It may be joined.
    pub fits: bool,
}

/// A brick process that may be joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its number.
    pub pid: Pid,
    /// Where it takes orders.
    pub socket: PathBuf,
    /// Where its bricks listen.
    pub port: u16,
}

/// What marks a process that takes more bricks.
const MULTIPLEXED: &str = "--brick-mux";

/// Whether bricks of volumes with these options may share a process: what one does differently, its process does to the
/// other. Who may mount, and words of users, each brick keeps to itself.
#[must_use]
pub fn is_compatible(one: &VolumeOptions, other: &VolumeOptions) -> bool {
    let covers = |all: &VolumeOptions, some: &VolumeOptions| {
        some.iter().all(|(key, value)| is_own(key) || all.get(key) == Some(value))
    };
    covers(one, other) && covers(other, one)
}

fn is_own(key: &str) -> bool {
    let starts = ["user.", "diagnostics.brick-log", "diagnostics.client-log"];
    key.contains("auth")
        || key.ends_with("event-threads")
        || starts.iter().any(|start| key.starts_with(start))
}

impl Sharing {
    /// Processes with room for one more, in the order of the neighbours that live there.
    #[must_use]
    pub fn hosts(&self, paths: &Paths) -> Vec<Host> {
        let mut bricks: BTreeMap<i32, usize> = BTreeMap::new();
        let mut hosts: Vec<(Pid, u16)> = Vec::new();
        for Neighbour { volume, brick, fits } in &self.neighbours {
            let Some(pid) = holder(&paths.brick_pidfile(volume, brick)) else { continue };
            *bricks.entry(pid.as_raw_nonzero().get()).or_default() += 1;
            if *fits && !hosts.iter().any(|(known, _)| *known == pid) {
                hosts.push((pid, brick.port));
            }
        }
        let has_room = |pid: &Pid| self.most == 0 || bricks[&pid.as_raw_nonzero().get()] < self.most;
        let hosts = hosts.into_iter().filter(|(pid, _)| has_room(pid));
        hosts.filter_map(|(pid, port)| Host::of(pid, port)).collect()
    }
}

impl Host {
    fn of(pid: Pid, port: u16) -> Option<Self> {
        let words = command_line(pid)?;
        if !words.iter().any(|word| word == MULTIPLEXED.as_bytes()) {
            return None;
        }
        Some(Self { pid, port, socket: option(&words, "-S")? })
    }
}

/// Where the process of a brick takes orders: the socket it was started with, which may be another brick's.
#[must_use]
pub fn socket_of(pid: Pid) -> Option<PathBuf> {
    option(&command_line(pid)?, "-S")
}

/// Whether the process holds pid files of other bricks than this one.
#[must_use]
pub fn has_others(process: &Process, pidfile: &Path, paths: &Paths) -> bool {
    let volumes = std::fs::read_dir(paths.run.join("vols")).into_iter().flatten().flatten();
    let files = volumes.flat_map(|volume| std::fs::read_dir(volume.path()).into_iter().flatten().flatten());
    let mut others = files.map(|file| file.path()).filter(|path| path != pidfile);
    others.any(|path| holder(&path).is_some_and(|pid| pid.as_raw_nonzero().get() == process.pid()))
}

fn command_line(pid: Pid) -> Option<Vec<Vec<u8>>> {
    let bytes = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    Some(bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

fn option(words: &[Vec<u8>], name: &str) -> Option<PathBuf> {
    let at = words.iter().position(|word| word == name.as_bytes())?;
    words.get(at + 1).map(|word| PathBuf::from(OsStr::from_bytes(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> VolumeOptions {
        let mut options = VolumeOptions::default();
        pairs.iter().for_each(|(key, value)| options.set(key, value));
        options
    }

    #[test]
    fn bricks_share_a_process_when_their_options_are_equal() {
        let plain = options(&[("nfs.disable", "on"), ("transport.address-family", "inet")]);
        let turned = options(&[("transport.address-family", "inet"), ("nfs.disable", "on")]);
        assert!(is_compatible(&plain, &turned), "the order does not matter");
        let more =
            options(&[("nfs.disable", "on"), ("transport.address-family", "inet"), ("features.worm", "on")]);
        assert!(!is_compatible(&plain, &more) && !is_compatible(&more, &plain));
        assert!(!is_compatible(&options(&[("features.worm", "off")]), &options(&[("features.worm", "on")])));
    }

    #[test]
    fn what_each_brick_keeps_to_itself_may_differ() {
        for key in ["auth.allow", "client.event-threads", "user.note", "diagnostics.brick-log-level"] {
            assert!(is_compatible(&options(&[(key, "1")]), &options(&[])), "{key}");
        }
    }

    #[test]
    fn a_process_that_takes_no_more_bricks_is_no_host() {
        let own = rustix::process::getpid();
        assert_eq!(Host::of(own, 1), None, "this test was not started with --brick-mux");
    }
}
