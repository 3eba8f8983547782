//! What a fop has changed, and the event that tells one client so.
//!
//! The event is [`EventKind::UPCALL`]; its data says which ([`KIND`]), for whom ([`CLIENT`]) and about what. The
//! server turns it into a callback to that client.

use plugin_api::{Dict, Event, EventKind, Gfid, Iatt, Value};

/// Which upcall: 1, that what a client has cached is out of date (the numbers of GlusterFS's upcalls).
pub const KIND: &str = "upcall";
/// The uid of the client that is told.
pub const CLIENT: &str = "client-uid";
/// The object.
pub const GFID: &str = "gfid";
/// What has changed, as bits of [`flag`].
pub const FLAGS: &str = "flags";
/// Seconds for which the client may trust what it reads from now on.
pub const EXPIRE: &str = "expire";
/// The object's attributes; missing when nobody knows them.
pub const STAT: &str = "stat";
/// Those of the directory that its name is in.
pub const PARENT: &str = "parent-stat";
/// Those of the directory that its name was in before.
pub const OLD_PARENT: &str = "old-parent-stat";
/// What a key begins with that names a changed xattr.
pub const XATTR: &str = "xattr.";

const CACHE_INVALIDATION: i32 = 1;

/// The bits of [`FLAGS`], as GlusterFS sends them.
pub mod flag {
    #![allow(missing_docs, reason = "each names what has changed")]
    pub const NLINK: u32 = 0x1;
    pub const MODE: u32 = 0x2;
    pub const OWN: u32 = 0x4;
    pub const SIZE: u32 = 0x8;
    pub const TIMES: u32 = 0x10;
    pub const PERM: u32 = 0x40;
    pub const RENAME: u32 = 0x80;
    pub const PARENT_TIMES: u32 = 0x200;
    pub const XATTR: u32 = 0x400;
    pub const XATTR_RM: u32 = 0x800;
}

/// A change of one object.
#[derive(Debug, Default)]
pub(crate) struct Change {
    pub(crate) gfid: Gfid,
    pub(crate) flags: u32,
    stat: Option<Iatt>,
    parent: Option<Iatt>,
    old_parent: Option<Iatt>,
    /// The xattrs that changed, with their new values.
    pub(crate) xattrs: Dict,
}

impl Change {
    /// A change of the object whose attributes are `stat` now.
    pub(crate) fn of(stat: &Iatt, flags: u32) -> Self {
        Self { stat: Some(*stat), ..Self::of_gfid(stat.gfid, flags) }
    }

    /// A change of an object of which nothing else is known.
    pub(crate) fn of_gfid(gfid: Gfid, flags: u32) -> Self {
        Self { gfid, flags, ..Self::default() }
    }

    /// A change of attributes: what of them is another one now.
    pub(crate) fn between(pre: &Iatt, post: &Iatt) -> Self {
        let times = |iatt: &Iatt| (iatt.mtime, iatt.mtime_nsec, iatt.ctime, iatt.ctime_nsec);
        let mut flags = 0;
        for (changed, flag) in [
            (pre.size != post.size, flag::SIZE),
            (pre.mode != post.mode, flag::MODE | flag::PERM),
            ((pre.uid, pre.gid) != (post.uid, post.gid), flag::OWN),
            (times(pre) != times(post), flag::TIMES),
        ] {
            if changed {
                flags |= flag;
            }
        }
        Self::of(post, flags)
    }

    /// A change of xattrs; the attributes are in the answer's extras where somebody asked for them.
    pub(crate) fn of_xattrs(gfid: Gfid, flags: u32, xattrs: Dict, answer: &Dict) -> Self {
        let stat = match answer.get("virt-gf-poststat") {
            Some(Value::Iatt(iatt)) => Some(**iatt),
            _ => None,
        };
        Self { stat, xattrs, ..Self::of_gfid(gfid, flags) }
    }

    /// The object's name is, or was, in this directory.
    pub(crate) fn within(mut self, parent: &Iatt) -> Self {
        self.parent = Some(*parent);
        self
    }

    /// The object's name was in this directory before.
    pub(crate) fn from(mut self, old_parent: &Iatt) -> Self {
        self.old_parent = Some(*old_parent);
        self
    }

    /// What tells the client with this uid.
    pub(crate) fn event(&self, client: &str, expire: u64) -> Event {
        let mut data = Dict::new()
            .with(KIND, CACHE_INVALIDATION)
            .with(CLIENT, Value::str(client))
            .with(GFID, self.gfid)
            .with(FLAGS, u64::from(self.flags))
            .with(EXPIRE, expire);
        for (key, iatt) in [(STAT, &self.stat), (PARENT, &self.parent), (OLD_PARENT, &self.old_parent)] {
            if let Some(iatt) = iatt {
                data.set(key, *iatt);
            }
        }
        for (name, value) in self.xattrs.iter() {
            data.set(format!("{XATTR}{}", name.as_str()), value.clone());
        }
        Event { kind: EventKind::UPCALL, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_attributes_that_are_others_now_count() {
        let old = Iatt { gfid: Gfid([1; 16]), size: 5, mode: 0o100_644, mtime: 7, ..Iatt::default() };
        assert_eq!(Change::between(&old, &old).flags, 0);
        let accessed = Iatt { atime: 99, ..old };
        assert_eq!(Change::between(&old, &accessed).flags, 0, "a client keeps no access times right");
        let written = Iatt { size: 6, mtime_nsec: 1, ..old };
        assert_eq!(Change::between(&old, &written).flags, flag::SIZE | flag::TIMES);
        let given = Iatt { uid: 5, mode: 0o100_600, ..old };
        assert_eq!(Change::between(&old, &given).flags, flag::OWN | flag::MODE | flag::PERM);
    }
}
