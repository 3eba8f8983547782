//! All locks on one object: the three families side by side.

use super::domain::{Notices, Pace};
use super::{ClientKey, Domains, Effects, NameLock, PosixLocks, RangeLock};

/// The locks of one inode. `W` is the caller's waiter.
#[derive(Debug)]
pub struct ObjectLocks<W> {
    /// Applications' record locks.
    pub posix: PosixLocks<W>,
    /// The cluster's range locks.
    pub ranges: Domains<RangeLock, W>,
    /// The cluster's name locks, on a directory.
    pub names: Domains<NameLock, W>,
}

/// Holders of either family that are to be told that somebody waits.
#[derive(Debug, Default)]
pub struct Contention {
    /// Of range locks.
    pub ranges: Notices<RangeLock>,
    /// Of name locks.
    pub names: Notices<NameLock>,
}

impl<W> Default for ObjectLocks<W> {
    fn default() -> Self {
        Self { posix: PosixLocks::default(), ranges: Domains::default(), names: Domains::default() }
    }
}

impl<W> ObjectLocks<W> {
    /// Ends everything a lost client holds or waits for.
    pub fn release_client(
        &mut self,
        client: ClientKey,
        pace: Pace,
        effects: &mut Effects<W>,
        contention: &mut Contention,
    ) {
        self.posix.release_client(client, effects);
        self.ranges.release_client(client, pace, effects, &mut contention.ranges);
        self.names.release_client(client, pace, effects, &mut contention.names);
    }

    /// Refuses everybody who waits: the brick is about to stop.
    pub fn withdraw_waiting(&mut self, pace: Pace, effects: &mut Effects<W>) {
        self.posix.withdraw_waiting(effects);
        self.ranges.release(|_, _| false, |_, _| true, pace, effects, &mut Vec::new());
        self.names.release(|_, _| false, |_, _| true, pace, effects, &mut Vec::new());
    }

    /// True when a client holds or waits for anything here.
    pub fn concerns(&self, client: ClientKey) -> bool {
        self.posix.concerns(client) || self.ranges.concerns(client) || self.names.concerns(client)
    }

    /// True when nothing is held and nobody waits.
    pub fn is_empty(&self) -> bool {
        self.posix.is_empty() && self.ranges.is_empty() && self.names.is_empty()
    }
}

impl Contention {
    /// True when nobody has to be told.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::posix::Record;
    use super::super::{Access, FdKey, Holder, LkOwner, Range, Request, Verdict};
    use super::*;

    #[test]
    fn a_lost_client_leaves_no_lock_of_any_family() {
        let mut object = ObjectLocks::<u32>::default();
        let pace = Pace { now: 1, notice_every: None };
        let holder = Holder { client: ClientKey(1), name: LkOwner::new(&[1]).unwrap() };
        let (range, access) = (Range::ALL, Access::Write);
        let record = Record { holder: holder.clone(), fd: FdKey(1), pid: 1, range, access, mandatory: false };
        object.posix.lock(record, None::<fn() -> u32>, &mut Effects::default());
        let key = RangeLock { range, access };
        let request = Request { holder: holder.clone(), pid: 1, key };
        object.ranges.lock(b"d", request, None::<fn() -> u32>, pace, &mut Vec::new());
        let request = Request { holder, pid: 1, key: NameLock { name: None, access } };
        let verdict = object.names.lock(b"d", request, None::<fn() -> u32>, pace, &mut Vec::new());
        assert_eq!(verdict, Verdict::Granted);
        assert!(object.concerns(ClientKey(1)) && !object.is_empty());
        object.release_client(ClientKey(1), pace, &mut Effects::default(), &mut Contention::default());
        assert!(object.is_empty());
    }
}
