//! The command line of a brick process.

use crate::brick::Brick;
use crate::config::DEFAULT_PORT;
use crate::paths::{Paths, brick_volfile_id};
use std::ffi::OsString;
use std::path::Path;
use uuid::Uuid;

/// What a brick's command line is made of.
#[derive(Debug, Clone, Copy)]
pub struct BrickCommand<'a> {
    /// `glusterfsd`.
    pub program: &'a Path,
    /// The volume's name.
    pub volume: &'a str,
    /// The brick.
    pub brick: &'a Brick,
    /// Where pidfile, socket and log lie.
    pub paths: &'a Paths,
    /// This node.
    pub node: Uuid,
    /// The port it is to listen on.
    pub port: u16,
    /// The port that this daemon listens on.
    pub daemon_port: u16,
    /// Cluster option `cluster.localtime-logging`.
    pub localtime_logging: bool,
    /// Volume option `config.global-threading`.
    pub global_threading: bool,
    /// Daemon option `transport.socket.bind-address`.
    pub bind_address: Option<&'a str>,
    /// Daemon option `transport.address-family`.
    pub address_family: Option<&'a str>,
    /// Volume option `config.memory-accounting`.
    pub memory_accounting: bool,
    /// The process is to take more bricks.
    pub multiplexed: bool,
}

impl BrickCommand<'_> {
    /// Program and arguments, in the incumbent's order; each is one argument, no shell sees them.
    #[must_use]
    pub fn argv(&self) -> Vec<OsString> {
        let Self { volume, brick, paths, port, .. } = *self;
        let mut argv: Vec<OsString> = vec![self.program.into()];
        let mut add = |words: &[&dyn AsRef<std::ffi::OsStr>]| {
            argv.extend(words.iter().map(|word| word.as_ref().to_owned()));
        };
        add(&[&"-s", &brick.host]);
        if self.daemon_port != DEFAULT_PORT {
            add(&[&format!("--volfile-server-port={}", self.daemon_port)]);
        }
        add(&[&"--volfile-id", &brick_volfile_id(volume, &brick.host, &brick.path)]);
        add(&[&"-p", &paths.brick_pidfile(volume, brick)]);
        add(&[&"-S", &paths.brick_socket(volume, brick)]);
        add(&[&"--brick-name", &brick.path]);
        add(&[&"-l", &paths.brick_log(brick)]);
        add(&[&"--xlator-option", &format!("*-posix.glusterd-uuid={}", self.node)]);
        add(&[&"--process-name", &"brick"]);
        if self.localtime_logging {
            add(&[&"--localtime-logging"]);
        }
        add(&[&"--brick-port", &port.to_string()]);
        if self.global_threading {
            add(&[&"--global-threading"]);
        }
        add(&[&"--xlator-option", &format!("{volume}-server.listen-port={port}")]);
        if let Some(address) = self.bind_address {
            add(&[&"--xlator-option", &format!("transport.socket.bind-address={address}")]);
        }
        if let Some(family) = self.address_family {
            add(&[&"--xlator-option", &format!("transport.address-family={family}")]);
        }
        if self.memory_accounting {
            add(&[&"--mem-accounting"]);
        }
        if self.multiplexed {
            add(&[&"--brick-mux"]);
        }
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_the_one_glusterfs_10_starts_its_bricks_with() {
        let node = Uuid::parse_str("24dfb5e0-8d28-4d20-b881-82bb467ad435").unwrap();
        let brick = Brick::new(node, "box", "/bricks/1/a", "a-client-0");
        let paths = Paths::default();
        let command = BrickCommand {
            program: Path::new("/usr/sbin/glusterfsd"),
            volume: "a",
            brick: &brick,
            paths: &paths,
            node,
            port: 55170,
            daemon_port: 24007,
            localtime_logging: false,
            global_threading: false,
            bind_address: None,
            address_family: None,
            memory_accounting: false,
            multiplexed: false,
        };
        let words: Vec<String> = command.argv().into_iter().map(|w| w.into_string().unwrap()).collect();
        assert_eq!(
            words.join(" "),
            "/usr/sbin/glusterfsd -s box --volfile-id a.box.bricks-1-a -p \
             /var/run/gluster/vols/a/box-bricks-1-a.pid -S /var/run/gluster/634445d2a637b674.socket --brick-name \
             /bricks/1/a -l /var/log/glusterfs/bricks/bricks-1-a.log --xlator-option \
             *-posix.glusterd-uuid=24dfb5e0-8d28-4d20-b881-82bb467ad435 --process-name brick --brick-port 55170 \
             --xlator-option a-server.listen-port=55170"
        );
    }
}
