//! Objects on both sides: each inode, descriptor and client lives where it was made, and has a mirror on the other side
//! on which the translators there hang their contexts.
//!
//! - An object that is named to the other side gets a number, kept in a tag among its contexts. When it dies, its tag
//!   says so, and the mirror is let go: contexts live as long as the object does, as they would in one process.
//! - An object is *lent* for the length of a call that names it, and *granted* when the other side keeps it for longer.
//!   Until all of it is given back it stays alive here.
//! - The other side notices that it keeps an object when a call is answered, and that it does no longer by looking at a
//!   few of them now and then.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use plugin_api::carry::{CarryError, FdParts, Objects};
use plugin_api::{Client, CtxKey, Fd, FileType, Gfid, Inode, Object};

/// The objects that the other side may have here, of its own or kept: more is a fault of its.
const LIMIT: usize = 1 << 20;

/// Kept objects that are looked at for each call.
const LOOKED_AT: usize = 4;

/// Which side made an object: the lowest bit of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The host.
    Host = 0,
    /// The translator's process.
    Worker = 1,
}

/// What is to be told to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// An object of ours is no more.
    Gone(u64),
    /// We keep an object of theirs no longer; how often it was granted.
    Released(u64, u64),
}

/// The number of an inode, and the id and type that it has now.
pub(super) type Linked = (u64, (Gfid, FileType));

type Tell = Box<dyn Fn(Note) + Send + Sync>;

/// The objects of one end.
pub(super) struct Mirror {
    me: Weak<Mirror>,
    side: Side,
    key: CtxKey,
    tell: Tell,
    state: Mutex<State>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        write!(f, "Mirror({} ours, {} theirs)", state.ours.len(), state.theirs.len())
    }
}

#[derive(Default)]
struct State {
    made: u64,
    ours: HashMap<u64, Ours>,
    theirs: HashMap<u64, Theirs>,
    /// Objects of theirs that were granted to us, oldest look first.
    kept: VecDeque<u64>,
}

#[derive(Default)]
struct Ours {
    alive: Option<Thing>,
    leases: u64,
    grants: u64,
}

struct Theirs {
    thing: Thing,
    grants: u64,
}

#[derive(Clone)]
enum Thing {
    Inode(Inode),
    Fd(Fd),
    Client(Client),
}

/// Lies among the contexts of every object that has a number.
struct Tag {
    id: u64,
    mirror: Weak<Mirror>,
    ours: bool,
}

impl Drop for Tag {
    fn drop(&mut self) {
        if let Some(mirror) = self.mirror.upgrade().filter(|_| self.ours) {
            let known = mirror.state().ours.remove(&self.id).is_some();
            if known {
                (mirror.tell)(Note::Gone(self.id));
            }
        }
    }
}

impl Thing {
    fn count(&self) -> usize {
        match self {
            Thing::Inode(inode) => inode.object().count(),
            Thing::Fd(fd) => fd.object().count(),
            Thing::Client(client) => client.object().count(),
        }
    }

    fn tag(&self, key: CtxKey, tag: Tag) -> Option<Arc<Tag>> {
        match self {
            Thing::Inode(inode) => inode.object().ctx_set(key, Arc::new(tag)),
            Thing::Fd(fd) => fd.object().ctx_set(key, Arc::new(tag)),
            Thing::Client(client) => client.object().ctx_set(key, Arc::new(tag)),
        }
    }

    fn untag(&self, key: CtxKey) {
        match self {
            Thing::Inode(inode) => drop(inode.object().ctx_take::<Tag>(key)),
            Thing::Fd(fd) => drop(fd.object().ctx_take::<Tag>(key)),
            Thing::Client(client) => drop(client.object().ctx_take::<Tag>(key)),
        }
    }
}

impl Mirror {
    /// Knows nothing yet; `key` is a slot that nobody else on this side uses.
    pub(super) fn new(side: Side, key: CtxKey, tell: Tell) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: me.clone(), side, key, tell, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ours(&self, id: u64) -> bool {
        id & 1 == self.side as u64
    }

