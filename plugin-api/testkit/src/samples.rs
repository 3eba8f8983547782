//! Arguments for every fop, put together from parts: sane parts make fops that work, hostile ones those that must not hurt.

use plugin_api::fop::*;
use plugin_api::prelude::*;

use crate::Caller;
use crate::caller::Failed;

/// What arguments are made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// Something that is there.
    pub(crate) loc: Loc,
    /// A name in a directory.
    pub(crate) entry: Loc,
    /// Another one.
    pub(crate) other: Loc,
    /// An open file.
    pub(crate) fd: Fd,
    /// An open directory.
    pub(crate) dir: Fd,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) size: usize,
    pub(crate) bytes: IoBuf,
    pub(crate) text: IoBuf,
    pub(crate) xattrs: Dict,
    pub(crate) xdata: Dict,
    pub(crate) flags: i32,
    pub(crate) mode: u32,
    pub(crate) iatt: Iatt,
    pub(crate) flock: Flock,
    pub(crate) lock_cmd: LockCmd,
}

impl Parts {
    /// Parts that make sense.
    pub(crate) fn sane(loc: Loc, entry: Loc, other: Loc, fd: Fd, dir: Fd) -> Self {
        Self {
            loc,
            entry,
            other,
            fd,
            dir,
            offset: 0,
            len: 100,
            size: 4096,
            bytes: IoBuf::from("some bytes"),
            text: IoBuf::from("user.test"),
            xattrs: Dict::new().with("user.test", Value::bytes(vec![0; 4])),
            xdata: Dict::new(),
            flags: 0,
            mode: 0o644,
            iatt: Iatt { mode: 0o600, ..Iatt::default() },
            flock: Flock { kind: LockKind::Read, len: 10, ..Flock::default() },
            lock_cmd: LockCmd::Set,
        }
    }
}

/// A kind of fop whose arguments can be made of parts.
pub(crate) trait Sampled: FopType {
    fn sample(parts: &Parts) -> Self::Args;
}

macro_rules! samples {
    ($($name:ident $args:ident |$p:ident| { $($field:ident: $value:expr),* $(,)? })*) => {$(
        impl Sampled for kind::$name {
            fn sample($p: &Parts) -> $args {
                $args { $($field: $value,)* xdata: $p.xdata.clone() }
            }
        }
    )*};
}

fn low(len: u64) -> u32 {
    u32::try_from(len & 0xffff).unwrap_or_default()
}

