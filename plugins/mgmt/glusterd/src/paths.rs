//! Where everything lies on this node.

use crate::brick::{Brick, path_dashes};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The folder that sockets are made in, whatever the run directory is: clients of the sockets look only here.
const SOCKET_DIR: &str = "/var/run/gluster";

/// The node's folders, and the name rules below them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// State folder: option `working-directory`, `/var/lib/glusterd`.
    pub work: PathBuf,
    /// Pidfiles: option `run-directory`, `/var/run/gluster`.
    pub run: PathBuf,
    /// Logs: option `logging-directory`, `/var/log/glusterfs`.
    pub log: PathBuf,
    /// Sockets of bricks and services.
    pub sockets: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self::new("/var/lib/glusterd", SOCKET_DIR, "/var/log/glusterfs")
    }
}

impl Paths {
    /// The rules over these three folders, sockets in `/var/run/gluster`.
    #[must_use]
    pub fn new(work: impl Into<PathBuf>, run: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self { work: work.into(), run: run.into(), log: log.into(), sockets: SOCKET_DIR.into() }
    }

    /// Every folder that has to be there before anything else is done, outermost first.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut all = vec![self.work.clone()];
        let below = |root: &Path, names: &[&str]| names.iter().map(|n| root.join(n)).collect::<Vec<_>>();
        all.extend(below(
            &self.work,
            &[
                "vols",
                "snaps",
                "peers",
                "bitd",
                "scrub",
                "quotad",
                "glustershd",
                "ss_brick",
                "groups",
                "geo-replication",
                "hooks",
                "hooks/1",
            ],
        ));
        for operation in HOOKED_OPERATIONS {
            let hook = self.work.join("hooks/1").join(operation);
            all.extend([hook.clone(), hook.join("pre"), hook.join("post")]);
        }
        all.push(self.run.clone());
        all.extend(below(&self.run, &["vols", "snaps", "bitd", "quotad", "scrub", "shd"]));
        all.push(self.sockets.clone());
        all.push(self.log.clone());
        all.extend(below(
            &self.log,
            &["bricks", "geo-replication", "geo-replication-secondaries", "gfproxy", "snaps"],
        ));
        all
    }

    /// `vols/`.
    #[must_use]
    pub fn volumes(&self) -> PathBuf {
        self.work.join("vols")
    }

    /// `vols/<volume>`.
    #[must_use]
    pub fn volume(&self, volume: &str) -> PathBuf {
        self.volumes().join(volume)
    }

    /// `peers/`.
    #[must_use]
    pub fn peers(&self) -> PathBuf {
        self.work.join("peers")
    }

    /// Where folders of volumes that are coming or going are kept out of sight of a restart.
    #[must_use]
    pub fn trash(&self) -> PathBuf {
        self.work.join("trash")
    }

    /// Pidfile of a brick process.
    #[must_use]
    pub fn brick_pidfile(&self, volume: &str, brick: &Brick) -> PathBuf {
        self.run.join("vols").join(volume).join(format!("{}-{}.pid", brick.host, brick.path_dashes()))
    }

    /// Where a process looks for the parts of its state that a statedump is to show.
    #[must_use]
    pub fn statedump_options(&self, pid: i32) -> PathBuf {
        self.run.join(format!("glusterdump.{pid}.options"))
    }

    /// Management socket of a brick process.
    #[must_use]
    pub fn brick_socket(&self, volume: &str, brick: &Brick) -> PathBuf {
        let run = self.run.display();
        self.socket(&format!("{run}/vols/{volume}/run/{}-{}", brick.host, brick.path_dashes()))
    }

    /// Management socket of a service of this node: `quotad`, `bitd`, `scrub`.
    #[must_use]
    pub fn service_socket(&self, service: &str, node: Uuid) -> PathBuf {
        self.socket(&format!("{}/{service}/run-{node}", self.run.display()))
    }

    /// Pidfile of the self-heal daemon as far as it serves this volume.
    #[must_use]
    pub fn self_heal_pidfile(&self, volume: &str) -> PathBuf {
        self.run.join("shd").join(volume).join(format!("{volume}-shd.pid"))
    }

    /// Management socket of a self-heal daemon that was started for this volume.
    #[must_use]
    pub fn self_heal_socket(&self, volume: &str, node: Uuid) -> PathBuf {
        self.socket(&format!("{}/shd/{volume}/run-{node}", self.run.display()))
    }

    /// Pidfile of a service of this node: `bitd`, `scrub`.
    #[must_use]
    pub fn service_pidfile(&self, service: &str) -> PathBuf {
        self.run.join(service).join(format!("{service}.pid"))
    }

    /// Volfile of such a service.
    #[must_use]
    pub fn service_volfile(&self, service: &str) -> PathBuf {
        self.work.join(service).join(format!("{service}-server.vol"))
    }

    /// Pidfile of the quota daemon.
    #[must_use]
    pub fn quotad_pidfile(&self) -> PathBuf {
        self.run.join("quotad/quotad.pid")
    }

    /// Volfile of the quota daemon.
    #[must_use]
    pub fn quotad_volfile(&self) -> PathBuf {
        self.work.join("quotad/quotad.vol")
    }

    /// `quota.conf` of a volume: which of its folders have limits.
    #[must_use]
    pub fn quota_conf(&self, volume: &str) -> PathBuf {
        self.volume(volume).join("quota.conf")
    }

    /// `quota.cksum` beside it.
    #[must_use]
    pub fn quota_checksum(&self, volume: &str) -> PathBuf {
        self.volume(volume).join("quota.cksum")
    }

    /// Where a volume is mounted while its limits are set, or for the CLI while it lists them.
    #[must_use]
    pub fn quota_mount(&self, volume: &str, purpose: &str) -> PathBuf {
        self.sockets.join(format!("{volume}_quota_{purpose}"))
    }

    /// Pidfile of the walk over a brick after quota was switched.
    #[must_use]
    pub fn quota_walk_pidfile(&self, volume: &str, switched: &str, brick: &Brick) -> PathBuf {
        self.volume(volume).join("run/quota").join(switched).join(format!("{}.pid", brick.path_dashes()))
    }

    /// Pidfile of the rebalance process of a volume.
    #[must_use]
    pub fn rebalance_pidfile(&self, volume: &str, node: Uuid) -> PathBuf {
        self.volume(volume).join("rebalance").join(format!("{node}.pid"))
    }

    /// Management socket of the rebalance process of a volume.
    #[must_use]
    pub fn rebalance_socket(&self, volume: &str, node: Uuid) -> PathBuf {
        self.socket(&format!("{SOCKET_DIR}/gluster-rebalance-{volume}-{node}.sock"))
    }

    /// Log of a brick process.
    #[must_use]
    pub fn brick_log(&self, brick: &Brick) -> PathBuf {
        self.log.join("bricks").join(format!("{}.log", brick.path_dashes()))
    }

    /// `cmd_history.log`.
    #[must_use]
    pub fn command_log(&self) -> PathBuf {
        self.log.join("cmd_history.log")
    }

    fn socket(&self, long_name: &str) -> PathBuf {
        self.sockets.join(format!("{}.socket", socket_hash(long_name)))
    }
}

