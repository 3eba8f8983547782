//! An ACL as text, which libgfapi's programs ask for and set: entries with commas between them, ids as numbers.

use std::fmt;
use std::str::FromStr;

use crate::{Acl, Perm};

/// The virtual attribute of the list that is enforced, as text.
pub const ACCESS_TEXT: &str = "glusterfs.posix.acl";
/// That of the list that new objects of a folder start from.
pub const DEFAULT_TEXT: &str = "glusterfs.posix.default_acl";

/// The longest text that is looked at, bytes: more entries than an attribute's value holds.
const LONGEST: usize = 1 << 17;

/// Why a text is no access control list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found entry `{0}`, expected `kind:id:rwx` once for each")]
pub struct TextError(String);

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "u::{:?}", self.owner)?;
        for (id, perm) in &self.users {
            write!(f, ",u:{id}:{perm:?}")?;
        }
        write!(f, ",g::{:?}", self.group)?;
        for (id, perm) in &self.groups {
            write!(f, ",g:{id}:{perm:?}")?;
        }
        if let Some(mask) = self.mask {
            write!(f, ",m::{mask:?}")?;
        }
        write!(f, ",o::{:?}", self.other)
    }
}

impl FromStr for Acl {
    type Err = TextError;

    /// Reads a list; kinds may be words or their first letters, entries may stand in any order.
    ///
    /// # Source
    /// The short and the long text form of acl(5), with ids for names.
    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim_end_matches('\0');
        let part = |entry: &str| TextError(entry.chars().take(64).collect());
        if text.len() > LONGEST {
            return Err(part(text));
        }
        let mut acl = Self::default();
        let (mut owner, mut group, mut other) = (None, None, None);
        for entry in text.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty()) {
            let wrong = || part(entry);
            let mut fields = entry.split(':').map(str::trim);
            let (kind, who, perm) = match (fields.next(), fields.next(), fields.next(), fields.next()) {
                (Some(kind), Some(who), Some(perm), None) => (kind, who, perm),
                _ => return Err(wrong()),
            };
            let perm = permissions(perm).ok_or_else(wrong)?;
            let taken = match (kind, who) {
                ("u" | "user", "") => owner.replace(perm).is_some(),
                ("g" | "group", "") => group.replace(perm).is_some(),
                ("m" | "mask", "") => acl.mask.replace(perm).is_some(),
                ("o" | "other", "") => other.replace(perm).is_some(),
                ("u" | "user", id) => name(&mut acl.users, id, perm).ok_or_else(wrong)?,
                ("g" | "group", id) => name(&mut acl.groups, id, perm).ok_or_else(wrong)?,
                _ => return Err(wrong()),
            };
            if taken {
                return Err(wrong());
            }
        }
        let missing = |kind: &str| TextError(format!("{kind} missing"));
        acl.owner = owner.ok_or_else(|| missing("u::"))?;
        acl.group = group.ok_or_else(|| missing("g::"))?;
        acl.other = other.ok_or_else(|| missing("o::"))?;
        if acl.mask.is_none() && !(acl.users.is_empty() && acl.groups.is_empty()) {
            return Err(missing("m::"));
        }
        acl.users.sort_unstable_by_key(|(id, _)| *id);
        acl.groups.sort_unstable_by_key(|(id, _)| *id);
        Ok(acl)
    }
}

/// Names somebody; whether that was so before.
fn name(names: &mut Vec<(u32, Perm)>, id: &str, perm: Perm) -> Option<bool> {
    let id = id.parse().ok().filter(|id| *id != u32::MAX)?;
    let taken = names.iter().any(|(named, _)| *named == id);
    names.push((id, perm));
    Some(taken)
}

fn permissions(text: &str) -> Option<Perm> {
    text.chars().try_fold(Perm::NONE, |all, letter| {
        Some(
            all | match letter {
                'r' => Perm::READ,
                'w' => Perm::WRITE,
                'x' => Perm::EXEC,
                '-' => Perm::NONE,
                _ => return None,
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_the_way_through_its_text() {
        let acl = Acl {
            users: vec![(7, Perm::READ), (1000, Perm::ALL)],
            mask: Some(Perm::ALL),
            ..Acl::from_mode(0o640)
        };
        assert_eq!(acl.to_string(), "u::rw-,u:7:r--,u:1000:rwx,g::r--,m::rwx,o::---");
        assert_eq!(acl.to_string().parse(), Ok(acl));
    }

    #[test]
    fn the_long_form_is_read_too() {
        let text = "other::r\nuser::rw-\ngroup::r--\n";
        assert_eq!(text.parse(), Ok(Acl::from_mode(0o644)));
    }

    #[test]
    fn texts_that_are_no_list_are_refused() {
        for text in [
            "",
            "u::rw-",
            "u::rw-,g::r--,o::---,o::---",
            "u::rw-,g::r--,o::rwz",
            "u::rw-,u:5:r--,g::r--,o::---",
            "u::rw-,u:root:r--,g::r--,m::rwx,o::---",
            "u::rw-,u:5:r--,u:5:r--,g::r--,m::rwx,o::---",
            "u:rw-,g::r--,o::---",
        ] {
            assert!(text.parse::<Acl>().is_err(), "{text}");
        }
    }
}
