//! Record locks of applications on one inode: POSIX rules, with waiters, without deadlock detection.

use std::collections::VecDeque;

use super::{Access, ClientKey, Effects, FdKey, Holder, Range, Refusal, Verdict};

/// A record lock that is held or asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub holder: Holder,
    /// The open file it was taken through.
    pub fd: FdKey,
    /// The process that asked, on the client's machine.
    pub pid: i32,
    /// The bytes.
    pub range: Range,
    /// Read or write.
    pub access: Access,
    /// True when it stops other owners' reads and writes as well, not only their locks.
    pub mandatory: bool,
}

/// A request that waits for others.
#[derive(Debug)]
struct Waiting<W> {
    record: Record,
    waiter: W,
}

/// All record locks of one inode.
#[derive(Debug)]
pub struct PosixLocks<W> {
    held: Vec<Record>,
    waiting: VecDeque<Waiting<W>>,
    watching: Vec<(ClientKey, W)>,
}

impl<W> Default for PosixLocks<W> {
    fn default() -> Self {
        Self { held: Vec::new(), waiting: VecDeque::new(), watching: Vec::new() }
    }
}

impl<W> PosixLocks<W> {
    /// The first lock of another owner that `asked` would meet.
    pub fn conflict(&self, asked: &Record) -> Option<&Record> {
        self.held.iter().find(|held| {
            held.holder != asked.holder
                && held.range.overlaps(asked.range)
                && held.access.excludes(asked.access)
        })
    }

    /// Takes a lock; what the same owner held there before is replaced. `wait` makes the waiter if the request must
    /// queue; `None` means "not now, then never".
    ///
    /// A request that queues first gives up what its owner held on the range: two owners that both hold a read lock
    /// and both want to write would wait for each other for ever.
    pub fn lock<F: FnOnce() -> W>(
        &mut self,
        asked: Record,
        wait: Option<F>,
        effects: &mut Effects<W>,
    ) -> Verdict {
        if self.conflict(&asked).is_none() {
            let weaker = self.hold(asked);
            if weaker {
                self.grant_waiting(effects);
            }
            return Verdict::Granted;
        }
        let Some(make) = wait else { return Verdict::Refused(Refusal::Held) };
        if self.cut(&asked.holder, asked.range) {
            self.grant_waiting(effects);
        }
        self.waiting.push_back(Waiting { record: asked, waiter: make() });
        Verdict::Waits
    }

    /// Gives up whatever `holder` has on `range`; having nothing there is no error.
    pub fn unlock(&mut self, holder: &Holder, range: Range, effects: &mut Effects<W>) {
        if self.cut(holder, range) {
            self.grant_waiting(effects);
        }
    }

    /// Gives up everything one owner holds. Its waiting requests stay: closing one descriptor does not end the wait of
    /// a thread that waits on another.
    pub fn release_holder(&mut self, holder: &Holder, effects: &mut Effects<W>) {
        self.release(|record| record.holder == *holder, |_| false, effects);
    }

    /// Gives up everything that was taken or asked for through an open file, which is gone now.
    pub fn release_fd(&mut self, fd: FdKey, effects: &mut Effects<W>) {
        self.release(|record| record.fd == fd, |record| record.fd == fd, effects);
    }

    /// Gives up everything a client holds or waits for.
    pub fn release_client(&mut self, client: ClientKey, effects: &mut Effects<W>) {
        self.watching.extract_if(.., |entry| entry.0 == client).for_each(|(_, waiter)| {
            effects.refuse(waiter, Refusal::Withdrawn);
        });
        self.release(
            |record| record.holder.client == client,
            |record| record.holder.client == client,
            effects,
        );
    }

    /// Ends the held locks that `held` picks and refuses the waiting ones that `waiting` picks. Says how many there
    /// were of either, waiting first.
    pub fn release(
        &mut self,
        held: impl Fn(&Record) -> bool,
        waiting: impl Fn(&Record) -> bool,
        effects: &mut Effects<W>,
    ) -> (usize, usize) {
        self.end(held, waiting, Refusal::Withdrawn, effects)
    }

