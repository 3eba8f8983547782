//! Fops on the content of files.

use plugin_api::fop::{
    Checksum, Copied, CopyFileRange, Data, Discard, Done, Fallocate, Flush, Fsync, Ftruncate,
    Open as OpenFop, Opened, PrePost, Rchecksum, Readv, Seek, Sought, Writev, Written, Zerofill,
};
use plugin_api::{Dict, IoBuf, Payload};
use rustix::fs::{OFlags, XattrFlags};
use rustix::io::Errno;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Answer, Call, Open, changed, gone};
use crate::ask::PROTECT_XATTR;
use crate::brick::Brick;
use crate::caller::Caller;
use crate::data::{Reading, Room};
use crate::files::OpenFile;

/// Most bytes answered to one read, whatever was asked.
const MAX_READ: usize = 64 << 20;

pub(crate) fn open(call: &Call<'_>, args: &OpenFop) -> Answer<Opened> {
    let gfid = call.target(&args.loc)?;
    let flags = args.flags.cast_unsigned();
    let file = call.brick.open_file(gfid, flags).map_err(gone)?;
    if flags & OFlags::TRUNC.bits() != 0 {
        call.brick.touch(&file.inode, &file.place(), &call.caller);
    }
    call.keep(&args.fd, Open::File(file));
    Ok(Opened { fd: args.fd.clone(), xdata: Dict::new() })
}

/// A read: answered, or what is left to do where one may wait for the disk.
pub(crate) enum Reads {
    Now(Data),
    Later(Rest),
}

/// The rest of a read.
pub(crate) struct Rest {
    brick: Arc<Brick>,
    caller: Caller,
    open: Arc<Open>,
    reading: Reading,
}

/// Reads what is in the page cache, and answers when that is all.
pub(crate) fn readv(call: &Call<'_>, args: &Readv) -> Answer<Reads> {
    let open = call.open(&args.fd, args.flags)?;
    let reading = call.brick.begin_read(open.file()?, args.offset, args.size.min(MAX_READ))?;
    if reading.waits() {
        let (brick, caller) = (Arc::clone(call.brick), call.caller);
        return Ok(Reads::Later(Rest { brick, caller, open, reading }));
    }
    Ok(Reads::Now(end_read(call.brick, &call.caller, &open, reading)?))
}

impl Rest {
    /// Waits for the disk.
    pub(crate) fn read(self) -> Answer<Data> {
        end_read(&self.brick, &self.caller, &self.open, self.reading)
    }
}

fn end_read(brick: &Brick, caller: &Caller, open: &Open, reading: Reading) -> Answer<Data> {
    let read = brick.end_read(caller, open.file()?, reading)?;
    Ok(Data { data: Payload::from(read.data), iatt: read.iatt, at_end: read.at_end, xdata: Dict::new() })
}

pub(crate) fn writev(call: &Call<'_>, args: &Writev) -> Answer<Written> {
    let open = call.open(&args.fd, args.flags)?;
    let file = open.file()?;
    let asked = |key| args.xdata.contains(key);
    protect(file, &args.xdata)?;
    let atomic = asked("glusterfs.write-update-atomic") || asked("glusterfs.write-is-append");
    let data: smallvec::SmallVec<[&[u8]; 8]> = args.data.buffers().map(|buffer| &buffer[..]).collect();
    let wrote = call.brick.write(&call.caller, file, &data, args.offset, args.flags, atomic)?;
    let mut xdata = Dict::new();
    if asked("glusterfs.write-is-append") {
        xdata.push("glusterfs.write-is-append", u32::from(wrote.is_append));
    }
    if asked("glusterfs.open-fd-count") {
        xdata.push("glusterfs.open-fd-count", file.inode.fds.load(Relaxed));
    }
    if asked("glusterfs.open-active-fd-count") {
        xdata.push("glusterfs.open-active-fd-count", file.inode.active_fds.load(Relaxed));
    }
    Ok(Written { count: wrote.count, pre: wrote.change.pre, post: wrote.change.post, xdata })
}

