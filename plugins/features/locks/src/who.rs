//! Who asks for a lock: the client behind a frame, and whether it is still there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use plugin_api::Frame;
use plugin_api::{Client, Errno};

use crate::engine::{ClientKey, Holder, LkOwner};

/// The key of calls that come from no client.
const NOBODY: ClientKey = ClientKey(0);

/// The clients that have asked for locks and are not gone.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    known: Mutex<HashMap<ClientKey, Client>>,
}

/// On a client: set once it is gone. A lock that it is granted after its locks were released would stay for ever.
#[derive(Debug, Default)]
struct Presence {
    gone: AtomicBool,
}

/// The one who asks, and the means to see whether it is gone.
#[derive(Debug)]
pub(crate) struct Asker<'f> {
    /// Whose lock it will be.
    pub(crate) holder: Holder,
    presence: Option<(&'f Client, std::sync::Arc<Presence>)>,
}

impl Asker<'_> {
    /// Whether the client went meanwhile. To be asked with the object's locks in hand.
    pub(crate) fn is_gone(&self) -> bool {
        self.presence.as_ref().is_some_and(|(_, presence)| presence.gone.load(Ordering::Acquire))
    }
}

impl Clients {
    /// Who asks for a lock in this frame. The owner is always the frame's own.
    ///
    /// # Errors
    /// `EINVAL` when the owner is null or longer than the wire allows.
    pub(crate) fn asker<'f>(&self, frame: &'f Frame) -> Result<Asker<'f>, Errno> {
        let name = LkOwner::new(frame.identity().lk_owner.as_bytes()).ok_or(Errno::EINVAL)?;
        if name.is_null() {
            return Err(Errno::EINVAL);
        }
        Ok(self.anybody(frame, name))
    }

    /// As [`asker`](Self::asker) for those who take no lock: a null owner is as good as any.
    pub(crate) fn anybody<'f>(&self, frame: &'f Frame, name: LkOwner) -> Asker<'f> {
        let Some(client) = frame.client() else {
            return Asker { holder: Holder { client: NOBODY, name }, presence: None };
        };
        let key = ClientKey(client.id());
        let presence = client.object().ctx_or_insert_with(frame.key(), || {
            self.known().insert(key, client.clone());
            Presence::default()
        });
        Asker { holder: Holder { client: key, name }, presence: Some((client, presence)) }
    }

    /// The owner's name in this frame, null or not; too long a one counts as null.
    pub(crate) fn name(frame: &Frame) -> LkOwner {
        LkOwner::new(frame.identity().lk_owner.as_bytes()).unwrap_or_default()
    }

    /// Notes that a client is gone; from now on it is granted nothing.
    pub(crate) fn leave(&self, me: plugin_api::CtxKey, client: &Client) -> ClientKey {
        let key = ClientKey(client.id());
        client.object().ctx_or_insert_with(me, Presence::default).gone.store(true, Ordering::Release);
        self.known().remove(&key);
        key
    }

    /// What a client calls itself, while it is known.
    pub(crate) fn uid(&self, key: ClientKey) -> Option<String> {
        self.known().get(&key).map(|client| client.uid().to_owned())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<ClientKey, Client>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
