//! One page of a file, and its place among those that may go.

use std::sync::{Arc, Weak};

use gluster_cache::{Bounded, Place, Room};
use plugin_api::IoBuf;

use crate::file::File;

/// Bytes of a page that is not the last one.
pub(crate) const PAGE: u64 = 128 << 10;

/// What a page counts at least: it has more to it than its bytes.
const LEAST: u64 = 4096;

/// The bytes of a page.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) bytes: IoBuf,
    /// Whether the file ends with it; a page that is not full does.
    pub(crate) at_end: bool,
}

/// See above.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) number: u64,
    pub(crate) piece: Piece,
    file: Weak<File>,
    room: Arc<Room<Page>>,
    place: Place,
}

impl Page {
    pub(crate) fn new(number: u64, piece: Piece, file: &Arc<File>, room: Arc<Room<Page>>) -> Self {
        let page = Self { number, piece, file: Arc::downgrade(file), room, place: Place::default() };
        page.room.more(page.cost());
        page
    }

    fn cost(&self) -> u64 {
        LEAST.max(self.piece.bytes.len() as u64)
    }
}

impl Bounded for Page {
    fn place(&self) -> &Place {
        &self.place
    }

    fn evict(&self) {
        if let Some(file) = self.file.upgrade() {
            file.evict(self);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.room.less(self.cost());
    }
}
