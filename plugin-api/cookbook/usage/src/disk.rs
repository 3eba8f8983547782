//! What the translator asks of the files below by itself, in frames of its own: as root, whoever caused it.

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

/// The way to the files below.
#[derive(Debug)]
pub(crate) struct Disk(Handle);

impl Disk {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(handle)
    }

    /// The name of the translator in the volfile.
    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn own(&self) -> OwnedFrame {
        self.0.frame(Identity::default())
    }

    /// An xattr of an object, when it has it.
    pub(crate) async fn get(&self, gfid: Gfid, name: &'static str) -> FopResult<Option<Value>> {
        let asked = Getxattr { loc: place(gfid), name: name.into(), xdata: Dict::new() };
        match self.own().child().getxattr(asked).await {
            Ok(found) => Ok(found.xattrs.get(name).cloned()),
            Err(error) if error.errno == Errno::ENODATA => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn set(&self, gfid: Gfid, name: &'static str, value: Value) -> FopResult<()> {
        let xattrs = Dict::new().with(name, value);
        let asked = Setxattr { loc: place(gfid), xattrs, flags: 0, xdata: Dict::new() };
        self.own().child().setxattr(asked).await.map(drop)
    }

    pub(crate) async fn stat(&self, gfid: Gfid) -> FopResult<Iatt> {
        let asked = Stat { loc: place(gfid), xdata: Dict::new() };
        Ok(self.own().child().stat(asked).await?.iatt)
    }
}

/// The place of an object that is known by its gfid alone.
fn place(gfid: Gfid) -> Loc {
    Loc::of(Inode::new(gfid, FileType::Invalid))
}

/// Whether an error says that the object was removed.
pub(crate) fn is_gone(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}
