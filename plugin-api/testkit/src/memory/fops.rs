//! Fops, answered from the store.

use plugin_api::prelude::*;

use super::locks::On;
use super::store::{Node, Store, When};
use super::{Answer, Answers, Memory};

/// Counts a descriptor as open for as long as it lives, in its context.
struct Open {
    memory: Memory,
    gfid: Gfid,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.memory.store().closed(self.gfid);
    }
}

impl Memory {
    fn keep_open(&self, frame: &Frame, fd: &Fd, gfid: Gfid) {
        fd.object().ctx_or_insert_with(frame.key(), || {
            self.store().opened(gfid);
            Open { memory: self.clone(), gfid }
        });
    }
}

/// `name => |store, who, when, args| answer;`: every fop that needs nothing but the store.
macro_rules! answers {
    ($($name:ident => |$store:ident, $who:ident, $args:ident| $answer:expr;)*) => {$(
        impl Answers<kind::$name> for Memory {
            fn answer(
                &self,
                frame: &Frame,
                $args: <kind::$name as FopType>::Args,
            ) -> Answer<<kind::$name as FopType>::Reply> {
                let $who = frame.identity();
                let $store = &mut *self.store();
                $answer
            }
        }
    )*};
}

macro_rules! refused {
    ($($name:ident)*) => {$(
        impl Answers<kind::$name> for Memory {
            fn answer(
                &self,
                _: &Frame,
                _: <kind::$name as FopType>::Args,
            ) -> Answer<<kind::$name as FopType>::Reply> {
                Err(Errno::EOPNOTSUPP)
            }
        }
    )*};
}

refused! { rchecksum ipc lease getactivelk setactivelk icreate namelink }

