//! Lock domains: independent lists of held and waiting locks on one object, granted in fair order.

use std::collections::VecDeque;
use std::fmt::Debug;

use smallvec::SmallVec;

use super::effects::{Contended, Effects, Refusal};
use super::owner::{ClientKey, Holder};

/// Empty domains are kept for the next lock until an object has more than this many.
const KEPT_DOMAINS: usize = 8;

/// What a lock of a family is on.
pub trait Want: Clone + Debug {
    /// True when two different owners cannot hold these at once.
    fn excludes(&self, other: &Self) -> bool;
    /// True when unlocking `other` ends this lock.
    fn ended_by(&self, other: &Self) -> bool;
}

/// One lock request, before anybody decided about it.
#[derive(Clone, Debug)]
pub struct Request<K> {
    /// Who asks.
    pub holder: Holder,
    /// The process that asks, on the client's machine; negative for the cluster's own.
    pub pid: i32,
    /// What is asked for.
    pub key: K,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is held from now on.
    Granted,
    /// The waiter is queued and comes back in some later [`Effects`].
    Waits,
    /// It is not held and nothing is queued.
    Refused(Refusal),
}

/// A lock that is held.
#[derive(Clone, Debug)]
pub struct Held<K> {
    /// Whose it is.
    pub holder: Holder,
    /// The process that asked.
    pub pid: i32,
    /// What is held.
    pub key: K,
    /// When it was granted, milliseconds since the epoch.
    pub since: u64,
    /// When its holder was last told that somebody waits; 0 for never.
    told: u64,
}

/// A request that waits for others.
#[derive(Debug)]
pub struct Waiting<K, W> {
    /// What was asked, and by whom.
    pub request: Request<K>,
    /// When it was queued, milliseconds since the epoch.
    pub since: u64,
    waiter: W,
}

/// One named domain of one object.
#[derive(Debug)]
pub struct Domain<K, W> {
    name: Box<[u8]>,
    held: Vec<Held<K>>,
    waiting: VecDeque<Waiting<K, W>>,
}

/// All domains of one lock family on one object.
#[derive(Debug)]
pub struct Domains<K, W> {
    domains: SmallVec<[Domain<K, W>; 1]>,
}

/// Time, and how often a holder is told of contention.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Now, milliseconds since the epoch.
    pub now: u64,
    /// Milliseconds between two notices to one lock's holder; `None` tells nobody.
    pub notice_every: Option<u64>,
}

/// When held locks that are in the way are taken from their holders.
#[derive(Clone, Copy, Debug, Default)]
pub struct Revocation {
    /// Once one of them is older than so many milliseconds.
    pub after: Option<u64>,
    /// Once so many requests wait in the domain.
    pub waiting: Option<usize>,
    /// Whether those who wait are refused as well.
    pub refuse_waiting: bool,
}

/// The holders to be told that somebody waits for them.
pub type Notices<K> = Vec<Contended<K>>;

impl<K, W> Default for Domains<K, W> {
    fn default() -> Self {
        Self { domains: SmallVec::new() }
    }
}

impl<K: Want, W> Domains<K, W> {
    /// Asks for a lock in `domain`. `wait` makes the waiter if the request must queue; `None` means "not now,
    /// then never".
    pub fn lock<F: FnOnce() -> W>(
        &mut self,
        domain: &[u8],
        request: Request<K>,
        wait: Option<F>,
        pace: Pace,
        notices: &mut Notices<K>,
    ) -> Verdict {
        let domain = self.domain_mut(domain);
        if domain.can_grant(&request) {
            domain.hold(request, pace.now);
            return Verdict::Granted;
        }
        domain.tell_holders(&request, pace, notices);
        match wait {
            None => Verdict::Refused(Refusal::Held),
            Some(make) => {
                domain.waiting.push_back(Waiting { request, since: pace.now, waiter: make() });
                Verdict::Waits
            }
        }
    }

