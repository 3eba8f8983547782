//! What the brick tells unasked: events for those above.
//!
//! What the keys of their data mean is in [`plugin_api::upcall`].

use gluster_xdr::Xdr;
use gluster_xdr::callback::{
    CacheInvalidation, CallbackProc, EntrylkContention, InodelkContention, RecallLease,
};
use plugin_api::fop::LockKind;
use plugin_api::upcall::{
    DOMAIN, EXPIRE, FLAGS, GFID, KIND, LEASE_TYPE, LEN, NAME, OLD_PARENT, OWNER, PARENT, PID, START, STAT,
    TYPE, XATTR, kind,
};
use plugin_api::{Dict, Event, EventKind, Gfid, Iatt, IoBuf, log};

use crate::brick::Brick;

/// A callback came in on the connection of this generation.
pub(crate) fn heard(brick: &Brick, generation: u64, procedure: u32, args: &IoBuf) {
    let data = match CallbackProc::from_number(procedure) {
        Some(CallbackProc::ChildUp) => return brick.serves(generation),
        Some(CallbackProc::ChildDown) => return brick.pauses(generation),
        Some(CallbackProc::CacheInvalidation) => read(args).and_then(cache_invalidation),
        Some(CallbackProc::RecallLease) => read(args).map(recall_lease),
        Some(CallbackProc::InodelkContention) => read(args).map(inodelk_contention),
        Some(CallbackProc::EntrylkContention) => read(args).map(entrylk_contention),
        _ => return,
    };
    match data {
        Some(data) => brick.handle.notify_up(&Event { kind: EventKind::UPCALL, data }),
        None => log!(Warn, xl: brick.handle.name(), "upcall is none", procedure = procedure),
    }
}

fn read<T: Xdr>(args: &IoBuf) -> Option<T> {
    gluster_xdr::decode(args).ok()
}

fn cache_invalidation(told: CacheInvalidation) -> Option<Dict> {
    let gfid: Gfid = std::str::from_utf8(&told.gfid).ok()?.trim_end_matches('\0').parse().ok()?;
    let mut data = Dict::new()
        .with(KIND, kind::CACHE_INVALIDATION)
        .with(GFID, gfid)
        .with(FLAGS, u64::from(told.flags))
        .with(EXPIRE, u64::from(told.expire_time_attr));
    let attributes = [(STAT, told.stat), (PARENT, told.parent_stat), (OLD_PARENT, told.oldparent_stat)];
    for (key, iatt) in attributes.into_iter().filter(|(_, iatt)| *iatt != Iatt::default()) {
        data.set(key, iatt);
    }
    for (name, value) in told.xdata.iter() {
        data.set(format!("{XATTR}{}", name.as_str()), value.clone());
    }
    Some(data)
}

fn recall_lease(told: RecallLease) -> Dict {
    Dict::new()
        .with(KIND, kind::RECALL_LEASE)
        .with(GFID, told.gfid)
        .with(LEASE_TYPE, u64::from(told.lease_type))
}

fn inodelk_contention(told: InodelkContention) -> Dict {
    Dict::new()
        .with(KIND, kind::INODELK_CONTENTION)
        .with(GFID, told.gfid)
        .with(DOMAIN, told.domain)
        .with(PID, told.flock.pid)
        .with(TYPE, i32::from(told.flock.kind != LockKind::Read))
        .with(START, told.flock.start)
        .with(LEN, told.flock.len)
        .with(OWNER, told.flock.owner.as_bytes().to_vec())
}

fn entrylk_contention(told: EntrylkContention) -> Dict {
    let data = Dict::new()
        .with(KIND, kind::ENTRYLK_CONTENTION)
        .with(GFID, told.gfid)
        .with(DOMAIN, told.domain)
        .with(PID, i32::from_ne_bytes(told.pid.to_ne_bytes()))
        .with(TYPE, i32::from(told.kind != 0));
    if told.name.is_empty() { data } else { data.with(NAME, told.name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_becomes_an_event_with_what_is_known() {
        let told = CacheInvalidation {
            gfid: IoBuf::from(Gfid::ROOT.to_string()),
            flags: 0x18,
            expire_time_attr: 60,
            stat: Iatt { size: 5, ..Iatt::default() },
            xdata: Dict::new().with("user.a", vec![1_u8]),
            ..CacheInvalidation::default()
        };
        let data = cache_invalidation(told).unwrap();
        assert_eq!(
            (data.gfid(GFID), data.uint(FLAGS), data.uint(EXPIRE)),
            (Some(Gfid::ROOT), Some(0x18), Some(60))
        );
        assert!(data.contains(STAT) && !data.contains(PARENT) && data.contains("xattr.user.a"));
    }

    #[test]
    fn a_change_of_what_is_no_gfid_is_none() {
        let told = CacheInvalidation { gfid: "nothing".into(), ..CacheInvalidation::default() };
        assert!(cache_invalidation(told).is_none());
    }

    #[test]
    fn a_notice_names_the_range_and_the_owner() {
        let data = inodelk_contention(InodelkContention {
            gfid: Gfid::ROOT,
            domain: "d".into(),
            ..Default::default()
        });
        assert_eq!((data.int(KIND), data.int(TYPE)), (Some(kind::INODELK_CONTENTION), Some(0)));
        let data = entrylk_contention(EntrylkContention { kind: 1, name: "n".into(), ..Default::default() });
        assert_eq!((data.int(TYPE), data.str(NAME).is_some() || data.contains(NAME)), (Some(1), true));
    }
}
