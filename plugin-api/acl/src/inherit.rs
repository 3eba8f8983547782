//! What a new object starts with.

use crate::{Acl, Perm};

/// Mode and lists of an object that is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Born {
    /// The mode to make it with; the file type's bits are as they were asked for.
    pub mode: u32,
    /// The list to set on it.
    pub access: Option<Acl>,
    /// For a folder: what its own children start from.
    pub default: Option<Acl>,
}

/// Joins what the caller asked for with what the parent says.
///
/// Without a default list in the parent the caller's `umask` applies. With one it does not: the list is the start,
/// limited by `mode`, and a folder hands the default on.
/// # Source
/// POSIX.1e draft 17, "object creation and default ACLs".
pub fn born(parent_default: Option<&Acl>, mode: u32, umask: u32, folder: bool) -> Born {
    let Some(start) = parent_default else {
        return Born { mode: mode & !(umask & 0o777), access: None, default: None };
    };
    let mut access = start.clone();
    access.owner = access.owner & Perm::from_bits(mode >> 6);
    access.other = access.other & Perm::from_bits(mode);
    let asked = Perm::from_bits(mode >> 3);
    match &mut access.mask {
        Some(mask) => *mask = *mask & asked,
        None => access.group = access.group & asked,
    }
    Born {
        mode: mode & !0o777 | access.mode_bits(),
        access: Some(access),
        default: folder.then(|| start.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_default_the_umask_applies() {
        let born = born(None, 0o102_777, 0o027, true);
        assert_eq!(born, Born { mode: 0o102_750, access: None, default: None });
    }

    #[test]
    fn a_default_list_replaces_the_umask_and_is_limited_by_the_mode() {
        let start = Acl { users: vec![(11, Perm::ALL)], mask: Some(Perm::ALL), ..Acl::from_mode(0o775) };
        let file = born(Some(&start), 0o100_640, 0o777, false);
        assert_eq!(file.mode, 0o100_640);
        let access = file.access.unwrap();
        assert_eq!((access.mask, access.group), (Some(Perm::READ), Perm::ALL));
        assert_eq!(file.default, None);
        let folder = born(Some(&start), 0o777, 0o022, true);
        assert_eq!((folder.mode, folder.default), (0o775, Some(start)));
    }

    #[test]
    fn a_default_without_mask_limits_the_group() {
        let file = born(Some(&Acl::from_mode(0o770)), 0o666, 0, false);
        assert_eq!(file.mode, 0o660);
        assert_eq!(file.access, Some(Acl::from_mode(0o660)));
    }
}
