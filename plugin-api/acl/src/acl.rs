//! An access control list: what each class of users may do.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// Read, write and execute, as the lowest three bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Perm(u8);

impl Perm {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Execute a file, search a folder.
    pub const EXEC: Self = Self(1);
    /// Write a file, change a folder's names.
    pub const WRITE: Self = Self(2);
    /// Read a file, list a folder.
    pub const READ: Self = Self(4);
    /// All three.
    pub const ALL: Self = Self(7);

    /// The lowest three bits of `bits`; the rest is left out.
    pub const fn from_bits(bits: u32) -> Self {
        Self((bits & 7).to_le_bytes()[0])
    }

    /// The three bits, shifted to no class.
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// True when every permission of `wanted` is here.
    pub const fn allows(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl BitAnd for Perm {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Perm {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Perm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |bit: Self, letter| if self.allows(bit) { letter } else { '-' };
        write!(f, "{}{}{}", letter(Self::READ, 'r'), letter(Self::WRITE, 'w'), letter(Self::EXEC, 'x'))
    }
}

/// A whole list. The three classes of a mode are always there; the mask is, when anybody is named.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Acl {
    /// The owner; never limited by the mask.
    pub owner: Perm,
    /// Named users, by id.
    pub users: Vec<(u32, Perm)>,
    /// The owning group.
    pub group: Perm,
    /// Named groups, by id.
    pub groups: Vec<(u32, Perm)>,
    /// The most that named users and all groups get; the group bits of the mode show it.
    pub mask: Option<Perm>,
    /// Everybody else.
    pub other: Perm,
}

impl Acl {
    /// The list that says the same as the lowest nine bits of `mode`.
    pub fn from_mode(mode: u32) -> Self {
        Self {
            owner: Perm::from_bits(mode >> 6),
            group: Perm::from_bits(mode >> 3),
            other: Perm::from_bits(mode),
            ..Self::default()
        }
    }

    /// True when a mode says as much: nobody is named and there is no mask.
    pub fn is_minimal(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.mask.is_none()
    }

    /// The nine mode bits that show this list.
    pub fn mode_bits(&self) -> u32 {
        self.owner.bits() << 6 | self.mask.unwrap_or(self.group).bits() << 3 | self.other.bits()
    }

    /// The list after `chmod`: the group bits go to the mask where there is one.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.owner = Perm::from_bits(mode >> 6);
        self.other = Perm::from_bits(mode);
        match &mut self.mask {
            Some(mask) => *mask = Perm::from_bits(mode >> 3),
            None => self.group = Perm::from_bits(mode >> 3),
        }
        self
    }

    pub(crate) fn masked(&self, perm: Perm) -> Perm {
        perm & self.mask.unwrap_or(Perm::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_and_its_list_say_the_same() {
        let acl = Acl::from_mode(0o100_754);
        assert!(acl.is_minimal());
        assert_eq!(acl.mode_bits(), 0o754);
        assert_eq!(format!("{:?} {:?} {:?}", acl.owner, acl.group, acl.other), "rwx r-x r--");
    }

    #[test]
    fn chmod_moves_the_mask_and_leaves_the_group_alone() {
        let acl = Acl { users: vec![(7, Perm::ALL)], mask: Some(Perm::ALL), ..Acl::from_mode(0o770) };
        let after = acl.with_mode(0o640);
        assert_eq!(
            (after.owner, after.mask, after.other),
            (Perm::READ | Perm::WRITE, Some(Perm::READ), Perm::NONE)
        );
        assert_eq!(after.group, Perm::ALL);
        assert_eq!(after.mode_bits(), 0o640);
    }
}
