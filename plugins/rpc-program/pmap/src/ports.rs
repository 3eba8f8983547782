//! Ports for bricks: chosen by binding, not by guess.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use plugin_api::Dict;

/// The ports that bricks may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    base: u16,
    max: u16,
}

impl Range {
    /// Reads `base-port` and `max-port`, which default to the incumbent's 49152 and 65535.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(crate) fn read(settings: &Dict) -> Result<Self, String> {
        let port = |key: &str, default: u16| match settings.get(key) {
            None => Ok(default),
            Some(value) => {
                let port = value.as_i64().and_then(|n| u16::try_from(n).ok()).filter(|port| *port > 0);
                port.ok_or_else(|| format!("{key} is {value:?}, a port from 1 to 65535 was expected"))
            }
        };
        let (base, max) = (port("base-port", 49152)?, port("max-port", 65535)?);
        if base > max {
            return Err(format!("base-port {base} lies above max-port {max}"));
        }
        Ok(Self { base, max })
    }

    /// A port that nobody holds and that can be bound, searched upwards from a random one and around; `None` when all
    /// are taken.
    pub(crate) fn choose(self, is_held: impl Fn(u16) -> bool) -> Option<u16> {
        let count = u64::from(self.max - self.base) + 1;
        let first = u16::try_from(random() % count).ok()?;
        let upwards =
            (self.base..=self.max).cycle().skip(usize::from(first)).take(usize::try_from(count).ok()?);
        upwards.into_iter().find(|port| !is_held(*port) && can_bind(*port))
    }
}

/// A number that differs from run to run.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn can_bind(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(base: u16, max: u16) -> Range {
        Range { base, max }
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(range(port, port).choose(|_| false), None);
        drop(taken);
        assert_eq!(range(port, port).choose(|_| false), Some(port));
        assert_eq!(range(port, port).choose(|_| true), None, "a promised port is taken, too");
    }

    #[test]
    fn the_range_is_the_incumbents_unless_settings_say_otherwise() {
        assert_eq!(Range::read(&Dict::new()), Ok(range(49152, 65535)));
        let settings = Dict::new().with("base-port", "50000").with("max-port", 60999);
        assert_eq!(Range::read(&settings), Ok(range(50000, 60999)));
        assert!(Range::read(&Dict::new().with("max-port", 70000)).is_err());
        assert!(Range::read(&Dict::new().with("max-port", 1000)).unwrap_err().contains("above"));
    }
}
