//! The ids of what there is, and the paths that they stand for.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_api::{Gfid, Inode, Loc};

/// The first half of every id of ours. No brick gives such an id: it has no version of a uuid.
const OURS: [u8; 8] = *b"\x2emeta\0\0\0";

/// A path below `.meta`, component by component; empty for `.meta` itself.
pub(crate) type Path = Vec<String>;

/// The paths that somebody was told of, by the second half of their ids. They only grow, by what there is to be seen.
#[derive(Debug, Default)]
pub(crate) struct Places {
    known: Mutex<HashMap<u64, Path>>,
}

/// Whether an id is one of ours.
pub(crate) fn is_ours(gfid: Gfid) -> bool {
    gfid.0[..8] == OURS
}

/// Whether something is about one of ours, or about a name in one.
pub(crate) fn concerns_ours(loc: &Loc) -> bool {
    let of = |inode: Option<&Inode>| inode.is_some_and(|inode| is_ours(inode.gfid()));
    is_ours(loc.gfid)
        || is_ours(loc.parent_gfid)
        || of(loc.inode.as_ref().into_option())
        || of(loc.parent.as_ref().into_option())
}

impl Places {
    fn known(&self) -> MutexGuard<'_, HashMap<u64, Path>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a path: the same in every process.
    pub(crate) fn gfid(&self, path: &[String]) -> Gfid {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let number = hasher.finish();
        self.known().entry(number).or_insert_with(|| path.to_vec());
        let mut gfid = Gfid::NULL;
        gfid.0[..8].copy_from_slice(&OURS);
        gfid.0[8..].copy_from_slice(&number.to_be_bytes());
        gfid
    }

    /// The path that an id stands for; nothing for one that nobody was told of.
    pub(crate) fn path(&self, gfid: Gfid) -> Option<Path> {
        let number = u64::from_be_bytes(gfid.0[8..].try_into().ok()?);
        self.known().get(&number).filter(|_| is_ours(gfid)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_path_and_others_to_none() {
        let places = Places::default();
        let path = vec!["graphs".to_owned(), "active".to_owned()];
        let gfid = places.gfid(&path);
        assert!(is_ours(gfid) && !is_ours(Gfid::ROOT));
        assert_eq!(places.path(gfid), Some(path));
        assert_ne!(gfid, places.gfid(&[]));
        assert_eq!(places.path(Gfid::ROOT), None);
    }
}
