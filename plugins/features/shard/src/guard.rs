//! What users may not name: the directories of blocks, and the xattrs that say how a file is cut.

use plugin_api::fop::About;
use plugin_api::fop::Subject;
use plugin_api::prelude::*;

use crate::folder::Folder;

/// What names of this translator's own xattrs begin with.
const OWN: &[u8] = b"trusted.glusterfs.shard.";

/// Refuses a fop about a directory of blocks, or a name in one.
pub(crate) fn may_name(args: &impl About) -> FopResult<()> {
    may_reach(args.subject())
}

/// Refuses a place in or of a directory of blocks.
pub(crate) fn may_reach(subject: Subject<'_>) -> FopResult<()> {
    let Subject { gfid, name } = subject;
    let is_hidden = matches!(gfid, Folder::BLOCKS | Folder::REMOVED) || is_folder(gfid, name);
    if is_hidden { Err(Errno::EPERM.into()) } else { Ok(()) }
}

/// Whether a name in a directory is that of the blocks.
pub(crate) fn is_folder(directory: Gfid, name: &[u8]) -> bool {
    directory.is_root() && name == Folder::NAME.as_bytes()
}

/// Refuses to change how a file is cut.
pub(crate) fn may_change<'n>(mut names: impl Iterator<Item = &'n [u8]>) -> FopResult<()> {
    if names.any(is_own) { Err(Errno::EPERM.into()) } else { Ok(()) }
}

/// Refuses to tell how a file is cut.
pub(crate) fn may_read(name: &[u8]) -> FopResult<()> {
    if is_own(name) { Err(Errno::ENODATA.into()) } else { Ok(()) }
}

/// A listing without that.
pub(crate) fn listed(mut xattrs: Xattrs) -> Xattrs {
    if xattrs.xattrs.iter().any(|(key, _)| is_own(key.as_bytes())) {
        xattrs.xattrs.retain(|key, _| !is_own(key.as_bytes()));
    }
    xattrs
}

fn is_own(name: &[u8]) -> bool {
    name.starts_with(OWN)
}
