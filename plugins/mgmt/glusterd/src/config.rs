//! The daemon's own options, those of glusterd.vol: declared, and read once at start.

use crate::paths::Paths;
use plugin_api::options::Options;
use plugin_api::{Dict, InitCx, InitError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where daemons listen.
pub const DEFAULT_PORT: u16 = 24007;

/// What the volfile says, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Every folder.
    pub paths: Paths,
    /// The CLI's socket.
    pub socket_file: PathBuf,
    /// The TCP port that clients, bricks and peers call.
    pub listen_port: u16,
    /// `transport.*` as the volfile has it, for the listener on TCP.
    pub transport: Dict,
    /// Bricks listen on this address only.
    pub bind_address: Option<String>,
    /// `inet` or `inet6`, when the volfile says which.
    pub address_family: Option<String>,
    /// Bricks listen on ports from here …
    pub base_port: u16,
    /// … to here.
    pub max_port: u16,
    /// How long an operation may hold its lock.
    pub lock_timer: Duration,
    /// Whether callers from ports of 1024 and above are served.
    pub allow_insecure: bool,
    /// The program that bricks run.
    pub brick_program: PathBuf,
    /// The program that services run, which mounts volumes too.
    pub client_program: PathBuf,
    /// The program that moves the files of a volume without copies.
    pub mover_program: PathBuf,
    /// Folders that bricks search for plugins before the installed one, joined by colons: those of this process.
    pub plugin_dirs: String,
}

/// The options that a `mgmt/glusterd` takes.
#[must_use]
pub fn declared() -> Options {
    Options::new()
        .path("working-directory", "the state folder")
        .default_value("/var/lib/glusterd")
        .path("run-directory", "where pid files lie")
        .default_value("/var/run/gluster")
        .path("logging-directory", "where logs and the command history lie")
        .default_value("/var/log/glusterfs")
        .path("glusterd-sockfile", "the CLI's socket")
        .default_value("/var/run/glusterd.socket")
        .text("transport-type", "what to listen with: socket")
        .default_value("socket")
        .text("transport.*", "options of the TCP listener, see rpc-transport/socket")
        .int("ping-timeout", "seconds between pings to peers, 0 for none")
        .range(0.0, 300.0)
        .default_value("30")
        .int("event-threads", "accepted; the host's event pool serves every connection")
        .range(1.0, 32.0)
        .default_value("1")
        .int("base-port", "the lowest port of a brick")
        .range(1024.0, 65535.0)
        .default_value("49152")
        .int("max-port", "the highest port of a brick")
        .range(1.0, 65535.0)
        .default_value("65535")
        .int("lock-timer", "seconds after which an operation loses its lock")
        .range(10.0, 600.0)
        .default_value("180")
        .choice(
            "run-with-valgrind",
            &["no", "yes", "off", "on", "memcheck", "drd"],
            "run bricks under valgrind",
        )
        .default_value("no")
        .choice("server-quorum-type", &["none", "server"], "whether volumes need most nodes up")
        .text("server-quorum-ratio", "how many nodes, in percent")
        .bool("rpc-auth-allow-insecure", "serve callers from ports of 1024 and above")
        .default_value("on")
        .text("rpc-auth.*", "accepted; every kind of credential is read")
        .bool("bind-insecure", "call peers from any port")
        .default_value("on")
        .bool("upgrade", "generate every volfile anew and end")
        .default_value("off")
        .bool("downgrade", "generate every volfile anew and end")
        .default_value("off")
        .text("mountbroker-root", "where mounts for users without privileges lie")
        .text("mountbroker-geo-replication.*", "who may mount which volumes for geo-replication")
        .text("mountbroker.*", "who may mount what")
        .path("client-binary", "what self-heal, rebalance and other clients of this daemon run")
        .text("geo-replication-log-group", "whose log files of geo-replication are")
        .text("snap-brick-path", "where bricks of snapshots are mounted")
}

