//! The options: what a volfile may say, and what became of it.

use std::time::Duration;

use plugin_api::options::Options;
use plugin_api::{Dict, InitCx, InitError, Value};

/// Where the management daemon listens.
const DAEMON_PORT: u32 = 24007;

/// All options with the incumbent's names, defaults and ranges.
pub(crate) fn declared() -> Options {
    transport(Options::new())
        .text("username", "the name that a trusted client logs in with")
        .text("password", "its password")
        .time("ping-timeout", "how long a brick may be silent while calls are out; 0 for ever")
        .default_value("42")
        .range(0.0, 1013.0)
        .reconfigurable()
        .time("frame-timeout", "how long one call may take")
        .default_value("1800")
        .range(0.0, 86_400.0)
        .reconfigurable()
        .bool("filter-O_DIRECT", "open files without O_DIRECT on the brick")
        .default_value("disable")
        .reconfigurable()
        .bool("send-gids", "send all groups of the caller; else the primary one alone")
        .default_value("on")
        .reconfigurable()
        .bool("strict-locks", "a descriptor whose locks were lost with the connection stays unusable")
        .default_value("off")
        .reconfigurable()
        .int("event-threads", "threads for connections; the event pool of the process is shared instead")
        .default_value("2")
        .range(1.0, 1024.0)
        .reconfigurable()
        .text("volume-id", "the volume that the brick has to be of")
        .text("subdir-mount", "the folder of the volume that stands for its root")
        .bool(
            "testing.old-protocol",
            "accepted and not used: bricks without the present protocol are not served",
        )
        .default_value("off")
        .bool("client-bind-insecure", "speak from any port")
        .default_value("off")
}

fn transport(options: Options) -> Options {
    options
        .text("remote-host", "the host of the brick")
        .reconfigurable()
        .int("remote-port", "the port of the brick; 0 or none asks the management daemon")
        .default_value("0")
        .range(0.0, 65_535.0)
        .reconfigurable()
        .text("remote-subvolume", "the brick: its path")
        .required()
        .reconfigurable()
        .text("transport-type", "tcp, or unix with the path of a socket")
        .default_value("tcp")
        .text("transport.address-family", "inet, inet6 or unix")
        .alias("address-family")
        .text("transport.socket.connect-path", "the path of a unix socket")
        .alias("connect-path")
        .reconfigurable()
        .time("transport.tcp-user-timeout", "how long sent data may stay unacknowledged")
        .default_value("0")
        .range(0.0, 1013.0)
        .bool("transport.socket.keepalive", "probe silent connections")
        .default_value("on")
        .time("transport.socket.keepalive-time", "silence before the first probe")
        .default_value("20")
        .time("transport.socket.keepalive-interval", "time between probes")
        .default_value("2")
        .int("transport.socket.keepalive-count", "probes without an answer that end a connection")
        .default_value("9")
        .range(0.0, 127.0)
        .bool("transport.socket.ssl-enabled", "speak TLS")
        .default_value("off")
        .size("tcp-window-size", "socket buffers; 0 leaves them to the kernel")
        .default_value("0")
        .range(0.0, 1_048_576.0)
        .text("transport.*", "further settings of the transport")
}

/// What a client goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The path of the brick.
    pub(crate) subvolume: String,
    /// The volume that it has to be of.
    pub(crate) volume_id: Option<String>,
    /// See `strict-locks`.
    pub(crate) strict_locks: bool,
    /// See `send-gids`.
    pub(crate) send_gids: bool,
    /// See `filter-O_DIRECT`.
    pub(crate) filter_direct: bool,
    /// See `ping-timeout`.
    pub(crate) ping_timeout: Duration,
    /// See `frame-timeout`.
    pub(crate) frame_timeout: Duration,
    /// How the transport begins: to the brick where its port is known, else to the management daemon.
    pub(crate) first: Dict,
    /// The options as the brick is told them.
    pub(crate) told: Dict,
}

/// The options that say where the brick is.
const PLACE: [&str; 4] = ["remote-host", "remote-port", "remote-subvolume", "transport.socket.connect-path"];

impl Settings {
    /// Whether the brick is where `other` says it is.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        PLACE.iter().all(|key| self.first.get(key) == other.first.get(key))
    }

    /// Reads the options.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let mut told: Dict =
            cx.values().iter().map(|(key, value)| (key.to_owned(), Value::str(value.to_string()))).collect();
        // Said on the command line, of all bricks.
        let folder = cx.setting("subdir-mount");
        if !folder.is_empty() {
            told.set("subdir-mount", Value::str(folder));
        }
        let by_path =
            cx.find("transport.socket.connect-path").is_some() || cx.text("transport-type")? == "unix";
        let mut first = told.clone();
        if by_path {
            first.set("transport.address-family", "unix");
        } else {
            if cx.find("remote-host").is_none() {
                let server = cx.setting("volfile-server");
                if server.is_empty() {
                    return Err(InitError(format!(
                        "option `remote-host` of {} is missing: it says where the brick is",
                        cx.name()
                    )));
                }
                first.set("remote-host", Value::str(server));
            }
            let port = u32::try_from(cx.int("remote-port")?)?;
            first.set("remote-port", if port == 0 { DAEMON_PORT } else { port });
        }
        Ok(Self {
            subvolume: cx.text("remote-subvolume")?.to_owned(),
            volume_id: cx.find("volume-id").map(str::to_owned),
            strict_locks: cx.bool("strict-locks")?,
            send_gids: cx.bool("send-gids")?,
            filter_direct: cx.bool("filter-O_DIRECT")?,
            ping_timeout: cx.time("ping-timeout")?,
            frame_timeout: cx.time("frame-timeout")?,
            first,
            told,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options that the incumbent's management daemon writes into every client volfile.
    const GENERATED: [(&str, &str); 15] = [
        ("send-gids", "true"),
        ("transport.socket.keepalive-count", "9"),
        ("transport.socket.keepalive-interval", "2"),
        ("transport.socket.keepalive-time", "20"),
        ("transport.tcp-user-timeout", "0"),
        ("transport.socket.ssl-enabled", "off"),
        ("password", "c7ac3c0e-0000-4000-8000-000000000001"),
        ("username", "3ef9a1d4-0000-4000-8000-000000000001"),
        ("transport.address-family", "inet"),
        ("transport-type", "tcp"),
        ("remote-subvolume", "/bricks/b1/d"),
        ("remote-host", "host"),
        ("ping-timeout", "42"),
        ("strict-locks", "off"),
        ("filter-O_DIRECT", "disable"),
    ];

    #[test]
    fn a_generated_volfile_has_no_option_that_is_not_declared() {
        let options = declared();
        for (key, value) in GENERATED {
            let decl = options.find(key).unwrap_or_else(|| panic!("{key} is not declared"));
            assert_eq!(decl.check(value), Ok(()), "{key}");
        }
    }

    #[test]
    fn every_default_is_a_value_that_the_option_takes() {
        for decl in declared().0.iter() {
            if let Some(default) = decl.default.as_ref().into_option() {
                assert_eq!(decl.check(default), Ok(()), "{}", decl.keys[0]);
            }
        }
    }

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in declared().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
