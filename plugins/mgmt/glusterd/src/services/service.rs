//! What a service is: its command line, pid file and socket, in the incumbent's words.

use crate::brick::Brick;
use crate::config::{Config, DEFAULT_PORT};
use crate::paths::brick_client_id;
use crate::services::bitrot::Part;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A process that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name in logs and, as `--process-name`, in the list of processes.
    pub name: &'static str,
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Held by the process while it runs.
    pub pidfile: PathBuf,
    /// Where it takes questions.
    pub socket: PathBuf,
    /// Where it logs.
    pub log: PathBuf,
}

impl Service {
    /// Whether it runs until it is stopped, and does not end with a task.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.name != REBALANCE
    }
}

/// The name of the process that moves files.
const REBALANCE: &str = "rebalance";

/// Cluster options that every service's command line carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// `cluster.localtime-logging`.
    pub localtime_logging: bool,
    /// `cluster.daemon-log-level`.
    pub log_level: Option<String>,
}

/// The client program, and where it gets its volfile.
#[must_use]
pub fn served_client(config: &Config) -> Vec<OsString> {
    served(config, &config.client_program)
}

/// A program that is a client, and where it gets its volfile.
fn served(config: &Config, program: &Path) -> Vec<OsString> {
    let server = config.bind_address.as_deref().unwrap_or("localhost");
    let mut words: Vec<OsString> = vec![program.into(), "-s".into(), server.into()];
    if config.listen_port != DEFAULT_PORT {
        words.push(format!("--volfile-server-port={}", config.listen_port).into());
    }
    words
}

/// Words of a command line that is being put together.
struct Words(Vec<OsString>);

impl Words {
    fn new(config: &Config) -> Self {
        Self(served_client(config))
    }

    fn add(&mut self, more: &[&dyn AsRef<OsStr>]) {
        self.0.extend(more.iter().map(|word| word.as_ref().to_owned()));
    }

    fn options(&mut self, options: &[String]) {
        for option in options {
            self.add(&[&"--xlator-option", option]);
        }
    }

    fn common(&mut self, common: &Common) {
        if common.localtime_logging {
            self.add(&[&"--localtime-logging"]);
        }
        if let Some(level) = &common.log_level {
            self.add(&[&format!("--log-level={level}")]);
        }
    }
}

/// The self-heal daemon, begun with this volume.
#[must_use]
pub fn self_heal(config: &Config, node: Uuid, volume: &str, common: &Common) -> Service {
    let paths = &config.paths;
    let (pidfile, socket) = (paths.self_heal_pidfile(volume), paths.self_heal_socket(volume, node));
    let log = paths.log.join("glustershd.log");
    let mut words = Words::new(config);
    words.add(&[&"--volfile-id", &format!("shd/{volume}")]);
    words.add(&[&"-p", &pidfile, &"-l", &log, &"-S", &socket]);
    words.options(&[format!("*replicate*.node-uuid={node}")]);
    words.add(&[&"--process-name", &"glustershd", &"--client-pid=-6"]);
    words.common(common);
    Service { name: "glustershd", argv: words.0, pidfile, socket, log }
}

/// The quota daemon.
#[must_use]
pub fn quotad(config: &Config, node: Uuid, common: &Common) -> Service {
    let paths = &config.paths;
    let (pidfile, socket) = (paths.quotad_pidfile(), paths.service_socket("quotad", node));
    let log = paths.log.join("quotad.log");
    let mut words = Words::new(config);
    words.add(&[&"--volfile-id", &"gluster/quotad", &"-p", &pidfile, &"-l", &log, &"-S", &socket]);
    words.add(&[&"--process-name", &"quotad"]);
    words.common(common);
    Service { name: "quotad", argv: words.0, pidfile, socket, log }
}

