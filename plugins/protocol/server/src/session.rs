//! A client that signed in: what it is called, what it has open, and what is left to do when it goes.

use std::sync::{Arc, Weak};

use gluster_rpc::Peer;
use plugin_api::auth::Applicant;
use plugin_api::fop::Flush;
use plugin_api::{Client, Dict, Gfid, Iatt, Identity, rt};

use crate::fds::FdTable;
use crate::server::Server;
use crate::waiting::Locks;

/// The longest word that is believed to be a kind of program.
const LONGEST_KIND: usize = 32;

/// One sign-in on one connection.
///
/// Each call under way holds it, so that it ends when the connection is over and the last call has: only then are the
/// descriptors flushed, which gives their POSIX locks back, and closed.
pub(crate) struct Session {
    /// The client as translators see it.
    pub(crate) client: Client,
    /// Which brick it uses.
    pub(crate) brick: usize,
    /// What it has open.
    pub(crate) fds: FdTable,
    /// How many of its calls may wait for locks.
    pub(crate) locks: Locks,
    /// The folder that it takes for the root, when it is not the root.
    pub(crate) subdir: Option<Gfid>,
    /// The connection.
    pub(crate) peer: Weak<Peer>,
    /// What it signed in with.
    pub(crate) applicant: Applicant,
    /// The server that let it in.
    pub(crate) server: Arc<Server>,
}

impl Session {
    /// A client that `server` let in to `brick`.
    pub(crate) fn new(
        server: Arc<Server>,
        client: Client,
        brick: usize,
        subdir: Option<Gfid>,
        peer: &Arc<Peer>,
        applicant: Applicant,
    ) -> Self {
        let peer = Arc::downgrade(peer);
        Self {
            client,
            brick,
            fds: FdTable::default(),
            locks: Locks::default(),
            subdir,
            peer,
            applicant,
            server,
        }
    }

    /// The gfid that a request means: the root of a client that mounted a folder is that folder.
    pub(crate) fn meant(&self, gfid: Gfid) -> Gfid {
        match self.subdir {
            Some(subdir) if gfid.is_root() => subdir,
            _ => gfid,
        }
    }

    /// Attributes as the client is to see them: the folder that it mounted is its root.
    pub(crate) fn show(&self, mut iatt: Iatt) -> Iatt {
        if self.subdir.is_some_and(|subdir| subdir == iatt.gfid) {
            iatt.gfid = Gfid::ROOT;
            iatt.ino = Gfid::ROOT.ino();
        }
        iatt
    }

    /// What kind of program it says that it is: `fuse`, `glustershd`; a word, whatever it says.
    pub(crate) fn kind(&self) -> &str {
        let is_word = |name: &&str| {
            let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
            (1..=LONGEST_KIND).contains(&name.len()) && name.bytes().all(is_plain)
        };
        self.applicant.request.str("process-name").filter(is_word).unwrap_or("unknown")
    }

    /// The newest operating version that it knows; very old clients do not say.
    pub(crate) fn op_version(&self) -> u64 {
        self.applicant.request.uint("opversion").unwrap_or(1)
    }

    /// How many of its calls are under way, those that wait for locks included.
    pub(crate) fn under_way(&self) -> usize {
        self.peer.upgrade().map_or(0, |peer| peer.under_way()) + self.locks.len()
    }

    /// Ends the connection.
    pub(crate) fn disconnect(&self) {
        if let Some(peer) = self.peer.upgrade() {
            peer.close();
        }
    }
}

impl std::fmt::Debug for Session {
    // What it signed in with holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("client", &self.client)
            .field("brick", &self.brick)
            .finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let open = self.fds.take();
        if open.is_empty() {
            return;
        }
        // Nobody in particular: pid 0 without an owner gives back all locks of the client on the descriptor.
        let mut frame = self.server.handle.frame(Identity::default());
        frame.set_client(Some(self.client.clone()));
        let brick = self.brick;
        rt::run_inline(async move {
            for fd in open {
                // The client is not there to hear of it; the descriptor is closed in any case.
                let _ = frame.child_at(brick).flush(Flush { fd, xdata: Dict::new() }).await;
            }
        });
    }
}
