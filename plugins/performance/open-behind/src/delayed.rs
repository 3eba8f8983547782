//! An open that was answered and not sent yet.
//!
//! What callers hold and what is open below are two descriptors: the lower one is made when the open is sent, and lives in
//! the context of the upper one. So nothing but the upper one keeps either, and a file that is closed before anything needed
//! it was never open below.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use gluster_cache::{ByGfid, OfGfid};
use plugin_api::fop::{FopError, Open};
use plugin_api::{Dict, Errno, Fd, Frame, Gfid, Identity, Inode, Loc};
use tokio::sync::OnceCell;

/// One open: who asked for it, and what became of it.
#[derive(Debug)]
pub(crate) struct Delayed {
    inode: Inode,
    flags: i32,
    pid: i32,
    identity: Identity,
    xdata: Dict,
    below: OnceCell<Result<Fd, Errno>>,
}

impl Delayed {
    pub(crate) fn new(frame: &Frame, asked: &Open) -> Self {
        Self {
            inode: asked.fd.inode().clone(),
            flags: asked.flags,
            pid: asked.fd.pid(),
            identity: frame.identity().clone(),
            xdata: asked.xdata.clone(),
            below: OnceCell::new(),
        }
    }

    /// The inode.
    pub(crate) fn inode(&self) -> &Inode {
        &self.inode
    }

    /// Whether the open has been answered below.
    pub(crate) fn is_sent(&self) -> bool {
        self.below.initialized()
    }

    /// The descriptor below, which is opened first if nothing has needed it so far. Who comes meanwhile waits for the same
    /// answer, and a failure stays.
    pub(crate) async fn open(&self, frame: &Frame) -> Result<Fd, FopError> {
        let answer = match self.below.get() {
            Some(answer) => answer,
            None => self.below.get_or_init(|| self.send(frame)).await,
        };
        answer.clone().map_err(FopError::from)
    }

    async fn send(&self, frame: &Frame) -> Result<Fd, Errno> {
        let mut opener = frame.fork();
        *opener.identity_mut() = self.identity.clone();
        let fd = Fd::new(self.inode.clone(), self.flags, self.pid);
        let loc = Loc::of(self.inode.clone());
        let open = Open { loc, flags: self.flags, fd, xdata: self.xdata.clone() };
        opener.child().open(open).await.map(|opened| opened.fd).map_err(|error| error.errno)
    }
}

/// The opens of one inode that wait.
#[derive(Debug)]
pub(crate) struct Waiting {
    gfid: Gfid,
    all: Arc<ByGfid<Waiting>>,
    opens: Mutex<Vec<Weak<Delayed>>>,
}

impl Waiting {
    pub(crate) fn new(gfid: Gfid, all: Arc<ByGfid<Waiting>>) -> Self {
        Self { gfid, all, opens: Mutex::default() }
    }

    /// One more waits.
    pub(crate) fn add(&self, open: &Arc<Delayed>) {
        let mut opens = self.opens.lock().unwrap_or_else(PoisonError::into_inner);
        opens.retain(|open| open.upgrade().is_some_and(|open| !open.is_sent()));
        opens.push(Arc::downgrade(open));
    }

    /// Takes out those that wait still.
    pub(crate) fn take(&self) -> Vec<Arc<Delayed>> {
        let taken = std::mem::take(&mut *self.opens.lock().unwrap_or_else(PoisonError::into_inner));
        taken.iter().filter_map(Weak::upgrade).collect()
    }
}

impl OfGfid for Waiting {
    fn gfid(&self) -> Gfid {
        self.gfid
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.forget(self.gfid);
    }
}
