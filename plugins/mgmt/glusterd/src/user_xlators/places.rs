//! Where a user translator may stand: over which translator, of which graph.

use plugin_api::positions;
use std::fmt;

/// A kind of graph that has places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Each brick's.
    Brick,
    /// Each mount's.
    Client,
}

/// A place: right above a translator, or where that one would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which graph.
    pub side: Side,
    /// Over which translator: the last part of its type.
    pub over: &'static str,
}

/// Places in a brick's graph, bottom to top.
pub const BRICK: [&str; 20] = [
    "posix",
    "arbiter",
    "trash",
    "changelog",
    "bitrot-stub",
    "access-control",
    "locks",
    "worm",
    "read-only",
    "leases",
    "upcall",
    "io-threads",
    "selinux",
    "marker",
    "barrier",
    "index",
    "quota",
    "cdc",
    "namespace",
    "sdfs",
];

/// The place on top of a brick's graph.
pub const BRICK_TOP: &str = "io-stats";

/// Places in the client's graph, bottom to top.
pub const CLIENT: [&str; 14] = [
    "distribute",
    "cloudsync",
    "shard",
    "utime",
    "cdc",
    "write-behind",
    "read-ahead",
    "readdir-ahead",
    "io-cache",
    "open-behind",
    "quick-read",
    "nl-cache",
    "md-cache",
    "io-threads",
];

/// What a place in the client's graph is written with; where the brick's graph has none of the name, it may be left out.
const CLIENT_PREFIX: &str = "client/";

impl Place {
    /// Reads a place as people write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let on = |side, known: &[&'static str], word: &str| {
            known.iter().find(|over| **over == word).map(|over| Self { side, over })
        };
        match text.strip_prefix(CLIENT_PREFIX) {
            Some(word) => on(Side::Client, &CLIENT, word),
            None => on(Side::Brick, &BRICK, text)
                .or_else(|| on(Side::Brick, &[BRICK_TOP], text))
                .or_else(|| on(Side::Client, &CLIENT, text)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Side::Brick => write!(f, "{}", self.over),
            Side::Client => write!(f, "{CLIENT_PREFIX}{}", self.over),
        }
    }
}

impl Side {
    /// The bit of this side in a translator's declaration.
    #[must_use]
    pub fn position(self) -> u32 {
        match self {
            Self::Brick => positions::BRICK,
            Self::Client => positions::CLIENT,
        }
    }
}

/// The places where a translator may stand that declares these positions, for people; nothing when there is none.
#[must_use]
pub fn legal(declared: u32) -> Option<String> {
    let brick = || format!("over {} or {BRICK_TOP} in each brick", BRICK.join(", "));
    let client = || {
        let (last, others) = CLIENT.split_last().expect("there are some");
        format!("over {CLIENT_PREFIX}{{{}}} or {CLIENT_PREFIX}{last} in each client", others.join(","))
    };
    match (declared & positions::BRICK != 0, declared & positions::CLIENT != 0) {
        (true, true) => Some(format!("{}, and {}", brick(), client())),
        (true, false) => Some(brick()),
        (false, true) => Some(client()),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_the_bricks_where_both_graphs_have_it() {
        let read = |text| Place::parse(text).map(|place| (place.side, place.over));
        assert_eq!(read("io-threads"), Some((Side::Brick, "io-threads")));
        assert_eq!(read("client/io-threads"), Some((Side::Client, "io-threads")));
        assert_eq!(read("write-behind"), Some((Side::Client, "write-behind")));
        assert_eq!(read("io-stats"), Some((Side::Brick, "io-stats")));
        for bad in ["", "server", "Posix", "features/locks", "client/posix", "client/", "brick"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
