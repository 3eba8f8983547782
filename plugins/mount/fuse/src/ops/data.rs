//! Requests on the content of files.

use plugin_api::fop::{self, FopError};
use plugin_api::{Dict, Errno, Fd, IoBuf, LkOwner, Loc, Payload};

use super::lock;
use crate::fs::{Answer, Call, Fs};
use crate::wire::reply::Reply;
use crate::wire::request::Fields;
use crate::wire::{FSYNC_DATA, RELEASE_FLOCK_UNLOCK, WRITE_KILL_SUIDGID, fopen};

/// What a translator answers an open with whose file is to be read past the page cache: its size is not known.
const DIRECT: &str = "direct-io-mode";
/// `SEEK_DATA` and `SEEK_HOLE` as fops count them.
const DATA: i32 = 0;
const HOLE: i32 = 1;
/// The most bytes that one request copies: the answer has 32 bits, and others want their turn.
const MOST_COPIED: u64 = 16 << 20;

/// The flags that a file is opened with below. A kernel that collects writes reads what surrounds them, and places them
/// itself.
pub(crate) fn open_flags(flags: i32, writeback: bool) -> i32 {
    let flags = flags & !(libc::O_NOCTTY | libc::O_CLOEXEC);
    match writeback {
        true if flags & libc::O_ACCMODE == libc::O_WRONLY => {
            flags & !(libc::O_ACCMODE | libc::O_APPEND) | libc::O_RDWR
        }
        true => flags & !libc::O_APPEND,
        false => flags,
    }
}

impl Fs {
    /// What the kernel is told of a file that was opened, also by a translator that wants no page of it cached.
    pub(crate) fn open_answer(&self, opened: &Dict) -> u32 {
        let direct = self.settings.direct_io || opened.int(DIRECT) == Some(1);
        match (direct, self.settings.keep_cache) {
            (true, _) => fopen::DIRECT_IO,
            (false, true) => fopen::KEEP_CACHE,
            (false, false) => 0,
        }
    }
}

/// Opens a file. One that is to be empty then is cut by a SETATTR, once the kernel has made sure that nobody runs it.
pub(crate) async fn open(call: Call) -> Answer {
    let flags = Fields::of(&call.body).i32()?;
    let flags =
        open_flags(flags, call.fs.settings.writeback) & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC);
    let frame = call.frame()?;
    let inode = call.inode(&frame).await?;
    let fd = Fd::new(inode.clone(), flags, call.pid());
    let args = fop::Open { loc: Loc::of(inode), flags, fd, xdata: Dict::new() };
    let opened = frame.child().open(args).await?;
    Ok(Reply::opened(call.fs.files.add(opened.fd), call.fs.open_answer(&opened.xdata)))
}

/// Reads.
pub(crate) async fn read(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, size) = (fields.u64()?, fields.u64()?, fields.u32()?);
    fields.skip(12)?;
    let flags = fields.u32()?;
    let fd = call.fs.files.find(handle)?;
    let frame = call.frame()?;
    let size = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
    let read = frame.child().readv(fop::Readv { fd, size, offset, flags, xdata: Dict::new() }).await?;
    if read.data.len() > size {
        return Err(Errno::EIO.into());
    }
    Ok(Reply::Data(read.data))
}

/// Writes.
pub(crate) async fn write(mut call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, size, how) = (fields.u64()?, fields.u64()?, fields.u32()?, fields.u32()?);
    fields.skip(8)?;
    let flags = fields.u32()?;
    if call.payload.len() as u64 != u64::from(size) {
        return Err(Errno::EINVAL.into());
    }
    let fd = call.fs.files.find(handle)?;
    let frame = call.frame()?;
    let data = Payload::from(std::mem::take(&mut call.payload));
    let args = fop::Writev { fd, data, offset, flags, xdata: Dict::new() };
    let written = frame.child().writev(args).await?;
    if how & WRITE_KILL_SUIDGID != 0 {
        call.without_privileges(&frame, written.post).await?;
    }
    let count = u32::try_from(written.count).ok().filter(|count| *count <= size).ok_or(Errno::EIO)?;
    Ok(Reply::count(count))
}

