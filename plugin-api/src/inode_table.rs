//! The inodes that a graph knows, by gfid, and how many of the unused ones it keeps.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use crate::{FileType, Gfid, Inode};

const SHARDS: usize = 16;
/// So many candidates that are no more are always left alone.
const FORGOTTEN: usize = 64;

/// Finds the one [`Inode`] of each gfid. Unused inodes are kept up to a limit, so that contexts survive between fops.
#[derive(Debug)]
pub struct InodeTable {
    shards: Vec<Mutex<Shard>>,
    limit: usize,
    root: Inode,
}

#[derive(Debug, Default)]
struct Shard {
    inodes: HashMap<Gfid, Inode>,
    /// Candidates for eviction, oldest first; one that is in use goes round once more.
    clock: VecDeque<Gfid>,
}

impl Shard {
    /// Queues a candidate. Those that were forgotten meanwhile go once they are the greater part.
    fn remember(&mut self, gfid: Gfid) {
        if self.clock.len() > 2 * self.inodes.len() + FORGOTTEN {
            let Self { inodes, clock } = self;
            clock.retain(|gfid| inodes.contains_key(gfid));
            clock.shrink_to(2 * clock.len());
        }
        self.clock.push_back(gfid);
    }
}

/// What a report tells of one inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownInode {
    /// Its id.
    pub gfid: Gfid,
    /// Its type.
    pub file_type: FileType,
    /// How many hold it beside the table; with 0 it is only kept in case that it is needed again.
    pub users: usize,
}

