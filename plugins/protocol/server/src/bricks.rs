//! The bricks below a server: its children, what is known of each, and its inodes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::{Handle, InodeTable};

/// One child of the server.
#[derive(Debug)]
pub(crate) struct Brick {
    /// The child's place in the volfile's order.
    pub(crate) index: usize,
    /// The child's name, which clients ask for: the brick's path.
    pub(crate) name: String,
    /// The inodes of its graph.
    pub(crate) inodes: InodeTable,
    /// The volume it belongs to, as text, once somebody could tell.
    pub(crate) volume_id: OnceLock<String>,
    up: AtomicBool,
    was_up: AtomicBool,
}

/// Whether a brick serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It has not come up yet.
    Starting,
    /// It serves.
    Up,
    /// It stopped serving.
    Down,
}

impl Brick {
    /// All children of the server, none of them up.
    pub(crate) fn all(handle: &Handle, inode_limit: usize) -> Vec<Self> {
        let name = |index| handle.child_name(index).unwrap_or_default().to_owned();
        (0..handle.child_count()).map(|index| Self::new(index, name(index), inode_limit)).collect()
    }

    fn new(index: usize, name: String, inode_limit: usize) -> Self {
        Self {
            index,
            name,
            inodes: InodeTable::new(inode_limit),
            volume_id: OnceLock::new(),
            up: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
        }
    }

    /// Whether it serves.
    pub(crate) fn state(&self) -> State {
        match (self.up.load(Ordering::Acquire), self.was_up.load(Ordering::Acquire)) {
            (true, _) => State::Up,
            (false, true) => State::Down,
            (false, false) => State::Starting,
        }
    }

    /// Notes that it came up or went down; answers whether that is news.
    pub(crate) fn set_up(&self, up: bool) -> bool {
        if up {
            self.was_up.store(true, Ordering::Release);
        }
        self.up.swap(up, Ordering::AcqRel) != up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brick_starts_comes_up_and_goes_down() {
        let brick = Brick::new(0, "/b/1".into(), 0);
        assert_eq!(brick.state(), State::Starting);
        assert!(brick.set_up(true));
        assert!(!brick.set_up(true), "no news");
        assert_eq!(brick.state(), State::Up);
        assert!(brick.set_up(false));
        assert_eq!(brick.state(), State::Down);
    }
}