/// Operations whose scripts are looked for in `hooks/1/<operation>/{pre,post}`.
pub const HOOKED_OPERATIONS: [&str; 9] =
    ["create", "start", "stop", "delete", "set", "reset", "add-brick", "remove-brick", "gsync-create"];

/// Key by which a brick asks for its volfile: `<volume>.<host>.<path with dashes>`.
#[must_use]
pub fn brick_volfile_id(volume: &str, host: &str, path: &str) -> String {
    format!("{volume}.{host}.{}", path_dashes(path))
}

/// Name of the volfile, and key by which it is asked for, of a client of one brick alone:
/// `<volume>.client.<host>.<path with dashes>`.
#[must_use]
pub fn brick_client_id(volume: &str, host: &str, path: &str) -> String {
    format!("{volume}.client.{host}.{}", path_dashes(path))
}

/// A long name shortened to what fits a socket address: XXH64 with seed 0, as 16 hexadecimal digits.
#[must_use]
pub fn socket_hash(long_name: &str) -> String {
    format!("{:016x}", xxhash_rust::xxh64::xxh64(long_name.as_bytes(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_names_are_the_ones_a_glusterfs_10_node_uses() {
        let brick = Brick::new(Uuid::nil(), "vm", "/bricks/b1/d", "v0-client-0");
        let paths = Paths::default();
        assert_eq!(paths.brick_socket("v0", &brick), Path::new("/var/run/gluster/a507939a911fd2bc.socket"));
        assert_eq!(
            paths.brick_pidfile("v0", &brick),
            Path::new("/var/run/gluster/vols/v0/vm-bricks-b1-d.pid")
        );
        assert_eq!(paths.brick_log(&brick), Path::new("/var/log/glusterfs/bricks/bricks-b1-d.log"));
        assert_eq!(brick_volfile_id("v0", &brick.host, &brick.path), "v0.vm.bricks-b1-d");
    }

    #[test]
    fn every_folder_comes_after_the_one_that_holds_it() {
        let folders = Paths::new("/w", "/r", "/l").folders();
        for (at, folder) in folders.iter().enumerate() {
            let parent = folder.parent().expect("all are below the root");
            assert!(
                folders[..at].contains(&parent.to_path_buf()) || !folders.contains(&parent.to_path_buf()),
                "{} comes before its parent",
                folder.display()
            );
        }
    }
}
