//! Range locks of the cluster on one inode, by domain.

use std::borrow::Cow;

use super::{Access, Range, domain::Want};

/// A range lock that starts here and has no end stands for the object's metadata.
const METADATA_START: i64 = i64::MAX - 1;

/// What an inodelk is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLock {
    /// The bytes.
    pub range: Range,
    /// Read or write. An unlock may carry either.
    pub access: Access,
}

impl Want for RangeLock {
    fn excludes(&self, other: &Self) -> bool {
        self.access.excludes(other.access) && self.range.overlaps(other.range)
    }

    /// Exactly the same bytes; one may not unlock a part.
    fn ended_by(&self, other: &Self) -> bool {
        self.range == other.range
    }
}

/// The domain a request belongs to: the one it names, or `NAME:metadata` for the range that stands for metadata.
pub fn domain_of(name: &[u8], start: i64, len: i64) -> Cow<'_, [u8]> {
    if start == METADATA_START && len == 0 {
        Cow::Owned([name, b":metadata"].concat())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Domains, Pace, Request, Revocation, Verdict};
    use super::super::{ClientKey, Effects, Holder, LkOwner, Refusal};
    use super::*;

    type Locks = Domains<RangeLock, u32>;
    const QUIET: Pace = Pace { now: 1, notice_every: None };
    const DOM: &[u8] = b"v-replicate-0";

    fn ask(client: u64, owner: u8, start: i64, len: i64, access: Access) -> Request<RangeLock> {
        Request {
            holder: Holder { client: ClientKey(client), name: LkOwner::new(&[owner]).unwrap() },
            pid: 7,
            key: RangeLock { range: Range::from_wire(start, len).unwrap(), access },
        }
    }

    fn lock(locks: &mut Locks, request: Request<RangeLock>, waiter: u32) -> Verdict {
        locks.lock(DOM, request, Some(|| waiter), QUIET, &mut Vec::new())
    }

    fn try_lock(locks: &mut Locks, request: Request<RangeLock>) -> Verdict {
        locks.lock(DOM, request, None::<fn() -> u32>, QUIET, &mut Vec::new())
    }

    fn unlock(locks: &mut Locks, request: &Request<RangeLock>) -> Result<Vec<u32>, Refusal> {
        let mut effects = Effects::default();
        locks.unlock(DOM, request, QUIET, &mut effects, &mut Vec::new())?;
        Ok(effects.woken.into_iter().map(|woken| woken.answer.map(|()| woken.waiter).unwrap()).collect())
    }

    #[test]
    fn readers_share_and_a_writer_waits_for_all_of_them() {
        let mut locks = Locks::default();
        let (one, two) = (ask(1, 1, 0, 0, Access::Read), ask(2, 1, 0, 0, Access::Read));
        assert_eq!(lock(&mut locks, one.clone(), 1), Verdict::Granted);
        assert_eq!(lock(&mut locks, two.clone(), 2), Verdict::Granted);
        assert_eq!(lock(&mut locks, ask(3, 1, 0, 0, Access::Write), 3), Verdict::Waits);
        assert_eq!(unlock(&mut locks, &one).unwrap(), []);
        assert_eq!(unlock(&mut locks, &two).unwrap(), [3]);
    }

    #[test]
    fn the_same_owner_name_from_another_client_is_another_owner() {
        let mut locks = Locks::default();
        assert_eq!(try_lock(&mut locks, ask(1, 9, 0, 10, Access::Write)), Verdict::Granted);
        assert_eq!(try_lock(&mut locks, ask(2, 9, 5, 1, Access::Write)), Verdict::Refused(Refusal::Held));
        assert_eq!(try_lock(&mut locks, ask(1, 9, 5, 1, Access::Write)), Verdict::Granted);
        assert_eq!(locks.count(), 2, "an owner's nested locks count one each");
    }

    #[test]
    fn unlock_wants_the_exact_range_and_owner() {
        let mut locks = Locks::default();
        let held = ask(1, 1, 10, 10, Access::Write);
        assert_eq!(try_lock(&mut locks, held.clone()), Verdict::Granted);
        assert_eq!(unlock(&mut locks, &ask(1, 1, 10, 9, Access::Write)), Err(Refusal::NotHeld));
        assert_eq!(unlock(&mut locks, &ask(1, 2, 10, 10, Access::Write)), Err(Refusal::NotHeld));
        assert_eq!(unlock(&mut locks, &ask(2, 1, 10, 10, Access::Write)), Err(Refusal::NotHeld));
        assert_eq!(unlock(&mut locks, &held), Ok(vec![]));
        assert_eq!(unlock(&mut locks, &held), Err(Refusal::NotHeld));
    }

    #[test]
    fn a_new_reader_does_not_overtake_a_waiting_writer() {
        let mut locks = Locks::default();
        let reader = ask(1, 1, 0, 0, Access::Read);
        lock(&mut locks, reader.clone(), 1);
        assert_eq!(lock(&mut locks, ask(2, 1, 0, 0, Access::Write), 2), Verdict::Waits);
        assert_eq!(lock(&mut locks, ask(3, 1, 0, 0, Access::Read), 3), Verdict::Waits);
        assert_eq!(try_lock(&mut locks, ask(4, 1, 0, 0, Access::Read)), Verdict::Refused(Refusal::Held));
        assert_eq!(unlock(&mut locks, &reader).unwrap(), [2], "first come, first served");
        assert_eq!(unlock(&mut locks, &ask(2, 1, 0, 0, Access::Write)).unwrap(), [3]);
    }

    #[test]
    fn an_owner_that_is_in_the_domain_already_may_overtake() {
        let mut locks = Locks::default();
        lock(&mut locks, ask(1, 1, 0, 10, Access::Read), 1);
        assert_eq!(lock(&mut locks, ask(2, 1, 0, 100, Access::Write), 2), Verdict::Waits);
        assert_eq!(lock(&mut locks, ask(1, 1, 50, 10, Access::Read), 3), Verdict::Granted);
    }

    #[test]
    fn disjoint_ranges_and_other_domains_do_not_meet() {
        let mut locks = Locks::default();
        assert_eq!(try_lock(&mut locks, ask(1, 1, 0, 10, Access::Write)), Verdict::Granted);
        assert_eq!(try_lock(&mut locks, ask(2, 1, 10, 0, Access::Write)), Verdict::Granted);
        let other =
            locks.lock(b"x", ask(3, 1, 0, 0, Access::Write), None::<fn() -> u32>, QUIET, &mut Vec::new());
        assert_eq!(other, Verdict::Granted);
        assert_eq!(
            (locks.count(), locks.count_in(DOM), locks.count_in(b"x"), locks.count_in(b"y")),
            (3, 2, 1, 0)
        );
    }

    #[test]
    fn one_unlock_grants_every_waiter_it_was_holding_up_in_order() {
        let mut locks = Locks::default();
        let wide = ask(1, 1, 0, 0, Access::Write);
        lock(&mut locks, wide.clone(), 1);
        for (waiter, start) in [(2, 0), (3, 10), (4, 0), (5, 20)] {
            let request = ask(u64::from(waiter), 1, start, 5, Access::Write);
            assert_eq!(lock(&mut locks, request, waiter), Verdict::Waits);
        }
        assert_eq!(unlock(&mut locks, &wide).unwrap(), [2, 3, 5]);
        assert_eq!(locks.count(), 4);
    }

    #[test]
    fn a_lost_client_frees_its_locks_and_its_waiters() {
        let mut locks = Locks::default();
        lock(&mut locks, ask(1, 1, 0, 0, Access::Write), 1);
        lock(&mut locks, ask(1, 2, 0, 0, Access::Write), 2);
        lock(&mut locks, ask(2, 1, 0, 0, Access::Write), 3);
        let mut effects = Effects::default();
        locks.release_client(ClientKey(1), QUIET, &mut effects, &mut Vec::new());
        let woken: Vec<_> = effects.woken.iter().map(|woken| (woken.waiter, woken.answer)).collect();
        assert_eq!(woken, [(2, Err(Refusal::Withdrawn)), (3, Ok(()))]);
        assert!(!locks.concerns(ClientKey(1)) && locks.concerns(ClientKey(2)));
    }

    #[test]
    fn a_holder_is_told_of_contention_once_a_while_and_a_new_holder_at_once() {
        let mut locks = Locks::default();
        let pace = |now| Pace { now, notice_every: Some(5000) };
        let mut notices = Vec::new();
        let mut lock = |client, now, notices: &mut Vec<_>| {
            locks.lock(DOM, ask(client, 1, 0, 0, Access::Write), Some(|| 0), pace(now), notices)
        };
        lock(1, 100, &mut notices);
        assert_eq!(notices.len(), 0);
        lock(2, 200, &mut notices);
        lock(3, 5199, &mut notices);
        assert_eq!(notices.len(), 1, "the second waiter came too soon for another notice");
        lock(4, 5200, &mut notices);
        assert_eq!(notices.len(), 2);
        assert!(notices.iter().all(|notice| notice.holder.client == ClientKey(1) && notice.pid == 7));
        notices.clear();
        let done = ask(1, 1, 0, 0, Access::Write);
        locks.unlock(DOM, &done, pace(5300), &mut Effects::default(), &mut notices).unwrap();
        assert_eq!(notices.len(), 1, "two still wait for the one that came next");
        assert_eq!(notices[0].holder.client, ClientKey(2));
    }

    #[test]
    fn an_old_lock_is_taken_away_when_somebody_wants_it() {
        let mut locks = Locks::default();
        lock(&mut locks, ask(1, 1, 0, 0, Access::Write), 1);
        lock(&mut locks, ask(2, 1, 0, 0, Access::Write), 2);
        let rules = Revocation { after: Some(1000), ..Revocation::default() };
        let mut revoke = |now, rules| {
            let (mut effects, pace) = (Effects::default(), Pace { now, notice_every: None });
            let asked = ask(3, 1, 0, 0, Access::Write);
            let revoked = locks.revoke(DOM, &asked, rules, pace, &mut effects, &mut Vec::new());
            (revoked, effects.woken.len())
        };
        assert_eq!(revoke(1001, rules), (0, 0), "not old enough");
        assert_eq!(revoke(1002, rules), (1, 1), "the one that waited has it now");
        let crowded = Revocation { waiting: Some(1), refuse_waiting: true, after: None };
        assert_eq!(revoke(1003, crowded), (0, 0), "nobody waits");
    }

    #[test]
    fn the_range_that_stands_for_metadata_moves_to_its_own_domain() {
        assert_eq!(&*domain_of(b"v-replicate-0", i64::MAX - 1, 0), b"v-replicate-0:metadata");
        assert_eq!(&*domain_of(b"v-replicate-0", i64::MAX - 1, 1), b"v-replicate-0");
        assert_eq!(&*domain_of(b"v-replicate-0", 0, 0), b"v-replicate-0");
    }

    #[test]
    fn empty_domains_do_not_pile_up() {
        let mut locks = Locks::default();
        for n in 0..1000_u32 {
            let request = ask(1, 1, 0, 0, Access::Write);
            let name = n.to_be_bytes();
            locks.lock(&name, request.clone(), None::<fn() -> u32>, QUIET, &mut Vec::new());
            locks.unlock(&name, &request, QUIET, &mut Effects::default(), &mut Vec::new()).unwrap();
        }
        assert!(locks.iter().count() <= 9);
    }
}
