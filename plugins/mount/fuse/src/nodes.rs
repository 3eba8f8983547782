//! The nodes that the kernel knows, and the inodes behind them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use plugin_api::{Errno, FileType, Gfid, Iatt, Inode};
use slab::Slab;

use crate::names::Names;
use crate::wire::ROOT;

/// So many names of one file are remembered: who has more hard links looks them up.
const MOST_NAMES: usize = 16;

/// The number of the first node beside the root.
const FIRST: u64 = ROOT + 1;

/// All of them, by number and by gfid.
#[derive(Debug)]
pub(crate) struct Nodes {
    root: Inode,
    table: RwLock<Table>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    slots: Slab<Slot>,
    places: HashMap<Gfid, usize>,
    names: Names,
    /// Told with every node, so that a number that is used again stands for another file.
    generation: u64,
    /// Where the search for unused nodes goes on.
    hand: usize,
}

#[derive(Debug)]
struct Slot {
    inode: Inode,
    /// How often the kernel was told of it, less what it has forgotten.
    told: AtomicU64,
    generation: u64,
    /// Whether a lookup has found it: translators below know of it then.
    looked_up: AtomicBool,
    /// Whether a request was about it since it was last passed over in a search for unused ones.
    used: AtomicBool,
    /// The names that led to it when they were last seen, the newest last.
    names: Vec<(Gfid, Arc<[u8]>)>,
}

/// A node as the kernel is told of it.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) number: u64,
    pub(crate) generation: u64,
    pub(crate) inode: Inode,
}

impl Nodes {
    /// The root alone.
    pub(crate) fn new() -> Self {
        let root = Inode::new(Gfid::ROOT, FileType::Directory);
        Self { root, table: RwLock::default(), count: AtomicUsize::new(0) }
    }