answers! {
    lookup => |store, _who, args| {
        let gfid = store.find(&args.loc)?;
        let by_name = !args.loc.name.is_empty();
        let post_parent = if by_name { store.iatt(args.loc.directory())? } else { Iatt::default() };
        let node = store.get(gfid)?;
        Ok(Looked { iatt: node.iatt, post_parent, xdata: node.asked_for(&args.xdata) })
    };
    stat => |store, _who, args| {
        let node = store.at(&args.loc)?;
        Ok(Attr { iatt: node.iatt, xdata: node.asked_for(&args.xdata) })
    };
    fstat => |store, _who, args| {
        let node = store.of_fd(&args.fd)?;
        Ok(Attr { iatt: node.iatt, xdata: node.asked_for(&args.xdata) })
    };
    access => |store, who, args| may(store.at(&args.loc)?, who, args.mask);
    readlink => |store, _who, args| {
        let node = store.at(&args.loc)?;
        if node.iatt.file_type() != FileType::Symlink {
            return Err(Errno::EINVAL);
        }
        let len = args.size.min(node.target.len());
        Ok(Target { path: node.target.slice(..len), iatt: node.iatt, xdata: Dict::new() })
    };
    statfs => |store, _who, args| {
        store.find(&args.loc)?;
        Ok(SpaceReply { space: space(store), xdata: Dict::new() })
    };
    mkdir => |store, who, args| {
        let mode = libc::S_IFDIR | args.mode & !args.umask & 0o7777;
        store.make(&args.loc, mode, who, &args.xdata)
    };
    mknod => |store, who, args| {
        let kind = match args.mode & libc::S_IFMT {
            0 => libc::S_IFREG,
            libc::S_IFDIR | libc::S_IFLNK => return Err(Errno::EINVAL),
            kind => kind,
        };
        // A pointer to a file that the brick has is one more name of it.
        let asked = args.xdata.gfid("gfid-req").filter(|_| args.xdata.contains("glusterfs-internal-fop"));
        if let Some(there) = asked.filter(|gfid| store.get(*gfid).is_ok()) {
            return store.link(&Loc { gfid: there, ..Loc::default() }, &args.loc, who);
        }
        let mut made = store.make(&args.loc, kind | args.mode & !args.umask & 0o7777, who, &args.xdata)?;
        let node = store.get(made.iatt.gfid)?;
        node.iatt.rdev = args.rdev;
        made.iatt = node.iatt;
        Ok(made)
    };
    symlink => |store, who, args| {
        if args.target.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut made = store.make(&args.loc, libc::S_IFLNK | 0o777, who, &args.xdata)?;
        let node = store.get(made.iatt.gfid)?;
        node.iatt.size = args.target.len() as u64;
        node.target = IoBuf::copy_from_slice(&args.target);
        made.iatt = node.iatt;
        Ok(made)
    };
    link => |store, who, args| store.link(&args.old, &args.new, who);
    unlink => |store, who, args| {
        let blocks = store.at(&args.loc)?.iatt.blocks;
        let mut removed = store.remove(&args.loc, false, who)?;
        if args.xdata.contains("gf_get_file_block_count") {
            removed.xdata.set("gf_get_file_block_count", blocks);
        }
        Ok(removed)
    };
    rmdir => |store, who, args| store.remove(&args.loc, true, who);
    rename => |store, who, args| store.rename(&args.old, &args.new, who);
    truncate => |store, who, args| {
        store.at(&args.loc)?.change(When::of(who), |content| content.resize(args.offset))
    };
    ftruncate => |store, who, args| {
        store.of_fd(&args.fd)?.change(When::of(who), |content| content.resize(args.offset))
    };
    writev => |store, who, args| {
        let appends = args.fd.flags() & libc::O_APPEND != 0;
        let bytes = args.data.to_iobuf();
        let changed = store.of_fd(&args.fd)?.change(When::of(who), |content| {
            let offset = if appends { content.size() } else { args.offset };
            content.write(&bytes, offset)
        })?;
        Ok(Written { count: args.len(), pre: changed.pre, post: changed.post, xdata: Dict::new() })
    };
    fallocate => |store, who, args| {
        let keeps = libc::FALLOC_FL_KEEP_SIZE;
        if args.mode & !keeps != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        ranged(args.len)?;
        let grows = args.mode & keeps == 0;
        store.of_fd(&args.fd)?.change(When::of(who), |content| content.allocate(args.offset, args.len, grows))
    };
    discard => |store, who, args| {
        ranged(args.len)?;
        store.of_fd(&args.fd)?.change(When::of(who), |content| content.discard(args.offset, args.len))
    };
    zerofill => |store, who, args| {
        ranged(args.len)?;
        store.of_fd(&args.fd)?.change(When::of(who), |content| content.zero(args.offset, args.len))
    };
    seek => |store, _who, args| {
        let hole = match args.what {
            0 => false,
            1 => true,
            _ => return Err(Errno::EINVAL),
        };
        let node = store.of_fd(&args.fd)?;
        node.regular()?;
        Ok(Sought { offset: node.content.seek(args.offset, hole)?, xdata: Dict::new() })
    };
    copy_file_range => |store, who, args| {
        let source = store.of_fd(&args.fd_in)?;
        source.regular()?;
        let bytes = source.content.read(args.offset_in, args.len);
        let source = source.iatt;
        let write = |content: &mut super::content::Content| content.write(&bytes, args.offset_out);
        let PrePost { pre, post, xdata } = store.of_fd(&args.fd_out)?.change(When::of(who), write)?;
        Ok(Copied { count: bytes.len() as u64, source, pre, post, xdata })
    };
    put => |store, who, args| {
        let mode = libc::S_IFREG | args.mode & !args.umask & 0o7777;
        let mut made = store.make(&args.loc, mode, who, &args.xdata)?;
        let bytes = args.data.to_iobuf();
        let node = store.get(made.iatt.gfid)?;
        node.change(When::of(who), |content| content.write(&bytes, args.offset))?;
        node.set_xattrs(&args.xattrs, 0, When::of(who))?;
        made.iatt = node.iatt;
        Ok(made)
    };
    setattr => |store, who, args| set_attributes(store.at(&args.loc)?, &args.iatt, args.valid, When::of(who));
    fsetattr => |store, who, args| set_attributes(store.of_fd(&args.fd)?, &args.iatt, args.valid, When::of(who));
    getxattr => |store, _who, args| store.at(&args.loc)?.xattr(&args.name);
    fgetxattr => |store, _who, args| store.of_fd(&args.fd)?.xattr(&args.name);
    setxattr => |store, who, args| store.at(&args.loc)?.set_xattrs(&args.xattrs, args.flags, When::of(who));
    fsetxattr => |store, who, args| {
        store.of_fd(&args.fd)?.set_xattrs(&args.xattrs, args.flags, When::of(who))
    };
    removexattr => |store, who, args| store.at(&args.loc)?.remove_xattr(&args.name, When::of(who));
    fremovexattr => |store, who, args| store.of_fd(&args.fd)?.remove_xattr(&args.name, When::of(who));
    xattrop => |store, _who, args| store.at(&args.loc)?.xattrop(args.op, &args.xattrs);
    fxattrop => |store, _who, args| store.of_fd(&args.fd)?.xattrop(args.op, &args.xattrs);
    fsync => |store, _who, args| {
        let iatt = store.of_fd(&args.fd)?.iatt;
        Ok(PrePost { pre: iatt, post: iatt, xdata: Dict::new() })
    };
    flush => |store, _who, args| store.of_fd(&args.fd).map(|_| Done::default());
    fsyncdir => |store, _who, args| store.of_fd(&args.fd)?.directory().map(|()| Done::default());
    readdir => |store, _who, args| entries(store, &args.fd, args.size, args.offset, None);
    readdirp => |store, _who, args| entries(store, &args.fd, args.size, args.offset, Some(&args.xdata));
}