impl Config {
    /// Reads the options of the translator that starts.
    ///
    /// # Errors
    /// A sentence about a value that cannot be used.
    pub fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let folder = |key: &str| cx.text(key).map(PathBuf::from);
        let run = folder("run-directory")?;
        let mut paths = Paths::new(folder("working-directory")?, run.clone(), folder("logging-directory")?);
        if !can_make(&paths.sockets) {
            // Only root may make the folder where everybody looks for sockets; a daemon of somebody else keeps its own.
            paths.sockets = run;
        }
        refuse_unsupported(cx)?;
        let (base_port, max_port) = (port(cx, "base-port")?, port(cx, "max-port")?);
        if base_port > max_port {
            return Err(InitError(format!(
                "option `base-port` of {} is {base_port}, above `max-port`, which is {max_port}",
                cx.name()
            )));
        }
        let given = |short: &str| given(cx, short).map(str::to_owned);
        let listen_port = match given("listen-port") {
            None => DEFAULT_PORT,
            Some(text) => text.trim().parse().map_err(|_| {
                InitError(format!("option `transport.socket.listen-port` is `{text}`, expected a port"))
            })?,
        };
        let mut transport = Dict::new();
        for (key, value) in cx.values().iter().filter(|(key, _)| key.starts_with("transport.")) {
            transport.set(key.to_owned(), value);
        }
        transport.set("transport.socket.listen-port", u32::from(listen_port));
        Ok(Self {
            socket_file: folder("glusterd-sockfile")?,
            listen_port,
            transport,
            bind_address: given("bind-address"),
            address_family: cx.values().get("transport.address-family").map(str::to_owned),
            base_port,
            max_port,
            lock_timer: cx.time("lock-timer")?,
            allow_insecure: cx.bool("rpc-auth-allow-insecure")?,
            brick_program: brick_program(&cx.setting("program-path")),
            client_program: client_program(cx, &SERVICES),
            mover_program: client_program(cx, &MOVERS),
            plugin_dirs: cx.setting("plugin-dirs"),
            paths,
        })
    }

    /// What a volfile without options says, in these folders.
    #[must_use]
    pub fn standard(paths: Paths) -> Self {
        Self {
            paths,
            socket_file: "/var/run/glusterd.socket".into(),
            listen_port: DEFAULT_PORT,
            transport: Dict::new(),
            bind_address: None,
            address_family: None,
            base_port: 49152,
            max_port: 65535,
            lock_timer: Duration::from_secs(180),
            allow_insecure: true,
            brick_program: SYSTEM_BRICK.into(),
            client_program: SYSTEM_CLIENT.into(),
            mover_program: SYSTEM_CLIENT.into(),
            plugin_dirs: String::new(),
        }
    }

    /// The family that new volumes are made for.
    #[must_use]
    pub fn family(&self) -> &str {
        self.address_family.as_deref().unwrap_or("inet")
    }
}

/// An option of the listener under its long or its short name.
fn given<'a>(cx: &InitCx<'a>, short: &str) -> Option<&'a str> {
    [format!("transport.socket.{short}"), format!("transport.{short}")]
        .iter()
        .find_map(|key| cx.values().get(key))
}

fn port(cx: &InitCx<'_>, key: &str) -> Result<u16, InitError> {
    let number = cx.int(key)?;
    u16::try_from(number).map_err(|_| InitError(format!("option `{key}` is {number}, expected a port")))
}

/// What would change what the daemon does, and cannot be done here, is refused rather than passed over.
fn refuse_unsupported(cx: &InitCx<'_>) -> Result<(), InitError> {
    let refuse = |text: String| Err(InitError(text));
    for kind in cx.text("transport-type")?.split(',').map(str::trim) {
        if !matches!(kind, "socket" | "tcp") {
            return refuse(format!(
                "option `transport-type` of {} names `{kind}`, expected socket: there is no other transport",
                cx.name()
            ));
        }
    }
    if !matches!(cx.text("run-with-valgrind")?, "no" | "off") {
        return refuse(
            "option `run-with-valgrind` is on, which this daemon does not do: remove it".to_owned(),
        );
    }
    let secure = Path::new(cx.text("working-directory")?).join("secure-access");
    if secure.exists() {
        return refuse(format!(
            "{} asks for management over TLS, which this build cannot do: it does not start without it",
            secure.display()
        ));
    }
    Ok(())
}

