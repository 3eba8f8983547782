//! What is enforced on an inode, kept in its context and brought up to date by every answer that passes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::fop::{Looked, Lookup};
use plugin_api::{Dict, Errno, Frame, Iatt, Identity, Inode, Loc, Value};

use crate::{ACCESS_XATTR, Acl, DEFAULT_XATTR, Object};

/// The context on an inode.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Object>);

impl Known {
    /// That of `inode`, if anything is known about it.
    pub(crate) fn find(frame: &Frame, inode: &Inode) -> Option<Arc<Self>> {
        inode.object().ctx(frame.key())
    }

    /// That of `inode`; when nothing is known about it yet, it is looked up below.
    ///
    /// # Errors
    /// What that lookup says.
    pub(crate) async fn of(frame: &Frame, inode: &Inode) -> Result<Arc<Self>, Errno> {
        match Self::find(frame, inode) {
            Some(known) => Ok(known),
            // Rare and large: it would lie in every fop's frame.
            None => Box::pin(Self::look(frame, inode)).await,
        }
    }

    async fn look(frame: &Frame, inode: &Inode) -> Result<Arc<Self>, Errno> {
        // As the cluster itself: whoever asks need not be allowed to read the lists that decide about them.
        let mut own = frame.fork();
        *own.identity_mut() = Identity { pid: -1, ..Identity::default() };
        let mut xdata = Dict::new();
        ask(&mut xdata);
        let reply = own.child().lookup(Lookup { loc: Loc::of(inode.clone()), xdata }).await;
        let reply = reply.map_err(|error| error.errno)?;
        Self::note_lookup(frame, Some(inode), &reply);
        Self::find(frame, inode).ok_or(Errno::ESTALE)
    }

    /// What is enforced.
    pub(crate) fn object(&self) -> MutexGuard<'_, Object> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a lookup found: attributes and both lists.
    pub(crate) fn note_lookup(frame: &Frame, inode: Option<&Inode>, reply: &Looked) {
        let Some(inode) = inode else { return };
        let list = |key| {
            let value = reply.xdata.get(key).and_then(Value::as_bytes)?;
            // A list nobody can read protects nothing: the mode decides then.
            Acl::decode(value).ok().flatten()
        };
        let known = Self::make(frame, inode);
        let mut object = known.object();
        take_attributes(&mut object, &reply.iatt);
        match list(ACCESS_XATTR) {
            Some(acl) => object.set_access(Some(acl)),
            None => object.access = None,
        }
        object.default = list(DEFAULT_XATTR).map(Box::new);
    }

    /// Takes over attributes that an answer brought; the lists stay, the access list follows the mode.
    pub(crate) fn note(frame: &Frame, inode: &Inode, iatt: &Iatt) {
        if iatt.mode == 0 {
            return;
        }
        if let Some(known) = Self::find(frame, inode) {
            take_attributes(&mut known.object(), iatt);
        }
    }

    /// Takes over a new object, with the lists it was made with.
    pub(crate) fn note_new(
        frame: &Frame,
        inode: Option<&Inode>,
        iatt: &Iatt,
        access: Option<Acl>,
        default: Option<Acl>,
    ) {
        let Some(inode) = inode.filter(|_| iatt.mode != 0) else { return };
        let known = Self::make(frame, inode);
        let mut object = known.object();
        take_attributes(&mut object, iatt);
        object.access = access.filter(|acl| !acl.is_minimal()).map(Box::new);
        object.default = default.map(Box::new);
    }

    fn make(frame: &Frame, inode: &Inode) -> Arc<Self> {
        inode.object().ctx_or_insert_with(frame.key(), Self::default)
    }
}

/// Adds the two lists to what a lookup asks for.
pub(crate) fn ask(xdata: &mut Dict) {
    for key in [ACCESS_XATTR, DEFAULT_XATTR] {
        if !xdata.contains(key) {
            xdata.set(key, 0);
        }
    }
}

fn take_attributes(object: &mut Object, iatt: &Iatt) {
    object.uid = iatt.uid;
    object.gid = iatt.gid;
    object.set_mode(iatt.mode);
}
