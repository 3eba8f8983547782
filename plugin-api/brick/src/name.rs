//! The name of a directory entry, checked: what came from the wire never walks a path.

use rustix::io::Errno;

/// The housekeeping folder in the root of a brick, which no client sees.
pub const HIDDEN: &[u8] = b".glusterfs";

/// One component of a path: not empty, no `/`, no NUL, neither `.` nor `..`, at most 255 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// Checks `bytes`.
    ///
    /// # Errors
    /// `ESTALE` when empty (the incumbent's answer), `ENAMETOOLONG`, `EINVAL` for a NUL, `EPERM` for a name that would
    /// walk.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Errno> {
        match bytes {
            [] => Err(Errno::STALE),
            b"." | b".." => Err(Errno::PERM),
            _ if bytes.contains(&b'/') => Err(Errno::PERM),
            _ if bytes.contains(&0) => Err(Errno::INVAL),
            _ if bytes.len() > 255 => Err(Errno::NAMETOOLONG),
            _ => Ok(Self(bytes)),
        }
    }

    /// The name as it is.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_walk_are_refused() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b", &[b'x'; 256]] {
            assert!(Name::new(bad).is_err(), "{}", bad.escape_ascii());
        }
        for good in [&b"a"[..], b"...", b"..a", b" ", &[b'x'; 255], &[0xff, 0xfe]] {
            assert!(Name::new(good).is_ok());
        }
    }
}
