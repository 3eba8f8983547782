//! The inodes of blocks that were used not long ago.

use std::collections::HashMap;

use plugin_api::{Gfid, Inode};

/// A block: of which file, and which.
pub(crate) type Block = (Gfid, u64);

/// Keeps inodes up to a limit: what was not used while half of it came goes.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    young: HashMap<Block, Inode>,
    old: HashMap<Block, Inode>,
    limit: usize,
}

impl Recent {
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// The inode of a block, when it is known.
    pub(crate) fn find(&mut self, block: Block) -> Option<Inode> {
        if let Some(inode) = self.young.get(&block) {
            return Some(inode.clone());
        }
        let inode = self.old.remove(&block)?;
        self.keep(block, inode.clone());
        Some(inode)
    }

    pub(crate) fn keep(&mut self, block: Block, inode: Inode) {
        if self.young.len() >= self.limit.div_ceil(2) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(block, inode);
    }

    pub(crate) fn forget(&mut self, block: Block) -> Option<Inode> {
        let old = self.old.remove(&block);
        self.young.remove(&block).or(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::FileType;

    #[test]
    fn what_is_used_stays_and_no_more_than_the_limit() {
        let mut recent = Recent::default();
        recent.set_limit(10);
        let block = |n| (Gfid::ROOT, n);
        for n in 0..100 {
            recent.keep(block(n), Inode::new(Gfid([1; 16]), FileType::Regular));
            assert!(recent.find(block(0)).is_some(), "used at {n}");
            assert!(recent.len() <= 10);
        }
        assert!(recent.find(block(50)).is_none());
        recent.forget(block(0));
        assert!(recent.find(block(0)).is_none());
    }
}