/// A mount for a moment, by which locks are cleared.
#[must_use]
pub fn clear_locks_mount(config: &Config, volume: &str) -> Vec<OsString> {
    let mut words = Words::new(config);
    words.add(&[&"--volfile-id", &volume, &"--process-name", &"clear-locks"]);
    words.add(&[&"-l", &config.paths.log.join("clear-locks.log")]);
    words.add(&[&config.paths.run.join(format!("clear-locks-{}", Uuid::new_v4()))]);
    words.0
}

/// A process of bit-rot detection.
#[must_use]
pub fn bitrot(config: &Config, node: Uuid, part: Part, common: &Common) -> Service {
    let (paths, name) = (&config.paths, part.name());
    let (pidfile, socket) = (paths.service_pidfile(name), paths.service_socket(name, node));
    let log = paths.log.join(format!("{name}.log"));
    let mut words = Words::new(config);
    words.add(&[&"--volfile-id", &format!("gluster/{name}"), &"-p", &pidfile, &"-l", &log, &"-S", &socket]);
    words.add(&[&"--global-timer-wheel", &"--process-name", &name]);
    words.common(common);
    Service { name, argv: words.0, pidfile, socket, log }
}

/// Mounts a volume for limits: to set them, or for the CLI to list them.
#[must_use]
pub fn quota_mount(config: &Config, volume: &str, purpose: &str) -> Vec<OsString> {
    let point = config.paths.quota_mount(volume, purpose);
    let mut words = Words::new(config);
    words.add(&[
        &"--volfile-id",
        &volume,
        &"-l",
        &config.paths.log.join(format!("quota-mount-{volume}.log")),
    ]);
    words.add(&[&"-p", &point.with_added_extension("pid"), &"--client-pid", &"-5", &point]);
    words.0
}

/// Mounts one brick alone, and remembers nothing of what it has seen.
#[must_use]
pub fn brick_mount(config: &Config, volume: &str, brick: &Brick) -> Vec<OsString> {
    let key = format!("client_per_brick/{}.vol", brick_client_id(volume, &brick.host, &brick.path));
    let mut words = Words::new(config);
    words.add(&[&"--volfile-id", &key, &"--use-readdirp=no"]);
    words.add(&[&"--entry-timeout=0", &"--attribute-timeout=0", &"--client-pid", &"-100"]);
    words.add(&[&"-l", &config.paths.log.join("quota_crawl").join(format!("{}.log", brick.path_dashes()))]);
    words.add(&[&config.paths.run.join("tmp").join(format!("mnt{}", Uuid::new_v4().simple()))]);
    words.0
}

/// What a rebalance is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// 1 start, 4 fix the layout, 5 start by force.
    pub command: u32,
    /// Stamped on layouts that this run has seen through.
    pub commit_hash: u32,
    /// Whether bricks of the volume keep copies of each other.
    pub of_copies: bool,
}