impl InodeTable {
    /// A table that keeps about `limit` unused inodes; 0 keeps all.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, limit, root: Inode::new(Gfid::ROOT, FileType::Directory) }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Inode {
        self.root.clone()
    }

    fn shard(&self, gfid: Gfid) -> &Mutex<Shard> {
        &self.shards[usize::from(gfid.0[15]) % SHARDS]
    }

    /// The inode of `gfid`, when it is known.
    #[must_use]
    pub fn find(&self, gfid: Gfid) -> Option<Inode> {
        if gfid.is_root() {
            return Some(self.root());
        }
        self.shard(gfid).lock().expect("no panic under it").inodes.get(&gfid).cloned()
    }

    /// The inode of `gfid`, which exists and is of this type; made when it is not known.
    #[must_use]
    pub fn link(&self, gfid: Gfid, file_type: FileType) -> Inode {
        self.link_as(gfid, file_type, || Inode::new(gfid, file_type))
    }

    /// The inode of `gfid`, which a fop found or made while it was called `inode`: this very one with its contexts,
    /// unless the file was known before.
    #[must_use]
    pub fn adopt(&self, inode: &Inode, gfid: Gfid, file_type: FileType) -> Inode {
        self.link_as(gfid, file_type, || {
            inode.link(gfid, file_type);
            // One that got another id meanwhile cannot stand for this file.
            if inode.gfid() == gfid { inode.clone() } else { Inode::new(gfid, file_type) }
        })
    }

    fn link_as(&self, gfid: Gfid, file_type: FileType, make: impl FnOnce() -> Inode) -> Inode {
        if gfid.is_root() {
            return self.root();
        }
        let mut evicted = Vec::new();
        let inode = {
            let mut shard = self.shard(gfid).lock().expect("no panic under it");
            if let Some(inode) = shard.inodes.get(&gfid) {
                if inode.file_type() == FileType::Invalid {
                    inode.link(gfid, file_type);
                }
                return inode.clone();
            }
            let inode = make();
            shard.inodes.insert(gfid, inode.clone());
            shard.remember(gfid);
            self.make_room(&mut shard, &mut evicted);
            inode
        };
        // Contexts are dropped outside the lock: their destructors are other people's code.
        drop(evicted);
        inode
    }

    fn make_room(&self, shard: &mut Shard, evicted: &mut Vec<Inode>) {
        if self.limit == 0 {
            return;
        }
        let most = self.limit.div_ceil(SHARDS);
        // Look at a few candidates a call, so that a table full of used inodes costs little.
        for _ in 0..4 {
            if shard.inodes.len() <= most {
                return;
            }
            let Some(gfid) = shard.clock.pop_front() else { return };
            match shard.inodes.get(&gfid) {
                Some(inode) if inode.object().count() > 1 => shard.clock.push_back(gfid),
                Some(_) => evicted.extend(shard.inodes.remove(&gfid)),
                None => {}
            }
        }
    }

    /// Forgets `gfid`, whose last name is gone, unless somebody holds its inode still: there is one of a file, and its
    /// locks live there.
    pub fn forget(&self, gfid: Gfid) {
        let gone = {
            let mut shard = self.shard(gfid).lock().expect("no panic under it");
            let unused = shard.inodes.get(&gfid).is_some_and(|inode| inode.object().count() == 1);
            if unused { shard.inodes.remove(&gfid) } else { None }
        };
        drop(gone);
    }

    /// What is known, the root among it, by gfid: for reports, which others may outdate while they are written.
    #[must_use]
    pub fn known(&self) -> Vec<KnownInode> {
        let mut known = vec![known(&self.root)];
        for shard in &self.shards {
            known.extend(shard.lock().expect("no panic under it").inodes.values().map(self::known));
        }
        known.sort_unstable_by_key(|inode| inode.gfid);
        known
    }

    /// How many unused inodes are kept; 0 for all.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many inodes are known beside the root.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().expect("no panic under it").inodes.len()).sum()
    }

    /// Whether only the root is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn known(inode: &Inode) -> KnownInode {
    let users = inode.object().count().saturating_sub(1);
    KnownInode { gfid: inode.gfid(), file_type: inode.file_type(), users }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Gfid {
        Gfid(n.to_be_bytes())
    }

    #[test]
    fn one_gfid_has_one_inode() {
        let table = InodeTable::new(0);
        let first = table.link(id(77), FileType::Regular);
        assert_eq!(table.link(id(77), FileType::Regular), first);
        assert_eq!(table.find(id(77)).as_ref(), Some(&first));
        assert_eq!(table.find(Gfid::ROOT), Some(table.root()));
        table.forget(id(77));
        assert_eq!(table.find(id(77)), Some(first), "it is in use");
        table.forget(id(77));
        assert_eq!(table.find(id(77)), None);
    }

    #[test]
    fn files_that_come_and_go_leave_nothing() {
        let table = InodeTable::new(16_384);
        for n in 2..100_000 {
            drop(table.link(id(n), FileType::Regular));
            table.forget(id(n));
        }
        let queued: usize = table.shards.iter().map(|shard| shard.lock().unwrap().clock.len()).sum();
        assert!(table.is_empty() && queued <= SHARDS * (FORGOTTEN + 1), "{queued}");
    }

    #[test]
    fn a_new_file_keeps_the_inode_that_it_was_made_with_and_a_known_one_its_own() {
        let table = InodeTable::new(0);
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        assert_eq!(table.adopt(&fresh, id(77), FileType::Regular), fresh);
        assert_eq!((fresh.gfid(), fresh.file_type()), (id(77), FileType::Regular));
        let again = Inode::new(Gfid::NULL, FileType::Invalid);
        assert_eq!(table.adopt(&again, id(77), FileType::Regular), fresh);
        let another = table.adopt(&fresh, id(78), FileType::Regular);
        assert_eq!((another.gfid(), another == fresh), (id(78), false));
    }

    #[test]
    fn unused_inodes_are_kept_to_the_limit_and_used_ones_always() {
        let table = InodeTable::new(SHARDS * 4);
        let used = table.link(id(2), FileType::Regular);
        for n in 3..4000 {
            drop(table.link(id(n), FileType::Regular));
        }
        assert!(table.len() <= SHARDS * 5, "{} are kept", table.len());
        assert_eq!(table.find(id(2)), Some(used));
    }
    #[test]
    fn a_report_tells_who_is_in_use() {
        let table = InodeTable::new(7);
        let used = table.link(id(5), FileType::Regular);
        let _twice = used.clone();
        drop(table.link(id(3), FileType::Directory));
        let row = |gfid, file_type, users| KnownInode { gfid, file_type, users };
        let expected = [
            row(Gfid::ROOT, FileType::Directory, 0),
            row(id(3), FileType::Directory, 0),
            row(id(5), FileType::Regular, 2),
        ];
        assert_eq!((table.known(), table.limit()), (expected.to_vec(), 7));
    }
}