samples! {
    stat Stat |p| { loc: p.loc.clone() }
    readlink Readlink |p| { loc: p.loc.clone(), size: p.size }
    mknod Mknod |p| { loc: p.entry.clone(), mode: p.mode, rdev: p.offset, umask: 0o022 }
    mkdir Mkdir |p| { loc: p.entry.clone(), mode: p.mode, umask: 0o022 }
    unlink Unlink |p| { loc: p.entry.clone(), flags: 0 }
    rmdir Rmdir |p| { loc: p.entry.clone(), flags: p.flags }
    symlink Symlink |p| { target: p.text.clone(), loc: p.entry.clone(), umask: 0o022 }
    rename Rename |p| { old: p.entry.clone(), new: p.other.clone() }
    link Link |p| { old: p.loc.clone(), new: p.other.clone() }
    truncate Truncate |p| { loc: p.loc.clone(), offset: p.offset }
    open Open |p| { loc: p.loc.clone(), flags: p.flags, fd: p.fd.clone() }
    readv Readv |p| { fd: p.fd.clone(), size: p.size, offset: p.offset, flags: 0 }
    writev Writev |p| { fd: p.fd.clone(), data: p.bytes.clone().into(), offset: p.offset, flags: 0 }
    statfs Statfs |p| { loc: p.loc.clone() }
    flush Flush |p| { fd: p.fd.clone() }
    fsync Fsync |p| { fd: p.fd.clone(), data_only: p.flags & 1 != 0 }
    setxattr Setxattr |p| { loc: p.loc.clone(), xattrs: p.xattrs.clone(), flags: p.flags }
    getxattr Getxattr |p| { loc: p.loc.clone(), name: p.text.clone() }
    removexattr Removexattr |p| { loc: p.loc.clone(), name: p.text.clone() }
    opendir Opendir |p| { loc: Loc::of(p.dir.inode().clone()), fd: p.dir.clone() }
    fsyncdir Fsyncdir |p| { fd: p.dir.clone(), data_only: false }
    access Access |p| { loc: p.loc.clone(), mask: p.flags }
    create Create |p| { loc: p.entry.clone(), flags: p.flags, mode: p.mode, umask: 0, fd: p.fd.clone() }
    ftruncate Ftruncate |p| { fd: p.fd.clone(), offset: p.offset }
    fstat Fstat |p| { fd: p.fd.clone() }
    lk Lk |p| { fd: p.fd.clone(), cmd: p.lock_cmd, flock: p.flock.clone() }
    lookup Lookup |p| { loc: p.entry.clone() }
    readdir Readdir |p| { fd: p.dir.clone(), size: p.size, offset: p.offset }
    inodelk Inodelk |p| { domain: p.text.clone(), loc: p.loc.clone(), cmd: p.lock_cmd, flock: p.flock.clone() }
    finodelk Finodelk |p| { domain: p.text.clone(), fd: p.fd.clone(), cmd: p.lock_cmd, flock: p.flock.clone() }
    entrylk Entrylk |p| {
        domain: p.text.clone(), loc: p.loc.clone(), name: p.entry.name.clone(), cmd: EntrylkCmd::LockNow, kind: p.flock.kind,
    }
    fentrylk Fentrylk |p| {
        domain: p.text.clone(), fd: p.dir.clone(), name: p.entry.name.clone(), cmd: EntrylkCmd::LockNow, kind: p.flock.kind,
    }
    xattrop Xattrop |p| { loc: p.loc.clone(), op: low(p.offset), xattrs: p.xattrs.clone() }
    fxattrop Fxattrop |p| { fd: p.fd.clone(), op: low(p.offset), xattrs: p.xattrs.clone() }
    fgetxattr Fgetxattr |p| { fd: p.fd.clone(), name: p.text.clone() }
    fsetxattr Fsetxattr |p| { fd: p.fd.clone(), xattrs: p.xattrs.clone(), flags: p.flags }
    rchecksum Rchecksum |p| { fd: p.fd.clone(), offset: p.offset, len: p.size }
    setattr Setattr |p| { loc: p.loc.clone(), iatt: p.iatt, valid: set_attr::MODE | low(p.offset) }
    fsetattr Fsetattr |p| { fd: p.fd.clone(), iatt: p.iatt, valid: set_attr::MODE | low(p.offset) }
    readdirp Readdirp |p| { fd: p.dir.clone(), size: p.size, offset: p.offset }
    fremovexattr Fremovexattr |p| { fd: p.fd.clone(), name: p.text.clone() }
    fallocate Fallocate |p| { fd: p.fd.clone(), mode: p.flags, offset: p.offset, len: p.len }
    discard Discard |p| { fd: p.fd.clone(), offset: p.offset, len: p.len }
    zerofill Zerofill |p| { fd: p.fd.clone(), offset: p.offset, len: p.len }
    ipc Ipc |p| { op: p.flags }
    seek Seek |p| { fd: p.fd.clone(), offset: p.offset, what: p.flags }
    lease LeaseFop |p| { loc: p.loc.clone(), lease: Lease { cmd: low(p.offset), kind: low(p.len), id: [7; 16] } }
    getactivelk Getactivelk |p| { loc: p.loc.clone() }
    setactivelk Setactivelk |p| {
        loc: p.loc.clone(),
        locks: vec![ActiveLock { flock: p.flock.clone(), client: p.text.clone(), flags: 0 }].into(),
    }
    put Put |p| {
        loc: p.entry.clone(), mode: p.mode, umask: 0o022, flags: p.flags, data: p.bytes.clone().into(), offset: p.offset,
        xattrs: p.xattrs.clone(),
    }
    icreate Icreate |p| { loc: p.loc.clone(), mode: p.mode }
    namelink Namelink |p| { loc: p.entry.clone() }
    copy_file_range CopyFileRange |p| {
        fd_in: p.fd.clone(), offset_in: p.offset, fd_out: p.fd.clone(), offset_out: p.len, len: p.size, flags: 0,
    }
}

/// A fop of any kind: which, and how it is made of parts and asked.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) code: u32,
    pub(crate) name: &'static str,
    pub(crate) ask: fn(&Caller<'_>, &Parts) -> Result<(), Failed>,
}

fn ask<F: Sampled>(caller: &Caller<'_>, parts: &Parts) -> Result<(), Failed> {
    caller.ask::<F>(F::sample(parts)).map(drop)
}

macro_rules! probes {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// Every fop.
        pub(crate) const PROBES: &[Probe] =
            &[$(Probe { code: $code, name: stringify!($name), ask: ask::<kind::$name> },)*];
    };
}

plugin_api::for_each_fop!(probes);
