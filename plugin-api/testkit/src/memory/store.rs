//! Objects and their names.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::iatt_flags;
use plugin_api::prelude::*;

use super::Answer;
use super::content::Content;
use super::locks::Locks;
use crate::Random;

const NAME_MAX: usize = 255;
const DEVICE: u64 = 0xf00d;

/// All objects, by gfid.
#[derive(Debug)]
pub(crate) struct Store {
    nodes: HashMap<Gfid, Node>,
    made: u64,
    pub(super) short_reads: Option<Random>,
    pub(super) locks: Locks,
}

/// A file, a directory, a link …
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) iatt: Iatt,
    pub(super) names: Names,
    pub(super) content: Content,
    pub(super) target: IoBuf,
    pub(super) xattrs: Dict,
    /// How often it is open: what is open stays when its last name goes.
    open: u64,
}

/// What a directory holds: names in the order in which they came, so that a listing goes on where it stopped.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<Vec<u8>, (u64, Gfid)>,
    in_order: BTreeMap<u64, Vec<u8>>,
    next: u64,
    /// The directory above.
    pub(super) above: Gfid,
}

impl Names {
    pub(super) fn get(&self, name: &[u8]) -> Option<Gfid> {
        self.by_name.get(name).map(|(_, gfid)| *gfid)
    }

    fn put(&mut self, name: &[u8], gfid: Gfid) {
        self.remove(name);
        // The first two places are those of `.` and `..`.
        let place = self.next.max(3);
        self.next = place + 1;
        self.by_name.insert(name.to_vec(), (place, gfid));
        self.in_order.insert(place, name.to_vec());
    }

    fn remove(&mut self, name: &[u8]) {
        if let Some((place, _)) = self.by_name.remove(name) {
            self.in_order.remove(&place);
        }
    }

    fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Names behind a place, each with its own.
    pub(super) fn after(&self, place: u64) -> impl Iterator<Item = (u64, &[u8], Gfid)> {
        let names = self.in_order.range((Bound::Excluded(place.max(2)), Bound::Unbounded));
        names.map(|(place, name)| (*place, name.as_slice(), self.by_name[name].1))
    }
}

/// When a fop acts: the caller's time where it sent one, as with the ctime feature.
#[derive(Debug, Clone, Copy)]
pub(super) struct When(i64, u32);

impl When {
    pub(super) fn of(who: &Identity) -> Self {
        if who.time != 0 {
            return Self(who.time, who.time_nsec);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(now.as_secs()).unwrap_or_default(), now.subsec_nanos())
    }
}

impl Node {
    fn new(gfid: Gfid, mode: u32, who: &Identity) -> Self {
        let When(now, nsec) = When::of(who);
        let nlink = if mode & libc::S_IFMT == libc::S_IFDIR { 2 } else { 1 };
        let iatt = Iatt {
            gfid,
            ino: gfid.ino(),
            dev: DEVICE,
            mode,
            nlink,
            uid: who.uid,
            gid: who.gid,
            blksize: 4096,
            flags: iatt_flags::ALL,
            atime: now,
            mtime: now,
            ctime: now,
            atime_nsec: nsec,
            mtime_nsec: nsec,
            ctime_nsec: nsec,
            ..Iatt::default()
        };
        let (names, content, target, xattrs) = Default::default();
        Self { iatt, names, content, target, xattrs, open: 0 }
    }

    pub(super) fn touch(&mut self, when: When, content: bool) {
        (self.iatt.ctime, self.iatt.ctime_nsec) = (when.0, when.1);
        if content {
            (self.iatt.mtime, self.iatt.mtime_nsec) = (when.0, when.1);
        }
    }

    pub(super) fn read_at(&mut self, when: When) {
        (self.iatt.atime, self.iatt.atime_nsec) = (when.0, when.1);
    }

    /// Changes the content, and tells how the node was and is.
    pub(super) fn change(
        &mut self,
        when: When,
        work: impl FnOnce(&mut Content) -> Answer<()>,
    ) -> Answer<PrePost> {
        self.regular()?;
        let pre = self.iatt;
        work(&mut self.content)?;
        self.iatt.size = self.content.size();
        self.iatt.blocks = self.content.units();
        self.touch(when, true);
        Ok(PrePost { pre, post: self.iatt, xdata: Dict::new() })
    }

