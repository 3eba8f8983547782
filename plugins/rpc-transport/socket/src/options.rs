//! The options of a transport, with the incumbent's names and defaults.

use std::time::Duration;

use plugin_api::Dict;
use plugin_api::options::{parse_bool, parse_int, parse_size, parse_time};

/// What kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// A path.
    Unix,
}

/// When to probe a silent connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub(crate) time: Duration,
    pub(crate) interval: Duration,
    pub(crate) count: u32,
}

/// Options, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) family: Family,
    pub(crate) listen_port: u16,
    pub(crate) bind_address: Option<String>,
    pub(crate) listen_path: Option<String>,
    pub(crate) remote_host: Option<String>,
    pub(crate) remote_port: u16,
    pub(crate) connect_path: Option<String>,
    pub(crate) bind_path: Option<String>,
    pub(crate) source_address: Option<String>,
    pub(crate) bind_insecure: bool,
    pub(crate) ignore_missing: bool,
    pub(crate) backlog: i32,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<Keepalive>,
    pub(crate) window: usize,
    pub(crate) log_read_failures: bool,
}

/// The longest path of a unix socket: the kernel's field has 108 bytes, one of them the NUL.
const MAX_PATH: usize = 107;

impl Options {
    /// Reads what `dict` says; every name may stand with or without its `transport.` prefixes.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn read(dict: &Dict) -> Result<Self, String> {
        let read = Reader(dict);
        if read.flag("transport.socket.ssl-enabled", false)? {
            return Err("transport.socket.ssl-enabled is on, but this build has no tls: switch it off".into());
        }
        let listen_path = read.path("transport.socket.listen-path")?;
        let connect_path = read.path("transport.socket.connect-path")?;
        let keepalive = Keepalive {
            time: read.time("transport.socket.keepalive-time", 20)?,
            interval: read.time("transport.socket.keepalive-interval", 2)?,
            count: read.number("transport.socket.keepalive-count", 9, 1..=127)?,
        };
        let user_timeout = read.time("transport.tcp-user-timeout", 42)?;
        Ok(Self {
            family: read.family(listen_path.is_some() || connect_path.is_some())?,
            listen_port: read.number("transport.socket.listen-port", 24007, 0..=65535)?,
            bind_address: read.text("transport.socket.bind-address"),
            listen_path,
            remote_host: read.text("remote-host"),
            remote_port: read.remote_port()?,
            connect_path,
            bind_path: read.path("transport.socket.bind-path")?,
            source_address: read.text("transport.socket.source-addr"),
            bind_insecure: read.flag("client-bind-insecure", true)?,
            ignore_missing: read.flag("transport.socket.ignore-enoent", false)?,
            backlog: read.number("transport.listen-backlog", 1024, 0..=i64::from(i32::MAX))?,
            user_timeout: Some(user_timeout).filter(|timeout| !timeout.is_zero()),
            nodelay: read.flag("transport.socket.nodelay", true)?,
            keepalive: read.flag("transport.socket.keepalive", true)?.then_some(keepalive),
            window: read.window()?,
            log_read_failures: read.flag("transport.socket.read-fail-log", true)?,
        })
    }
}

struct Reader<'a>(&'a Dict);

