//! Fops on names.

use std::borrow::Cow;

use plugin_api::fop::{
    Create, Created, GONE, Link, Looked, Lookup, Made, Mkdir, Mknod, Put, Removed, Rename, Renamed, Rmdir,
    Symlink, Unlink,
};
use plugin_api::{Dict, Gfid, Iatt};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::{Answer, Call, Fault, Open, gone};
use crate::ask::Ask;
use crate::disk_value::on_disk;
use crate::files::flags_of;
use crate::find::{Entry, Gfidless};
use crate::hidden::is_request;
use crate::make::{self, Kind, New};
use crate::mdata::{Times, XATTR};
use crate::place::Place;
use crate::remove::{self, UnlinkOnly};
use crate::stat::{S_IFDIR, S_IFMT};

const PREOP_KEY: &str = "glusterfs.preop.parent.key";

pub(crate) fn lookup(call: &Call<'_>, args: &Lookup) -> Answer<Looked> {
    let (brick, loc) = (call.brick, &args.loc);
    let ask = Ask::of(&args.xdata);
    if loc.name.is_empty() {
        let gfid = loc.target();
        let found = brick.locate(gfid).inspect_err(|_| brick.drop_stale_handle(gfid))?;
        if matches!(found.place, Place::Unlinked(..)) && !args.xdata.contains("unlinked-lookup") {
            return Err(Errno::NOENT.into());
        }
        let iatt = brick.show_found(&found);
        return Ok(Looked {
            iatt,
            post_parent: Iatt::default(),
            xdata: brick.answer(&ask, &found, call.caller.pid),
        });
    }
    let mut entry = brick.entry(loc.directory(), &loc.name)?;
    let gfidless =
        Gfidless { give: args.xdata.gfid("gfid-req"), show: args.xdata.contains("gfidless-lookup") };
    let found = brick.lookup(&mut entry, gfidless)?;
    let iatt = brick.show_found(&found);
    let xdata = brick.answer(&ask, &found, call.caller.pid);
    let post_parent = brick.attributes(loc.directory()).unwrap_or_default();
    Ok(Looked { iatt, post_parent, xdata })
}

pub(crate) fn mknod(call: &Call<'_>, args: &Mknod) -> Answer<Made> {
    let brick = call.brick;
    let entry = brick.entry(args.loc.directory(), &args.loc.name)?;
    let gfid = requested(&args.xdata)?;
    if call.caller.internal
        && let Some(made) = brick.link_existing(&call.caller, &entry, gfid)?
    {
        return Ok(shown(&made));
    }
    let kind = match FileType::from_raw_mode(args.mode) {
        FileType::Unknown if args.mode & S_IFMT == 0 => FileType::RegularFile,
        FileType::Directory | FileType::Symlink | FileType::Unknown => return Err(Errno::INVAL.into()),
        kind => kind,
    };
    let new = new(gfid, Kind::Node(kind, device(args.rdev)), args.mode, &args.xdata);
    match brick.make(&call.caller, &entry, &new) {
        Err(Errno::EXIST) if args.xdata.contains("force-replace") => {
            drop_pointer(call, &entry)?;
            Ok(shown(&brick.make(&call.caller, &entry, &new)?))
        }
        made => Ok(shown(&made?)),
    }
}

pub(crate) fn mkdir(call: &Call<'_>, args: &Mkdir) -> Answer<Made> {
    let entry = call.brick.entry(args.loc.directory(), &args.loc.name)?;
    let gfid = requested(&args.xdata)?;
    check_parent(&entry, &args.xdata)?;
    let new = new(gfid, Kind::Directory, args.mode, &args.xdata);
    Ok(shown(&call.brick.make(&call.caller, &entry, &new)?))
}

pub(crate) fn symlink(call: &Call<'_>, args: &Symlink) -> Answer<Made> {
    let entry = call.brick.entry(args.loc.directory(), &args.loc.name)?;
    let new = new(requested(&args.xdata)?, Kind::Symlink(&args.target), 0o777, &args.xdata);
    Ok(shown(&call.brick.make(&call.caller, &entry, &new)?))
}

