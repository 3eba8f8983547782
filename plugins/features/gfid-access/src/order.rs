//! Orders that are set as attributes: what they say, byte by byte.

use plugin_api::prelude::*;

/// Makes an object with an id that is given.
pub(crate) const NEW: &str = "glusterfs.gfid.newfile";
/// Looks a name up, and heals it with the id that is given.
pub(crate) const HEAL: &str = "glusterfs.gfid.heal";

/// An object that is to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct New {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) gfid: Gfid,
    pub(crate) name: IoBuf,
    pub(crate) kind: Kind,
}

/// What it is to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory { mode: u32, umask: u32 },
    Symlink { target: IoBuf },
    Other { mode: u32, rdev: u32, umask: u32 },
}

/// A name that is to be looked up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heal {
    pub(crate) gfid: Gfid,
    pub(crate) name: IoBuf,
}

/// What is left of a value.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number(&mut self) -> FopResult<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or(Errno::EINVAL)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*number))
    }

    fn text(&mut self) -> FopResult<IoBuf> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(Errno::EINVAL)?;
        let (text, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Ok(IoBuf::copy_from_slice(text))
    }

    fn gfid(&mut self) -> FopResult<Gfid> {
        let text = self.text()?;
        let gfid = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        Ok(gfid.filter(|gfid: &Gfid| !gfid.is_null()).ok_or(Errno::EINVAL)?)
    }

    /// The name of an entry.
    fn name(&mut self) -> FopResult<IoBuf> {
        let name = self.text()?;
        let is_entry = !matches!(&name[..], b"" | b"." | b"..") && !name.contains(&b'/');
        if is_entry { Ok(name) } else { Err(Errno::EINVAL.into()) }
    }
}

impl New {
    /// Reads the order.
    ///
    /// # Errors
    /// `EINVAL` where it is cut short, or names no id or no entry.
    pub(crate) fn read(value: &[u8]) -> FopResult<Self> {
        let mut rest = Rest(value);
        let (uid, gid) = (rest.number()?, rest.number()?);
        let (gfid, mode) = (rest.gfid()?, rest.number()?);
        let name = rest.name()?;
        let kind = match mode & libc::S_IFMT {
            libc::S_IFDIR => Kind::Directory { mode: rest.number()?, umask: rest.number()? },
            libc::S_IFLNK => Kind::Symlink { target: rest.text()? },
            _ => Kind::Other { mode: rest.number()?, rdev: rest.number()?, umask: rest.number()? },
        };
        Ok(Self { uid, gid, gfid, name, kind })
    }
}

impl Heal {
    /// Reads the order.
    ///
    /// # Errors
    /// As for [`New::read`].
    pub(crate) fn read(value: &[u8]) -> FopResult<Self> {
        let mut rest = Rest(value);
        Ok(Self { gfid: rest.gfid()?, name: rest.name()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0d19fa22-c17b-4f5c-8a0e-5a2f0e3d9b11\0";

    fn order(mode: u32, name: &str, tail: &[u8]) -> Vec<u8> {
        let mut value = [7_u32.to_be_bytes(), 8_u32.to_be_bytes()].concat();
        value.extend(ID.as_bytes());
        value.extend(mode.to_be_bytes());
        value.extend(name.as_bytes());
        value.extend(tail);
        value
    }

    #[test]
    fn an_order_says_what_is_made() {
        let tail = [0o755_u32, 0o22].map(u32::to_be_bytes).concat();
        let new = New::read(&order(libc::S_IFDIR | 0o755, "d\0", &tail)).unwrap();
        assert_eq!((new.uid, new.gid, &new.name[..]), (7, 8, &b"d"[..]));
        assert_eq!(new.kind, Kind::Directory { mode: 0o755, umask: 0o22 });
        let new = New::read(&order(libc::S_IFLNK | 0o777, "l\0", b"there\0")).unwrap();
        assert_eq!(new.kind, Kind::Symlink { target: IoBuf::from(b"there".to_vec()) });
    }

    #[test]
    fn an_order_that_is_cut_short_or_leads_elsewhere_is_none() {
        let whole = order(libc::S_IFREG, "f\0", &[0; 12]);
        assert!(New::read(&whole).is_ok());
        for end in 0..whole.len() {
            assert!(New::read(&whole[..end]).is_err(), "{end}");
        }
        for name in ["\0", ".\0", "..\0", "a/b\0"] {
            assert!(New::read(&order(libc::S_IFREG, name, &[0; 12])).is_err(), "{name:?}");
            assert!(Heal::read(format!("{ID}{name}").as_bytes()).is_err(), "{name:?}");
        }
    }
}
