//! All content that is kept.

use std::sync::Arc;

use gluster_cache::{ByGfid, Room};
use plugin_api::{CtxKey, Gfid, Inode};

use crate::content::Content;

/// Everything, bounded in bytes.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) files: ByGfid<Content>,
    pub(crate) room: Room<Content>,
}

impl Shelf {
    /// What is kept of a file; made where there is none yet.
    pub(crate) fn of(self: &Arc<Self>, inode: &Inode, gfid: Gfid, key: CtxKey) -> Option<Arc<Content>> {
        self.files.of(inode, gfid, key, || Content::new(gfid, self.clone()))
    }
}