pub(crate) fn create(call: &Call<'_>, args: &Create) -> Answer<Created> {
    let (brick, xdata) = (call.brick, &args.xdata);
    let entry = brick.entry(args.loc.directory(), &args.loc.name)?;
    let gfid = requested(xdata)?;
    let wire = args.flags.cast_unsigned();
    let flags = if wire == 0 { OFlags::RDWR | OFlags::EXCL } else { OFlags::from_bits_retain(wire) };
    let reply = |iatt, pre_parent, post_parent| Created {
        fd: args.fd.clone(),
        iatt,
        pre_parent,
        post_parent,
        xdata: xdata.clone(),
    };
    let parent_is_right = check_parent(&entry, xdata);
    if parent_is_right.is_err() && !brick.exists(&entry) {
        parent_is_right?;
    }
    let new = new(gfid, Kind::File(flags_of(flags.bits())), args.mode, xdata);
    match brick.make(&call.caller, &entry, &new) {
        Ok(made) => {
            let file = made.file.ok_or(Errno::IO)?;
            call.keep(&args.fd, Open::File(brick.made_file(file, gfid, flags.bits())));
            Ok(reply(made.iatt, made.pre_parent, made.post_parent))
        }
        Err(Errno::EXIST) if !flags.contains(OFlags::EXCL) => {
            let (_, pre_parent, _) = brick.show_parent(&entry)?;
            let mut entry = entry;
            let there = brick.lookup(&mut entry, Gfidless::default())?.gfid;
            let file = brick.open_file(there, flags.bits())?;
            let iatt = brick.show_file(&file, &file.place().stat()?);
            call.keep(&args.fd, Open::File(file));
            Ok(reply(iatt, pre_parent, pre_parent))
        }
        Err(e) => Err(e.into()),
    }
}

pub(crate) fn put(call: &Call<'_>, args: &Put) -> Answer<Made> {
    let brick = call.brick;
    let entry = brick.entry(args.loc.directory(), &args.loc.name)?;
    let gfid = requested(&args.xdata)?;
    let mut new = new(gfid, Kind::File(OFlags::RDWR), args.mode, &args.xdata);
    let xattrs = creation_xattrs(&args.xattrs);
    new.xattrs.extend(xattrs);
    let made = brick.make(&call.caller, &entry, &new)?;
    let reply = shown(&made);
    let file = brick.made_file(made.file.ok_or(Errno::IO)?, gfid, 2);
    let data: Vec<&[u8]> = args.data.buffers().map(|buffer| &buffer[..]).collect();
    let wrote = brick.write(&call.caller, &file, &data, args.offset, args.flags.cast_unsigned(), false);
    match wrote {
        Ok(wrote) => Ok(Made { iatt: wrote.change.post, ..reply }),
        Err(e) => {
            drop(file);
            let _ = brick.unlink(&call.caller, &entry, UnlinkOnly::default());
            Err(e.into())
        }
    }
}

pub(crate) fn link(call: &Call<'_>, args: &Link) -> Answer<Made> {
    let brick = call.brick;
    let gfid = args.old.target();
    let entry = brick.entry(args.new.directory(), &args.new.name)?;
    match brick.link(&call.caller, gfid, &entry) {
        Err(Errno::EXIST) if args.xdata.contains("force-replace") => {
            drop_pointer(call, &entry)?;
            Ok(shown(&brick.link(&call.caller, gfid, &entry).map_err(gone)?))
        }
        made => Ok(shown(&made.map_err(gone)?)),
    }
}

pub(crate) fn unlink(call: &Call<'_>, args: &Unlink) -> Answer<Removed> {
    let entry = call.brick.entry(args.loc.directory(), &args.loc.name)?;
    let asked = |key| args.xdata.int(key).is_some_and(|n| n != 0);
    let only = UnlinkOnly {
        linkto: asked("unlink-only-if-dht-linkto-file"),
        closed: asked("dont-unlink-for-open-fd"),
    };
    let removed = call.brick.unlink(&call.caller, &entry, only)?;
    let names = removed.st.stx_nlink.saturating_sub(1);
    let mut xdata = Dict::new();
    // The incumbent answers this one whether it was asked or not.
    xdata.push("get-link-count", if args.xdata.contains("get-link-count") { names } else { 0 });
    if args.xdata.contains("gf_request_link_count") {
        xdata.push("gf_response_link_count", names);
    }
    if args.xdata.contains("gf_get_file_block_count") {
        xdata.push("gf_get_file_block_count", removed.st.stx_blocks);
    }
    if args.xdata.contains("dht-get-iatt-in-xattr") {
        let after = call.brick.attributes(removed.gfid).unwrap_or_default();
        xdata.push("dht-get-iatt-in-xattr", after);
    }
    Ok(taken_away(&removed, xdata))
}

