//! Letting go: what a descriptor was used for ends with it, and the signer is told of the object.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::prelude::*;

use crate::object::{Object, Sign};

/// The `op` by which `features/changelog` tells its consumers something.
const TELL: i32 = 0;

/// The way to the signer.
#[derive(Debug, Default)]
pub(crate) struct Teller(Mutex<Option<Handle>>);

impl Teller {
    pub(crate) fn set(&self, handle: Option<Handle>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// Tells of a version of an object that is whole.
    fn tell(&self, gfid: Gfid, version: u64, sign: Sign) {
        let handle = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(handle) = handle.filter(Handle::serves) else { return };
        rt::spawn(async move {
            let frame = handle.frame(Identity::default());
            let sign = sign as i32;
            let xdata = Dict::new().with("gfid", gfid).with("version", version).with("sign", sign);
            if let Err(error) = frame.child().ipc(Ipc { op: TELL, xdata }).await {
                log!(Warn, xl: handle.name(), "an object is not signed", gfid = gfid, why = error.errno);
            }
        });
    }
}

/// A descriptor through which an object changes: the context of the descriptor.
#[derive(Debug)]
pub(crate) struct Writer {
    object: Arc<Object>,
    gfid: Gfid,
    teller: Arc<Teller>,
    at_once: AtomicBool,
}

impl Writer {
    pub(crate) fn new(object: Arc<Object>, gfid: Gfid, teller: Arc<Teller>) -> Self {
        Self { object, gfid, teller, at_once: AtomicBool::new(false) }
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The signer is not to wait.
    pub(crate) fn hurry(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(version) = self.object.end() else { return };
        let at_once = self.at_once.load(Ordering::Relaxed);
        self.teller.tell(self.gfid, version, if at_once { Sign::AtOnce } else { Sign::Later });
    }
}
