//! The first block of a file, by a descriptor or by a place: the file itself, as callers name it.

use plugin_api::prelude::*;
use plugin_api::sdk::Child;

use crate::extent::{Extent, FILE_SIZE, ask};

/// `GF_XATTROP_ADD_ARRAY64`: adds numbers of 64 bits.
const ADD_ARRAY64: u32 = 1;

/// A file that a fop is about.
#[derive(Debug, Clone)]
pub(crate) enum First {
    Open(Fd),
    At(Loc),
}

impl First {
    /// Asks for its attributes, and how long the file is.
    pub(crate) async fn stat(&self, child: Child<'_>) -> FopResult<Attr> {
        let mut xdata = Dict::new();
        ask(&mut xdata);
        match self.clone() {
            Self::Open(fd) => child.fstat(Fstat { fd, xdata }).await,
            Self::At(loc) => child.stat(Stat { loc, xdata }).await,
        }
    }

    /// Cuts the first block alone.
    pub(crate) async fn truncate(&self, child: Child<'_>, offset: u64, xdata: Dict) -> FopResult<PrePost> {
        match self.clone() {
            Self::Open(fd) => child.ftruncate(Ftruncate { fd, offset, xdata }).await,
            Self::At(loc) => child.truncate(Truncate { loc, offset, xdata }).await,
        }
    }

    /// Adds to what its xattr says about the file's length.
    pub(crate) async fn add(&self, child: Child<'_>, more: Extent) -> FopResult<Xattrs> {
        let (xattrs, xdata) = (Dict::new().with(FILE_SIZE, more.encode()), Dict::new());
        match self.clone() {
            Self::Open(fd) => child.fxattrop(Fxattrop { fd, op: ADD_ARRAY64, xattrs, xdata }).await,
            Self::At(loc) => child.xattrop(Xattrop { loc, op: ADD_ARRAY64, xattrs, xdata }).await,
        }
    }
}
