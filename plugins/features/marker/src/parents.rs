//! Parents: in which directories an object has a name, as far as that is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_api::Gfid;

/// Objects that are remembered; with one more, all are forgotten, and found again on disk when they are needed.
const MOST: usize = 1 << 16;

/// What is known of one object.
#[derive(Debug, Clone, Default)]
struct Known {
    parents: Vec<Gfid>,
    /// Whether there are no others.
    all: bool,
}

/// The parents of objects that were used lately.
#[derive(Debug, Default)]
pub(crate) struct Parents(Mutex<HashMap<Gfid, Known>>);

impl Parents {
    fn map(&self) -> MutexGuard<'_, HashMap<Gfid, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known<R>(&self, object: Gfid, change: impl FnOnce(&mut Known) -> R) -> R {
        let mut map = self.map();
        if map.len() >= MOST && !map.contains_key(&object) {
            map.clear();
        }
        change(map.entry(object).or_default())
    }

    /// An object has this parent, and no other.
    pub(crate) fn only(&self, object: Gfid, parent: Gfid) {
        self.known(object, |known| {
            if known.parents != [parent] {
                known.parents = vec![parent];
            }
            known.all = true;
        });
    }

    /// An object has this parent, and perhaps others.
    pub(crate) fn one_of(&self, object: Gfid, parent: Gfid) {
        self.known(object, |known| {
            if !known.parents.contains(&parent) {
                known.parents.push(parent);
            }
        });
    }

    /// An object has these parents beside those that are known.
    pub(crate) fn complete(&self, object: Gfid, parents: impl IntoIterator<Item = Gfid>) -> Vec<Gfid> {
        self.known(object, |known| {
            for parent in parents {
                if !known.parents.contains(&parent) {
                    known.parents.push(parent);
                }
            }
            known.all = true;
            known.parents.clone()
        })
    }

    /// An object has no name in this directory any more.
    pub(crate) fn not(&self, object: Gfid, parent: Gfid) {
        if let Some(known) = self.map().get_mut(&object) {
            known.parents.retain(|known| *known != parent);
        }
    }

    /// An object is gone.
    pub(crate) fn forget(&self, object: Gfid) {
        self.map().remove(&object);
    }

    /// All parents of an object, when they are known.
    pub(crate) fn of(&self, object: Gfid) -> Option<Vec<Gfid>> {
        self.map().get(&object).filter(|known| known.all).map(|known| known.parents.clone())
    }

    /// Whether this is a parent of the object; `None` when nobody knows.
    pub(crate) fn is(&self, object: Gfid, parent: Gfid) -> Option<bool> {
        let map = self.map();
        let known = map.get(&object)?;
        match known.parents.contains(&parent) {
            true => Some(true),
            false => known.all.then_some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Gfid = Gfid([9; 16]);
    const A: Gfid = Gfid([1; 16]);
    const B: Gfid = Gfid([2; 16]);

    #[test]
    fn what_is_not_known_is_not_said() {
        let parents = Parents::default();
        assert_eq!((parents.of(FILE), parents.is(FILE, A)), (None, None));
        parents.one_of(FILE, A);
        assert_eq!((parents.of(FILE), parents.is(FILE, A), parents.is(FILE, B)), (None, Some(true), None));
        assert_eq!(parents.complete(FILE, [A, B]), [A, B]);
        parents.not(FILE, A);
        assert_eq!((parents.of(FILE), parents.is(FILE, A)), (Some(vec![B]), Some(false)));
        parents.only(FILE, A);
        assert_eq!(parents.of(FILE), Some(vec![A]));
    }

    #[test]
    fn they_do_not_pile_up() {
        let parents = Parents::default();
        for n in 0..3 * MOST as u128 {
            parents.only(Gfid(n.to_be_bytes()), A);
        }
        assert!(parents.map().len() <= MOST);
    }
}
