//! The locks of a brick in a statedump, line by line as the incumbent writes them.

use std::fmt::{self, Write};

use plugin_api::Gfid;
use plugin_api::date::utc;

use crate::Locks;
use crate::engine::domain::Domain;
use crate::engine::posix::Record;
use crate::engine::{Access, ClientKey, Holder, LkOwner, NameLock, RangeLock};
use crate::table::Locks as ObjectLocks;
use crate::wait::Waiter;

impl Locks {
    /// Adds a section for each object that has locks.
    pub(crate) fn dump_objects(&self, out: &mut String) {
        self.table.for_each(|gfid, locks, _| {
            // Writing to a text cannot fail.
            let _ = self.dump_object(out, gfid, locks);
        });
    }

    fn dump_object(&self, out: &mut String, gfid: Gfid, locks: &ObjectLocks) -> fmt::Result {
        writeln!(out, "\n[xlator.features.locks.{}.inode]", self.name)?;
        writeln!(out, "path=<gfid:{gfid}>")?;
        writeln!(out, "mandatory=0")?;
        if !locks.names.is_empty() {
            writeln!(out, "entrylk-count={}", locks.names.count())?;
            locks.names.iter().try_for_each(|domain| self.dump_names(out, domain))?;
        }
        if !locks.ranges.is_empty() {
            writeln!(out, "inodelk-count={}", locks.ranges.count())?;
            locks.ranges.iter().try_for_each(|domain| self.dump_ranges(out, domain))?;
        }
        if !locks.posix.is_empty() {
            writeln!(out, "posixlk-count={}", locks.posix.count())?;
            let held = locks.posix.held().iter().map(|record| (record, "ACTIVE"));
            let waiting = locks.posix.waiting().map(|record| (record, "BLOCKED"));
            for (at, (record, state)) in held.chain(waiting).enumerate() {
                writeln!(out, "posixlk.posixlk[{at}]({state})={}", self.describe(record))?;
            }
        }
        Ok(())
    }

    fn dump_names(&self, out: &mut String, domain: &Domain<NameLock, Waiter>) -> fmt::Result {
        writeln!(out, "lock-dump.domain.domain={}", text(domain.name()))?;
        let held = domain.held().iter().map(|lock| (&lock.key, &lock.holder, lock.pid, "ACTIVE", lock.since));
        let waiting = domain.waiting().map(|entry| {
            let request = &entry.request;
            (&request.key, &request.holder, request.pid, "BLOCKED", entry.since)
        });
        for (at, (key, holder, pid, state, since)) in held.chain(waiting).enumerate() {
            let kind = if key.access == Access::Read { "ENTRYLK_RDLCK" } else { "ENTRYLK_WRLCK" };
            let name = key.name.as_deref().map_or("(null)".into(), text);
            let who = self.who(pid, holder);
            let when = when(state, since);
            writeln!(
                out,
                "xlator.feature.locks.lock-dump.domain.entrylk.entrylk[{at}]({state})=\
                 type={kind} on basename={name}, {who}, {when}"
            )?;
        }
        Ok(())
    }

    fn dump_ranges(&self, out: &mut String, domain: &Domain<RangeLock, Waiter>) -> fmt::Result {
        writeln!(out, "lock-dump.domain.domain={}", text(domain.name()))?;
        let held = domain.held().iter().map(|lock| (lock.key, &lock.holder, lock.pid, "ACTIVE", lock.since));
        let waiting = domain.waiting().map(|entry| {
            let request = &entry.request;
            (request.key, &request.holder, request.pid, "BLOCKED", entry.since)
        });
        for (at, (key, holder, pid, state, since)) in held.chain(waiting).enumerate() {
            let (start, len) = key.range.to_wire();
            let (kind, who, when) = (word(key.access), self.who(pid, holder), when(state, since));
            let what = format!("type={kind}, whence=0, start={start}, len={len}");
            writeln!(out, "inodelk.inodelk[{at}]({state})={what}, {who}, {when}")?;
        }
        Ok(())
    }

    fn describe(&self, record: &Record) -> String {
        let (start, len) = record.range.to_wire();
        let who = self.who(record.pid, &record.holder);
        format!("type={}, whence=0, start={start}, len={len}, {who}", word(record.access))
    }

    fn who(&self, pid: i32, holder: &Holder) -> String {
        let ClientKey(client) = holder.client;
        let uid = self.clients.uid(holder.client).unwrap_or_default();
        format!("pid = {pid}, owner={}, client={client:#x}, connection-id={uid}", owner(&holder.name))
    }
}

fn owner(name: &LkOwner) -> String {
    format!("{name:?}")
}

fn word(access: Access) -> &'static str {
    match access {
        Access::Read => "READ",
        Access::Write => "WRITE",
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn when(state: &str, since: u64) -> String {
    let verb = if state == "ACTIVE" { "granted" } else { "blocked" };
    format!("{verb} at {}", utc(since / 1000))
}
