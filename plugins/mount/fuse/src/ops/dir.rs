//! Requests on open directories.

use plugin_api::fop::{self, DirEntry};
use plugin_api::{Dict, Errno, Fd, Gfid, Loc};

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
    Ok(Reply::opened(call.fs.folders.add(opened.fd), 0))
}

/// What the kernel asks of a listing.
struct Wanted {
    fd: Fd,
    offset: u64,
    size: usize,
}

fn wanted(call: &Call) -> Result<Wanted, Errno> {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, size) = (fields.u64()?, fields.u64()?, fields.u32()?);
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    Ok(Wanted { fd: call.fs.folders.find(handle)?, offset, size })
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
    let Wanted { fd, offset, size } = wanted(&call)?;
    let frame = call.frame()?;
    let read = frame.child().readdir(fop::Readdir { fd, size, offset, xdata: Dict::new() }).await?;
    let mut fields = reply::Fields::new(size);
    for entry in read.entries.iter().filter(|entry| is_sound(entry)) {
        if fields.len() + padded(&entry.name) > size {
            break;
        }
        fields.name(shown_ino(&call, entry), entry.offset, entry.kind, &entry.name);
    }
    Ok(Reply::Fields(fields))
}

/// Names with their nodes and attributes.
pub(crate) async fn readdirplus(call: Call) -> Answer {
    let Wanted { fd, offset, size } = wanted(&call)?;
    let frame = call.frame()?;
    let read =
        frame.child().readdirp(fop::Readdirp { fd: fd.clone(), size, offset, xdata: Dict::new() }).await?;
    let mut fields = reply::Fields::new(size);
    let look = call.fs.look();
    for entry in read.entries.iter().filter(|entry| is_sound(entry)) {
        if fields.len() + NODE + padded(&entry.name) > size {
            break;
        }
        if entry.iatt.gfid.is_null() || entry.iatt.gfid.is_root() || is_dots(&entry.name) {
            fields.entry(0, 0, &entry.iatt, look);
        } else {
            let node = call.fs.nodes.tell(None, &entry.iatt, false);
            call.fs.nodes.name(fd.inode().gfid(), &entry.name, node.number);
            fields.entry(node.number, node.generation, &entry.iatt, look);
        }
        fields.name(shown_ino(&call, entry), entry.offset, entry.kind, &entry.name);
    }
    Ok(Reply::Fields(fields))
}

/// Brings a directory to stable storage.
pub(crate) async fn fsyncdir(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, flags) = (fields.u64()?, fields.u32()?);
    let fd = call.fs.folders.find(handle)?;
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
