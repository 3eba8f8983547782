//! Upcalls: what translators below have to tell one client, as callbacks.
//!
//! What the keys of their data mean is in [`plugin_api::upcall`].

use gluster_xdr::Xdr;
use gluster_xdr::callback::{
    CALLBACK, CacheInvalidation, CallbackProc, EntrylkContention, InodelkContention, RecallLease,
};
use plugin_api::fop::{Flock, LockKind};
use plugin_api::upcall::{
    CLIENT, DOMAIN, EXPIRE, FLAGS, GFID, KIND, LEASE_TYPE, LEN, NAME, OLD_PARENT, OWNER, PARENT, PID, START,
    STAT, TYPE, XATTR, kind,
};
use plugin_api::{Dict, Errno, Gfid, Iatt, IoBuf, LkOwner, Value, log};

use crate::server::Server;
use crate::session::Session;

impl Server {
    /// Passes an upcall on to the client it is for; one that is gone needs none.
    pub(crate) fn upcall(&self, data: &Dict) {
        let Some(uid) = data.str(CLIENT) else { return };
        let sent = match data.int(KIND) {
            Some(kind::CACHE_INVALIDATION) => {
                self.tell(uid, CallbackProc::CacheInvalidation, &cache_invalidation(data))
            }
            Some(kind::RECALL_LEASE) => self.tell(uid, CallbackProc::RecallLease, &recall_lease(data)),
            Some(kind::INODELK_CONTENTION) => {
                self.tell(uid, CallbackProc::InodelkContention, &inodelk_contention(data))
            }
            Some(kind::ENTRYLK_CONTENTION) => {
                self.tell(uid, CallbackProc::EntrylkContention, &entrylk_contention(data))
            }
            _ => return,
        };
        if let Err(errno) = sent {
            log!(Debug, xl: self.handle.name(), "upcall not sent", client = uid, why = errno);
        }
    }

    fn tell<T: Xdr>(&self, uid: &str, procedure: CallbackProc, message: &T) -> Result<(), Errno> {
        let session = self.sessions().into_iter().find(|session| session.client.uid() == uid);
        session.ok_or(Errno::ENOTCONN)?.call_back(procedure, message)
    }
}

impl Session {
    /// Calls the client back; nobody answers.
    ///
    /// # Errors
    /// `ENOTCONN` when it is gone, `ENOBUFS` when it does not read.
    pub(crate) fn call_back<T: Xdr>(&self, procedure: CallbackProc, message: &T) -> Result<(), Errno> {
        let peer = self.peer.upgrade().ok_or(Errno::ENOTCONN)?;
        peer.call_back(CALLBACK, procedure.number(), message)
    }
}

fn cache_invalidation(data: &Dict) -> CacheInvalidation {
    let number = |key| data.uint(key).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let iatt = |key| match data.get(key) {
        Some(Value::Iatt(iatt)) => **iatt,
        _ => Iatt::default(),
    };
    let changed = data.iter().filter_map(|(key, value)| Some((key.as_str().strip_prefix(XATTR)?, value)));
    CacheInvalidation {
        gfid: IoBuf::from(data.gfid(GFID).unwrap_or_default().to_string()),
        event_type: 1,
        flags: number(FLAGS),
        expire_time_attr: number(EXPIRE),
        stat: iatt(STAT),
        parent_stat: iatt(PARENT),
        oldparent_stat: iatt(OLD_PARENT),
        xdata: changed.fold(Dict::new(), |all, (name, value)| all.with(name.to_owned(), value.clone())),
    }
}

fn recall_lease(data: &Dict) -> RecallLease {
    RecallLease {
        gfid: data.gfid(GFID).unwrap_or_default(),
        lease_type: data.uint(LEASE_TYPE).and_then(|kind| u32::try_from(kind).ok()).unwrap_or_default(),
        tid: Gfid::NULL,
        xdata: Dict::new(),
    }
}

fn inodelk_contention(data: &Dict) -> InodelkContention {
    let flock = Flock {
        kind: if data.int(TYPE) == Some(0) { LockKind::Read } else { LockKind::Write },
        start: data.uint(START).unwrap_or_default(),
        len: data.uint(LEN).unwrap_or_default(),
        pid: data.int(PID).and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default(),
        owner: LkOwner::new(bytes(data, OWNER)),
        ..Flock::default()
    };
    InodelkContention {
        gfid: data.gfid(GFID).unwrap_or_default(),
        pid: u32::from_ne_bytes(flock.pid.to_ne_bytes()),
        flock,
        domain: bytes(data, DOMAIN),
        xdata: Dict::new(),
    }
}

fn entrylk_contention(data: &Dict) -> EntrylkContention {
    let pid = data.int(PID).and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    EntrylkContention {
        gfid: data.gfid(GFID).unwrap_or_default(),
        kind: u32::from(data.int(TYPE) != Some(0)),
        pid: u32::from_ne_bytes(pid.to_ne_bytes()),
        name: bytes(data, NAME),
        domain: bytes(data, DOMAIN),
        xdata: Dict::new(),
    }
}

fn bytes(data: &Dict, key: &str) -> IoBuf {
    data.get(key).and_then(|value| value.as_bytes()).map(IoBuf::copy_from_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_becomes_the_message_of_the_wire() {
        let data = Dict::new()
            .with("gfid", Gfid::ROOT)
            .with("flags", 0x18_u64)
            .with("expire", 600_u64)
            .with("stat", Iatt { size: 5, ..Iatt::default() })
            .with("xattr.user.a", vec![1_u8]);
        let message = cache_invalidation(&data);
        assert_eq!(&message.gfid[..], b"00000000-0000-0000-0000-000000000001");
        assert_eq!((message.event_type, message.flags, message.expire_time_attr), (1, 0x18, 600));
        assert_eq!((message.stat.size, message.parent_stat), (5, Iatt::default()));
        assert_eq!(message.xdata, Dict::new().with("user.a", vec![1_u8]));
    }

    #[test]
    fn a_recall_becomes_the_message_of_the_wire() {
        let data = Dict::new().with(GFID, Gfid::ROOT).with(LEASE_TYPE, 1);
        let message = recall_lease(&data);
        assert_eq!((message.gfid, message.lease_type, message.tid), (Gfid::ROOT, 1, Gfid::NULL));
    }

    #[test]
    fn a_notice_becomes_the_message_of_the_wire() {
        let data = Dict::new()
            .with("gfid", Gfid::ROOT)
            .with("domain", IoBuf::from("v-disperse-0"))
            .with("pid", -6)
            .with("type", 1)
            .with("start", 5_u64)
            .with("len", 0_u64)
            .with("lk-owner", vec![1, 2]);
        let message = inodelk_contention(&data);
        assert_eq!((message.gfid, message.pid, message.flock.pid), (Gfid::ROOT, u32::MAX - 5, -6));
        assert_eq!((message.flock.kind, message.flock.start, message.flock.len), (LockKind::Write, 5, 0));
        assert_eq!(
            (&message.domain[..], message.flock.owner.as_bytes()),
            (&b"v-disperse-0"[..], &[1, 2][..])
        );
        let message = entrylk_contention(&data.with("name", IoBuf::from("n")));
        assert_eq!((message.kind, &message.name[..]), (1, &b"n"[..]));
    }
}