    /// As [`release`](Self::release), for those who end locks by hand: the waiting are told that they were
    /// interrupted.
    pub fn clear(
        &mut self,
        held: impl Fn(&Record) -> bool,
        waiting: impl Fn(&Record) -> bool,
        effects: &mut Effects<W>,
    ) -> (usize, usize) {
        self.end(held, waiting, Refusal::Interrupted, effects)
    }

    fn end(
        &mut self,
        held: impl Fn(&Record) -> bool,
        waiting: impl Fn(&Record) -> bool,
        why: Refusal,
        effects: &mut Effects<W>,
    ) -> (usize, usize) {
        let before = (self.waiting.len(), self.held.len());
        for _ in 0..self.waiting.len() {
            let entry = self.waiting.pop_front().expect("as many as were counted");
            if waiting(&entry.record) {
                effects.refuse(entry.waiter, why);
            } else {
                self.waiting.push_back(entry);
            }
        }
        let ended_waits = before.0 - self.waiting.len();
        self.held.retain(|record| !held(record));
        let ended = before.1 - self.held.len();
        if ended > 0 {
            self.grant_waiting(effects);
        }
        (ended_waits, ended)
    }

    /// Refuses everybody who waits; what is held stays.
    pub fn withdraw_waiting(&mut self, effects: &mut Effects<W>) {
        self.release(|_| false, |_| true, effects);
        self.watching.drain(..).for_each(|(_, waiter)| effects.refuse(waiter, Refusal::Withdrawn));
    }

    /// Fencing: ends the locks of others that `asked` meets and refuses everybody who waits.
    pub fn preempt(&mut self, asked: &Record, effects: &mut Effects<W>) {
        self.held.retain(|held| {
            held.holder == asked.holder
                || !held.range.overlaps(asked.range)
                || !held.access.excludes(asked.access)
        });
        for waiter in self
            .waiting
            .drain(..)
            .map(|entry| entry.waiter)
            .chain(self.watching.drain(..).map(|entry| entry.1))
        {
            effects.refuse(waiter, Refusal::Preempted);
        }
    }

    /// Queues somebody whose read or write is stopped: woken at the next change, to look again.
    pub fn watch(&mut self, client: ClientKey, waiter: W) {
        self.watching.push((client, waiter));
    }

    /// Hands the locks taken through one open file to another one and its client, as a client does that moves to a new
    /// graph. Says whether there were any.
    pub fn move_fd(&mut self, from: FdKey, to: FdKey, client: ClientKey) -> bool {
        let mut any = false;
        for record in self.held.iter_mut().filter(|record| record.fd == from) {
            record.fd = to;
            record.holder.client = client;
            any = true;
        }
        any
    }

    /// True when an open file has locks that are held.
    pub fn has_fd(&self, fd: FdKey) -> bool {
        self.held.iter().any(|record| record.fd == fd)
    }

    /// True when a read (or write) of `range` by `holder` is stopped by a lock of another owner. A read is stopped
    /// by write locks, a write by any. With `mandatory_only` only locks taken as mandatory count.
    pub fn stops_io(&self, holder: &Holder, range: Range, access: Access, mandatory_only: bool) -> bool {
        self.held.iter().any(|held| {
            held.holder != *holder
                && (held.mandatory || !mandatory_only)
                && held.range.overlaps(range)
                && held.access.excludes(access)
        })
    }

    /// True when locks of `holder` together cover every byte of `range`, write locks if it is a write.
    pub fn covers(&self, holder: &Holder, range: Range, access: Access) -> bool {
        let mut own: Vec<Range> = self
            .held
            .iter()
            .filter(|held| held.holder == *holder && (access == Access::Read || held.access == Access::Write))
            .map(|held| held.range)
            .collect();
        own.sort_unstable_by_key(|range| range.start);
        let mut next = range.start;
        for held in own {
            if held.start > next {
                break;
            }
            if held.end >= range.end {
                return true;
            }
            next = next.max(held.end + 1);
        }
        false
    }

