//! A file, whatever its names: what translators hang their knowledge about it on.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use abi_stable::StableAbi;

use crate::abi::object::Object;
use crate::{FileType, Gfid};

/// The part of an inode that every library reads.
#[repr(C)]
#[derive(StableAbi, Debug, Default)]
pub struct InodeBody {
    gfid: [AtomicU64; 2],
    claimed: AtomicU8,
    file_type: AtomicU8,
}

/// A file of a graph, counted. `Deref`s to nothing but its id and type; contexts are reached with
/// [`ctx`](Object::ctx) and its siblings through `inode.object()`.
#[repr(transparent)]
#[derive(StableAbi, Clone)]
pub struct Inode(Object<InodeBody>);

impl Inode {
    /// An inode that no table knows.
    #[must_use]
    pub fn new(gfid: Gfid, file_type: FileType) -> Self {
        let inode = Self(Object::new(InodeBody::default()));
        inode.link(gfid, file_type);
        inode
    }

    /// Gives a nameless inode its id and type, once: a later call with another id changes nothing.
    pub fn link(&self, gfid: Gfid, file_type: FileType) {
        let (high, low) = halves(gfid);
        let body = &*self.0;
        body.file_type.store(file_type as u8, Ordering::Relaxed);
        if !gfid.is_null() && body.claimed.swap(1, Ordering::Relaxed) == 0 {
            body.gfid[0].store(high, Ordering::Relaxed);
            // Readers take this half first: once they see it, they see the other.
            body.gfid[1].store(low, Ordering::Release);
        }
    }

    /// The id; null while it is not known.
    #[must_use]
    pub fn gfid(&self) -> Gfid {
        let low = self.0.gfid[1].load(Ordering::Acquire);
        let high = self.0.gfid[0].load(Ordering::Relaxed);
        Gfid((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// The type; `Invalid` while it is not known.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        match self.0.file_type.load(Ordering::Relaxed) {
            1 => FileType::Regular,
            2 => FileType::Directory,
            3 => FileType::Symlink,
            4 => FileType::Block,
            5 => FileType::Char,
            6 => FileType::Fifo,
            7 => FileType::Socket,
            _ => FileType::Invalid,
        }
    }

    /// The counted object behind it, for contexts.
    #[must_use]
    pub fn object(&self) -> &Object<InodeBody> {
        &self.0
    }
}

fn halves(gfid: Gfid) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = gfid.0;
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p]))
}

impl fmt::Debug for Inode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inode({}, {:?})", self.gfid(), self.file_type())
    }
}

impl PartialEq for Inode {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&other.0)
    }
}

impl Eq for Inode {}