pub(crate) fn rmdir(call: &Call<'_>, args: &Rmdir) -> Answer<Removed> {
    let entry = call.brick.entry(args.loc.directory(), &args.loc.name)?;
    let removed = call.brick.rmdir(&call.caller, &entry, args.flags != 0)?;
    Ok(taken_away(&removed, Dict::new()))
}

pub(crate) fn rename(call: &Call<'_>, args: &Rename) -> Answer<Renamed> {
    let brick = call.brick;
    let old = brick.entry(args.old.directory(), &args.old.name)?;
    let new = brick.entry(args.new.directory(), &args.new.name)?;
    let expected = Some(args.new.target()).filter(|gfid| !gfid.is_null());
    let renamed = brick.rename(&call.caller, &old, &new, expected)?;
    let mut xdata = Dict::new();
    let links = renamed.victim.map_or(0, |st| st.stx_nlink.saturating_sub(1));
    if args.xdata.contains("get-link-count") {
        xdata.push("get-link-count", links);
    }
    if args.xdata.contains("gf_request_link_count") {
        xdata.push("gf_response_link_count", links);
    }
    if let Some(gone) = renamed.gone {
        xdata.push(GONE, gone);
    }
    Ok(Renamed {
        iatt: renamed.iatt,
        pre_old_parent: renamed.pre_old_parent,
        post_old_parent: renamed.post_old_parent,
        pre_new_parent: renamed.pre_new_parent,
        post_new_parent: renamed.post_new_parent,
        xdata,
    })
}

fn requested(xdata: &Dict) -> Result<Gfid, Errno> {
    xdata.gfid("gfid-req").ok_or(Errno::INVAL)
}

/// The object to make, with the xattrs that ride on the request.
fn new<'a>(gfid: Gfid, kind: Kind<'a>, mode: u32, xdata: &'a Dict) -> New<'a> {
    let times = xdata.get("trusted.glusterfs.mdata").and_then(|value| Times::decode(value.as_bytes()?));
    New { gfid, kind, mode, xattrs: creation_xattrs(xdata), times }
}

/// Every pair of a creating request is an xattr of the new object, but for the requests among them.
fn creation_xattrs(xdata: &Dict) -> Vec<(&[u8], Cow<'_, [u8]>)> {
    let preop = xdata.str(PREOP_KEY);
    xdata
        .iter()
        .filter(|(key, _)| {
            let name = key.as_bytes();
            !is_request(name) && name != XATTR && preop.is_none_or(|preop| preop.as_bytes() != name)
        })
        .filter_map(|(key, value)| Some((key.as_bytes(), on_disk(value)?)))
        .collect()
}

/// A request may name an xattr of the parent, which must have the value that the client last saw.
fn check_parent(entry: &Entry<'_>, xdata: &Dict) -> Answer<()> {
    let Some(key) = xdata.str(PREOP_KEY) else { return Ok(()) };
    let expected = xdata.get(key).and_then(|value| value.as_bytes());
    let there = entry.parent_place().xattr_vec(key.as_bytes());
    if expected.is_some() && there.as_deref().ok() == expected {
        return Ok(());
    }
    Err(Fault { errno: Errno::IO, xdata: Dict::new().with("glusterfs.preop.check.failed", 1) })
}

/// Makes room for a file where only distribute's pointer to it stands.
fn drop_pointer(call: &Call<'_>, entry: &Entry<'_>) -> Answer<()> {
    let pointer = UnlinkOnly { linkto: true, closed: false };
    call.brick.unlink(&call.caller, entry, pointer).map_err(|_| Errno::EXIST)?;
    Ok(())
}

/// A device number as the kernel packs it: clients send it that way, or with the major in the high 32 bits.
fn device(wire: u64) -> u64 {
    match (u32::try_from(wire >> 32), u32::try_from(wire & 0xffff_ffff)) {
        (Ok(major), Ok(minor)) if major != 0 => rustix::fs::makedev(major, minor),
        _ => wire,
    }
}

fn shown(made: &make::Made) -> Made {
    debug_assert!(made.iatt.mode & S_IFMT != S_IFDIR || made.file.is_none());
    Made { iatt: made.iatt, pre_parent: made.pre_parent, post_parent: made.post_parent, xdata: Dict::new() }
}

fn taken_away(removed: &remove::Removed, mut xdata: Dict) -> Removed {
    if removed.gone {
        xdata.push(GONE, removed.gfid);
    }
    Removed { pre_parent: removed.pre_parent, post_parent: removed.post_parent, xdata }
}
