//! A client of a brick, as its translators see it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use abi_stable::StableAbi;
use abi_stable::std_types::RString;

use crate::abi::object::Object;

/// The part of a client that every library reads.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct ClientBody {
    id: u64,
    uid: RString,
    peer: RString,
    trusted: bool,
}

/// Somebody who signed in to a brick, counted; one for each SETVOLUME.
#[repr(transparent)]
#[derive(StableAbi, Clone)]
pub struct Client(Object<ClientBody>);

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Client {
    /// A client that calls itself `uid` and speaks from `peer` (`host:port`); `trusted` when it logged in.
    #[must_use]
    pub fn new(uid: &str, peer: &str, trusted: bool) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Object::new(ClientBody { id, uid: uid.into(), peer: peer.into(), trusted }))
    }

    /// A number that no other client of this process has or had (as far as one plugin makes them).
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// What it calls itself: `CTX_ID:…-GRAPH_ID:…-PID:…-HOST:…-PC_NAME:…-RECON_NO:…`.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.0.uid
    }

    /// Where it speaks from, `host:port`.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// Whether it showed the volume's user name and password.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.0.trusted
    }

    /// The counted object behind it, for contexts.
    #[must_use]
    pub fn object(&self) -> &Object<ClientBody> {
        &self.0
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.uid())
    }
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

impl Eq for Client {}
