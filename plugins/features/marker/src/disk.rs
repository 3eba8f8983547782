//! The marks on disk: read and written as the brick itself, whoever caused it.

use plugin_api::fop::{FopError, FopResult};
use plugin_api::prelude::*;

/// The process id of work that the brick does by itself.
const INTERNAL: i32 = -1;
/// Adds to big-endian numbers of eight bytes.
const ADD: u32 = 1;

/// The way to the translators below.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Handle);

/// The place of an object that is known by its id alone.
pub(crate) fn place(gfid: Gfid) -> Loc {
    Loc::of(Inode::new(gfid, FileType::Invalid))
}

/// Whether an object is just not there any more.
pub(crate) fn is_gone(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}

impl Disk {
    pub(crate) fn new(frame: &Frame) -> Self {
        Self(frame.handle())
    }

    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    fn own(&self) -> plugin_api::OwnedFrame {
        self.0.frame(Identity { pid: INTERNAL, ..Identity::default() })
    }

    /// The object at a place, with those of these xattrs that it has.
    pub(crate) async fn look<'k>(
        &self,
        mut loc: Loc,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> FopResult<Looked> {
        let xdata = keys.into_iter().fold(Dict::new(), |asked, key| asked.with(key.to_owned(), 0));
        // Who asks by name wants what lies there now.
        if !loc.name.is_empty() {
            loc.inode = Some(Inode::new(Gfid::NULL, FileType::Invalid)).into();
            loc.gfid = Gfid::NULL;
        }
        self.own().child().lookup(Lookup { loc, xdata }).await
    }

    /// All xattrs of an object, or the one with this name.
    pub(crate) async fn xattrs(&self, gfid: Gfid, name: &'static str) -> FopResult<Dict> {
        let args = Getxattr { loc: place(gfid), name: name.into(), xdata: Dict::new() };
        Ok(self.own().child().getxattr(args).await?.xattrs)
    }

    pub(crate) async fn set(&self, gfid: Gfid, key: &str, value: Value, flags: i32) -> FopResult<()> {
        let xattrs = Dict::new().with(key.to_owned(), value);
        let args = Setxattr { loc: place(gfid), xattrs, flags, xdata: Dict::new() };
        self.own().child().setxattr(args).await.map(drop)
    }

    pub(crate) async fn add(&self, gfid: Gfid, key: &str, value: Value) -> FopResult<()> {
        let xattrs = Dict::new().with(key.to_owned(), value);
        let args = Xattrop { loc: place(gfid), op: ADD, xattrs, xdata: Dict::new() };
        self.own().child().xattrop(args).await.map(drop)
    }

    pub(crate) async fn remove(&self, gfid: Gfid, key: &str) -> FopResult<()> {
        let args = Removexattr { loc: place(gfid), name: IoBuf::from(key.to_owned()), xdata: Dict::new() };
        self.own().child().removexattr(args).await.map(drop)
    }

    /// Part of a directory, behind an offset.
    pub(crate) async fn entries(&self, fd: &Fd, offset: u64, key: &str) -> FopResult<Entries> {
        let xdata = Dict::new().with(key.to_owned(), 0);
        self.own().child().readdirp(Readdirp { fd: fd.clone(), size: 64 << 10, offset, xdata }).await
    }
}