    pub(super) fn regular(&self) -> Answer<()> {
        match self.iatt.file_type() {
            FileType::Regular => Ok(()),
            FileType::Directory => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(super) fn directory(&self) -> Answer<()> {
        if self.iatt.is_dir() { Ok(()) } else { Err(Errno::ENOTDIR) }
    }
}

impl Store {
    pub(super) fn new() -> Self {
        let mut root = Node::new(Gfid::ROOT, libc::S_IFDIR | 0o755, &Identity::default());
        root.names.above = Gfid::ROOT;
        let locks = Locks::default();
        Self { nodes: [(Gfid::ROOT, root)].into(), made: 0, short_reads: None, locks }
    }

    /// How many objects there are, the root among them.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn get(&mut self, gfid: Gfid) -> Answer<&mut Node> {
        self.nodes.get_mut(&gfid).ok_or(if gfid.is_null() { Errno::EINVAL } else { Errno::ESTALE })
    }

    pub(super) fn iatt(&mut self, gfid: Gfid) -> Answer<Iatt> {
        self.get(gfid).map(|node| node.iatt)
    }

    pub(super) fn of_fd(&mut self, fd: &Fd) -> Answer<&mut Node> {
        self.get(fd.inode().gfid())
    }

    /// What a place names: a name in a directory, or the object itself.
    pub(super) fn find(&mut self, loc: &Loc) -> Answer<Gfid> {
        if loc.name.is_empty() || loc.directory().is_null() {
            let gfid = loc.target();
            return self.get(gfid).map(|_| gfid);
        }
        let directory = self.get(loc.directory())?;
        directory.directory()?;
        directory.names.get(&loc.name).ok_or(Errno::ENOENT)
    }

    pub(super) fn at(&mut self, loc: &Loc) -> Answer<&mut Node> {
        let gfid = self.find(loc)?;
        self.get(gfid)
    }

    /// Makes an object of `mode` where nothing is.
    pub(super) fn make(&mut self, loc: &Loc, mode: u32, who: &Identity, xdata: &Dict) -> Answer<Made> {
        let pre_parent = self.vacant(loc)?;
        let gfid = match xdata.gfid("gfid-req") {
            Some(gfid) if self.nodes.contains_key(&gfid) => return Err(Errno::EEXIST),
            Some(gfid) if !gfid.is_null() => gfid,
            _ => self.fresh(),
        };
        let mut node = Node::new(gfid, mode, who);
        node.names.above = loc.directory();
        // One of them is what the caller knows of the parent, and no xattr of what is made.
        let parents = xdata.str("glusterfs.preop.parent.key");
        let is_own = |key: &str| super::xattrs::is_xattr(key.as_bytes()) && parents != Some(key);
        for (key, value) in xdata.iter().filter(|(key, _)| is_own(key.as_str())) {
            node.xattrs.set(key.clone(), value.clone());
        }
        self.nodes.insert(gfid, node);
        let parent = self.get(loc.directory())?;
        parent.names.put(&loc.name, gfid);
        if mode & libc::S_IFMT == libc::S_IFDIR {
            parent.iatt.nlink += 1;
        }
        parent.touch(When::of(who), true);
        let post_parent = parent.iatt;
        Ok(Made { iatt: self.iatt(gfid)?, pre_parent, post_parent, xdata: Dict::new() })
    }

    /// The parent of a place, where a name can be made.
    fn vacant(&mut self, loc: &Loc) -> Answer<Iatt> {
        let name = &loc.name[..];
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || name.contains(&0) {
            return Err(Errno::EINVAL);
        }
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let parent = self.get(loc.directory())?;
        parent.directory()?;
        if parent.names.get(name).is_some() { Err(Errno::EEXIST) } else { Ok(parent.iatt) }
    }

    fn fresh(&mut self) -> Gfid {
        self.made += 1;
        let mut fresh = [0xee; 16];
        fresh[8..].copy_from_slice(&self.made.to_be_bytes());
        Gfid(fresh)
    }

    /// Gives a file one more name.
    pub(super) fn link(&mut self, old: &Loc, new: &Loc, who: &Identity) -> Answer<Made> {
        let gfid = self.find(old)?;
        if self.get(gfid)?.iatt.is_dir() {
            return Err(Errno::EPERM);
        }
        let pre_parent = self.vacant(new)?;
        let when = When::of(who);
        let parent = self.get(new.directory())?;
        parent.names.put(&new.name, gfid);
        parent.touch(when, true);
        let post_parent = parent.iatt;
        let node = self.get(gfid)?;
        node.iatt.nlink += 1;
        node.touch(when, false);
        Ok(Made { iatt: node.iatt, pre_parent, post_parent, xdata: Dict::new() })
    }

    /// Takes a name away, and the object with its last one.
    pub(super) fn remove(&mut self, loc: &Loc, directory: bool, who: &Identity) -> Answer<Removed> {
        if loc.name.is_empty() {
            return Err(Errno::EINVAL);
        }
        let gfid = self.find(loc)?;
        self.removable(gfid, directory)?;
        let when = When::of(who);
        let parent = self.get(loc.directory())?;
        let pre_parent = parent.iatt;
        parent.names.remove(&loc.name);
        parent.iatt.nlink -= u32::from(directory);
        parent.touch(when, true);
        let post_parent = parent.iatt;
        self.unname(gfid, when);
        Ok(Removed { pre_parent, post_parent, xdata: Dict::new() })
    }

    fn removable(&mut self, gfid: Gfid, directory: bool) -> Answer<()> {
        let victim = self.get(gfid)?;
        match (victim.iatt.is_dir(), directory) {
            (true, false) => Err(Errno::EISDIR),
            (false, true) => Err(Errno::ENOTDIR),
            _ if !victim.names.is_empty() => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    fn unname(&mut self, gfid: Gfid, when: When) {
        let Some(node) = self.nodes.get_mut(&gfid) else { return };
        node.iatt.nlink = if node.iatt.is_dir() { 0 } else { node.iatt.nlink.saturating_sub(1) };
        node.touch(when, false);
        self.forget_unused(gfid);
    }

    fn forget_unused(&mut self, gfid: Gfid) {
        if self.nodes.get(&gfid).is_some_and(|node| node.iatt.nlink == 0 && node.open == 0) {
            self.nodes.remove(&gfid);
        }
    }

    /// Counts an open descriptor.
    pub(super) fn opened(&mut self, gfid: Gfid) {
        if let Some(node) = self.nodes.get_mut(&gfid) {
            node.open += 1;
        }
    }

    /// One is closed.
    pub(super) fn closed(&mut self, gfid: Gfid) {
        if let Some(node) = self.nodes.get_mut(&gfid) {
            node.open -= 1;
        }
        self.forget_unused(gfid);
    }

    /// Moves a name, over another where the rules allow it.
    pub(super) fn rename(&mut self, old: &Loc, new: &Loc, who: &Identity) -> Answer<Renamed> {
        if old.name.is_empty() || new.name.is_empty() {
            return Err(Errno::EINVAL);
        }
        let gfid = self.find(old)?;
        let pre_old_parent = self.iatt(old.directory())?;
        let pre_new_parent = self.iatt(new.directory())?;
        let moved = self.iatt(gfid)?;
        let there = match self.vacant(new) {
            Ok(_) => None,
            Err(Errno::EEXIST) => Some(self.find(new)?),
            Err(errno) => return Err(errno),
        };
        if moved.is_dir() && self.is_below(new.directory(), gfid)? {
            return Err(Errno::EINVAL);
        }
        if there != Some(gfid) {
            if let Some(there) = there {
                self.removable(there, moved.is_dir())?;
            }
            self.move_name(gfid, there, (old, new), When::of(who))?;
        }
        Ok(Renamed {
            iatt: self.iatt(gfid)?,
            pre_old_parent,
            post_old_parent: self.iatt(old.directory())?,
            pre_new_parent,
            post_new_parent: self.iatt(new.directory())?,
            xdata: Dict::new(),
        })
    }

    fn move_name(
        &mut self,
        gfid: Gfid,
        there: Option<Gfid>,
        (old, new): (&Loc, &Loc),
        when: When,
    ) -> Answer<()> {
        let is_dir = u32::from(self.iatt(gfid)?.is_dir());
        let from = self.get(old.directory())?;
        from.names.remove(&old.name);
        from.iatt.nlink -= is_dir;
        from.touch(when, true);
        let to = self.get(new.directory())?;
        to.names.put(&new.name, gfid);
        // A directory that is moved over is one less.
        to.iatt.nlink += if there.is_some() { 0 } else { is_dir };
        to.touch(when, true);
        if let Some(there) = there {
            self.unname(there, when);
        }
        let node = self.get(gfid)?;
        node.names.above = new.directory();
        node.touch(when, false);
        Ok(())
    }

    fn is_below(&mut self, mut gfid: Gfid, above: Gfid) -> Answer<bool> {
        while !gfid.is_root() {
            if gfid == above {
                return Ok(true);
            }
            gfid = self.get(gfid)?.names.above;
        }
        Ok(above.is_root())
    }
}
