//! Squashing: callers who say that they are root, or anybody at all, become nobody.

use plugin_api::Identity;

/// GlusterFS's own processes that keep their identity when they are trusted: geo-replication, rebalance, internal
/// frames of clients, quota's mount, self-heal.
const OWN_PROCESSES: [i32; 5] = [-1, -3, -4, -5, -6];

/// Who becomes whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Squash {
    /// User and group 0 become anonymous.
    pub(crate) root: bool,
    /// Everybody becomes anonymous.
    pub(crate) all: bool,
    /// The anonymous user.
    pub(crate) uid: u32,
    /// The anonymous group.
    pub(crate) gid: u32,
}

impl Squash {
    /// Changes who a caller is; `trusted` when the client logged in.
    pub(crate) fn apply(&self, identity: &mut Identity, trusted: bool) {
        if !(self.root || self.all) || (trusted && OWN_PROCESSES.contains(&identity.pid)) {
            return;
        }
        if !trusted {
            // Nothing is refused to the processes of GlusterFS's own: who only says to be one would be root again.
            identity.pid = identity.pid.max(0);
        }
        let of = |id: u32, anonymous: u32| if self.all || id == 0 { anonymous } else { id };
        identity.uid = of(identity.uid, self.uid);
        identity.gid = of(identity.gid, self.gid);
        identity.groups.iter_mut().for_each(|group| *group = of(*group, self.gid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Squash = Squash { root: true, all: false, uid: 65534, gid: 65533 };

    fn squashed(squash: Squash, uid: u32, gid: u32, pid: i32, trusted: bool) -> (u32, u32, Vec<u32>) {
        let mut identity = Identity { uid, gid, pid, groups: vec![0, 27].into(), ..Identity::default() };
        squash.apply(&mut identity, trusted);
        (identity.uid, identity.gid, identity.groups.into())
    }

    #[test]
    fn root_becomes_nobody_and_others_stay() {
        assert_eq!(squashed(ROOT, 0, 0, 7, false), (65534, 65533, vec![65533, 27]));
        assert_eq!(squashed(ROOT, 1000, 100, 7, false), (1000, 100, vec![65533, 27]));
    }

    #[test]
    fn everybody_becomes_nobody_where_all_are_squashed() {
        let all = Squash { root: false, all: true, ..ROOT };
        assert_eq!(squashed(all, 1000, 100, 7, true), (65534, 65533, vec![65533, 65533]));
    }

    #[test]
    fn who_is_squashed_is_no_internal_process_unless_its_client_is_trusted() {
        let pid = |squash: Squash, pid: i32, trusted: bool| {
            let mut identity = Identity { uid: 1000, pid, ..Identity::default() };
            squash.apply(&mut identity, trusted);
            identity.pid
        };
        assert_eq!((pid(ROOT, -1, false), pid(ROOT, i32::MIN, false), pid(ROOT, 7, false)), (0, 0, 7));
        assert_eq!((pid(ROOT, -1, true), pid(ROOT, -8, true)), (-1, -8));
        let none = Squash { root: false, ..ROOT };
        assert_eq!(pid(none, -6, false), -6, "nobody is squashed here");
    }

    #[test]
    fn only_trusted_clients_may_speak_for_internal_processes() {
        for pid in [-1, -3, -4, -5, -6] {
            assert_eq!(squashed(ROOT, 0, 0, pid, true).0, 0, "{pid}");
            assert_eq!(squashed(ROOT, 0, 0, pid, false).0, 65534, "{pid}");
        }
        assert_eq!(squashed(ROOT, 0, 0, -2, true).0, 65534);
    }

    #[test]
    fn nothing_changes_where_nobody_is_squashed() {
        let off = Squash { root: false, ..ROOT };
        assert_eq!(squashed(off, 0, 0, 7, false), (0, 0, vec![0, 27]));
    }
}