fn can_make(folder: &Path) -> bool {
    folder.is_dir() && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
        || std::fs::create_dir_all(folder).is_ok()
}

/// `glusterfsd` beside the daemon's own program, so that bricks are of the same build; else the system's.
fn brick_program(own: &str) -> PathBuf {
    let beside = Path::new(own).with_file_name("glusterfsd");
    if beside.exists() { beside } else { PathBuf::from(SYSTEM_BRICK) }
}

/// The incumbent's brick.
const SYSTEM_BRICK: &str = "/usr/sbin/glusterfsd";
/// The incumbent's client.
const SYSTEM_CLIENT: &str = "/usr/sbin/glusterfs";

/// What the graphs of services hold beyond those of mounts: a client without one of these mounts volumes, and neither heals
/// them nor counts what is in them.
const SERVICES: [&str; 4] = ["cluster/replicate", "cluster/disperse", "features/quotad", "features/bit-rot"];

/// What moves files between bricks that keep no copies of each other.
const MOVERS: [&str; 2] = ["cluster/distribute", "cluster/rebalance"];

/// What is named on the command line, else in the volfile, else what is found that has all the translators it needs.
fn client_program(cx: &InitCx<'_>, needed: &[&str]) -> PathBuf {
    let on_command_line = Some(cx.setting("client-binary")).filter(|named| !named.is_empty());
    let named = on_command_line.or_else(|| cx.values().get("client-binary").map(str::to_owned));
    let can_serve = || {
        let found = plugin_api::open::xlators();
        needed.iter().all(|needed| found.iter().any(|name| name == needed))
    };
    named.map_or_else(|| found_client(&cx.setting("program-path"), can_serve()), PathBuf::from)
}

/// `glusterfs` beside the daemon's own program, so that services are of the same build; else the system's. A link to
/// the daemon's own program counts only where it can be each of them.
fn found_client(own: &str, can_serve: bool) -> PathBuf {
    let beside = Path::new(own).with_file_name("glusterfs");
    let is_own = std::fs::canonicalize(&beside).ok() == std::fs::canonicalize(own).ok();
    if beside.exists() && (can_serve || !is_own) { beside } else { PathBuf::from(SYSTEM_CLIENT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for option in &declared().0 {
            let key = option.keys[0].as_str();
            assert!(readme.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn a_client_beside_our_own_program_is_taken_when_it_can_be_every_service() {
        let folder = tempfile::tempdir().unwrap();
        let (own, beside) = (folder.path().join("mortar"), folder.path().join("glusterfs"));
        let found = |can_serve| found_client(own.to_str().unwrap(), can_serve);
        assert_eq!(found(true), Path::new(SYSTEM_CLIENT), "there is none");
        std::fs::write(&own, "").unwrap();
        std::os::unix::fs::symlink("mortar", &beside).unwrap();
        assert_eq!(found(false), Path::new(SYSTEM_CLIENT), "it is this program, which cannot");
        assert_eq!(found(true), beside);
        std::fs::remove_file(&beside).unwrap();
        std::fs::write(&beside, "").unwrap();
        assert_eq!(found(false), beside, "it is another program");
    }

    #[test]
    fn a_brick_program_beside_our_own_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("mortar");
        assert_eq!(brick_program(own.to_str().unwrap()), Path::new("/usr/sbin/glusterfsd"));
        std::fs::write(folder.path().join("glusterfsd"), "").unwrap();
        assert_eq!(brick_program(own.to_str().unwrap()), folder.path().join("glusterfsd"));
    }
}
