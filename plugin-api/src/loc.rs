//! Where a fop by name acts.

use abi_stable::StableAbi;
use abi_stable::std_types::ROption;

use crate::carry::{Carry, CarryError, sound_name};
use crate::{Gfid, Inode, IoBuf};

/// A place in the tree: an inode, or a name in a parent, or both.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default)]
#[carry(check = Loc::sound)]
pub struct Loc {
    /// The path from the root, where somebody knows it; empty otherwise. For people and for translators that act by
    /// path; never opened.
    pub path: IoBuf,
    /// The last component, without a NUL; empty when the place is known by gfid alone. The edge that read it from the
    /// wire has refused `/`, `.`, `..` and NUL.
    pub name: IoBuf,
    /// The file there, when it is known.
    pub inode: ROption<Inode>,
    /// The directory that holds `name`.
    pub parent: ROption<Inode>,
    /// The file's id, when it is known.
    pub gfid: Gfid,
    /// The parent's id, when there is one.
    pub parent_gfid: Gfid,
}

impl Loc {
    /// A name leads nowhere but into its directory.
    fn sound(&self) -> Result<(), CarryError> {
        match &self.name[..] {
            b"." | b".." => Err(CarryError::Text { what: "name" }),
            name if sound_name(name) => Ok(()),
            _ => Err(CarryError::Text { what: "name" }),
        }
    }

    /// The place of a known inode.
    #[must_use]
    pub fn of(inode: Inode) -> Self {
        Self { gfid: inode.gfid(), inode: ROption::RSome(inode), ..Self::default() }
    }

    /// A name in a directory.
    #[must_use]
    pub fn entry(parent: Inode, name: IoBuf) -> Self {
        Self { parent_gfid: parent.gfid(), parent: ROption::RSome(parent), name, ..Self::default() }
    }

    /// The inode's id, from the inode when the field is not set.
    #[must_use]
    pub fn target(&self) -> Gfid {
        match &self.inode {
            ROption::RSome(inode) if self.gfid.is_null() => inode.gfid(),
            _ => self.gfid,
        }
    }

    /// The parent's id, from the parent when the field is not set.
    #[must_use]
    pub fn directory(&self) -> Gfid {
        match &self.parent {
            ROption::RSome(parent) if self.parent_gfid.is_null() => parent.gfid(),
            _ => self.parent_gfid,
        }
    }
}
