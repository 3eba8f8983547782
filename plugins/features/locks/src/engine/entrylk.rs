//! Name locks of the cluster on one directory, by domain.

use super::{Access, domain::Want};

/// What an entrylk is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameLock {
    /// One name in the directory, or `None` for all of them.
    pub name: Option<Box<[u8]>>,
    /// Kept for unlocking and for the state dump; it plays no part in conflicts.
    pub access: Access,
}

impl Want for NameLock {
    fn excludes(&self, other: &Self) -> bool {
        match (&self.name, &other.name) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        }
    }

    fn ended_by(&self, other: &Self) -> bool {
        self == other
    }
}

impl NameLock {
    /// True when it is on exactly this name.
    pub fn is_on(&self, name: &[u8]) -> bool {
        self.name.as_deref() == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Domains, Pace, Request, Verdict};
    use super::super::{ClientKey, Effects, Holder, LkOwner, Refusal};
    use super::*;

    type Locks = Domains<NameLock, u32>;
    const QUIET: Pace = Pace { now: 1, notice_every: None };
    const DOM: &[u8] = b"dht.entry.sync";

    fn ask(client: u64, name: Option<&str>, access: Access) -> Request<NameLock> {
        Request {
            holder: Holder { client: ClientKey(client), name: LkOwner::new(&[1]).unwrap() },
            pid: 1,
            key: NameLock { name: name.map(|name| name.as_bytes().into()), access },
        }
    }

    fn lock(locks: &mut Locks, request: Request<NameLock>) -> Verdict {
        locks.lock(DOM, request, Some(|| 1), QUIET, &mut Vec::new())
    }

    #[test]
    fn a_name_meets_itself_and_the_whole_directory_only() {
        let mut locks = Locks::default();
        assert_eq!(lock(&mut locks, ask(1, Some("a"), Access::Write)), Verdict::Granted);
        assert_eq!(lock(&mut locks, ask(2, Some("b"), Access::Write)), Verdict::Granted);
        assert_eq!(lock(&mut locks, ask(3, None, Access::Write)), Verdict::Waits);
        assert_eq!(lock(&mut locks, ask(4, Some("a"), Access::Write)), Verdict::Waits);
        assert_eq!(locks.count_where(|key| key.is_on(b"a")), 2);
    }

    #[test]
    fn read_locks_exclude_each_other_too() {
        let mut locks = Locks::default();
        assert_eq!(lock(&mut locks, ask(1, Some("a"), Access::Read)), Verdict::Granted);
        assert_eq!(lock(&mut locks, ask(2, Some("a"), Access::Read)), Verdict::Waits);
    }

    #[test]
    fn unlock_wants_the_same_name_and_type() {
        let mut locks = Locks::default();
        let held = ask(1, Some("a"), Access::Write);
        lock(&mut locks, held.clone());
        lock(&mut locks, ask(2, Some("a"), Access::Write));
        let mut effects = Effects::default();
        let mut unlock = |request| locks.unlock(DOM, &request, QUIET, &mut effects, &mut Vec::new());
        assert_eq!(unlock(ask(1, Some("a"), Access::Read)), Err(Refusal::NotHeld));
        assert_eq!(unlock(ask(1, None, Access::Write)), Err(Refusal::NotHeld));
        assert_eq!(unlock(held), Ok(()));
        assert_eq!(effects.woken.len(), 1);
    }
}
