//! The walk over a brick after quota was switched: what is there is looked at once, so that it is accounted, or is rid of
//! its marks.
//!
//! It runs behind the operation, over a mount of that brick alone, by the programs that the incumbent runs. Its pid file
//! is its order: when that is gone or is somebody else's, the walk ends.

use super::runner::Walk;
use super::service;
use crate::daemon::Daemon;
use crate::volume::Volume;
use std::ffi::OsString;

/// What quota was switched to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// What is there is accounted.
    On,
    /// Marks are removed.
    Off,
}

impl Switched {
    fn word(self) -> &'static str {
        match self {
            Self::On => "enable",
            Self::Off => "disable",
        }
    }

    fn program(self) -> Vec<OsString> {
        let words: &[&str] = match self {
            // Printing a size makes it look at each; nobody reads it.
            Self::On => &["find", ".", "-printf", "%s"],
            Self::Off => {
                &["find", ".", "-exec", "setfattr", "-h", "-n", "glusterfs.quota-xattr-cleanup", "-v", "1"]
            }
        };
        let ends: &[&str] = if self == Self::Off { &["{}", "+"] } else { &[] };
        words.iter().chain(ends).map(OsString::from).collect()
    }
}

/// Begins the walk over each of this node's bricks, and ends the walk of the other kind.
pub fn begin(daemon: &Daemon, volume: &Volume, switched: Switched) {
    let paths = &daemon.config.paths;
    let other = if switched == Switched::On { Switched::Off } else { Switched::On };
    for brick in volume.bricks.iter().filter(|brick| brick.node == daemon.node) {
        // There need not have been one.
        let _ = std::fs::remove_file(paths.quota_walk_pidfile(&volume.name, other.word(), brick));
        let walk = Walk {
            mount: service::brick_mount(&daemon.config, &volume.name, brick),
            program: switched.program(),
            pidfile: paths.quota_walk_pidfile(&volume.name, switched.word(), brick),
            root: brick.path.clone().into(),
            mark: format!("trusted.glusterfs.quota.size.{}", volume.quota_version),
            leaves_mark: switched == Switched::On,
        };
        daemon.services.walk(walk);
    }
}