    /// Held and waiting locks.
    pub fn count(&self) -> usize {
        self.held.len() + self.waiting.len()
    }

    /// True when nothing is held and nobody waits.
    pub fn is_empty(&self) -> bool {
        self.count() == 0 && self.watching.is_empty()
    }

    /// True when a client holds or waits for anything here.
    pub fn concerns(&self, client: ClientKey) -> bool {
        self.records().any(|record| record.holder.client == client)
            || self.watching.iter().any(|entry| entry.0 == client)
    }

    /// The held locks, oldest first.
    pub fn held(&self) -> &[Record] {
        &self.held
    }

    /// The waiting requests, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Record> {
        self.waiting.iter().map(|entry| &entry.record)
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.held.iter().chain(self.waiting())
    }

    /// Adds a lock that meets nobody: like neighbours of its owner melt into it, unlike ones are cut. True when a
    /// write lock was weakened, so that others may have room now.
    fn hold(&mut self, mut asked: Record) -> bool {
        let mut weaker = false;
        let alike = |held: &Record, asked: &Record| {
            held.holder == asked.holder && held.access == asked.access && held.mandatory == asked.mandatory
        };
        let whole = asked.range;
        self.held.retain(|held| {
            let melts = alike(held, &asked) && held.range.touches(whole);
            if melts {
                asked.range = asked.range.hull(held.range);
            }
            !melts
        });
        weaker |= self.cut(&asked.holder, asked.range);
        self.held.push(asked);
        weaker
    }

    /// Takes `range` out of every lock of `holder`. True when that changed anything.
    fn cut(&mut self, holder: &Holder, range: Range) -> bool {
        let mut tails = Vec::new();
        let mut changed = false;
        self.held.retain_mut(|held| {
            if held.holder != *holder || !held.range.overlaps(range) {
                return true;
            }
            changed = true;
            match held.range.without(range) {
                (Some(before), after) => {
                    if let Some(after) = after {
                        tails.push(Record { range: after, ..held.clone() });
                    }
                    held.range = before;
                    true
                }
                (None, Some(after)) => {
                    held.range = after;
                    true
                }
                (None, None) => false,
            }
        });
        self.held.append(&mut tails);
        changed
    }

    /// Re-examines every waiter in the order they came.
    fn grant_waiting(&mut self, effects: &mut Effects<W>) {
        self.watching.drain(..).for_each(|(_, waiter)| effects.grant(waiter));
        let mut again = !self.waiting.is_empty();
        while again {
            again = false;
            for _ in 0..self.waiting.len() {
                let entry = self.waiting.pop_front().expect("as many as were counted");
                if self.conflict(&entry.record).is_some() {
                    self.waiting.push_back(entry);
                } else {
                    again |= self.hold(entry.record);
                    effects.grant(entry.waiter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LkOwner;
    use super::*;

    type Locks = PosixLocks<u32>;

    fn holder(client: u64) -> Holder {
        Holder { client: ClientKey(client), name: LkOwner::new(&[1, 2, 3]).unwrap() }
    }

    fn ask(client: u64, start: i64, len: i64, access: Access) -> Record {
        let range = Range::from_wire_signed(start, len).unwrap();
        Record { holder: holder(client), fd: FdKey(client), pid: 1, range, access, mandatory: false }
    }

    fn lock(locks: &mut Locks, record: Record, waiter: u32) -> (Verdict, Vec<u32>) {
        let mut effects = Effects::default();
        let verdict = locks.lock(record, Some(|| waiter), &mut effects);
        (verdict, granted(effects))
    }

    fn try_lock(locks: &mut Locks, record: Record) -> Verdict {
        locks.lock(record, None::<fn() -> u32>, &mut Effects::default())
    }

    fn granted(effects: Effects<u32>) -> Vec<u32> {
        effects.woken.into_iter().map(|woken| woken.answer.map(|()| woken.waiter).unwrap()).collect()
    }

    fn ranges(locks: &Locks, client: u64) -> Vec<(u64, u64, Access)> {
        let mut own: Vec<_> = locks
            .held()
            .iter()
            .filter(|held| held.holder == holder(client))
            .map(|held| (held.range.start, held.range.end, held.access))
            .collect();
        own.sort_unstable_by_key(|held| held.0);
        own
    }

    use Access::{Read, Write};

    #[test]
    fn unlocking_the_middle_splits_a_lock() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 100, Write));
        locks.unlock(&holder(1), Range { start: 40, end: 59 }, &mut Effects::default());
        assert_eq!(ranges(&locks, 1), [(0, 39, Write), (60, 99, Write)]);
        assert_eq!(try_lock(&mut locks, ask(2, 40, 20, Write)), Verdict::Granted);
        assert_eq!(try_lock(&mut locks, ask(2, 39, 1, Read)), Verdict::Refused(Refusal::Held));
    }

    #[test]
    fn like_neighbours_melt_and_unlike_ones_are_cut() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Read));
        try_lock(&mut locks, ask(1, 10, 10, Read));
        try_lock(&mut locks, ask(1, 15, 20, Read));
        assert_eq!(ranges(&locks, 1), [(0, 34, Read)]);
        try_lock(&mut locks, ask(1, 10, 5, Write));
        assert_eq!(ranges(&locks, 1), [(0, 9, Read), (10, 14, Write), (15, 34, Read)]);
        try_lock(&mut locks, ask(1, 0, 0, Read));
        assert_eq!(ranges(&locks, 1), [(0, super::super::range::LAST, Read)]);
    }

    #[test]
    fn weakening_a_lock_lets_waiting_readers_in() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 0, Write));
        assert_eq!(lock(&mut locks, ask(2, 0, 10, Read), 2).0, Verdict::Waits);
        assert_eq!(lock(&mut locks, ask(1, 0, 0, Read), 1), (Verdict::Granted, vec![2]));
    }

    #[test]
    fn two_readers_that_both_want_to_write_do_not_wait_for_each_other_for_ever() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 0, Read));
        try_lock(&mut locks, ask(2, 0, 0, Read));
        assert_eq!(lock(&mut locks, ask(1, 0, 0, Write), 1), (Verdict::Waits, vec![]));
        assert_eq!(lock(&mut locks, ask(2, 0, 0, Write), 2), (Verdict::Granted, vec![]));
        let mut effects = Effects::default();
        locks.unlock(&holder(2), Range::ALL, &mut effects);
        assert_eq!(granted(effects), [1]);
    }

    #[test]
    fn a_refused_request_changes_nothing() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Read));
        try_lock(&mut locks, ask(2, 0, 10, Read));
        assert_eq!(try_lock(&mut locks, ask(1, 0, 10, Write)), Verdict::Refused(Refusal::Held));
        assert_eq!(ranges(&locks, 1), [(0, 9, Read)]);
    }

    #[test]
    fn the_first_lock_in_the_way_is_reported() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 5, 5, Read));
        try_lock(&mut locks, ask(2, 20, 5, Write));
        assert_eq!(locks.conflict(&ask(3, 0, 0, Read)).unwrap().holder, holder(2));
        assert_eq!(locks.conflict(&ask(3, 0, 0, Write)).unwrap().holder, holder(1));
        assert_eq!(locks.conflict(&ask(2, 10, 0, Write)), None);
    }

    #[test]
    fn waiters_are_examined_in_order_and_none_is_passed_over() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 0, Write));
        for (waiter, access) in [(2, Read), (3, Write), (4, Read)] {
            assert_eq!(lock(&mut locks, ask(u64::from(waiter), 0, 10, access), waiter).0, Verdict::Waits);
        }
        let mut effects = Effects::default();
        locks.unlock(&holder(1), Range::ALL, &mut effects);
        assert_eq!(granted(effects), [2, 4], "record locks are not queued fairly");
    }

    #[test]
    fn closing_ends_an_owners_locks_but_not_its_waits() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        try_lock(&mut locks, ask(2, 20, 10, Write));
        lock(&mut locks, ask(1, 20, 10, Write), 1);
        locks.release_holder(&holder(1), &mut Effects::default());
        assert_eq!((ranges(&locks, 1).len(), locks.waiting().count()), (0, 1));
    }

    #[test]
    fn releasing_a_file_ends_its_waits_and_wakes_others() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        try_lock(&mut locks, ask(2, 20, 10, Write));
        lock(&mut locks, ask(1, 20, 10, Write), 1);
        lock(&mut locks, ask(3, 0, 10, Write), 3);
        let mut effects = Effects::default();
        locks.release_fd(FdKey(1), &mut effects);
        let woken: Vec<_> = effects.woken.iter().map(|woken| (woken.waiter, woken.answer)).collect();
        assert_eq!(woken, [(1, Err(Refusal::Withdrawn)), (3, Ok(()))]);
        assert!(!locks.has_fd(FdKey(1)) && locks.has_fd(FdKey(3)));
    }

    #[test]
    fn a_file_that_moves_to_another_client_takes_its_locks_along() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        assert!(locks.move_fd(FdKey(1), FdKey(8), ClientKey(2)));
        assert!(!locks.move_fd(FdKey(1), FdKey(8), ClientKey(2)));
        locks.release_client(ClientKey(1), &mut Effects::default());
        assert_eq!(ranges(&locks, 2), [(0, 9, Write)]);
    }

    #[test]
    fn mandatory_locks_stop_other_owners_io() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Read));
        let range = Range { start: 5, end: 5 };
        assert!(locks.stops_io(&holder(2), range, Write, false));
        assert!(!locks.stops_io(&holder(2), range, Read, false), "readers share");
        assert!(!locks.stops_io(&holder(1), range, Write, false), "an owner does not stop itself");
        assert!(!locks.stops_io(&holder(2), range, Write, true), "it is advisory");
        try_lock(&mut locks, Record { mandatory: true, ..ask(1, 0, 10, Read) });
        assert!(locks.stops_io(&holder(2), range, Write, true));
    }

    #[test]
    fn whoever_watches_looks_again_at_the_next_change() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        locks.watch(ClientKey(2), 7);
        assert!(!locks.is_empty());
        assert_eq!(lock(&mut locks, ask(2, 20, 10, Write), 2), (Verdict::Granted, vec![]), "nothing went");
        let mut effects = Effects::default();
        locks.unlock(&holder(1), Range::ALL, &mut effects);
        assert_eq!(granted(effects), [7]);
    }

    #[test]
    fn covering_needs_every_byte() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        try_lock(&mut locks, ask(1, 10, 10, Read));
        assert!(locks.covers(&holder(1), Range { start: 2, end: 18 }, Read));
        assert!(!locks.covers(&holder(1), Range { start: 2, end: 18 }, Write));
        assert!(!locks.covers(&holder(1), Range { start: 2, end: 20 }, Read));
        assert!(!locks.covers(&holder(2), Range { start: 2, end: 3 }, Read));
    }

    #[test]
    fn a_newer_lock_preempts_when_fencing() {
        let mut locks = Locks::default();
        try_lock(&mut locks, ask(1, 0, 10, Write));
        lock(&mut locks, ask(2, 0, 10, Write), 2);
        let mut effects = Effects::default();
        let newer = ask(3, 0, 10, Write);
        locks.preempt(&newer, &mut effects);
        assert_eq!(effects.woken[0].answer, Err(Refusal::Preempted));
        assert_eq!(try_lock(&mut locks, newer), Verdict::Granted);
    }
}
