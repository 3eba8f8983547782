//! Requests on open directories.

use std::time::Instant;

use plugin_api::fop::{self, DirEntry, FopError};
use plugin_api::{Dict, Errno, Fd, Gfid, Loc};

use crate::folders::{AHEAD, Folder, Listing};
use crate::fs::{Answer, Call};
use crate::wire::FSYNC_DATA;
use crate::wire::reply::{self, Reply};
use crate::wire::request::Fields;

/// Bytes of the fields before a name.
const NAME_HEAD: usize = 24;
/// Bytes of a node's fields before those.
const NODE: usize = 128;

/// Opens a directory.
pub(crate) async fn opendir(call: Call) -> Answer {
    let flags = Fields::of(&call.body).i32()?;
    let frame = call.frame()?;
    let inode = call.inode(&frame).await?;
    let fd = Fd::new(inode.clone(), flags, call.pid());
    let args = fop::Opendir { loc: Loc::of(inode), fd, xdata: Dict::new() };
    let opened = frame.child().opendir(args).await?;
    Ok(Reply::opened(call.fs.folders.add(Folder::new(opened.fd)), 0))
}

/// What the kernel asks of a listing.
struct Wanted {
    folder: Folder,
    offset: u64,
    size: usize,
}

fn wanted(call: &Call) -> Result<Wanted, Errno> {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, size) = (fields.u64()?, fields.u64()?, fields.u32()?);
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    Ok(Wanted { folder: call.fs.folders.find(handle)?, offset, size })
}

/// The listing from there on: what was read ahead of the kernel, or more.
async fn listing(call: &Call, wanted: &Wanted, plus: bool) -> Result<Listing, FopError> {
    let Wanted { folder, offset, size } = wanted;
    let (changes, look) = (call.fs.changes(), call.fs.look());
    if let Some(ahead) = folder.take(*offset, plus, changes) {
        return Ok(ahead);
    }
    // What the kernel may not keep is not kept here either.
    let fresh = look.attributes.min(look.names);
    let size = if fresh.is_zero() { *size } else { AHEAD.max(*size) };
    let until = Instant::now() + fresh;
    let (frame, fd, offset, xdata) = (call.frame()?, folder.fd.clone(), *offset, Dict::new());
    let read = match plus {
        true => frame.child().readdirp(fop::Readdirp { fd, size, offset, xdata }).await?,
        false => frame.child().readdir(fop::Readdir { fd, size, offset, xdata }).await?,
    };
    // Who is sent back to where it asked from would never come to an end.
    if read.entries.last().is_some_and(|last| !read.at_end && last.offset == offset) {
        return Err(Errno::EIO.into());
    }
    Ok(Listing { entries: read.entries.into_iter().collect(), at_end: read.at_end, plus, changes, until })
}

/// Shows as many entries as fit, each of which takes `more` bytes beside its name; the rest waits for the next request.
fn fill(
    wanted: Wanted,
    mut listing: Listing,
    more: usize,
    show: impl Fn(&mut reply::Fields, &DirEntry),
) -> Answer {
    let Wanted { folder, mut offset, size } = wanted;
    let mut fields = reply::Fields::new(size);
    while let Some(entry) = listing.entries.front() {
        if is_sound(entry) {
            if fields.len() + more + padded(&entry.name) > size {
                break;
            }
            show(&mut fields, entry);
        }
        offset = entry.offset;
        listing.entries.pop_front();
    }
    if listing.at_end || !listing.entries.is_empty() {
        folder.keep(offset, listing);
    }
    Ok(Reply::Fields(fields))
}

fn padded(name: &[u8]) -> usize {
    (NAME_HEAD + name.len()).next_multiple_of(8)
}

/// Whether the name is the directory itself or its parent, which are no nodes of a listing.
fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// Whether an entry can be shown: a name that leads elsewhere, or that no name can be, is left out.
fn is_sound(entry: &DirEntry) -> bool {
    !entry.name.is_empty()
        && entry.name.len() <= 255
        && !entry.name.iter().any(|byte| matches!(byte, b'/' | 0))
}

fn shown_ino(call: &Call, entry: &DirEntry) -> u64 {
    let iatt = plugin_api::Iatt { ino: entry.ino, gfid: Gfid::NULL, ..entry.iatt };
    reply::shown_ino(&iatt, call.fs.settings.ino32)
}

/// Names.
pub(crate) async fn readdir(call: Call) -> Answer {
    let wanted = wanted(&call)?;
    let listing = listing(&call, &wanted, false).await?;
    fill(wanted, listing, 0, |fields, entry| {
        fields.name(shown_ino(&call, entry), entry.offset, entry.kind, &entry.name);
    })
}

/// Names with their nodes and attributes.
pub(crate) async fn readdirplus(call: Call) -> Answer {
    let wanted = wanted(&call)?;
    let listing = listing(&call, &wanted, true).await?;
    let (look, dir) = (call.fs.look(), wanted.folder.fd.inode().gfid());
    let filled = fill(wanted, listing, NODE, |fields, entry| {
        if entry.iatt.gfid.is_null() || entry.iatt.gfid.is_root() || is_dots(&entry.name) {
            fields.entry(0, 0, &entry.iatt, look);
        } else {
            let node = call.fs.nodes.tell(None, &entry.iatt, false);
            call.fs.nodes.name(dir, &entry.name, node.number);
            fields.entry(node.number, node.generation, &entry.iatt, look);
        }
        fields.name(shown_ino(&call, entry), entry.offset, entry.kind, &entry.name);
    });
    call.fs.watch_crowd();
    filled
}

/// Brings a directory to stable storage.
pub(crate) async fn fsyncdir(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, flags) = (fields.u64()?, fields.u32()?);
    let fd = call.fs.folders.find(handle)?.fd;
    let frame = call.frame()?;
    let data_only = flags & FSYNC_DATA != 0;
    frame.child().fsyncdir(fop::Fsyncdir { fd, data_only, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// The last descriptor of an open directory is gone.
pub(crate) async fn releasedir(call: Call) -> Answer {
    drop(call.fs.folders.take(Fields::of(&call.body).u64()?)?);
    Ok(Reply::done())
}
