//! An open that was answered and not sent yet.
//!
//! It is sent with the descriptor of the fop that needs it. Where a fop on the file needs it, nobody has the descriptor at
//! hand, and keeping it here would keep it for ever: then another one is opened in its place, which lives in its context. So
//! a file that is closed before anything needed it was never open below.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use gluster_cache::{ByGfid, OfGfid};
use plugin_api::fop::{FopError, Open};
use plugin_api::{Dict, Errno, Fd, Frame, Gfid, Identity, Inode, Loc};
use tokio::sync::OnceCell;

/// What is open below.
#[derive(Debug)]
enum Below {
    /// What the caller holds.
    Same,
    /// Another descriptor in its place.
    Other(Fd),
}

/// One open: who asked for it, and what became of it.
#[derive(Debug)]
pub(crate) struct Delayed {
    inode: Inode,
    flags: i32,
    pid: i32,
    identity: Identity,
    xdata: Dict,
    below: OnceCell<Result<Below, Errno>>,
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

    /// Has `fd`, which the caller holds, be what is open below, and opens it if nothing has needed it so far. Who comes
    /// meanwhile waits for the same answer, and a failure stays.
    pub(crate) async fn open(&self, frame: &Frame, fd: &mut Fd) -> Result<(), FopError> {
        match self.opened(frame, Some(fd)).await {
            Ok(Below::Same) => Ok(()),
            Ok(Below::Other(other)) => {
                *fd = other.clone();
                Ok(())
            }
            Err(errno) => Err((*errno).into()),
        }
    }

    /// Opens the file if nothing has needed it so far, where nobody has the descriptor at hand.
    pub(crate) async fn open_other(&self, frame: &Frame) -> Result<(), Errno> {
        self.opened(frame, None).await.as_ref().map(drop).map_err(|errno| *errno)
    }

    async fn opened(&self, frame: &Frame, fd: Option<&Fd>) -> &Result<Below, Errno> {
        match self.below.get() {
            Some(answer) => answer,
            None => self.below.get_or_init(|| self.send(frame, fd)).await,
        }
    }

    async fn send(&self, frame: &Frame, fd: Option<&Fd>) -> Result<Below, Errno> {
        let mut opener = frame.fork();
        *opener.identity_mut() = self.identity.clone();
        let other = || Fd::new(self.inode.clone(), self.flags, self.pid);
        let loc = Loc::of(self.inode.clone());
        let xdata = self.xdata.clone();
        let open = Open { loc, flags: self.flags, fd: fd.cloned().unwrap_or_else(other), xdata };
        let opened = opener.child().open(open).await.map_err(|error| error.errno)?;
        Ok(if fd.is_some() { Below::Same } else { Below::Other(opened.fd) })
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
