//! Lock counts that other fops ask for in their xdata, sampled when their answers pass.

use plugin_api::{Dict, Gfid, IoBuf, Key, Value};

use crate::table::{Locks as ObjectLocks, Table};

const NAMES: &str = "glusterfs.entrylk-count";
const RANGES: &str = "glusterfs.inodelk-count";
const RANGES_IN: &str = "glusterfs.inodelk-dom-count";
const RECORDS: &str = "glusterfs.posixlk-count";
const PARENT_NAMES: &str = "glusterfs.parent-entrylk";
const MANY_DOMAINS: &str = "glusterfs.multi-dom-lk-cnt-req";
const DOMAIN_PREFIX: &[u8] = b"glusterfs.inodelk-dom-prefix:";

/// What one fop wants to know.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    names: bool,
    ranges: bool,
    records: bool,
    ranges_in: Option<IoBuf>,
    domains: Vec<Key>,
    parent_names: bool,
}

impl Asked {
    /// Reads a request; `None`, the usual case, when it asks for no count.
    pub(crate) fn read(xdata: &Dict) -> Option<Self> {
        if xdata.is_empty() {
            return None;
        }
        let mut asked = Self::default();
        let mut any = false;
        let mut many = false;
        for (key, value) in xdata.iter() {
            if !key.as_bytes().starts_with(b"glusterfs.") {
                continue;
            }
            match key.as_str() {
                NAMES => asked.names = true,
                RANGES => asked.ranges = true,
                RECORDS => asked.records = true,
                PARENT_NAMES => asked.parent_names = true,
                RANGES_IN => asked.ranges_in = value.as_str().map(|text| IoBuf::from(text.to_owned())),
                MANY_DOMAINS => many = true,
                _ if key.as_bytes().starts_with(DOMAIN_PREFIX) => asked.domains.push(key.clone()),
                _ => continue,
            }
            any = true;
        }
        if !many {
            asked.domains.clear();
        }
        any.then_some(asked)
    }

    /// Adds the counts of one object, or of two where a fop has two: then the larger ones.
    pub(crate) fn answer(
        &self,
        table: &Table,
        objects: &[Gfid],
        parent: Option<(Gfid, &[u8])>,
        reply: &mut Dict,
    ) {
        let most = |count: &dyn Fn(&ObjectLocks) -> usize| {
            let of = |gfid: &Gfid| table.with_known(*gfid, |locks, _| count(locks)).unwrap_or(0);
            number(objects.iter().map(of).max().unwrap_or(0))
        };
        if self.names {
            reply.set(NAMES, most(&|locks| locks.names.count()));
        }
        if self.ranges {
            reply.set(RANGES, most(&|locks| locks.ranges.count()));
        }
        if self.records {
            reply.set(RECORDS, most(&|locks| locks.posix.count()));
        }
        if let Some(domain) = &self.ranges_in {
            reply.set(RANGES, most(&|locks| locks.ranges.count_in(domain)));
        }
        for key in &self.domains {
            let domain = &key.as_bytes()[DOMAIN_PREFIX.len()..];
            reply.set(key.clone(), most(&|locks| locks.ranges.count_in(domain)));
        }
        if self.parent_names {
            let count = parent.and_then(|(gfid, name)| {
                table.with_known(gfid, |locks, _| locks.names.count_where(|key| key.is_on(name)))
            });
            reply.set(PARENT_NAMES, number(count.unwrap_or(0)));
        }
    }
}

fn number(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Access, ClientKey, Holder, LkOwner, Pace, Range, RangeLock, Request};
    use crate::wait::Waiter;

    fn locked(table: &Table, gfid: Gfid, domain: &[u8]) {
        let holder = Holder { client: ClientKey(1), name: LkOwner::new(&[1]).unwrap() };
        let key = RangeLock { range: Range::ALL, access: Access::Read };
        let pace = Pace { now: 1, notice_every: None };
        table.with(gfid, |locks, _| {
            let request = Request { holder, pid: 1, key };
            locks.ranges.lock(domain, request, None::<fn() -> Waiter>, pace, &mut Vec::new())
        });
    }

    #[test]
    fn a_fop_that_asks_for_nothing_costs_nothing() {
        assert!(Asked::read(&Dict::new()).is_none());
        assert!(Asked::read(&Dict::new().with("trusted.glusterfs.dht", 16)).is_none());
    }

    #[test]
    fn counts_are_of_the_domain_that_was_asked_for_and_the_larger_of_two_objects() {
        let table = Table::default();
        let (one, two) = (Gfid([1; 16]), Gfid([2; 16]));
        locked(&table, one, b"a");
        locked(&table, two, b"a");
        locked(&table, two, b"b");
        let answer = |request: Dict| {
            let mut reply = Dict::new();
            Asked::read(&request).unwrap().answer(&table, &[one, two], None, &mut reply);
            reply
        };
        let all = answer(Dict::new().with(RANGES, 0).with(RECORDS, 0).with(NAMES, 0));
        assert_eq!((all.int(RANGES), all.int(RECORDS), all.int(NAMES)), (Some(2), Some(0), Some(0)));
        assert_eq!(answer(Dict::new().with(RANGES_IN, "b")).int(RANGES), Some(1));
        let many = Dict::new().with(MANY_DOMAINS, 1).with("glusterfs.inodelk-dom-prefix:a", 1);
        assert_eq!(answer(many).int("glusterfs.inodelk-dom-prefix:a"), Some(1));
    }
}