impl Answers<kind::readv> for Memory {
    fn answer(&self, frame: &Frame, args: Readv) -> Answer<Data> {
        let store = &mut *self.store();
        let short = store.short_reads.as_mut().map_or(0, |random| random.below(4));
        let node = store.of_fd(&args.fd)?;
        node.regular()?;
        let size = if short == 1 && args.size > 1 { args.size / 2 } else { args.size };
        let bytes = node.content.read(args.offset, size);
        node.read_at(When::of(frame.identity()));
        let at_end = args.offset.saturating_add(bytes.len() as u64) >= node.content.size();
        Ok(Data { data: self.counts.buffer(bytes).into(), iatt: node.iatt, at_end, xdata: Dict::new() })
    }
}

impl Answers<kind::create> for Memory {
    fn answer(&self, frame: &Frame, args: Create) -> Answer<Created> {
        let mode = libc::S_IFREG | args.mode & !args.umask & 0o7777;
        let made = self.store().make(&args.loc, mode, frame.identity(), &args.xdata)?;
        let Made { iatt, pre_parent, post_parent, xdata } = made;
        args.fd.inode().link(iatt.gfid, FileType::Regular);
        self.keep_open(frame, &args.fd, iatt.gfid);
        Ok(Created { fd: args.fd, iatt, pre_parent, post_parent, xdata })
    }
}

impl Answers<kind::open> for Memory {
    fn answer(&self, frame: &Frame, args: Open_) -> Answer<Opened> {
        let gfid = {
            let store = &mut *self.store();
            let node = store.of_fd(&args.fd)?;
            node.regular()?;
            if args.flags & libc::O_TRUNC != 0 {
                node.change(When::of(frame.identity()), |content| content.resize(0))?;
            }
            node.iatt.gfid
        };
        self.keep_open(frame, &args.fd, gfid);
        Ok(Opened { fd: args.fd, xdata: Dict::new() })
    }
}

impl Answers<kind::opendir> for Memory {
    fn answer(&self, frame: &Frame, args: Opendir) -> Answer<Opened> {
        let gfid = {
            let store = &mut *self.store();
            let node = store.of_fd(&args.fd)?;
            node.directory()?;
            node.iatt.gfid
        };
        self.keep_open(frame, &args.fd, gfid);
        Ok(Opened { fd: args.fd, xdata: Dict::new() })
    }
}

/// The fop's arguments, whose name the context has here.
type Open_ = plugin_api::fop::Open;

