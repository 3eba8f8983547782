//! Everything a translator needs, and nothing else.
//!
//! The smallest whole translator, which lets `limit` bytes through and then answers `EDQUOT`:
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
//! use plugin_api::prelude::*;
//!
//! #[derive(Debug, Default)]
//! struct WriteCap {
//!     limit: u64,
//!     passed: AtomicU64,
//! }
//!
//! #[xlator("features/write-cap", unknown_fops = "pass")]
//! impl Xlator for WriteCap {
//!     fn options() -> Options {
//!         Options::new().size("limit", "bytes let through before EDQUOT").required()
//!     }
//!
//!     fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
//!         self.limit = cx.size("limit")?;
//!         Ok(())
//!     }
//!
//!     async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
//!         let n = args.len();
//!         if self.passed.fetch_add(n, Relaxed) + n > self.limit {
//!             return Err(Errno::EDQUOT.into()); // unwind
//!         }
//!         frame.child().writev(args).await // wind
//!     }
//! }
//! ```
//!
//! `docs/guide.md` has the lifecycle, threads, ownership and the promise about versions.

// The macros write paths that begin with the name that plugins know.
extern crate self as plugin_api;

pub mod abi;
pub mod auth;
pub mod carry;
mod client;
pub mod date;
mod dict;
mod errno;
mod event;
mod fd;
pub mod fop;
mod gfid;
pub mod glob;
mod iatt;
mod inode;
mod inode_table;
mod lk_owner;
mod loc;
pub mod options;
mod payload;
pub mod rpc_program;
pub mod sdk;
pub mod transport;
pub mod upcall;
mod xlator;

pub use abi::frame::Identity;
pub use abi::iobuf::{IoBuf, IoBufMut, IoBufVtable};
pub use abi::object::{CtxKey, Object};
pub use client::{Client, ClientBody};
pub use dict::{Dict, Key, Value};
pub use errno::Errno;
pub use event::{Event, EventKind};
pub use fd::{Fd, FdBody};
pub use gfid::{Gfid, ParseGfidError};
pub use iatt::{FileType, Iatt, Mdata, iatt_flags};
pub use inode::{Inode, InodeBody};
pub use inode_table::{InodeTable, KnownInode};
pub use lk_owner::LkOwner;
pub use loc::Loc;
pub use payload::Payload;
pub use plugin_api_macros::xlator;
pub use sdk::{Child, Frame, Handle, InitCx, NotifyCx, OwnedFrame, Wind, inspect, log, open, rt, sys, turn};
#[cfg(feature = "local-runtime")]
pub use sdk::{LocalRuntime, Stopping};
pub use xlator::{
    Declaration, GuardedFop, InitError, Pass, PassingFop, PlainFop, UnknownFops, Xlator, positions,
};

/// What an author of translators imports.
pub mod prelude {
    pub use crate::fop::*;
    pub use crate::options::Options;
    pub use crate::{
        Client, CtxKey, Dict, Errno, Event, EventKind, Fd, FileType, Frame, Gfid, Handle, Iatt, Identity,
        InitCx, InitError, Inode, IoBuf, IoBufMut, LkOwner, Loc, NotifyCx, Payload, Value, Xlator, log, rt,
        xlator,
    };
}

/// For what the macros expand to.
#[doc(hidden)]
pub mod __private {
    #![allow(unsafe_code, reason = "one promise about the root's type")]

    pub use abi_stable::library::{LibHeader, RootModuleResult};

    use crate::abi::root::PluginRootRef;

    pub fn call_root(root: fn() -> PluginRootRef) -> RootModuleResult {
        abi_stable::library::__call_root_module_loader(root)
    }

    pub const fn header(constructor: extern "C" fn() -> RootModuleResult) -> LibHeader {
        // SAFETY: `call_root` above is what every constructor ends in, and it makes a `PluginRootRef`.
        unsafe {
            LibHeader::from_constructor::<PluginRootRef>(
                constructor,
                abi_stable::library::CheckTypeLayout::Yes,
            )
        }
    }
}
