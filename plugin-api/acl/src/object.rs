//! What is enforced on one object, and for whom.

use crate::{Acl, Perm};

const STICKY: u32 = 0o1000;

/// Who asks: the ids of a call's credential.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: &'a [u32],
}

impl Subject<'_> {
    /// True when the group is one of the caller's.
    pub fn is_in(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }
}

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// EACCES: a permission is missing.
    #[error("permission denied")]
    Access,
    /// EPERM: only the owner (or root) may.
    #[error("operation not permitted")]
    NotOwner,
}

/// What is enforced on one object.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Object {
    /// Owner.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// The lowest twelve bits of its mode. With a list, the group bits show the list's mask.
    pub mode: u32,
    /// The list, when it says more than the mode.
    pub access: Option<Box<Acl>>,
    /// What new objects in this folder start from.
    pub default: Option<Box<Acl>>,
}

impl Object {
    /// Decides whether the caller has every permission of `wanted`.
    ///
    /// # Errors
    /// [`Denied::Access`] when one is missing.
    /// # Source
    /// POSIX.1e draft 17, "ACL access check algorithm": the first class that the caller belongs to decides; among
    /// groups, one that grants is enough.
    pub fn check(&self, who: Subject<'_>, wanted: Perm) -> Result<(), Denied> {
        let granted = match &self.access {
            None => self.check_mode(who, wanted),
            Some(acl) => self.check_acl(acl, who, wanted),
        };
        if granted { Ok(()) } else { Err(Denied::Access) }
    }

    /// Decides whether a name may be taken out of this folder: that needs write and search, and in a sticky folder the
    /// caller must own the folder or `victim`, the object of that name; a victim nobody knows is not theirs.
    ///
    /// # Errors
    /// [`Denied::Access`].
    pub fn check_removal(&self, who: Subject<'_>, victim: Option<&Self>) -> Result<(), Denied> {
        self.check(who, Perm::WRITE | Perm::EXEC)?;
        let owns = self.uid == who.uid || victim.is_some_and(|victim| victim.uid == who.uid);
        if !self.is_sticky() || owns { Ok(()) } else { Err(Denied::Access) }
    }

    /// True for a folder where names belong to the owners of what they name.
    pub fn is_sticky(&self) -> bool {
        self.mode & STICKY != 0
    }

    /// Decides whether the caller owns the object.
    ///
    /// # Errors
    /// [`Denied::NotOwner`].
    pub fn check_owner(&self, who: Subject<'_>) -> Result<(), Denied> {
        if self.uid == who.uid { Ok(()) } else { Err(Denied::NotOwner) }
    }

    /// Takes over a new mode, as after a `chmod` or from attributes that came by.
    pub fn set_mode(&mut self, mode: u32) {
        self.mode = mode & 0o7777;
        if let Some(acl) = self.access.take() {
            self.access = Some(Box::new(acl.with_mode(mode)));
        }
    }

    /// The whole list, also when it says no more than the mode.
    pub fn list(&self) -> Acl {
        self.access.as_deref().cloned().unwrap_or_else(|| Acl::from_mode(self.mode))
    }

    /// Takes over a new list; one that says no more than a mode becomes the mode.
    pub fn set_access(&mut self, acl: Option<Acl>) {
        let Some(acl) = acl else {
            if let Some(gone) = self.access.take() {
                // the group bits showed the mask; without it they show the group
                self.mode = self.mode & !0o070 | gone.group.bits() << 3;
            }
            return;
        };
        self.mode = self.mode & !0o777 | acl.mode_bits();
        self.access = (!acl.is_minimal()).then(|| Box::new(acl));
    }

    fn check_mode(&self, who: Subject<'_>, wanted: Perm) -> bool {
        let shift = match () {
            () if who.uid == self.uid => 6,
            () if who.is_in(self.gid) => 3,
            () => 0,
        };
        Perm::from_bits(self.mode >> shift).allows(wanted)
    }