impl Reader<'_> {
    /// The value under the full name or a shorter one.
    fn text(&self, name: &str) -> Option<String> {
        let short = name.strip_prefix("transport.").unwrap_or(name);
        let shortest = short.strip_prefix("socket.").unwrap_or(short);
        let spelled =
            [name.replace("client-bind", "client.bind"), name.into(), short.into(), shortest.into()];
        let value = spelled.iter().find_map(|name| self.0.get(name))?;
        match value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => value.as_i64().map(|n| n.to_string()),
        }
    }

    fn parsed<T>(
        &self,
        name: &str,
        default: T,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => parse(&text).ok_or_else(|| format!("{name} is `{text}`, {expected} was expected")),
        }
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        self.parsed(name, default, "on or off", parse_bool)
    }

    fn time(&self, name: &str, default: u64) -> Result<Duration, String> {
        // A negative time switches the timer off, as 0 does.
        let parse = |text: &str| {
            if text.trim_start().starts_with('-') { Some(Duration::ZERO) } else { parse_time(text) }
        };
        self.parsed(name, Duration::from_secs(default), "a duration such as 20 or 2min", parse)
    }

    fn number<T: TryFrom<i64>>(
        &self,
        name: &str,
        default: T,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<T, String> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.parsed(name, default, &expected, |text| {
            parse_int(text).filter(|n| range.contains(n)).and_then(|n| n.try_into().ok())
        })
    }

    fn path(&self, name: &str) -> Result<Option<String>, String> {
        let path = self.text(name);
        match &path {
            Some(path) if path.is_empty() || path.len() > MAX_PATH => {
                Err(format!("{name} has {} bytes, from 1 to {MAX_PATH} were expected", path.len()))
            }
            _ => Ok(path),
        }
    }

    fn family(&self, has_path: bool) -> Result<Family, String> {
        let kind = self.text("transport.address-family").or_else(|| {
            self.text("transport-type").filter(|kind| kind.contains("unix")).map(|_| "unix".to_owned())
        });
        match kind.as_deref() {
            Some("unix") => Ok(Family::Unix),
            None if has_path => Ok(Family::Unix),
            None | Some("inet" | "inet/inet6") => Ok(Family::Inet),
            Some("inet6") => Ok(Family::Inet6),
            Some(other) => {
                Err(format!("transport.address-family is `{other}`, inet, inet6 or unix was expected"))
            }
        }
    }

    fn remote_port(&self) -> Result<u16, String> {
        let name = ["remote-port", "transport.remote-port", "transport.socket.remote-port"]
            .into_iter()
            .find(|name| self.0.contains(name));
        let port = self.number(name.unwrap_or("remote-port"), 0, 0..=65535)?;
        Ok(if port == 0 { 24007 } else { port })
    }

    fn window(&self) -> Result<usize, String> {
        const MOST: u64 = 1 << 20;
        self.parsed("tcp-window-size", 0, "a size of at most 1MB", |text| {
            parse_size(text).filter(|size| *size <= MOST).and_then(|size| size.try_into().ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_the_incumbents() {
        let options = Options::read(&Dict::new()).unwrap();
        assert_eq!((options.family, options.listen_port, options.remote_port), (Family::Inet, 24007, 24007));
        assert_eq!((options.backlog, options.user_timeout), (1024, Some(Duration::from_secs(42))));
        let keepalive = options.keepalive.unwrap();
        assert_eq!((keepalive.time.as_secs(), keepalive.interval.as_secs(), keepalive.count), (20, 2, 9));
        assert!(options.nodelay && options.bind_insecure && options.log_read_failures);
    }

    #[test]
    fn short_names_and_long_names_mean_the_same() {
        for name in ["listen-port", "socket.listen-port", "transport.socket.listen-port"] {
            let dict: Dict = [(name.to_owned(), "49152")].into_iter().collect();
            assert_eq!(Options::read(&dict).unwrap().listen_port, 49152, "{name}");
        }
        let off = Dict::new().with("client.bind-insecure", "off");
        assert!(!Options::read(&off).unwrap().bind_insecure);
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_refused_by_name() {
        let refused =
            |key: &'static str, value: &str| Options::read(&Dict::new().with(key, value)).unwrap_err();
        assert!(refused("transport.socket.listen-port", "65536").contains("listen-port is `65536`"));
        assert!(refused("transport.socket.keepalive", "maybe").contains("on or off"));
        assert!(refused("transport.address-family", "ipx").contains("inet, inet6 or unix"));
        assert!(refused("transport.socket.listen-path", &"x".repeat(108)).contains("108 bytes"));
        assert!(refused("transport.socket.ssl-enabled", "on").contains("no tls"));
    }

    #[test]
    fn a_user_timeout_of_zero_sets_none() {
        let options = Options::read(&Dict::new().with("transport.tcp-user-timeout", 0)).unwrap();
        assert_eq!(options.user_timeout, None);
    }

    #[test]
    fn a_path_makes_it_a_unix_socket() {
        let dict = Dict::new().with("transport.socket.connect-path", "/run/glusterd.socket");
        assert_eq!(Options::read(&dict).unwrap().family, Family::Unix);
    }
}
