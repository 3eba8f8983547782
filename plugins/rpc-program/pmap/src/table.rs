//! Who listens where.

use std::collections::{BTreeMap, BTreeSet};

/// A brick that has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path, byte for byte as it signed in.
    pub(crate) brick: Vec<u8>,
    pub(crate) port: u16,
    pub(crate) pid: i32,
    /// The connection it signed in on; 0 for one that its daemon registered.
    pub(crate) connection: u64,
}

/// Bricks by path, and ports that are promised to bricks that have not signed in yet.
#[derive(Debug, Default)]
pub(crate) struct Table {
    bricks: BTreeMap<Vec<u8>, Entry>,
    reserved: BTreeSet<u16>,
}

/// More bricks than one machine has; whoever signs in beyond is refused.
const MOST_BRICKS: usize = 65_536;

impl Table {
    /// Notes a brick, in the place of whatever was known of it. Answers whether there was room.
    pub(crate) fn sign_in(&mut self, entry: Entry) -> bool {
        if self.bricks.len() >= MOST_BRICKS && !self.bricks.contains_key(&entry.brick) {
            return false;
        }
        self.reserved.remove(&entry.port);
        self.bricks.insert(entry.brick.clone(), entry);
        true
    }

    /// Removes a brick; bricks of the same process on the same port stay.
    pub(crate) fn sign_out(&mut self, brick: &[u8]) -> Option<Entry> {
        self.bricks.remove(brick)
    }

    /// Removes everything that signed in on a connection.
    pub(crate) fn drop_connection(&mut self, connection: u64) -> Vec<Entry> {
        let gone: Vec<Entry> =
            self.bricks.values().filter(|entry| entry.connection == connection).cloned().collect();
        self.bricks.retain(|_, entry| entry.connection != connection);
        gone
    }

    /// Where a brick listens.
    pub(crate) fn find(&self, brick: &[u8]) -> Option<&Entry> {
        self.bricks.get(brick)
    }

    /// A brick that listens there.
    pub(crate) fn at(&self, port: u16) -> Option<&Entry> {
        self.bricks.values().find(|entry| entry.port == port)
    }

    /// Every brick, by path.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.bricks.values()
    }

    /// Whether a port is promised or in use.
    pub(crate) fn holds(&self, port: u16) -> bool {
        self.reserved.contains(&port) || self.at(port).is_some()
    }

    /// Promises a port.
    pub(crate) fn reserve(&mut self, port: u16) {
        self.reserved.insert(port);
    }

    /// Takes a promise back.
    pub(crate) fn release(&mut self, port: u16) {
        self.reserved.remove(&port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(brick: &str, port: u16, connection: u64) -> Entry {
        Entry { brick: brick.into(), port, pid: 1, connection }
    }

    #[test]
    fn a_sign_in_replaces_what_was_known_of_the_brick() {
        let mut table = Table::default();
        table.sign_in(entry("/b/1", 49152, 1));
        table.sign_in(entry("/b/1", 49200, 2));
        assert_eq!(table.find(b"/b/1").unwrap().port, 49200);
        assert!(table.at(49152).is_none());
        assert!(table.drop_connection(1).is_empty(), "the first connection has nothing any more");
    }

    #[test]
    fn bricks_of_one_process_share_a_port_and_go_one_by_one() {
        let mut table = Table::default();
        table.sign_in(entry("/b/1", 49152, 7));
        table.sign_in(entry("/b/2", 49152, 7));
        table.sign_out(b"/b/1");
        assert!(table.find(b"/b/1").is_none() && table.find(b"/b/2").is_some() && table.holds(49152));
        assert_eq!(table.drop_connection(7), [entry("/b/2", 49152, 7)]);
        assert!(!table.holds(49152));
    }

    #[test]
    fn a_promise_ends_with_the_sign_in_and_the_port_stays_held() {
        let mut table = Table::default();
        table.reserve(49152);
        table.sign_in(entry("/b/1", 49152, 7));
        table.sign_out(b"/b/1");
        assert!(!table.holds(49152));
    }

    #[test]
    fn strangers_cannot_fill_the_table_without_end() {
        let mut table = Table::default();
        assert!((0..MOST_BRICKS).all(|n| table.sign_in(entry(&format!("/b/{n}"), 49152, 7))));
        assert!(!table.sign_in(entry("/b/one-more", 49152, 7)));
        assert!(table.sign_in(entry("/b/1", 49153, 8)), "a known brick may still come back");
    }
}