    /// Takes the locks away that `request` meets in `domain`, if the rules say it is time. Says how many.
    pub fn revoke(
        &mut self,
        domain: &[u8],
        request: &Request<K>,
        rules: Revocation,
        pace: Pace,
        effects: &mut Effects<W>,
        notices: &mut Notices<K>,
    ) -> usize {
        let Some(domain) = self.find_mut(domain) else { return 0 };
        let in_the_way = |lock: &Held<K>| lock.holder != request.holder && lock.key.excludes(&request.key);
        let old =
            |lock: &Held<K>| rules.after.is_some_and(|after| pace.now.saturating_sub(lock.since) > after);
        let crowded = rules.waiting.is_some_and(|most| domain.waiting.len() >= most);
        if !crowded && !domain.held.iter().any(|lock| in_the_way(lock) && old(lock)) {
            return 0;
        }
        let before = domain.held.len();
        domain.held.retain(|lock| !in_the_way(lock));
        let revoked = before - domain.held.len();
        if rules.refuse_waiting {
            domain.waiting.drain(..).for_each(|entry| effects.refuse(entry.waiter, Refusal::Withdrawn));
        }
        domain.grant_waiting(pace, effects, notices);
        revoked
    }

    /// Ends one held lock of the request's holder and grants what can be granted now.
    ///
    /// # Errors
    /// [`Refusal::NotHeld`] when that holder has no such lock.
    pub fn unlock(
        &mut self,
        domain: &[u8],
        request: &Request<K>,
        pace: Pace,
        effects: &mut Effects<W>,
        notices: &mut Notices<K>,
    ) -> Result<(), Refusal> {
        let domain = self.find_mut(domain).ok_or(Refusal::NotHeld)?;
        let at = domain
            .held
            .iter()
            .rposition(|held| held.holder == request.holder && held.key.ended_by(&request.key))
            .ok_or(Refusal::NotHeld)?;
        domain.held.swap_remove(at);
        domain.grant_waiting(pace, effects, notices);
        self.drop_empty();
        Ok(())
    }

    /// Ends everything a client holds or waits for; its waiters are woken with [`Refusal::Withdrawn`].
    pub fn release_client(
        &mut self,
        client: ClientKey,
        pace: Pace,
        effects: &mut Effects<W>,
        notices: &mut Notices<K>,
    ) {
        self.release(
            |holder, _| holder.client == client,
            |holder, _| holder.client == client,
            pace,
            effects,
            notices,
        );
    }

    /// Ends the held locks that `held` picks and refuses the waiting ones that `waiting` picks, in every domain.
    /// Says how many there were of either, waiting first.
    pub fn release(
        &mut self,
        mut held: impl FnMut(&Holder, &K) -> bool,
        mut waiting: impl FnMut(&Holder, &K) -> bool,
        pace: Pace,
        effects: &mut Effects<W>,
        notices: &mut Notices<K>,
    ) -> (usize, usize) {
        let mut ended = (0, 0);
        for domain in &mut self.domains {
            for _ in 0..domain.waiting.len() {
                let entry = domain.waiting.pop_front().expect("as many as were counted");
                if waiting(&entry.request.holder, &entry.request.key) {
                    effects.refuse(entry.waiter, Refusal::Withdrawn);
                    ended.0 += 1;
                } else {
                    domain.waiting.push_back(entry);
                }
            }
            let before = domain.held.len();
            domain.held.retain(|lock| !held(&lock.holder, &lock.key));
            ended.1 += before - domain.held.len();
            domain.grant_waiting(pace, effects, notices);
        }
        self.drop_empty();
        ended
    }

    /// Held and waiting locks over all domains.
    pub fn count(&self) -> usize {
        self.domains.iter().map(Domain::count).sum()
    }

    /// Held and waiting locks of one domain.
    pub fn count_in(&self, domain: &[u8]) -> usize {
        self.domains.iter().find(|known| *known.name == *domain).map_or(0, Domain::count)
    }

    /// Held and waiting locks whose key `pick` likes, over all domains.
    pub fn count_where(&self, pick: impl Fn(&K) -> bool) -> usize {
        self.domains.iter().flat_map(Domain::keys).filter(|key| pick(key)).count()
    }

