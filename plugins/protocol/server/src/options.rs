//! The options: what a volfile may say, and what became of it.

use std::time::Duration;

use gluster_rpc::Limits;
use plugin_api::options::{OptionValues, Options};
use plugin_api::{Identity, InitCx, InitError};

use crate::squash::Squash;

/// The highest user and group id that squashing may map to.
const MAX_ID: f64 = 4_294_967_295.0;

/// All options with the incumbent's names, defaults and ranges.
pub(crate) fn declared() -> Options {
    transport(access(Options::new()))
        .size("inode-lru-limit", "unused inodes kept in memory")
        .default_value("16384")
        .range(0.0, 1_048_576.0)
        .reconfigurable()
        .int("rpc.outstanding-rpc-limit", "calls of one client that may wait for answers; 0 for no limit")
        .default_value("64")
        .range(0.0, 65_536.0)
        .int("event-threads", "threads for connections; the event pool of the process is shared instead")
        .default_value("2")
        .range(1.0, 1024.0)
        .reconfigurable()
        .path("statedump-path", "the folder that the process writes statedumps to")
        .default_value("/var/run/gluster")
        .reconfigurable()
        .text("config-directory", "accepted and not used: volfiles come from the management daemon")
        .text("volume-filename.*", "accepted and not used: volfiles come from the management daemon")
        .text("volspec-directory", "accepted and not used: volfiles come from the management daemon")
        .bool("trace", "accepted and not used: put a debug/trace into the graph")
        .default_value("off")
}

fn access(options: Options) -> Options {
    options
        .text("auth.addr.*.allow", "addresses that may mount the brick `*`")
        .reconfigurable()
        .text("auth.addr.*.reject", "addresses that may not")
        .reconfigurable()
        .text("auth.ip.*.allow", "an older name of auth.addr.*.allow")
        .reconfigurable()
        .text("auth.login.*.allow", "user names that may mount the brick `*`")
        .reconfigurable()
        .text("auth.login.*.ssl-allow", "certificate names that may mount the brick `*`")
        .reconfigurable()
        .text("auth.login.*.password", "the password of the user `*`")
        .reconfigurable()
        .text("auth-path", "the brick that the auth options are about")
        .bool("strict-auth-accept", "reject clients that send no user name, whatever their address")
        .default_value("off")
        .reconfigurable()
        .bool("dynamic-auth", "ask again who may stay when the auth options change")
        .default_value("on")
        .reconfigurable()
        .bool("rpc-auth-allow-insecure", "serve clients that speak from ports of 1024 and above")
        .default_value("on")
        .bool("root-squash", "make root of an untrusted client anonymous")
        .default_value("off")
        .reconfigurable()
        .bool("all-squash", "make everybody of an untrusted client anonymous")
        .default_value("off")
        .reconfigurable()
        .int("anonuid", "the anonymous user")
        .default_value("65534")
        .range(0.0, MAX_ID)
        .reconfigurable()
        .int("anongid", "the anonymous group")
        .default_value("65534")
        .range(0.0, MAX_ID)
        .reconfigurable()
        .bool("manage-gids", "use the groups that this machine knows a user by, not those the client sends")
        .default_value("off")
        .reconfigurable()
        .time("gid-timeout", "how long the groups of a user are remembered")
        .default_value("300")
        .range(0.0, 3600.0)
        .reconfigurable()
}

fn transport(options: Options) -> Options {
    options
        .text("transport-type", "transports to listen on: tcp, unix, or both with a comma")
        .alias("transport.type")
        .default_value("tcp")
        .text("transport.address-family", "inet, inet6 or unix")
        .alias("address-family")
        .int("transport.socket.listen-port", "the port; 0 or none takes a free one")
        .alias("listen-port")
        .range(0.0, 65_535.0)
        .text("transport.socket.bind-address", "the address to listen on; all without it")
        .alias("bind-address")
        .text("transport.socket.listen-path", "the path to listen on for unix sockets")
        .alias("listen-path")
        .int("transport.listen-backlog", "connections that may wait to be accepted")
        .default_value("1024")
        .range(0.0, 65_535.0)
        .time("transport.tcp-user-timeout", "how long sent data may stay unacknowledged")
        .default_value("42")
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

/// What a running server goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What one connection may do.
    pub(crate) limits: Limits,
    /// Unused inodes kept.
    pub(crate) inode_limit: usize,
    /// Who becomes whom.
    pub(crate) squash: Squash,
    /// How long groups are remembered, where the brick looks them up itself.
    pub(crate) manage_groups: Option<Duration>,
    /// Whether clients that are in are asked again after a change of `values`.
    pub(crate) dynamic_auth: bool,
    /// The options as they stand: authenticators read their own.
    pub(crate) values: OptionValues,
}

impl Settings {
    /// Reads the options.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let squash = Squash {
            root: cx.bool("root-squash")?,
            all: cx.bool("all-squash")?,
            uid: number(cx, "anonuid")?,
            gid: number(cx, "anongid")?,
        };
        let limits = Limits {
            outstanding: number(cx, "rpc.outstanding-rpc-limit")?,
            allow_insecure: cx.bool("rpc-auth-allow-insecure")?,
        };
        Ok(Self {
            limits,
            inode_limit: usize::try_from(cx.size("inode-lru-limit")?)?,
            squash,
            manage_groups: if cx.bool("manage-gids")? { Some(cx.time("gid-timeout")?) } else { None },
            dynamic_auth: cx.bool("dynamic-auth")?,
            values: cx.values().clone(),
        })
    }

    /// Changes who a caller is, as far as that needs nobody's answer; `trusted` when the client logged in.
    pub(crate) fn squash(&self, identity: &mut Identity, trusted: bool) {
        self.squash.apply(identity, trusted);
    }
}

fn number<T: TryFrom<i64>>(cx: &InitCx<'_>, key: &str) -> Result<T, InitError> {
    let n = cx.int(key)?;
    T::try_from(n).map_err(|_| InitError(format!("option `{key}` is {n}, which is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options that the incumbent's management daemon writes into every brick volfile.
    const GENERATED: [(&str, &str); 14] = [
        ("transport.listen-backlog", "1024"),
        ("transport.socket.keepalive-count", "9"),
        ("transport.socket.keepalive-interval", "2"),
        ("transport.socket.keepalive-time", "20"),
        ("transport.socket.keepalive", "1"),
        ("transport.socket.ssl-enabled", "off"),
        ("auth.addr./bricks/b1/d.allow", "*"),
        ("auth-path", "/bricks/b1/d"),
        ("auth.login.3ef9a1d4-0000-4000-8000-000000000001.password", "secret"),
        ("auth.login./bricks/b1/d.allow", "3ef9a1d4-0000-4000-8000-000000000001"),
        ("transport.address-family", "inet"),
        ("transport-type", "tcp"),
        ("listen-port", "49152"),
        ("transport.socket.own-thread", "off"),
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
