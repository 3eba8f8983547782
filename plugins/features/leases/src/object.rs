//! The leases of one object: who holds which, who has it open, and what is in the way of whom.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// What a client calls a lease; the files that it opens under it are not in its way.
pub(crate) type LeaseId = [u8; 16];

/// What a lease lets its holder do without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Trust what it has read: nobody else writes.
    Read,
    /// Keep what it writes to itself: nobody else does anything.
    ReadWrite,
}

impl Kind {
    /// The kind that the wire counts so.
    pub(crate) fn from_wire(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Read),
            2 => Some(Self::ReadWrite),
            _ => None,
        }
    }

    /// Its bit in the answer to who asks what there is.
    fn bit(self) -> u32 {
        match self {
            Self::Read => 1,
            Self::ReadWrite => 2,
        }
    }
}

/// Who makes a fop or asks for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker {
    /// The uid of the client.
    pub(crate) client: Arc<str>,
    /// Under which lease; `None` when it says none.
    pub(crate) id: Option<LeaseId>,
}

/// What a fop is to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It only looks.
    Reads,
    /// It changes.
    Writes,
    /// It takes a name away: no lease outlives that, not even the caller's own.
    Unnames,
}

/// Leases of one client under one id.
#[derive(Debug)]
struct Held {
    client: Arc<str>,
    id: LeaseId,
    reads: u32,
    writes: u32,
}

impl Held {
    fn count(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::ReadWrite => &mut self.writes,
        }
    }
}

#[derive(Debug)]
struct Open {
    key: u64,
    id: Option<LeaseId>,
    writes: bool,
}

/// Everything about one object.
#[derive(Debug, Default)]
pub(crate) struct Object {
    held: Vec<Held>,
    open: Vec<Open>,
    /// Until when its holders may give back what they were asked for.
    recalled: Option<Instant>,
    waiting: Vec<oneshot::Sender<()>>,
}

/// A conflict: what comes of it.
#[derive(Debug)]
pub(crate) struct Conflict {
    /// Who is to be told; nobody when that was done.
    pub(crate) tell: Vec<Arc<str>>,
    /// When the leases end, given back or not.
    pub(crate) until: Instant,
}

