//! What a fop has changed, and the event that tells one client so.
//!
//! Its keys are those of [`plugin_api::upcall`].

use plugin_api::upcall::{CLIENT, EXPIRE, FLAGS, GFID, KIND, OLD_PARENT, PARENT, STAT, XATTR, flag, kind};
use plugin_api::{Dict, Event, EventKind, Gfid, Iatt, Value};

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
            .with(KIND, kind::CACHE_INVALIDATION)
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
