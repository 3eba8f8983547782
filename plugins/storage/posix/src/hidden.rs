//! Which xattrs nobody is shown, and which nobody may set.

use rustix::io::Errno;

use crate::brick::{GFID_XATTR, VOLUME_ID_XATTR};
use crate::{gfid2path, glob, mdata};

/// The pid of geo-replication, which sees the marks it left.
const GSYNCD: i32 = -1;

const MARKS: [&[u8]; 5] = [
    b"*.glusterfs.*.stime",
    b"*.glusterfs.*.xtime",
    b"*.glusterfs.lockinfo",
    b"*.glusterfs.*.entry_stime",
    b"*.glusterfs.volume-mark.*",
];

/// Whether `name` is kept from a caller with this pid, by name and in listings.
pub(crate) fn is_hidden(name: &[u8], pid: i32) -> bool {
    (pid != GSYNCD && is_mark(name))
        || (pid >= 0 && name == mdata::XATTR)
        || name.starts_with(gfid2path::PREFIX)
}

fn is_mark(name: &[u8]) -> bool {
    MARKS.iter().any(|mark| glob::matches(mark, name))
}

/// The two ids that make a brick what it is.
pub(crate) fn is_identity(name: &[u8]) -> bool {
    name == GFID_XATTR || name == VOLUME_ID_XATTR
}

/// What becomes of an xattr that a client sets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// Stored.
    Store,
    /// Dropped without a word.
    Ignore,
    /// The three times, merged with those that are there.
    Times,
    /// Refused.
    Refuse(Errno),
}

pub(crate) fn setting(name: &[u8]) -> Setting {
    if is_identity(name) || glob::matches(b"*io*stat*dump", name) {
        Setting::Ignore
    } else if glob::matches(b"*pathinfo", name) {
        Setting::Refuse(Errno::ACCESS)
    } else if name.starts_with(gfid2path::PREFIX) {
        Setting::Refuse(Errno::NOTSUP)
    } else if name == mdata::XATTR {
        Setting::Times
    } else if name.is_empty() || name.contains(&0) {
        Setting::Refuse(Errno::INVAL)
    } else {
        Setting::Store
    }
}

/// Whether a key can be an xattr at all: the kernel has no other namespaces.
pub(crate) fn is_xattr(key: &[u8]) -> bool {
    const SPACES: [&[u8]; 4] = [b"trusted.", b"user.", b"security.", b"system."];
    !key.contains(&0) && SPACES.iter().any(|space| key.starts_with(space))
}

/// Whether an xattr of this name must not be put on a new object, being a request and no xattr.
pub(crate) fn is_request(name: &[u8]) -> bool {
    // Keys that look like xattrs and are none; all others of that kind lie outside the kernel's namespaces.
    const REQUESTS: [&[u8]; 2] = [b"trusted.glusterfs.durable-op", b"trusted.io-stats-dump"];
    !is_xattr(name) || REQUESTS.contains(&name) || is_identity(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_for_geo_replication_and_times_for_the_cluster() {
        assert!(is_hidden(b"trusted.glusterfs.0123.xtime", 0));
        assert!(is_hidden(b"trusted.glusterfs.0123.xtime", -6));
        assert!(!is_hidden(b"trusted.glusterfs.0123.xtime", -1));
        assert!(is_hidden(b"trusted.glusterfs.mdata", 7));
        assert!(!is_hidden(b"trusted.glusterfs.mdata", -3));
        assert!(is_hidden(b"trusted.gfid2path.0123", -1));
        assert!(!is_hidden(b"user.x", 0));
    }

    #[test]
    fn identity_is_never_set_and_paths_are_never_written() {
        assert_eq!(setting(b"trusted.gfid"), Setting::Ignore);
        assert_eq!(setting(b"trusted.io-stats-dump"), Setting::Ignore);
        assert_eq!(setting(b"trusted.glusterfs.pathinfo"), Setting::Refuse(Errno::ACCESS));
        assert_eq!(setting(b"trusted.gfid2path.00"), Setting::Refuse(Errno::NOTSUP));
        assert_eq!(setting(b"user.a"), Setting::Store);
    }
}