    /// For a call that is packed, or for news.
    pub(super) fn lending(&self) -> Lending<'_> {
        Lending { mirror: self, leases: Vec::new(), grant: false }
    }

    /// For an answer that is packed.
    pub(super) fn granting(&self) -> Lending<'_> {
        Lending { mirror: self, leases: Vec::new(), grant: true }
    }

    /// For a call that is read.
    pub(super) fn borrowing(&self) -> Borrowing<'_> {
        Borrowing { mirror: self, used: Used::default(), granted: false }
    }

    /// For an answer that is read.
    pub(super) fn taking(&self) -> Borrowing<'_> {
        Borrowing { mirror: self, used: Used::default(), granted: true }
    }

    /// A call that named these was answered.
    pub(super) fn give_back(&self, leases: &[u64]) {
        let mut state = self.state();
        let mut idle = Vec::new();
        for id in leases {
            if let Some(ours) = state.ours.get_mut(id) {
                ours.leases = ours.leases.saturating_sub(1);
                idle.extend(ours.rest());
            }
        }
        drop(state);
        // The last count may go with these, and its tag comes back to this table.
        drop(idle);
    }

    /// The other side keeps these, which it was lent.
    pub(super) fn keep(&self, kept: &[u64]) -> Result<(), CarryError> {
        let mut state = self.state();
        for id in kept {
            let stranger = CarryError::Stranger { what: "kept object", id: *id };
            let ours = state.ours.get_mut(id).filter(|ours| ours.alive.is_some()).ok_or(stranger)?;
            ours.grants += 1;
        }
        Ok(())
    }

    /// The other side keeps an object no longer.
    pub(super) fn released(&self, id: u64, grants: u64) -> Result<(), CarryError> {
        let stranger = CarryError::Stranger { what: "released object", id };
        let mut state = self.state();
        let ours = state.ours.get_mut(&id).filter(|ours| ours.grants >= grants).ok_or(stranger)?;
        ours.grants -= grants;
        let idle = ours.rest();
        drop(state);
        drop(idle);
        Ok(())
    }

    /// An object of theirs is no more: its mirror is let go.
    pub(super) fn gone(&self, id: u64) {
        let theirs = self.state().theirs.remove(&id);
        if let Some(theirs) = theirs {
            // Who still holds it holds an object of this side from now on.
            theirs.thing.untag(self.key);
        }
    }

    /// Inodes of a call that the other side has given their ids meanwhile.
    pub(super) fn link(&self, linked: &[Linked]) {
        for (id, (gfid, file_type)) in linked {
            let state = self.state();
            let thing = state.ours.get(id).and_then(|ours| ours.alive.clone());
            let thing = thing.or_else(|| state.theirs.get(id).map(|theirs| theirs.thing.clone()));
            drop(state);
            if let Some(Thing::Inode(inode)) = thing {
                inode.link(*gfid, *file_type);
            }
        }
    }

    /// What an answer says beside its result: which objects of the call are kept here, and which inodes have their ids now.
    pub(super) fn settle(&self, used: Used) -> (Vec<u64>, Vec<Linked>) {
        let linked = used.nameless.iter().filter(|(_, inode)| !inode.gfid().is_null());
        let linked = linked.map(|(id, inode)| (*id, (inode.gfid(), inode.file_type()))).collect();
        let Used { ids, nameless } = used;
        drop(nameless);
        let mut kept = Vec::new();
        let mut state = self.state();
        for id in ids {
            let Some(theirs) = state.theirs.get_mut(&id) else { continue };
            if theirs.grants == 0 && theirs.thing.count() > 1 {
                theirs.grants = 1;
                kept.push(id);
                state.kept.push_back(id);
            }
        }
        drop(state);
        self.look(LOOKED_AT);
        (kept, linked)
    }

    /// Looks at some of the objects that are kept here, and tells of those that are not any more.
    pub(super) fn look(&self, some: usize) {
        let mut released = Vec::new();
        let mut state = self.state();
        for _ in 0..some.min(state.kept.len()) {
            let Some(id) = state.kept.pop_front() else { break };
            let Some(theirs) = state.theirs.get_mut(&id) else { continue };
            if theirs.thing.count() > 1 {
                state.kept.push_back(id);
            } else {
                released.push(Note::Released(id, std::mem::take(&mut theirs.grants)));
            }
        }
        drop(state);
        released.into_iter().for_each(|note| (self.tell)(note));
    }

    /// How many objects are kept here.
    pub(super) fn kept(&self) -> usize {
        self.state().kept.len()
    }

    /// Lets everything go: the other side is no more.
    pub(super) fn clear(&self) {
        let state = std::mem::take(&mut *self.state());
        drop(state);
    }

    fn tag(&self, id: u64, ours: bool) -> Tag {
        Tag { id, mirror: self.me.clone(), ours }
    }

    /// The number of an object that this side names.
    fn name<T>(&self, object: &Object<T>, thing: impl FnOnce() -> Thing, lending: &mut Lending<'_>) -> u64 {
        let mut state = self.state();
        let tag = object.ctx::<Tag>(self.key).filter(|tag| Weak::ptr_eq(&tag.mirror, &self.me));
        let (id, fresh) = match &tag {
            Some(tag) if !tag.ours => return tag.id,
            Some(tag) => (tag.id, None),
            None => {
                state.made += 1;
                let id = state.made << 1 | self.side as u64;
                (id, Some(Ours::default()))
            }
        };
        let thing = thing();
        let before = fresh.and_then(|fresh| {
            state.ours.insert(id, fresh);
            thing.tag(self.key, self.tag(id, true))
        });
        let ours = state.ours.get_mut(&id).expect("an object with a tag of ours is known");
        if lending.grant {
            ours.grants += 1;
        } else {
            ours.leases += 1;
            lending.leases.push(id);
        }
        ours.alive.get_or_insert(thing);
        drop(state);
        // A tag of a process that is no more.
        drop(before);
        id
    }

    /// The object that the other side calls `id`.
    fn find(
        &self,
        id: u64,
        what: &'static str,
        granted: bool,
        make: impl FnOnce() -> Thing,
    ) -> Result<Thing, CarryError> {
        let mut state = self.state();
        if self.is_ours(id) {
            let alive = state.ours.get(&id).and_then(|ours| ours.alive.clone());
            return alive.ok_or(CarryError::Stranger { what, id });
        }
        if !state.theirs.contains_key(&id) {
            if state.theirs.len() >= LIMIT {
                return Err(CarryError::TooMany { what: "objects", limit: LIMIT });
            }
            let thing = make();
            // It is fresh: there is no tag on it.
            thing.tag(self.key, self.tag(id, false));
            state.theirs.insert(id, Theirs { thing, grants: 0 });
        }
        let theirs = state.theirs.get_mut(&id).expect("found, or put there just now");
        let thing = theirs.thing.clone();
        if granted {
            theirs.grants += 1;
            if theirs.grants == 1 {
                state.kept.push_back(id);
            }
        }
        Ok(thing)
    }
}

