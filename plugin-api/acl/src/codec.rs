//! An ACL as the value of its extended attribute: a version word, then entries of eight bytes, little-endian.

use crate::{Acl, Perm};

/// The attribute of the list that is enforced.
pub const ACCESS_XATTR: &str = "system.posix_acl_access";
/// The attribute of the list that new objects of a folder start from.
pub const DEFAULT_XATTR: &str = "system.posix_acl_default";

const VERSION: u32 = 2;
const HEADER: usize = 4;
const ENTRY: usize = 8;
const NO_ID: u32 = u32::MAX;

const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP: u16 = 0x04;
const NAMED_GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// Why bytes are no access control list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not a header and whole entries.
    #[error("found {0} bytes, expected 4 and a multiple of 8")]
    Length(usize),
    /// Another format.
    #[error("found version {0}, expected 2")]
    Version(u32),
    /// An entry of no known kind, or with other bits than read, write and execute.
    #[error("found entry of tag {tag:#x} with permissions {perm:#x}, expected a known tag and rwx")]
    Entry {
        /// The kind of entry.
        tag: u16,
        /// Its permissions.
        perm: u16,
    },
    /// An entry that may be there once only, or a user or group that is named twice.
    #[error("found a second entry of tag {tag:#x}, id {id}")]
    Twice {
        /// The kind of entry.
        tag: u16,
        /// Who it is about.
        id: u32,
    },
    /// Owner, group or other is missing, or the mask although somebody is named.
    #[error("no entry of tag {0:#x}")]
    Missing(u16),
}

impl Acl {
    /// Reads an attribute's value. A value without entries is `None`: it takes the list away.
    ///
    /// # Errors
    /// Any [`CodecError`]; nothing of a damaged list is used.
    /// # Source
    /// Linux's `system.posix_acl_*` attributes (version 2).
    pub fn decode(value: &[u8]) -> Result<Option<Self>, CodecError> {
        let (header, entries) = value.split_first_chunk::<HEADER>().ok_or(CodecError::Length(value.len()))?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(CodecError::Length(value.len()));
        }
        match u32::from_le_bytes(*header) {
            VERSION => {}
            other => return Err(CodecError::Version(other)),
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::default();
        for &[t0, t1, p0, p1, i0, i1, i2, i3] in entries {
            reader.entry(
                u16::from_le_bytes([t0, t1]),
                u16::from_le_bytes([p0, p1]),
                u32::from_le_bytes([i0, i1, i2, i3]),
            )?;
        }
        reader.finish().map(Some)
    }

    /// The attribute's value for this list, entries in the order the kernel wants.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + ENTRY * (4 + self.users.len() + self.groups.len()));
        out.extend(VERSION.to_le_bytes());
        let mut put = |tag: u16, perm: Perm, id: u32| {
            out.extend(tag.to_le_bytes());
            out.extend(perm.bits().to_le_bytes()[..2].iter());
            out.extend(id.to_le_bytes());
        };
        put(OWNER, self.owner, NO_ID);
        self.users.iter().for_each(|&(id, perm)| put(USER, perm, id));
        put(GROUP, self.group, NO_ID);
        self.groups.iter().for_each(|&(id, perm)| put(NAMED_GROUP, perm, id));
        if let Some(mask) = self.mask {
            put(MASK, mask, NO_ID);
        }
        put(OTHER, self.other, NO_ID);
        out
    }
}

#[derive(Default)]
struct Reader {
    owner: Option<Perm>,
    users: Vec<(u32, Perm)>,
    group: Option<Perm>,
    groups: Vec<(u32, Perm)>,
    mask: Option<Perm>,
    other: Option<Perm>,
}

impl Reader {
    fn entry(&mut self, tag: u16, perm: u16, id: u32) -> Result<(), CodecError> {
        if perm > 7 {
            return Err(CodecError::Entry { tag, perm });
        }
        let perm_value = Perm::from_bits(u32::from(perm));
        let slot = match tag {
            OWNER => &mut self.owner,
            GROUP => &mut self.group,
            MASK => &mut self.mask,
            OTHER => &mut self.other,
            USER => return name(&mut self.users, tag, id, perm_value),
            NAMED_GROUP => return name(&mut self.groups, tag, id, perm_value),
            _ => return Err(CodecError::Entry { tag, perm }),
        };
        match slot.replace(perm_value) {
            None => Ok(()),
            Some(_) => Err(CodecError::Twice { tag, id }),
        }
    }

    fn finish(mut self) -> Result<Acl, CodecError> {
        let named = !self.users.is_empty() || !self.groups.is_empty();
        if named && self.mask.is_none() {
            return Err(CodecError::Missing(MASK));
        }
        for (tag, names) in [(USER, &mut self.users), (NAMED_GROUP, &mut self.groups)] {
            names.sort_unstable_by_key(|(id, _)| *id);
            if let Some(pair) = names.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(CodecError::Twice { tag, id: pair[0].0 });
            }
        }
        Ok(Acl {
            owner: self.owner.ok_or(CodecError::Missing(OWNER))?,
            users: self.users,
            group: self.group.ok_or(CodecError::Missing(GROUP))?,
            groups: self.groups,
            mask: self.mask,
            other: self.other.ok_or(CodecError::Missing(OTHER))?,
        })
    }
}

fn name(names: &mut Vec<(u32, Perm)>, tag: u16, id: u32, perm: Perm) -> Result<(), CodecError> {
    if id == NO_ID {
        return Err(CodecError::Entry { tag, perm: u16::try_from(perm.bits()).expect("three bits") });
    }
    names.push((id, perm));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `setfacl -m u:1000:rwx` leaves it on a file of mode 640.
    const NAMED: &[u8] = &[
        2, 0, 0, 0, //
        1, 0, 6, 0, 255, 255, 255, 255, //
        2, 0, 7, 0, 0xe8, 3, 0, 0, //
        4, 0, 4, 0, 255, 255, 255, 255, //
        16, 0, 7, 0, 255, 255, 255, 255, //
        32, 0, 0, 0, 255, 255, 255, 255,
    ];

    #[test]
    fn a_list_survives_the_way_there_and_back() {
        let acl = Acl::decode(NAMED).unwrap().unwrap();
        assert_eq!(acl.users, [(1000, Perm::ALL)]);
        assert_eq!(acl.mode_bits(), 0o670);
        assert_eq!(acl.encode(), NAMED);
    }

    #[test]
    fn a_value_without_entries_takes_the_list_away() {
        assert_eq!(Acl::decode(&NAMED[..4]), Ok(None));
    }

    #[test]
    fn damaged_values_are_refused_with_the_reason() {
        assert_eq!(Acl::decode(&[]), Err(CodecError::Length(0)));
        assert_eq!(Acl::decode(&NAMED[..9]), Err(CodecError::Length(9)));
        assert_eq!(Acl::decode(&[1, 0, 0, 0]), Err(CodecError::Version(1)));
        assert_eq!(Acl::decode(&NAMED[..36]), Err(CodecError::Missing(OTHER)));
        let mut bad = NAMED.to_vec();
        bad[6] = 8;
        assert_eq!(Acl::decode(&bad), Err(CodecError::Entry { tag: 1, perm: 8 }));
        bad[6] = 6;
        bad[28] = 32;
        assert_eq!(Acl::decode(&bad), Err(CodecError::Twice { tag: 32, id: NO_ID }));
        let without_mask = [&NAMED[..28], &NAMED[36..]].concat();
        assert_eq!(Acl::decode(&without_mask), Err(CodecError::Missing(MASK)));
    }
}