/// A descriptor was closed.
pub(crate) async fn flush(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, _, owner) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let fd = call.fs.files.find(handle)?;
    let frame = call.fs.frame(call.identity(Some(owner)))?;
    frame.child().flush(fop::Flush { fd, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Brings a file to stable storage.
pub(crate) async fn fsync(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, flags) = (fields.u64()?, fields.u32()?);
    let fd = call.fs.files.find(handle)?;
    let frame = call.frame()?;
    let data_only = flags & FSYNC_DATA != 0;
    frame.child().fsync(fop::Fsync { fd, data_only, xdata: Dict::new() }).await?;
    Ok(Reply::done())
}

/// Allocates space, punches holes, writes zeros.
pub(crate) async fn fallocate(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, len, mode) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.i32()?);
    let fd = call.fs.files.find(handle)?;
    let frame = call.frame()?;
    let xdata = Dict::new();
    let child = frame.child();
    let keeps = mode & libc::FALLOC_FL_KEEP_SIZE;
    match mode & !libc::FALLOC_FL_KEEP_SIZE {
        0 => child.fallocate(fop::Fallocate { fd, mode: keeps, offset, len, xdata }).await?,
        libc::FALLOC_FL_PUNCH_HOLE if keeps != 0 => {
            child.discard(fop::Discard { fd, offset, len, xdata }).await?
        }
        libc::FALLOC_FL_ZERO_RANGE if keeps == 0 => {
            child.zerofill(fop::Zerofill { fd, offset, len, xdata }).await?
        }
        _ => return Err(Errno::EOPNOTSUPP.into()),
    };
    Ok(Reply::done())
}

/// Finds data or holes; the kernel does all other seeking.
pub(crate) async fn lseek(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, offset, whence) = (fields.u64()?, fields.u64()?, fields.i32()?);
    let what = match whence {
        libc::SEEK_DATA => DATA,
        libc::SEEK_HOLE => HOLE,
        _ => return Err(Errno::EINVAL.into()),
    };
    let fd = call.fs.files.find(handle)?;
    let frame = call.frame()?;
    let sought = frame.child().seek(fop::Seek { fd, offset, what, xdata: Dict::new() }).await?;
    Ok(Reply::offset(sought.offset))
}

/// Copies between open files, without a way through the caller.
pub(crate) async fn copy_file_range(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (from, offset_in, _) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let (to, offset_out, len) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let (fd_in, fd_out) = (call.fs.files.find(from)?, call.fs.files.find(to)?);
    let frame = call.frame()?;
    let len = usize::try_from(len.min(MOST_COPIED)).map_err(|_| Errno::EINVAL)?;
    let xdata = Dict::new();
    let args = fop::CopyFileRange { fd_in, offset_in, fd_out, offset_out, len, flags: 0, xdata };
    let copied = frame.child().copy_file_range(args).await?;
    Ok(Reply::count(u32::try_from(copied.count).map_err(|_| FopError::from(Errno::EIO))?))
}

/// The last descriptor of an open file is gone.
pub(crate) async fn release(call: Call) -> Answer {
    let mut fields = Fields::of(&call.body);
    let (handle, _, flags, owner) = (fields.u64()?, fields.u32()?, fields.u32()?, fields.u64()?);
    let fd = call.fs.files.take(handle)?;
    if flags & RELEASE_FLOCK_UNLOCK != 0 {
        let owner = LkOwner::new(IoBuf::copy_from_slice(&owner.to_le_bytes()));
        let frame = call.fs.frame(plugin_api::Identity { lk_owner: owner.clone(), ..call.identity(None) })?;
        let args = fop::Lk {
            fd: fd.clone(),
            cmd: fop::LockCmd::Set,
            flock: lock::whole_file(fop::LockKind::Unlock, owner),
            xdata: Dict::new(),
        };
        // Nobody hears of it: the file is closed.
        let _ = frame.child().lk(args).await;
    }
    drop(fd);
    Ok(Reply::done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_collects_writes_may_read_and_never_appends() {
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_TRUNC;
        assert_eq!(open_flags(flags, true), libc::O_RDWR | libc::O_TRUNC);
        assert_eq!(open_flags(flags, false), flags);
        assert_eq!(open_flags(libc::O_RDONLY | libc::O_NOCTTY, true), libc::O_RDONLY);
    }
}
