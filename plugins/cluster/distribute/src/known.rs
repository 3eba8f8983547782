//! What is remembered of an inode: where a file's data lies, or how a directory is laid out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::{CtxKey, Inode, IoBuf};

use crate::layout::Layout;

#[derive(Debug, Default)]
struct Notes {
    file: Option<usize>,
    layout: Option<Arc<Layout>>,
    /// The child whose xattrs count for a directory.
    leader: Option<usize>,
    path: IoBuf,
}

/// The notes on one inode.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Notes>);

impl Known {
    pub(crate) fn of(inode: &Inode, key: CtxKey) -> Arc<Self> {
        inode.object().ctx_or_insert_with(key, Self::default)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child that has the file.
    pub(crate) fn file(&self) -> Option<usize> {
        self.notes().file
    }

    pub(crate) fn layout(&self) -> Option<Arc<Layout>> {
        self.notes().layout.clone()
    }

    pub(crate) fn leader(&self) -> Option<usize> {
        self.notes().leader
    }

    /// Where the directory lay when it was last looked up; empty when nobody said.
    pub(crate) fn path(&self) -> IoBuf {
        self.notes().path.clone()
    }

    pub(crate) fn is_file_on(&self, child: usize) {
        self.notes().file = Some(child);
    }

    pub(crate) fn is_directory(&self, layout: Layout, leader: Option<usize>, path: IoBuf) {
        let mut notes = self.notes();
        notes.layout = Some(Arc::new(layout));
        notes.leader = leader.or(notes.leader);
        if !path.is_empty() {
            notes.path = path;
        }
    }
}
