//! A file system in memory, for the tests of translators that need one below that remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::prelude::*;

use crate::Fake;

/// Directories and files by gfid.
struct Memory {
    nodes: BTreeMap<Gfid, Node>,
    made: u64,
}

struct Node {
    iatt: Iatt,
    names: BTreeMap<Vec<u8>, Gfid>,
    data: Vec<u8>,
    xattrs: Dict,
}

type Answer<T> = Result<T, Errno>;

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

fn node(gfid: Gfid, mode: u32) -> Node {
    let iatt =
        Iatt { gfid, ino: gfid.ino(), mode, nlink: 1, flags: plugin_api::iatt_flags::ALL, ..Iatt::default() };
    Node { iatt, names: BTreeMap::new(), data: Vec::new(), xattrs: Dict::new() }
}

impl Memory {
    fn new() -> Self {
        Self { nodes: [(Gfid::ROOT, node(Gfid::ROOT, DIRECTORY | 0o755))].into(), made: 0 }
    }

    fn get(&mut self, gfid: Gfid) -> Answer<&mut Node> {
        self.nodes.get_mut(&gfid).ok_or(Errno::ESTALE)
    }

    fn iatt(&mut self, gfid: Gfid) -> Answer<Iatt> {
        self.get(gfid).map(|node| node.iatt)
    }

    fn of_fd(&mut self, fd: &Fd) -> Answer<&mut Node> {
        self.get(fd.inode().gfid())
    }

    /// What a place names: a name in a directory, or the object itself.
    fn find(&mut self, loc: &Loc) -> Answer<Gfid> {
        if loc.name.is_empty() {
            return Ok(loc.target());
        }
        self.get(loc.directory())?.names.get(&loc.name[..]).copied().ok_or(Errno::ENOENT)
    }

    fn make(&mut self, loc: &Loc, mode: u32, xdata: &Dict) -> Answer<Made> {
        let parent = loc.directory();
        let pre_parent = self.iatt(parent)?;
        if self.find(loc).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.made += 1;
        let mut fresh = [0xee; 16];
        fresh[8..].copy_from_slice(&self.made.to_be_bytes());
        let gfid = xdata.gfid("gfid-req").unwrap_or(Gfid(fresh));
        self.nodes.insert(gfid, node(gfid, mode));
        self.get(parent)?.names.insert(loc.name.to_vec(), gfid);
        Ok(Made { iatt: self.iatt(gfid)?, pre_parent, post_parent: pre_parent, xdata: Dict::new() })
    }

    fn remove(&mut self, loc: &Loc, directory: bool) -> Answer<Removed> {
        let gfid = self.find(loc)?;
        let victim = self.get(gfid)?;
        match (victim.iatt.is_dir(), directory) {
            (true, false) => return Err(Errno::EISDIR),
            (false, true) => return Err(Errno::ENOTDIR),
            _ if !victim.names.is_empty() => return Err(Errno::ENOTEMPTY),
            // An open file stays until nobody knows its gfid: here, for good.
            _ => {}
        }
        self.get(loc.directory())?.names.remove(&loc.name[..]);
        let parent = self.iatt(loc.directory())?;
        Ok(Removed { pre_parent: parent, post_parent: parent, xdata: Dict::new() })
    }

    fn rename(&mut self, old: &Loc, new: &Loc) -> Answer<Renamed> {
        let gfid = self.find(old)?;
        self.get(new.directory())?;
        self.get(old.directory())?.names.remove(&old.name[..]);
        self.get(new.directory())?.names.insert(new.name.to_vec(), gfid);
        let (of_old, of_new) = (self.iatt(old.directory())?, self.iatt(new.directory())?);
        Ok(Renamed {
            iatt: self.iatt(gfid)?,
            pre_old_parent: of_old,
            post_old_parent: of_old,
            pre_new_parent: of_new,
            post_new_parent: of_new,
            xdata: Dict::new(),
        })
    }

    fn entries(&mut self, fd: &Fd, offset: u64) -> Answer<Entries> {
        let names: Vec<_> = self.of_fd(fd)?.names.clone().into_iter().collect();
        let skip = usize::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let mut entries = Entries { at_end: true, ..Entries::default() };
        for (at, (name, gfid)) in names.into_iter().enumerate().skip(skip) {
            let iatt = self.iatt(gfid)?;
            let kind = if iatt.is_dir() { 4 } else { 8 };
            let (ino, name) = (iatt.ino, IoBuf::from(name));
            entries.entries.push(DirEntry {
                ino,
                offset: at as u64 + 1,
                kind,
                name,
                iatt,
                xattrs: Dict::new(),
            });
        }
        Ok(entries)
    }
}