fn ranged(len: u64) -> Answer<()> {
    if len == 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// Whether a user may do what `mask` says.
fn may(node: &Node, who: &Identity, mask: i32) -> Answer<Done> {
    let Iatt { mode, uid, gid, .. } = node.iatt;
    let shift = match () {
        () if who.uid == 0 => return Ok(Done::default()),
        () if who.uid == uid => 6,
        () if who.gid == gid || who.groups.contains(&gid) => 3,
        () => 0,
    };
    let asked = u32::try_from(mask & 7).unwrap_or(7);
    if (mode >> shift) & asked == asked { Ok(Done::default()) } else { Err(Errno::EACCES) }
}

fn space(store: &Store) -> Space {
    let (blocks, files) = (1 << 20, 1 << 20);
    let used = store.len() as u64;
    Space {
        bsize: 4096,
        frsize: 4096,
        blocks,
        bfree: blocks - used,
        bavail: blocks - used,
        files,
        ffree: files - used,
        favail: files - used,
        namemax: 255,
        ..Space::default()
    }
}

fn set_attributes(node: &mut Node, iatt: &Iatt, valid: u32, when: When) -> Answer<PrePost> {
    let has = |bit| valid & bit != 0;
    let pre = node.iatt;
    if has(set_attr::SIZE) {
        node.change(when, |content| content.resize(iatt.size))?;
    }
    let now = &mut node.iatt;
    if has(set_attr::MODE) {
        now.mode = now.mode & !0o7777 | iatt.mode & 0o7777;
    }
    if has(set_attr::UID) {
        now.uid = iatt.uid;
    }
    if has(set_attr::GID) {
        now.gid = iatt.gid;
    }
    if has(set_attr::ATIME) {
        (now.atime, now.atime_nsec) = (iatt.atime, iatt.atime_nsec);
    }
    if has(set_attr::MTIME) {
        (now.mtime, now.mtime_nsec) = (iatt.mtime, iatt.mtime_nsec);
    }
    if has(set_attr::ATIME_NOW) {
        node.read_at(when);
    }
    node.touch(when, has(set_attr::MTIME_NOW));
    Ok(PrePost { pre, post: node.iatt, xdata: Dict::new() })
}

/// Bytes of an entry on the wire beside its name, about.
const ENTRY: usize = 24;
/// The same with attributes.
const ENTRY_PLUS: usize = 144;

fn entries(store: &mut Store, fd: &Fd, size: usize, offset: u64, plus: Option<&Dict>) -> Answer<Entries> {
    let here = fd.inode().gfid();
    let node = store.get(here)?;
    node.directory()?;
    let dots = [(1, &b"."[..], here), (2, b"..", node.names.above)];
    let dots = dots.into_iter().filter(|(place, ..)| *place > offset);
    let all: Vec<_> =
        dots.chain(node.names.after(offset)).map(|(at, name, gfid)| (at, name.to_vec(), gfid)).collect();
    let (mut left, mut entries) = (size, Vec::new());
    let mut at_end = true;
    for (offset, name, gfid) in all {
        let cost = name.len() + if plus.is_some() { ENTRY_PLUS } else { ENTRY };
        if cost > left && !entries.is_empty() {
            at_end = false;
            break;
        }
        left = left.saturating_sub(cost);
        let node = store.get(gfid)?;
        let kind = (node.iatt.mode & libc::S_IFMT) >> 12;
        let xattrs = plus.map(|xdata| node.asked_for(xdata)).unwrap_or_default();
        let iatt = if plus.is_some() { node.iatt } else { Iatt::default() };
        entries.push(DirEntry { ino: gfid.ino(), offset, kind, name: IoBuf::from(name), iatt, xattrs });
    }
    Ok(Entries { entries: entries.into(), at_end, xdata: Dict::new() })
}

impl Answers<kind::lk> for Memory {
    fn answer(&self, frame: &Frame, args: Lk) -> Answer<Locked> {
        let on = On { gfid: args.fd.inode().gfid(), domain: None, name: None };
        let flock = self.store().locks.range(frame, on, args.cmd, &args.flock)?;
        Ok(Locked { flock, xdata: Dict::new() })
    }
}

impl Memory {
    fn internal(
        &self,
        frame: &Frame,
        gfid: Gfid,
        domain: &[u8],
        cmd: LockCmd,
        flock: &Flock,
    ) -> Answer<Done> {
        let on = On { gfid, domain: Some(domain.to_vec()), name: None };
        self.store().locks.range(frame, on, cmd, flock).map(|_| Done::default())
    }

    fn name(
        &self,
        frame: &Frame,
        gfid: Gfid,
        of: (&[u8], &[u8]),
        cmd: EntrylkCmd,
        kind: LockKind,
    ) -> Answer<Done> {
        let on = On { gfid, domain: Some(of.0.to_vec()), name: Some(of.1.to_vec()) };
        let kind = if cmd == EntrylkCmd::Unlock { LockKind::Unlock } else { kind };
        let flock = Flock { kind, ..Flock::default() };
        self.store().locks.range(frame, on, LockCmd::Set, &flock).map(|_| Done::default())
    }
}

impl Answers<kind::inodelk> for Memory {
    fn answer(&self, frame: &Frame, args: Inodelk) -> Answer<Done> {
        let gfid = self.store().find(&args.loc)?;
        self.internal(frame, gfid, &args.domain, args.cmd, &args.flock)
    }
}

impl Answers<kind::finodelk> for Memory {
    fn answer(&self, frame: &Frame, args: Finodelk) -> Answer<Done> {
        self.internal(frame, args.fd.inode().gfid(), &args.domain, args.cmd, &args.flock)
    }
}

impl Answers<kind::entrylk> for Memory {
    fn answer(&self, frame: &Frame, args: Entrylk) -> Answer<Done> {
        let gfid = self.store().find(&args.loc)?;
        self.name(frame, gfid, (&args.domain, &args.name), args.cmd, args.kind)
    }
}

impl Answers<kind::fentrylk> for Memory {
    fn answer(&self, frame: &Frame, args: Fentrylk) -> Answer<Done> {
        self.name(frame, args.fd.inode().gfid(), (&args.domain, &args.name), args.cmd, args.kind)
    }
}