/// A rebalance must not write over what a client wrote since; a client says so by a mark on the file.
fn protect(file: &OpenFile, xdata: &Dict) -> Answer<()> {
    if xdata.contains("glusterfs.avoid.overwrite") && file.place().xattr(PROTECT_XATTR, &mut [0; 256]).is_ok()
    {
        return Err(Errno::BUSY.into());
    }
    if let Some(mark) = xdata.get("trusted.glusterfs.protect.writes") {
        let value = crate::disk_value::on_disk(mark).ok_or(Errno::INVAL)?;
        file.place().set_xattr(PROTECT_XATTR, &value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Nothing is held back here, so there is nothing to flush.
pub(crate) fn flush(call: &Call<'_>, args: &Flush) -> Answer<Done> {
    call.open(&args.fd, 0)?;
    Ok(Done::default())
}

pub(crate) fn fsync(call: &Call<'_>, args: &Fsync) -> Answer<PrePost> {
    let open = call.open(&args.fd, 0)?;
    Ok(changed(call.brick.sync(open.file()?, args.data_only)?))
}

pub(crate) fn ftruncate(call: &Call<'_>, args: &Ftruncate) -> Answer<PrePost> {
    let open = call.open(&args.fd, 0)?;
    Ok(changed(call.brick.truncate(&call.caller, open.file()?, args.offset)?))
}

pub(crate) fn fallocate(call: &Call<'_>, args: &Fallocate) -> Answer<PrePost> {
    let room = Room::Allocate { keep_size: args.mode != 0 };
    make_room(call, &args.fd, room, args.offset, args.len, &args.xdata)
}

pub(crate) fn discard(call: &Call<'_>, args: &Discard) -> Answer<PrePost> {
    make_room(call, &args.fd, Room::Discard, args.offset, args.len, &args.xdata)
}

pub(crate) fn zerofill(call: &Call<'_>, args: &Zerofill) -> Answer<PrePost> {
    make_room(call, &args.fd, Room::Zero, args.offset, args.len, &args.xdata)
}

fn make_room(
    call: &Call<'_>,
    fd: &plugin_api::Fd,
    room: Room,
    offset: u64,
    len: u64,
    xdata: &Dict,
) -> Answer<PrePost> {
    let open = call.open(fd, 0)?;
    let atomic = xdata.contains("glusterfs.write-update-atomic");
    Ok(changed(call.brick.make_room(&call.caller, open.file()?, room, offset, len, atomic)?))
}

pub(crate) fn seek(call: &Call<'_>, args: &Seek) -> Answer<Sought> {
    let open = call.open(&args.fd, 0)?;
    Ok(Sought { offset: call.brick.seek(open.file()?, args.offset, args.what)?, xdata: Dict::new() })
}

pub(crate) fn copy_file_range(call: &Call<'_>, args: &CopyFileRange) -> Answer<Copied> {
    let (from, to) = (call.open(&args.fd_in, 0)?, call.open(&args.fd_out, 0)?);
    let (from, to) = (from.file()?, to.file()?);
    protect(to, &args.xdata)?;
    let atomic = args.xdata.contains("glusterfs.write-update-atomic");
    let (count, source, change) =
        call.brick.copy_range(&call.caller, from, args.offset_in, to, args.offset_out, args.len, atomic)?;
    Ok(Copied { count, source, pre: change.pre, post: change.post, xdata: Dict::new() })
}

pub(crate) fn rchecksum(call: &Call<'_>, args: &Rchecksum) -> Answer<Checksum> {
    let open = call.open(&args.fd, 0)?;
    let sums = call.brick.checksum(open.file()?, args.offset, args.len.min(MAX_READ))?;
    let mut xdata = Dict::new();
    if args.xdata.contains("check-zero-filled") && sums.all_zero {
        xdata.push("buf-has-zeroes", 1_u32);
    }
    if call.brick.options().fips_checksum {
        xdata.push("fips-mode-rchecksum", 1_i32);
    }
    Ok(Checksum { weak: sums.weak, strong: IoBuf::copy_from_slice(&sums.strong), xdata })
}
