//! An object: its version, who may change it at the moment, and whether it is bad.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::prelude::*;

use crate::format::{BAD, SIGNATURE, Signature, Started, VERSION, Version};

/// How the signer goes about an object that was let go of: it waits first, or does it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Later = 1,
    AtOnce = 2,
}

/// An object as the disk has it.
#[derive(Debug, Default)]
pub(crate) struct OnDisk {
    pub(crate) version: Option<Version>,
    pub(crate) signature: Option<Signature>,
    pub(crate) is_bad: bool,
}

impl OnDisk {
    /// Reads it.
    ///
    /// # Errors
    /// As the brick answers.
    pub(crate) async fn read(frame: &Frame, inode: &Inode) -> Result<Self, FopError> {
        let names = Dict::new().with(VERSION, 0).with(SIGNATURE, 0).with(BAD, 0);
        let found = frame.child().lookup(Lookup { loc: Loc::of(inode.clone()), xdata: names }).await?;
        let bytes = |name| found.xdata.get(name).and_then(Value::as_bytes);
        Ok(Self {
            version: bytes(VERSION).and_then(Version::read),
            signature: bytes(SIGNATURE).and_then(Signature::read),
            is_bad: found.xdata.contains(BAD),
        })
    }
}

/// What is known of an object: the context of its inode.
#[derive(Debug, Default)]
pub(crate) struct Object {
    /// Held while a version is written, or a signature.
    pub(crate) turn: tokio::sync::Mutex<()>,
    is_bad: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The version on the disk; not known before it was read.
    version: Option<u64>,
    /// Whether the next change makes another version of it.
    is_whole: bool,
    /// Descriptors through which this version may change.
    writers: usize,
}

impl Object {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The object behind an inode, which is read where it is not known.
    ///
    /// # Errors
    /// As the brick answers.
    pub(crate) async fn of(frame: &Frame, inode: &Inode) -> Result<Arc<Self>, FopError> {
        let object = inode.object().ctx_or_insert_with(frame.key(), Self::default);
        if object.version().is_some() {
            return Ok(object);
        }
        let turn = object.turn.lock().await;
        if object.version().is_none() {
            let there = OnDisk::read(frame, inode).await?;
            object.is_bad.store(there.is_bad, Ordering::Relaxed);
            let mut state = object.state();
            // One that nobody has written down counts as the first.
            state.version = Some(there.version.map_or(1, |version| version.number));
            state.is_whole = true;
        }
        drop(turn);
        Ok(object)
    }

    /// Its version, where it is known.
    pub(crate) fn version(&self) -> Option<u64> {
        self.state().version
    }

    /// Whether it is marked bad.
    pub(crate) fn is_bad(&self) -> bool {
        self.is_bad.load(Ordering::Relaxed)
    }

    pub(crate) fn set_bad(&self, is_bad: bool) {
        self.is_bad.store(is_bad, Ordering::Relaxed);
    }

    /// Whether a signature of `version` is one of what the object is now.
    pub(crate) fn may_be_signed(&self, version: u64) -> bool {
        let state = self.state();
        state.version == Some(version) && state.is_whole && state.writers == 0
    }

    /// Begins to write: a new version is on the disk before anything changes, unless others change this one already.
    ///
    /// # Errors
    /// As the brick answers; nothing may be changed then.
    pub(crate) async fn begin(&self, frame: &Frame, fd: &Fd, by: Started) -> Result<(), FopError> {
        let _turn = self.turn.lock().await;
        let next = {
            let mut state = self.state();
            let next = state.version.unwrap_or(1).saturating_add(1);
            if !state.is_whole {
                state.writers += 1;
                return Ok(());
            }
            next
        };
        let value = Version { number: next, by }.bytes();
        let xattrs = Dict::new().with(VERSION, Value::bytes(value));
        let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
        frame.child().fsetxattr(args).await?;
        let mut state = self.state();
        *state = State { version: Some(next), is_whole: false, writers: state.writers + 1 };
        Ok(())
    }

    /// Counts one more descriptor, through which nothing changes.
    pub(crate) fn join(&self) {
        self.state().writers += 1;
    }

    /// Ends it. The version that is whole now, when nobody else changes it any more.
    pub(crate) fn end(&self) -> Option<u64> {
        let mut state = self.state();
        state.writers = state.writers.saturating_sub(1);
        if state.writers > 0 {
            return None;
        }
        state.is_whole = true;
        state.version
    }

    /// The version, when nobody changes it.
    pub(crate) fn at_rest(&self) -> Option<u64> {
        let state = self.state();
        state.version.filter(|_| state.is_whole && state.writers == 0)
    }
}
