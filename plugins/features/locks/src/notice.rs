//! Notices of contention: an event up the graph for each holder that somebody waits for.
//!
//! Its keys are those of [`plugin_api::upcall`].

use plugin_api::upcall::{CLIENT, DOMAIN, GFID, KIND, LEN, NAME, OWNER, PID, START, TYPE, kind};
use plugin_api::{Dict, Event, EventKind, Gfid, Handle, IoBuf, Value};

use crate::Locks;
use crate::engine::domain::{Notices, Want};
use crate::engine::{Access, Contended, NameLock, RangeLock};

/// What a kind of lock adds to a notice.
pub(crate) trait Describe {
    /// The value of [`KIND`].
    const KIND: i64;
    /// Adds what is held.
    fn describe(&self, data: &mut Dict);
}

impl Describe for RangeLock {
    const KIND: i64 = kind::INODELK_CONTENTION;

    fn describe(&self, data: &mut Dict) {
        let (start, len) = self.range.to_wire();
        data.set(TYPE, number(self.access));
        data.set(START, start);
        data.set(LEN, len);
    }
}

impl Describe for NameLock {
    const KIND: i64 = kind::ENTRYLK_CONTENTION;

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