impl Object {
    /// Whether nothing is known of it.
    pub(crate) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.open.is_empty() && self.waiting.is_empty()
    }

    /// How many holders there are.
    pub(crate) fn holders(&self) -> usize {
        self.held.len()
    }

    /// The kinds that somebody holds, as the wire's bits.
    pub(crate) fn kinds(&self) -> u32 {
        let bit = |any: bool, kind: Kind| if any { kind.bit() } else { 0 };
        bit(self.held.iter().any(|held| held.reads > 0), Kind::Read)
            | bit(self.held.iter().any(|held| held.writes > 0), Kind::ReadWrite)
    }

    /// What is in the way of a fop, if anything. Recalls it.
    pub(crate) fn conflict(
        &mut self,
        asker: &Asker,
        how: Use,
        now: Instant,
        recall: Duration,
    ) -> Option<Conflict> {
        self.expire(now);
        let foreign = |held: &Held| Some(held.id) != asker.id || held.client != asker.client;
        let stops = match how {
            Use::Unnames => !self.held.is_empty(),
            Use::Writes => self.held.iter().any(foreign),
            Use::Reads => self.held.iter().any(|held| held.writes > 0 && foreign(held)),
        };
        stops.then(|| self.recall(now, recall))
    }

    fn recall(&mut self, now: Instant, recall: Duration) -> Conflict {
        let first = self.recalled.is_none();
        let until = *self.recalled.get_or_insert_with(|| now + recall);
        let holders = self.held.iter().filter(|_| first);
        Conflict { tell: holders.map(|held| Arc::clone(&held.client)).collect(), until }
    }

    /// Hands a lease out.
    ///
    /// # Errors
    /// The conflict when there is another's lease; nothing in it when it is somebody who has the file open, or leases are
    /// on their way back: that passes by itself.
    pub(crate) fn grant(
        &mut self,
        client: &Arc<str>,
        id: LeaseId,
        kind: Kind,
        now: Instant,
        recall: Duration,
    ) -> Result<(), Option<Conflict>> {
        self.expire(now);
        // Who waits goes first, or a lease that is asked for again and again would hold it up for ever.
        self.waiting.retain(|waiter| !waiter.is_closed());
        if self.recalled.is_some() || !self.waiting.is_empty() {
            return Err(None);
        }
        let foreign = |held: &Held| {
            (held.id != id || held.client != *client) && (held.writes > 0 || kind == Kind::ReadWrite)
        };
        if self.held.iter().any(foreign) {
            return Err(Some(self.recall(now, recall)));
        }
        let opened = |open: &Open| open.id != Some(id) && (open.writes || kind == Kind::ReadWrite);
        if self.open.iter().any(opened) {
            return Err(None);
        }
        let at = self.held.iter().position(|held| held.id == id && held.client == *client);
        let at = at.unwrap_or_else(|| {
            self.held.push(Held { client: Arc::clone(client), id, reads: 0, writes: 0 });
            self.held.len() - 1
        });
        let count = self.held[at].count(kind);
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Takes one back. One that is not there is no error: it may have been taken away in the meantime.
    pub(crate) fn give_back(&mut self, client: &str, id: LeaseId, kind: Kind) {
        let mine = self.held.iter_mut().find(|held| held.id == id && &*held.client == client);
        if let Some(held) = mine {
            let count = held.count(kind);
            *count = count.saturating_sub(1);
        }
        self.settle();
    }

    /// A client is gone, and with it what it held.
    pub(crate) fn leave(&mut self, client: &str) {
        self.held.retain(|held| &*held.client != client);
        self.settle();
    }

    /// A file is open.
    pub(crate) fn opened(&mut self, key: u64, id: Option<LeaseId>, writes: bool) {
        self.open.push(Open { key, id, writes });
    }

    /// It is closed: leases end with the last file that was open under their id.
    pub(crate) fn closed(&mut self, key: u64) {
        let Some(at) = self.open.iter().position(|open| open.key == key) else { return };
        if let Some(id) = self.open.swap_remove(at).id
            && self.open.iter().all(|open| open.id != Some(id))
        {
            self.held.retain(|held| held.id != id);
        }
        self.settle();
    }

    /// Takes all leases away.
    pub(crate) fn purge(&mut self) {
        self.held.clear();
        self.settle();
    }

    /// Somebody waits until leases are given back.
    pub(crate) fn wait(&mut self) -> oneshot::Receiver<()> {
        let (waiter, wait) = oneshot::channel();
        self.waiting.retain(|waiter| !waiter.is_closed());
        self.waiting.push(waiter);
        wait
    }

    /// A recall that nobody has answered in time ends the leases.
    fn expire(&mut self, now: Instant) {
        if self.recalled.is_some_and(|until| until <= now) {
            self.purge();
        }
    }

    /// Drops holders of nothing; with the last one, whoever waits goes on.
    fn settle(&mut self) {
        self.held.retain(|held| held.reads > 0 || held.writes > 0);
        if self.held.is_empty() {
            self.recalled = None;
            for waiter in self.waiting.drain(..) {
                // One that is gone waits no more.
                let _ = waiter.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: LeaseId = [1; 16];
    const B: LeaseId = [2; 16];
    const RECALL: Duration = Duration::from_secs(60);

    fn client(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn asker(name: &str, id: Option<LeaseId>) -> Asker {
        Asker { client: client(name), id }
    }

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let (mut object, now) = (Object::default(), Instant::now());
        object.grant(&client("a"), A, Kind::Read, now, RECALL).unwrap();
        object.grant(&client("b"), B, Kind::Read, now, RECALL).unwrap();
        assert_eq!(object.kinds(), 1);
        let conflict = object.grant(&client("b"), B, Kind::ReadWrite, now, RECALL).unwrap_err().unwrap();
        assert_eq!(conflict.tell.len(), 2);
        object.give_back("a", A, Kind::Read);
        assert!(
            object.grant(&client("b"), B, Kind::ReadWrite, now, RECALL).unwrap_err().is_none(),
            "recalled"
        );
        object.give_back("b", B, Kind::Read);
        object.grant(&client("b"), B, Kind::ReadWrite, now, RECALL).unwrap();
        assert_eq!(object.kinds(), 2);
    }

    #[test]
    fn one_holder_may_have_both_kinds_several_times() {
        let (mut object, now) = (Object::default(), Instant::now());
        for kind in [Kind::ReadWrite, Kind::ReadWrite, Kind::Read] {
            object.grant(&client("a"), A, kind, now, RECALL).unwrap();
        }
        object.give_back("a", A, Kind::ReadWrite);
        assert_eq!(object.kinds(), 3);
        object.give_back("a", A, Kind::Read);
        object.give_back("a", A, Kind::Read);
        object.give_back("a", A, Kind::ReadWrite);
        assert!(object.is_idle());
    }

    #[test]
    fn an_open_file_of_somebody_else_stands_in_the_way() {
        let (mut object, now) = (Object::default(), Instant::now());
        object.opened(1, Some(B), false);
        assert!(object.grant(&client("a"), A, Kind::ReadWrite, now, RECALL).unwrap_err().is_none());
        object.grant(&client("a"), A, Kind::Read, now, RECALL).unwrap();
        object.give_back("a", A, Kind::Read);
        object.opened(2, None, true);
        assert!(object.grant(&client("a"), A, Kind::Read, now, RECALL).is_err());
        object.closed(1);
        object.closed(2);
        object.grant(&client("a"), A, Kind::ReadWrite, now, RECALL).unwrap();
    }

    #[test]
    fn leases_end_with_the_last_file_that_is_open_under_them() {
        let (mut object, now) = (Object::default(), Instant::now());
        object.opened(1, Some(A), true);
        object.opened(2, Some(A), true);
        object.grant(&client("a"), A, Kind::ReadWrite, now, RECALL).unwrap();
        object.closed(1);
        assert_eq!(object.kinds(), 2);
        object.closed(2);
        assert!(object.is_idle());
    }

    #[test]
    fn what_is_in_the_way_depends_on_the_lease_and_the_fop() {
        let (mut object, now) = (Object::default(), Instant::now());
        object.grant(&client("a"), A, Kind::Read, now, RECALL).unwrap();
        assert!(object.conflict(&asker("b", Some(B)), Use::Reads, now, RECALL).is_none());
        assert!(object.conflict(&asker("a", Some(A)), Use::Writes, now, RECALL).is_none());
        assert!(object.conflict(&asker("b", None), Use::Writes, now, RECALL).is_some());
        object.purge();
        object.grant(&client("a"), A, Kind::ReadWrite, now, RECALL).unwrap();
        assert!(object.conflict(&asker("a", Some(A)), Use::Reads, now, RECALL).is_none());
        let conflict = object.conflict(&asker("b", None), Use::Reads, now, RECALL).unwrap();
        assert_eq!((conflict.tell, conflict.until), (vec![client("a")], now + RECALL));
        let again = object.conflict(&asker("b", None), Use::Reads, now + RECALL / 2, RECALL).unwrap();
        assert_eq!((again.tell.len(), again.until), (0, now + RECALL), "told once");
        assert!(object.conflict(&asker("a", Some(A)), Use::Unnames, now, RECALL).is_some(), "even its own");
        assert!(object.conflict(&asker("b", None), Use::Reads, now + RECALL, RECALL).is_none(), "in time");
        assert!(object.is_idle());
    }

    #[test]
    fn who_waits_goes_before_the_next_lease() {
        let (mut object, now) = (Object::default(), Instant::now());
        object.grant(&client("a"), A, Kind::ReadWrite, now, RECALL).unwrap();
        let mut wait = object.wait();
        assert!(wait.try_recv().is_err());
        object.leave("a");
        assert_eq!(wait.try_recv(), Ok(()));
        let held_up = object.wait();
        assert!(object.grant(&client("a"), A, Kind::Read, now, RECALL).is_err());
        drop(held_up);
        object.grant(&client("a"), A, Kind::Read, now, RECALL).unwrap();
    }
}