    fn check_acl(&self, acl: &Acl, who: Subject<'_>, wanted: Perm) -> bool {
        if who.uid == self.uid {
            return acl.owner.allows(wanted);
        }
        if let Some((_, perm)) = acl.users.iter().find(|(uid, _)| *uid == who.uid) {
            return acl.masked(*perm).allows(wanted);
        }
        let owning = who.is_in(self.gid).then_some(acl.group);
        let named = acl.groups.iter().filter(|(gid, _)| who.is_in(*gid)).map(|(_, perm)| *perm);
        let mut any = false;
        for perm in owning.into_iter().chain(named) {
            any = true;
            if acl.masked(perm).allows(wanted) {
                return true;
            }
        }
        !any && acl.other.allows(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RW: Perm = Perm::from_bits(6);

    fn who(uid: u32, gid: u32, groups: &[u32]) -> Subject<'_> {
        Subject { uid, gid, groups }
    }

    fn object(mode: u32) -> Object {
        Object { uid: 10, gid: 20, mode, ..Object::default() }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let file = object(0o407);
        assert_eq!(file.check(who(10, 0, &[]), Perm::READ), Ok(()));
        assert_eq!(
            file.check(who(10, 0, &[]), Perm::WRITE),
            Err(Denied::Access),
            "though everybody else may"
        );
        assert_eq!(file.check(who(11, 20, &[]), Perm::READ), Err(Denied::Access));
        assert_eq!(file.check(who(11, 0, &[20]), Perm::READ), Err(Denied::Access));
        assert_eq!(file.check(who(11, 0, &[]), Perm::ALL), Ok(()));
    }

    #[test]
    fn named_users_come_before_groups_and_under_the_mask() {
        let acl = Acl {
            users: vec![(11, Perm::ALL)],
            groups: vec![(30, RW)],
            mask: Some(Perm::READ),
            ..Acl::from_mode(0o770)
        };
        let file = Object { access: Some(Box::new(acl)), ..object(0o740) };
        assert_eq!(file.check(who(11, 20, &[30]), Perm::READ), Ok(()));
        assert_eq!(file.check(who(11, 20, &[30]), RW), Err(Denied::Access), "the mask takes write away");
        assert_eq!(file.check(who(10, 20, &[]), Perm::ALL), Ok(()), "the mask never limits the owner");
        assert_eq!(file.check(who(12, 30, &[]), Perm::READ), Ok(()));
        assert_eq!(file.check(who(12, 0, &[]), Perm::READ), Err(Denied::Access));
    }

    #[test]
    fn one_group_that_grants_is_enough_and_a_group_that_fits_bars_other() {
        let acl = Acl {
            groups: vec![(30, Perm::READ), (31, RW)],
            mask: Some(Perm::ALL),
            group: Perm::NONE,
            ..Acl::from_mode(0o707)
        };
        let file = Object { access: Some(Box::new(acl)), ..object(0o777) };
        assert_eq!(file.check(who(11, 20, &[30, 31]), RW), Ok(()));
        assert_eq!(file.check(who(11, 20, &[30]), RW), Err(Denied::Access), "two groups do not add up");
        assert_eq!(file.check(who(11, 20, &[]), Perm::EXEC), Err(Denied::Access));
        assert_eq!(file.check(who(11, 0, &[]), Perm::EXEC), Ok(()));
    }

    #[test]
    fn in_a_sticky_folder_only_owners_take_names_away() {
        let folder = object(0o1777);
        let victim = |uid| Object { uid, ..object(0o644) };
        assert_eq!(folder.check_removal(who(11, 0, &[]), Some(&victim(11))), Ok(()));
        assert_eq!(folder.check_removal(who(11, 0, &[]), Some(&victim(12))), Err(Denied::Access));
        assert_eq!(folder.check_removal(who(11, 0, &[]), None), Err(Denied::Access));
        assert_eq!(folder.check_removal(who(10, 0, &[]), None), Ok(()), "the folder is theirs");
        assert_eq!(object(0o777).check_removal(who(11, 0, &[]), Some(&victim(12))), Ok(()));
        assert_eq!(object(0o755).check_removal(who(11, 0, &[]), Some(&victim(11))), Err(Denied::Access));
    }

    #[test]
    fn setting_a_list_moves_the_mode_and_chmod_moves_the_list() {
        let mut file = object(0o4640);
        let acl = Acl { users: vec![(11, Perm::ALL)], mask: Some(Perm::ALL), ..Acl::from_mode(0o640) };
        file.set_access(Some(acl));
        assert_eq!(file.mode, 0o4670);
        file.set_mode(0o100_600);
        assert_eq!(file.check(who(11, 0, &[]), Perm::READ), Err(Denied::Access));
        file.set_access(Some(Acl::from_mode(0o751)));
        assert_eq!((file.mode, &file.access), (0o751, &None));
    }

    #[test]
    fn taking_the_list_away_shows_the_group_again() {
        let mut file = object(0o640);
        let acl = Acl { users: vec![(11, Perm::ALL)], mask: Some(Perm::ALL), ..Acl::from_mode(0o640) };
        file.set_access(Some(acl));
        file.set_access(None);
        assert_eq!((file.mode, &file.access), (0o640, &None));
    }
}