    /// The root's inode.
    pub(crate) fn root(&self) -> &Inode {
        &self.root
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inode of a node, and whether a lookup has found it.
    ///
    /// # Errors
    /// `ESTALE` when the kernel was never told of it.
    pub(crate) fn find(&self, number: u64) -> Result<(Inode, bool), Errno> {
        if number == ROOT {
            return Ok((self.root.clone(), true));
        }
        let table = self.read();
        let slot = place(number).and_then(|place| table.slots.get(place)).ok_or(Errno::ESTALE)?;
        slot.used.store(true, Ordering::Relaxed);
        Ok((slot.inode.clone(), slot.looked_up.load(Ordering::Relaxed)))
    }

    /// Notes that a lookup has found it.
    pub(crate) fn looked_up(&self, number: u64) {
        let table = self.read();
        if let Some(slot) = place(number).and_then(|place| table.slots.get(place)) {
            slot.looked_up.store(true, Ordering::Relaxed);
        }
    }

    /// The number of a file's node.
    pub(crate) fn number(&self, gfid: Gfid) -> Option<u64> {
        if gfid.is_root() {
            return Some(ROOT);
        }
        self.read().places.get(&gfid).map(|place| number(*place))
    }

    /// The node of a file that the kernel is about to be told of once: `fresh` is the inode that the fop was wound with,
    /// which stands for the file from now on unless another does already.
    pub(crate) fn tell(&self, fresh: Option<&Inode>, iatt: &Iatt, looked_up: bool) -> Node {
        if iatt.gfid.is_root() {
            return Node { number: ROOT, generation: 0, inode: self.root.clone() };
        }
        let known = |table: &Table| {
            let place = *table.places.get(&iatt.gfid)?;
            let slot = &table.slots[place];
            slot.told.fetch_add(1, Ordering::Relaxed);
            if looked_up {
                slot.looked_up.store(true, Ordering::Relaxed);
            }
            Some(Node { number: number(place), generation: slot.generation, inode: slot.inode.clone() })
        };
        if let Some(node) = known(&self.read()) {
            return node;
        }
        let mut table = self.write();
        if let Some(node) = known(&table) {
            return node;
        }
        let inode = inode_of(fresh, iatt);
        table.generation += 1;
        let generation = table.generation;
        let place = table.slots.insert(Slot {
            inode: inode.clone(),
            told: AtomicU64::new(1),
            generation,
            looked_up: AtomicBool::new(looked_up),
            used: AtomicBool::new(true),
            names: Vec::new(),
        });
        table.places.insert(iatt.gfid, place);
        self.count.store(table.slots.len(), Ordering::Relaxed);
        Node { number: number(place), generation, inode }
    }

    /// The inode that a name led to when the kernel was last told of it.
    pub(crate) fn named(&self, parent: Gfid, name: &[u8]) -> Option<Inode> {
        let table = self.read();
        let place = table.names.find(parent, name)?;
        Some(table.slots[place].inode.clone())
    }

    /// A name leads to a node.
    pub(crate) fn name(&self, parent: Gfid, name: &[u8], number: u64) {
        let Some(place) = place(number) else { return };
        if self.read().names.find(parent, name) == Some(place) {
            return;
        }
        let table = &mut *self.write();
        table.unname(parent, name);
        let Some(slot) = table.slots.get_mut(place) else { return };
        let oldest = (slot.names.len() == MOST_NAMES).then(|| slot.names.remove(0));
        let name: Arc<[u8]> = name.into();
        slot.names.push((parent, name.clone()));
        table.names.add(parent, name, place);
        if let Some((parent, name)) = oldest {
            table.names.remove(parent, &name);
        }
    }

    /// A name leads nowhere any more.
    pub(crate) fn unname(&self, parent: Gfid, name: &[u8]) {
        self.write().unname(parent, name);
    }

    /// The kernel has forgotten so many times that it was told of a node.
    pub(crate) fn forget(&self, number: u64, times: u64) {
        let Some(place) = place(number) else { return };
        {
            let table = self.read();
            let Some(slot) = table.slots.get(place) else { return };
            let less = |told: u64| Some(told.saturating_sub(times));
            let before = slot.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            if before.is_ok_and(|told| told > times) {
                return;
            }
        }
        let gone = {
            let mut table = self.write();
            let unused = table.slots.get(place).is_some_and(|slot| slot.told.load(Ordering::Relaxed) == 0);
            if !unused {
                return;
            }
            let slot = table.slots.remove(place);
            table.places.remove(&slot.inode.gfid());
            for (parent, name) in &slot.names {
                table.names.remove(*parent, name);
            }
            self.count.store(table.slots.len(), Ordering::Relaxed);
            slot
        };
        // Contexts are dropped outside the lock: their destructors are other people's code.
        drop(gone);
    }

    /// How many nodes the kernel knows beside the root.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Names of up to `most` nodes that no request was about for long, each with the number of its directory. A search
    /// passes over each node twice at most, and goes on where the last one ended.
    pub(crate) fn unused(&self, most: usize) -> Vec<(u64, Arc<[u8]>)> {
        let (mut found, mut names) = (0, Vec::new());
        let table = &mut *self.write();
        for _ in 0..table.slots.capacity().saturating_mul(2) {
            if found == most {
                break;
            }
            table.hand = (table.hand + 1) % table.slots.capacity();
            let Some(slot) = table.slots.get(table.hand) else { continue };
            // One that was found now is not found again at once.
            if slot.used.fetch_not(Ordering::Relaxed) || slot.names.is_empty() {
                continue;
            }
            found += 1;
            let number_of = |gfid: &Gfid| match gfid.is_root() {
                true => Some(ROOT),
                false => table.places.get(gfid).map(|place| number(*place)),
            };
            let led = slot.names.iter().filter_map(|(dir, name)| Some((number_of(dir)?, name.clone())));
            names.extend(led);
        }
        names
    }
}

impl Table {
    fn unname(&mut self, parent: Gfid, name: &[u8]) {
        if let Some(slot) = self.names.remove(parent, name).and_then(|place| self.slots.get_mut(place)) {
            slot.names.retain(|(known, other)| *known != parent || **other != *name);
        }
    }
}

fn inode_of(fresh: Option<&Inode>, iatt: &Iatt) -> Inode {
    if let Some(fresh) = fresh {
        fresh.link(iatt.gfid, iatt.file_type());
        // One that got another id meanwhile cannot stand for this file.
        if fresh.gfid() == iatt.gfid {
            return fresh.clone();
        }
    }
    Inode::new(iatt.gfid, iatt.file_type())
}

fn number(place: usize) -> u64 {
    FIRST + place as u64
}

fn place(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(FIRST)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(n: u128) -> Iatt {
        Iatt { gfid: Gfid(n.to_be_bytes()), mode: libc::S_IFREG, ..Iatt::default() }
    }

    #[test]
    fn a_node_stays_until_the_kernel_has_forgotten_all_that_it_was_told() {
        let nodes = Nodes::new();
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        let node = nodes.tell(Some(&fresh), &file(77), true);
        let again = nodes.tell(None, &file(77), false);
        assert_eq!((again.number, again.inode == fresh), (node.number, true));
        nodes.forget(node.number, 1);
        assert_eq!(nodes.find(node.number).unwrap(), (fresh, true));
        nodes.forget(node.number, 1);
        assert_eq!(nodes.find(node.number).unwrap_err(), Errno::ESTALE);
        assert_eq!((nodes.number(file(77).gfid), nodes.len()), (None, 0));
    }

    #[test]
    fn a_number_that_is_used_again_has_another_generation() {
        let nodes = Nodes::new();
        let one = nodes.tell(None, &file(2), true);
        nodes.forget(one.number, 1);
        let other = nodes.tell(None, &file(3), true);
        assert_eq!(one.number, other.number);
        assert_ne!(one.generation, other.generation);
    }

    #[test]
    fn a_name_leads_to_its_inode_while_the_kernel_knows_it() {
        let nodes = Nodes::new();
        let (one, other) = (nodes.tell(None, &file(2), true), nodes.tell(None, &file(3), true));
        let led = |name: &[u8]| nodes.named(Gfid::ROOT, name);
        nodes.name(Gfid::ROOT, b"a", one.number);
        nodes.name(Gfid::ROOT, b"b", one.number);
        assert_eq!((led(b"a"), led(b"b")), (Some(one.inode.clone()), Some(one.inode.clone())));
        nodes.name(Gfid::ROOT, b"a", other.number);
        nodes.unname(Gfid::ROOT, b"b");
        assert_eq!((led(b"a"), led(b"b")), (Some(other.inode.clone()), None));
        nodes.forget(one.number, 1);
        assert_eq!(led(b"a"), Some(other.inode), "the name is another's");
        nodes.forget(other.number, 1);
        assert_eq!(led(b"a"), None);
        assert!(nodes.read().names.is_empty());
    }

    #[test]
    fn nodes_that_nobody_used_are_found_by_their_names() {
        let nodes = Nodes::new();
        let all: Vec<Node> = (2..12).map(|n| nodes.tell(None, &file(n), true)).collect();
        for (n, node) in all.iter().enumerate() {
            nodes.name(Gfid::ROOT, format!("f{n}").as_bytes(), node.number);
        }
        assert_eq!(nodes.unused(100).len(), 10, "passed over once, found then");
        nodes.unused(0);
        let passed = nodes.unused(3).len();
        assert_eq!((passed, nodes.len()), (3, 10));
        assert!(nodes.unused(1).iter().all(|(parent, name)| *parent == ROOT && name.starts_with(b"f")));
        for node in &all {
            nodes.find(node.number).unwrap();
        }
        let used = nodes.unused(10).len();
        assert_eq!(used, 10, "in the second round");
    }

    #[test]
    fn a_search_among_no_nodes_finds_none() {
        assert!(Nodes::new().unused(5).is_empty());
    }

    #[test]
    fn a_file_with_very_many_names_fills_nothing() {
        let nodes = Nodes::new();
        let node = nodes.tell(None, &file(2), true);
        let name = |n: usize| format!("name{n}");
        for n in 0..100 {
            nodes.name(Gfid::ROOT, name(n).as_bytes(), node.number);
        }
        let led = |n| nodes.named(Gfid::ROOT, name(n).as_bytes()).is_some();
        assert_eq!((led(99), led(99 - MOST_NAMES)), (true, false));
    }

    #[test]
    fn the_root_is_always_there_and_strangers_never() {
        let nodes = Nodes::new();
        nodes.forget(ROOT, 5);
        assert_eq!(nodes.find(ROOT).unwrap(), (nodes.root().clone(), true));
        for number in [0, 2, u64::MAX] {
            assert_eq!(nodes.find(number).unwrap_err(), Errno::ESTALE, "{number}");
            nodes.forget(number, 1);
        }
    }

    #[test]
    fn an_inode_of_a_listing_is_looked_up_before_it_is_used() {
        let nodes = Nodes::new();
        let node = nodes.tell(None, &file(9), false);
        assert!(!nodes.find(node.number).unwrap().1);
        nodes.looked_up(node.number);
        assert!(nodes.find(node.number).unwrap().1);
    }
}
