//! Notices of contention: an event up the graph for each holder that somebody waits for.
//!
//! The event is [`EventKind::UPCALL`]; its data says which ([`KIND`]), for whom ([`CLIENT`]) and about what. The
//! server turns it into a callback to that client.

use plugin_api::{Dict, Event, EventKind, Gfid, Handle, IoBuf, Value};

use crate::Locks;
use crate::engine::domain::{Notices, Want};
use crate::engine::{Access, Contended, NameLock, RangeLock};

/// Which notice: 3 about a range lock, 4 about a name lock (the numbers of GlusterFS's upcalls).
pub const KIND: &str = "upcall";
/// The uid of the client that holds the lock.
pub const CLIENT: &str = "client-uid";
/// The object.
pub const GFID: &str = "gfid";
/// The lock's domain.
pub const DOMAIN: &str = "domain";
/// The process that holds it.
pub const PID: &str = "pid";
/// 0 read, 1 write.
pub const TYPE: &str = "type";
/// First byte of a range lock.
pub const START: &str = "start";
/// Length of a range lock; 0 without end.
pub const LEN: &str = "len";
/// Owner of a range lock.
pub const OWNER: &str = "lk-owner";
/// Name of a name lock; missing for all names.
pub const NAME: &str = "name";

/// What a kind of lock adds to a notice.
pub trait Describe {
    /// The value of [`KIND`].
    const KIND: i32;
    /// Adds what is held.
    fn describe(&self, data: &mut Dict);
}

impl Describe for RangeLock {
    const KIND: i32 = 3;

    fn describe(&self, data: &mut Dict) {
        let (start, len) = self.range.to_wire();
        data.set(TYPE, number(self.access));
        data.set(START, start);
        data.set(LEN, len);
    }
}

impl Describe for NameLock {
    const KIND: i32 = 4;

    fn describe(&self, data: &mut Dict) {
        data.set(TYPE, number(self.access));
        if let Some(name) = &self.name {
            data.set(NAME, bytes(name));
        }
    }
}

impl Locks {
    /// Sends a notice for each.
    pub(crate) fn notify<K: Want + Describe>(&self, me: &Handle, gfid: Gfid, notices: &Notices<K>) {
        for notice in notices {
            if let Some(data) = self.notice(gfid, notice) {
                me.notify_up(&Event { kind: EventKind::UPCALL, data });
            }
        }
    }

    fn notice<K: Want + Describe>(&self, gfid: Gfid, notice: &Contended<K>) -> Option<Dict> {
        let mut data = Dict::new();
        data.set(KIND, K::KIND);
        data.set(CLIENT, self.clients.uid(notice.holder.client)?);
        data.set(GFID, gfid);
        data.set(DOMAIN, bytes(&notice.domain));
        data.set(PID, notice.pid);
        data.set(OWNER, bytes(notice.holder.name.as_bytes()));
        notice.key.describe(&mut data);
        Some(data)
    }
}

fn number(access: Access) -> i32 {
    match access {
        Access::Read => 0,
        Access::Write => 1,
    }
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes(IoBuf::from(bytes.to_vec()))
}