impl Node {
    /// Changes the node, and tells how it was and is.
    fn change(&mut self, work: impl FnOnce(&mut Self) -> Answer<()>) -> Answer<PrePost> {
        let pre = self.iatt;
        work(self)?;
        self.iatt.size = self.data.len() as u64;
        Ok(PrePost { pre, post: self.iatt, xdata: Dict::new() })
    }

    fn resize(&mut self, size: u64) -> Answer<()> {
        // Memory is not disk: a test that wants holes of gigabytes wants another child.
        let size = usize::try_from(size).ok().filter(|size| *size <= 64 << 20).ok_or(Errno::EFBIG)?;
        self.data.resize(size, 0);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Errno::EFBIG)?;
        if end > self.data.len() as u64 {
            self.resize(end)?;
        }
        let at = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        self.data[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    /// Makes a range read as zeros, as far as `limit`.
    fn clear(&mut self, offset: u64, len: u64, limit: u64) -> Answer<()> {
        let len = len.min(limit.saturating_sub(offset));
        let len = usize::try_from(len).ok().filter(|len| *len <= 64 << 20).ok_or(Errno::EFBIG)?;
        self.write(&vec![0; len], offset)
    }

    fn read(&self, offset: u64, size: usize) -> Data {
        let at = usize::try_from(offset).unwrap_or(usize::MAX).min(self.data.len());
        let end = at.saturating_add(size).min(self.data.len());
        let data = IoBuf::copy_from_slice(&self.data[at..end]).into();
        Data { data, iatt: self.iatt, at_end: end == self.data.len(), xdata: Dict::new() }
    }

    fn set_attributes(&mut self, iatt: &Iatt, valid: u32) -> Answer<()> {
        let has = |bit| valid & bit != 0;
        if has(set_attr::MODE) {
            self.iatt.mode = self.iatt.mode & !0o7777 | iatt.mode & 0o7777;
        }
        if has(set_attr::UID) {
            self.iatt.uid = iatt.uid;
        }
        if has(set_attr::GID) {
            self.iatt.gid = iatt.gid;
        }
        if has(set_attr::SIZE) { self.resize(iatt.size) } else { Ok(()) }
    }

    /// One attribute, or all where none is named.
    fn attribute(&self, name: &[u8]) -> Answer<Xattrs> {
        let all = self.xattrs.iter().filter(|(key, _)| name.is_empty() || key.as_bytes() == name);
        let xattrs: Dict = all.map(|(key, value)| (key.clone(), value.clone())).collect();
        if xattrs.is_empty() && !name.is_empty() {
            return Err(Errno::ENODATA);
        }
        Ok(Xattrs { xattrs, xdata: Dict::new() })
    }

    fn set_attributes_of(&mut self, xattrs: &Dict) {
        for (key, value) in xattrs.iter() {
            self.xattrs.set(key.clone(), value.clone());
        }
    }
}

/// Answers for a file system that is empty but for its root: names, content, attributes, extended attributes.
pub(crate) fn mount(fake: Fake) -> Fake {
    let memory = Arc::new(Mutex::new(Memory::new()));
    macro_rules! on {
        ($($name:ident => |$memory:ident, $args:ident| $answer:expr;)*) => {
            $({
                let memory = memory.clone();
                fake.on::<kind::$name>(move |$args| {
                    let mut guard = memory.lock().unwrap_or_else(PoisonError::into_inner);
                    let $memory = &mut *guard;
                    let mut answer = || -> Answer<_> { $answer };
                    answer().map_err(FopError::from)
                });
            })*
        };
    }
    let none = Dict::new;
    on! {
        lookup => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            let parent = memory.iatt(args.loc.directory()).unwrap_or_default();
            Ok(Looked { iatt: memory.iatt(gfid)?, post_parent: parent, xdata: none() })
        };
        stat => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            Ok(Attr { iatt: memory.iatt(gfid)?, xdata: none() })
        };
        fstat => |memory, args| Ok(Attr { iatt: memory.of_fd(&args.fd)?.iatt, xdata: none() });
        mkdir => |memory, args| memory.make(&args.loc, DIRECTORY | args.mode & !args.umask, &args.xdata);
        mknod => |memory, args| {
            let kind = if args.mode & 0o170_000 == 0 { REGULAR } else { 0 };
            memory.make(&args.loc, kind | args.mode & !args.umask, &args.xdata)
        };
        create => |memory, args| {
            let made = memory.make(&args.loc, REGULAR | args.mode & 0o7777 & !args.umask, &args.xdata)?;
            args.fd.inode().link(made.iatt.gfid, FileType::Regular);
            let Made { iatt, pre_parent, post_parent, xdata } = made;
            Ok(Created { fd: args.fd.clone(), iatt, pre_parent, post_parent, xdata })
        };
        open => |memory, args| memory.of_fd(&args.fd).map(|_| Opened { fd: args.fd.clone(), xdata: none() });
        opendir => |memory, args| memory.of_fd(&args.fd).map(|_| Opened { fd: args.fd.clone(), xdata: none() });
        readdir => |memory, args| memory.entries(&args.fd, args.offset);
        readdirp => |memory, args| memory.entries(&args.fd, args.offset);
        readv => |memory, args| Ok(memory.of_fd(&args.fd)?.read(args.offset, args.size));
        writev => |memory, args| {
            let bytes = args.data.to_iobuf();
            let changed = memory.of_fd(&args.fd)?.change(|node| node.write(&bytes, args.offset))?;
            Ok(Written { count: args.len(), pre: changed.pre, post: changed.post, xdata: none() })
        };
        put => |memory, args| {
            let made = memory.make(&args.loc, REGULAR | args.mode & 0o7777 & !args.umask, &args.xdata)?;
            let node = memory.get(made.iatt.gfid)?;
            node.set_attributes_of(&args.xattrs);
            let bytes = args.data.to_iobuf();
            let changed = node.change(|node| node.write(&bytes, args.offset))?;
            Ok(Made { iatt: changed.post, ..made })
        };
        copy_file_range => |memory, args| {
            let from = memory.of_fd(&args.fd_in)?.read(args.offset_in, args.len);
            let bytes = from.data.to_iobuf();
            let changed = memory.of_fd(&args.fd_out)?.change(|node| node.write(&bytes, args.offset_out))?;
            let PrePost { pre, post, .. } = changed;
            Ok(Copied { count: bytes.len() as u64, source: from.iatt, pre, post, xdata: none() })
        };
        zerofill => |memory, args| memory.of_fd(&args.fd)?.change(|node| node.clear(args.offset, args.len, u64::MAX));
        discard => |memory, args| {
            let node = memory.of_fd(&args.fd)?;
            let size = node.iatt.size;
            node.change(|node| node.clear(args.offset, args.len, size))
        };
        seek => |memory, args| {
            let size = memory.of_fd(&args.fd)?.iatt.size;
            match args.what {
                _ if args.offset >= size => Err(Errno::ENXIO),
                0 => Ok(Sought { offset: args.offset, xdata: none() }),
                _ => Ok(Sought { offset: size, xdata: none() }),
            }
        };
        truncate => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            memory.get(gfid)?.change(|node| node.resize(args.offset))
        };
        ftruncate => |memory, args| memory.of_fd(&args.fd)?.change(|node| node.resize(args.offset));
        setattr => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            memory.get(gfid)?.change(|node| node.set_attributes(&args.iatt, args.valid))
        };
        fsetattr => |memory, args| memory.of_fd(&args.fd)?.change(|node| node.set_attributes(&args.iatt, args.valid));
        unlink => |memory, args| memory.remove(&args.loc, false);
        rmdir => |memory, args| memory.remove(&args.loc, true);
        rename => |memory, args| memory.rename(&args.old, &args.new);
        getxattr => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            memory.get(gfid)?.attribute(&args.name)
        };
        fgetxattr => |memory, args| memory.of_fd(&args.fd)?.attribute(&args.name);
        setxattr => |memory, args| {
            let gfid = memory.find(&args.loc)?;
            memory.get(gfid)?.set_attributes_of(&args.xattrs);
            Ok(Done::default())
        };
        fsetxattr => |memory, args| {
            memory.of_fd(&args.fd)?.set_attributes_of(&args.xattrs);
            Ok(Done::default())
        };
        fsync => |memory, args| memory.of_fd(&args.fd)?.change(|_| Ok(()));
        flush => |memory, args| memory.of_fd(&args.fd).map(|_| Done::default());
    }
    fake
}