    /// True when a client holds or waits for anything here.
    pub fn concerns(&self, client: ClientKey) -> bool {
        self.domains.iter().any(|domain| {
            domain.held.iter().any(|lock| lock.holder.client == client)
                || domain.waiting.iter().any(|entry| entry.request.holder.client == client)
        })
    }

    /// True when nothing is held and nobody waits.
    pub fn is_empty(&self) -> bool {
        self.domains.iter().all(Domain::is_empty)
    }

    /// The domains in the order of their first use.
    pub fn iter(&self) -> impl Iterator<Item = &Domain<K, W>> {
        self.domains.iter()
    }

    fn find_mut(&mut self, name: &[u8]) -> Option<&mut Domain<K, W>> {
        self.domains.iter_mut().find(|known| *known.name == *name)
    }

    fn domain_mut(&mut self, name: &[u8]) -> &mut Domain<K, W> {
        let at = self.domains.iter().position(|known| *known.name == *name).unwrap_or_else(|| {
            self.drop_empty();
            self.domains.push(Domain { name: name.into(), held: Vec::new(), waiting: VecDeque::new() });
            self.domains.len() - 1
        });
        &mut self.domains[at]
    }

    fn drop_empty(&mut self) {
        if self.domains.len() > KEPT_DOMAINS {
            self.domains.retain(|domain| !domain.is_empty());
        }
    }
}

impl<K: Want, W> Domain<K, W> {
    /// The name clients gave it.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The locks that are held.
    pub fn held(&self) -> &[Held<K>] {
        &self.held
    }

    /// The requests that wait, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting<K, W>> {
        self.waiting.iter()
    }

    /// Nobody holds against it, and it overtakes nobody who waits, unless its owner is in this domain already:
    /// that owner would wait for itself.
    fn can_grant(&self, request: &Request<K>) -> bool {
        if self.held.iter().any(|lock| lock.holder != request.holder && lock.key.excludes(&request.key)) {
            return false;
        }
        let overtakes = self
            .waiting
            .iter()
            .any(|entry| entry.request.holder != request.holder && entry.request.key.excludes(&request.key));
        !overtakes || self.knows(&request.holder)
    }

    fn knows(&self, holder: &Holder) -> bool {
        self.held.iter().any(|lock| lock.holder == *holder)
            || self.waiting.iter().any(|entry| entry.request.holder == *holder)
    }

    fn hold(&mut self, request: Request<K>, now: u64) {
        let Request { holder, pid, key } = request;
        self.held.push(Held { holder, pid, key, since: now, told: 0 });
    }

    /// Re-examines every waiter in the order they came; those that stay keep their places.
    fn grant_waiting(&mut self, pace: Pace, effects: &mut Effects<W>, notices: &mut Notices<K>) {
        for entry in std::mem::take(&mut self.waiting) {
            if self.can_grant(&entry.request) {
                self.hold(entry.request, pace.now);
                effects.grant(entry.waiter);
            } else {
                self.waiting.push_back(entry);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        for entry in &waiting {
            self.tell_holders(&entry.request, pace, notices);
        }
        self.waiting = waiting;
    }

    fn tell_holders(&mut self, request: &Request<K>, pace: Pace, notices: &mut Notices<K>) {
        let Some(every) = pace.notice_every else { return };
        for lock in &mut self.held {
            let due = lock.told == 0 || pace.now.saturating_sub(lock.told) >= every;
            if due && lock.holder != request.holder && lock.key.excludes(&request.key) {
                lock.told = pace.now.max(1);
                notices.push(Contended {
                    holder: lock.holder.clone(),
                    pid: lock.pid,
                    domain: self.name.clone(),
                    key: lock.key.clone(),
                });
            }
        }
    }

    fn keys(&self) -> impl Iterator<Item = &K> {
        self.held.iter().map(|lock| &lock.key).chain(self.waiting.iter().map(|entry| &entry.request.key))
    }

    fn count(&self) -> usize {
        self.held.len() + self.waiting.len()
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty() && self.waiting.is_empty()
    }
}
