//! A request: its header, and the fields of its body one after the other.

use plugin_api::{Errno, IoBuf};

/// Bytes of a request's header.
pub(crate) const HEADER: usize = 40;
/// Bytes of the header and the fields of a WRITE: what follows is payload.
pub(crate) const WRITE_HEAD: usize = HEADER + 40;

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    /// What is asked.
    pub(crate) opcode: u32,
    /// Names the request in its answer.
    pub(crate) unique: u64,
    /// The node that it is about.
    pub(crate) node: u64,
    /// The caller's user.
    pub(crate) uid: u32,
    /// The caller's group.
    pub(crate) gid: u32,
    /// The caller's process.
    pub(crate) pid: u32,
}

impl Header {
    /// Reads it from the start of a request; `None` when that is cut short.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields { rest: bytes.get(..HEADER)? };
        let mut read = || -> Result<Self, Errno> {
            fields.skip(4)?;
            Ok(Self {
                opcode: fields.u32()?,
                unique: fields.u64()?,
                node: fields.u64()?,
                uid: fields.u32()?,
                gid: fields.u32()?,
                pid: fields.u32()?,
            })
        };
        read().ok()
    }
}

/// Takes fields from a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Begins at the start of `body`.
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or(Errno::EINVAL)?;
        self.rest = rest;
        Ok(*field)
    }

    /// Four bytes.
    pub(crate) fn u32(&mut self) -> Result<u32, Errno> {
        Ok(u32::from_ne_bytes(self.take()?))
    }

    /// Four bytes with a sign.
    pub(crate) fn i32(&mut self) -> Result<i32, Errno> {
        Ok(i32::from_ne_bytes(self.take()?))
    }

    /// Eight bytes.
    pub(crate) fn u64(&mut self) -> Result<u64, Errno> {
        Ok(u64::from_ne_bytes(self.take()?))
    }

    /// Leaves a field out.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<(), Errno> {
        self.rest = self.rest.get(bytes..).ok_or(Errno::EINVAL)?;
        Ok(())
    }
}

/// A name that ends in a NUL, from position `at` of a body on, and where the next one begins.
pub(crate) fn text(body: &IoBuf, at: usize) -> Result<(IoBuf, usize), Errno> {
    let rest = body.get(at..).ok_or(Errno::EINVAL)?;
    let len = rest.iter().position(|byte| *byte == 0).ok_or(Errno::EINVAL)?;
    Ok((body.slice(at..at + len), at + len + 1))
}

/// As [`text`], for a name in a directory.
pub(crate) fn name(body: &IoBuf, at: usize) -> Result<(IoBuf, usize), Errno> {
    let (name, next) = text(body, at)?;
    match &name[..] {
        b"" | b"." | b".." => Err(Errno::EINVAL),
        bytes if bytes.contains(&b'/') => Err(Errno::EINVAL),
        _ => Ok((name, next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_cut_short_is_refused_and_not_read_beyond() {
        assert!(Header::read(&[0; HEADER - 1]).is_none());
        let mut fields = Fields::of(&[1, 0, 0, 0, 2]);
        assert_eq!(fields.u32(), Ok(1));
        assert_eq!(fields.u64(), Err(Errno::EINVAL));
        assert_eq!(fields.skip(2), Err(Errno::EINVAL));
    }

    #[test]
    fn names_end_at_their_nul_and_never_lead_elsewhere() {
        let body = IoBuf::from(b"one\0two\0".to_vec());
        let (one, next) = name(&body, 0).unwrap();
        let (two, end) = name(&body, next).unwrap();
        assert_eq!((&one[..], &two[..], end), (&b"one"[..], &b"two"[..], 8));
        for wrong in ["", ".", "..", "a/b"] {
            assert_eq!(name(&IoBuf::from(format!("{wrong}\0")), 0).unwrap_err(), Errno::EINVAL, "{wrong}");
        }
        assert_eq!(name(&IoBuf::from(b"open".to_vec()), 0).unwrap_err(), Errno::EINVAL);
        assert_eq!(text(&body, 9).unwrap_err(), Errno::EINVAL);
    }
}