/// The process that moves a volume's files.
#[must_use]
pub fn rebalance(config: &Config, node: Uuid, volume: &str, task: Task, common: &Common) -> Service {
    let paths = &config.paths;
    let (pidfile, socket) = (paths.rebalance_pidfile(volume, node), paths.rebalance_socket(volume, node));
    let log = paths.log.join(format!("{volume}-rebalance.log"));
    let mut words =
        Words(served(config, if task.of_copies { &config.client_program } else { &config.mover_program }));
    words.add(&[&"--volfile-id", &format!("rebalance/{volume}")]);
    words.options(&[
        "*dht.use-readdirp=no".to_owned(),
        "*dht.lookup-unhashed=yes".to_owned(),
        "*dht.assert-no-child-down=yes".to_owned(),
        "*dht.readdir-optimize=on".to_owned(),
    ]);
    words.add(&[&"--process-name", &"rebalance"]);
    words.options(&[
        format!("*dht.rebalance-cmd={}", task.command),
        format!("*dht.node-uuid={node}"),
        format!("*dht.commit-hash={}", task.commit_hash),
    ]);
    words.add(&[&"--socket-file", &socket, &"--pid-file", &pidfile, &"-l", &log]);
    words.common(common);
    Service { name: "rebalance", argv: words.0, pidfile, socket, log }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Paths;

    fn line(service: &Service) -> String {
        let words: Vec<&str> = service.argv.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    fn node() -> Uuid {
        Uuid::parse_str("4263fba2-d783-4a82-977a-f43fec2b17d8").unwrap()
    }

    #[test]
    fn the_self_heal_daemons_command_line_is_the_one_of_glusterfs_10() {
        let service = self_heal(&Config::standard(Paths::default()), node(), "r3", &Common::default());
        assert_eq!(
            line(&service),
            "/usr/sbin/glusterfs -s localhost --volfile-id shd/r3 -p /var/run/gluster/shd/r3/r3-shd.pid -l \
             /var/log/glusterfs/glustershd.log -S /var/run/gluster/e18182748203b7b3.socket --xlator-option \
             *replicate*.node-uuid=4263fba2-d783-4a82-977a-f43fec2b17d8 --process-name glustershd --client-pid=-6"
        );
    }

    #[test]
    fn the_quota_daemons_command_line_is_the_one_of_glusterfs_10() {
        let node = Uuid::parse_str("3bb919fd-8704-469e-8496-3e5ace3eec76").unwrap();
        let service = quotad(&Config::standard(Paths::default()), node, &Common::default());
        assert_eq!(
            line(&service),
            "/usr/sbin/glusterfs -s localhost --volfile-id gluster/quotad -p /var/run/gluster/quotad/quotad.pid -l \
             /var/log/glusterfs/quotad.log -S /var/run/gluster/a31e441977174b5a.socket --process-name quotad"
        );
    }

    #[test]
    fn the_command_lines_of_bit_rot_detection_are_those_of_glusterfs_10() {
        let node = Uuid::parse_str("c24c0046-360c-4785-a6a3-e4133d185568").unwrap();
        let config = Config::standard(Paths::default());
        assert_eq!(
            line(&bitrot(&config, node, Part::Signer, &Common::default())),
            "/usr/sbin/glusterfs -s localhost --volfile-id gluster/bitd -p /var/run/gluster/bitd/bitd.pid -l \
             /var/log/glusterfs/bitd.log -S /var/run/gluster/3f67ae753c31ea32.socket --global-timer-wheel --process-name \
             bitd"
        );
        let scrubber = line(&bitrot(&config, node, Part::Scrubber, &Common::default()));
        assert!(scrubber.contains("-S /var/run/gluster/4dfc97aa1671112a.socket"), "{scrubber}");
    }

    #[test]
    fn the_rebalance_command_line_is_the_one_of_glusterfs_10() {
        let task = Task { command: 4, commit_hash: 1_478_042_388, of_copies: false };
        let service = rebalance(&Config::standard(Paths::default()), node(), "a", task, &Common::default());
        assert_eq!(
            line(&service),
            "/usr/sbin/glusterfs -s localhost --volfile-id rebalance/a --xlator-option *dht.use-readdirp=no \
             --xlator-option *dht.lookup-unhashed=yes --xlator-option *dht.assert-no-child-down=yes --xlator-option \
             *dht.readdir-optimize=on --process-name rebalance --xlator-option *dht.rebalance-cmd=4 --xlator-option \
             *dht.node-uuid=4263fba2-d783-4a82-977a-f43fec2b17d8 --xlator-option *dht.commit-hash=1478042388 \
             --socket-file /var/run/gluster/e13468e472e3b755.socket --pid-file \
             /var/lib/glusterd/vols/a/rebalance/4263fba2-d783-4a82-977a-f43fec2b17d8.pid -l \
             /var/log/glusterfs/a-rebalance.log"
        );
    }

    #[test]
    fn the_clusters_log_options_go_behind_a_services_own() {
        let common = Common { localtime_logging: true, log_level: Some("DEBUG".to_owned()) };
        let service = self_heal(&Config::standard(Paths::default()), node(), "r3", &common);
        assert!(line(&service).ends_with(" --client-pid=-6 --localtime-logging --log-level=DEBUG"));
    }
}
