//! Who may change an object's attributes.

use crate::{Denied, Object, Perm, Subject};

const SET_GID: u32 = 0o2000;

/// How a change sets the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// To given values: the owner may. (GlusterFS 10 lets every writer do so; POSIX does not.)
    Given,
    /// To now: whoever may write may as well.
    Now,
}

/// A change of attributes; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttrChange {
    /// The new mode.
    pub mode: Option<u32>,
    /// The new owner.
    pub uid: Option<u32>,
    /// The new owning group.
    pub gid: Option<u32>,
    /// New times.
    pub times: Option<Times>,
}

/// What becomes of the set-gid bit that a change asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetGid {
    /// It is set as asked.
    Kept,
    /// It is left out: the caller is not in the object's group.
    Cleared,
}

impl AttrChange {
    /// Decides whether a caller who is not root may change `object` so.
    ///
    /// # Errors
    /// [`Denied::NotOwner`] for what only the owner or root may, [`Denied::Access`] when setting the times needs a write
    /// permission that is missing.
    pub fn check(&self, object: &Object, who: Subject<'_>) -> Result<SetGid, Denied> {
        if self.uid.is_some_and(|uid| uid != object.uid) {
            return Err(Denied::NotOwner);
        }
        if self.mode.is_some() || self.uid.is_some() || self.gid.is_some() {
            object.check_owner(who)?;
        }
        if self.gid.is_some_and(|gid| gid != object.gid && !who.is_in(gid)) {
            return Err(Denied::NotOwner);
        }
        if let Some(times) = self.times.filter(|_| object.uid != who.uid) {
            object.check(who, Perm::WRITE)?;
            if times == Times::Given {
                return Err(Denied::NotOwner);
            }
        }
        let group = self.gid.unwrap_or(object.gid);
        let asks = self.mode.is_some_and(|mode| mode & SET_GID != 0);
        Ok(if asks && !who.is_in(group) { SetGid::Cleared } else { SetGid::Kept })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Object {
        Object { uid: 10, gid: 20, mode: 0o664, ..Object::default() }
    }

    fn who(uid: u32, gid: u32) -> Subject<'static> {
        Subject { uid, gid, groups: &[] }
    }

    #[test]
    fn only_the_owner_changes_the_mode_and_only_members_keep_set_gid() {
        let chmod = AttrChange { mode: Some(0o2755), ..AttrChange::default() };
        assert_eq!(chmod.check(&object(), who(11, 20)), Err(Denied::NotOwner));
        assert_eq!(chmod.check(&object(), who(10, 20)), Ok(SetGid::Kept));
        assert_eq!(chmod.check(&object(), who(10, 21)), Ok(SetGid::Cleared));
    }

    #[test]
    fn an_owner_gives_a_file_to_no_user_and_to_own_groups_only() {
        let chown = |uid, gid| AttrChange { uid, gid, ..AttrChange::default() };
        assert_eq!(chown(Some(11), None).check(&object(), who(10, 20)), Err(Denied::NotOwner));
        assert_eq!(chown(Some(10), None).check(&object(), who(10, 20)), Ok(SetGid::Kept));
        assert_eq!(chown(None, Some(21)).check(&object(), who(10, 20)), Err(Denied::NotOwner));
        assert_eq!(chown(None, Some(21)).check(&object(), who(10, 21)), Ok(SetGid::Kept));
        assert_eq!(chown(None, Some(21)).check(&object(), who(11, 21)), Err(Denied::NotOwner));
    }

    #[test]
    fn writers_set_the_times_to_now_and_owners_to_anything() {
        let touch = |times| AttrChange { times: Some(times), ..AttrChange::default() };
        assert_eq!(touch(Times::Now).check(&object(), who(11, 20)), Ok(SetGid::Kept));
        assert_eq!(touch(Times::Now).check(&object(), who(11, 21)), Err(Denied::Access));
        assert_eq!(touch(Times::Given).check(&object(), who(11, 21)), Err(Denied::Access));
        assert_eq!(touch(Times::Given).check(&object(), who(11, 20)), Err(Denied::NotOwner));
        assert_eq!(touch(Times::Given).check(&object(), who(10, 0)), Ok(SetGid::Kept));
    }
}