impl Ours {
    /// What keeps the object alive, once nobody on the other side needs it.
    fn rest(&mut self) -> Option<Thing> {
        if self.leases == 0 && self.grants == 0 { self.alive.take() } else { None }
    }
}

/// Gives out numbers while a record is packed.
pub(super) struct Lending<'m> {
    mirror: &'m Mirror,
    /// What was lent.
    pub(super) leases: Vec<u64>,
    grant: bool,
}

impl Objects for Lending<'_> {
    fn inode_out(&mut self, inode: &Inode) -> u64 {
        self.mirror.name(inode.object(), || Thing::Inode(inode.clone()), self)
    }

    fn fd_out(&mut self, fd: &Fd) -> u64 {
        self.mirror.name(fd.object(), || Thing::Fd(fd.clone()), self)
    }

    fn client_out(&mut self, client: &Client) -> u64 {
        self.mirror.name(client.object(), || Thing::Client(client.clone()), self)
    }

    fn inode_in(&mut self, id: u64, _: Gfid, _: FileType) -> Result<Inode, CarryError> {
        Err(CarryError::Stranger { what: "inode", id })
    }

    fn fd_in(&mut self, id: u64, _: FdParts) -> Result<Fd, CarryError> {
        Err(CarryError::Stranger { what: "descriptor", id })
    }

    fn client_in(&mut self, id: u64, _: &str, _: &str, _: bool) -> Result<Client, CarryError> {
        Err(CarryError::Stranger { what: "client", id })
    }
}

/// What a call has named that the other side has made.
#[derive(Debug, Default)]
pub(super) struct Used {
    ids: Vec<u64>,
    nameless: Vec<(u64, Inode)>,
}

/// Resolves numbers while a record is read.
pub(super) struct Borrowing<'m> {
    mirror: &'m Mirror,
    /// What was named.
    pub(super) used: Used,
    granted: bool,
}

impl Borrowing<'_> {
    fn find(
        &mut self,
        id: u64,
        what: &'static str,
        make: impl FnOnce() -> Thing,
    ) -> Result<Thing, CarryError> {
        if !self.granted && !self.mirror.is_ours(id) && !self.used.ids.contains(&id) {
            self.used.ids.push(id);
        }
        self.mirror.find(id, what, self.granted, make)
    }
}

impl Objects for Borrowing<'_> {
    fn inode_in(&mut self, id: u64, gfid: Gfid, file_type: FileType) -> Result<Inode, CarryError> {
        let found = self.find(id, "inode", || Thing::Inode(Inode::new(gfid, file_type)))?;
        let Thing::Inode(inode) = found else { return Err(CarryError::Stranger { what: "inode", id }) };
        if !gfid.is_null() && inode.gfid().is_null() {
            inode.link(gfid, file_type);
        }
        if inode.gfid().is_null() && !self.granted {
            self.used.nameless.push((id, inode.clone()));
        }
        Ok(inode)
    }

    fn fd_in(&mut self, id: u64, parts: FdParts) -> Result<Fd, CarryError> {
        let FdParts { inode, flags, pid, anonymous } = parts;
        let found = self.find(id, "descriptor", || {
            Thing::Fd(if anonymous { Fd::anonymous(inode, flags) } else { Fd::new(inode, flags, pid) })
        })?;
        let Thing::Fd(fd) = found else { return Err(CarryError::Stranger { what: "descriptor", id }) };
        Ok(fd)
    }

    fn client_in(&mut self, id: u64, uid: &str, peer: &str, trusted: bool) -> Result<Client, CarryError> {
        let found = self.find(id, "client", || Thing::Client(Client::new(uid, peer, trusted)))?;
        let Thing::Client(client) = found else { return Err(CarryError::Stranger { what: "client", id }) };
        Ok(client)
    }

    fn inode_out(&mut self, _: &Inode) -> u64 {
        0
    }

    fn fd_out(&mut self, _: &Fd) -> u64 {
        0
    }

    fn client_out(&mut self, _: &Client) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
