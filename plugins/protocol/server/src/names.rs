//! Names from the wire, checked before anybody acts on one.

use plugin_api::Errno;

/// The longest name, bytes.
const LONGEST: usize = 255;

/// Lets `name` pass as the last component of a path.
///
/// # Errors
/// `EINVAL` for an empty name or a NUL, `EPERM` for one that would walk (`/`, `.`, `..`), `ENAMETOOLONG`.
pub(crate) fn check(name: &[u8]) -> Result<(), Errno> {
    match name {
        [] => Err(Errno::EINVAL),
        b"." | b".." => Err(Errno::EPERM),
        _ if name.contains(&b'/') => Err(Errno::EPERM),
        _ if name.contains(&0) => Err(Errno::EINVAL),
        _ if name.len() > LONGEST => Err(Errno::ENAMETOOLONG),
        _ => Ok(()),
    }
}

/// Lets a text pass that is no component of a path: the name of an xattr, the target of a link.
///
/// # Errors
/// `EINVAL` for a NUL.
pub(crate) fn check_text(text: &[u8]) -> Result<(), Errno> {
    if text.contains(&0) { Err(Errno::EINVAL) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_walk_are_refused() {
        for walks in [&b"."[..], b"..", b"/", b"a/b", b"/etc/passwd", b"../x", b"x/"] {
            assert_eq!(check(walks), Err(Errno::EPERM), "{}", walks.escape_ascii());
        }
    }

    #[test]
    fn names_that_no_file_system_takes_are_refused() {
        assert_eq!(check(b""), Err(Errno::EINVAL));
        assert_eq!(check(b"a\0b"), Err(Errno::EINVAL));
        assert_eq!(check(&[b'x'; 256]), Err(Errno::ENAMETOOLONG));
    }

    #[test]
    fn unusual_names_pass_byte_for_byte() {
        for name in [&b"..."[..], b"..a", b" ", b"\n", &[b'x'; 255], &[0xff, 0xfe]] {
            assert_eq!(check(name), Ok(()), "{}", name.escape_ascii());
        }
    }
}
