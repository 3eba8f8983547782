//! Extended attributes of a name in a directory that is held open. `ENOSYS` before Linux 6.13.
//!
//! The calls of older kernels know an open file or a path, and a path has to be walked from the root each time. A symlink
//! is not followed: it is its own attributes that are meant.

use std::ffi::{CStr, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

// The numbers are the same for every architecture but alpha; libc does not name them yet.
const SETXATTRAT: c_long = 463;
const GETXATTRAT: c_long = 464;
const LISTXATTRAT: c_long = 465;
const REMOVEXATTRAT: c_long = 466;

/// `struct xattr_args` of `linux/xattr.h`.
#[repr(C, align(8))]
struct Args {
    value: u64,
    size: u32,
    flags: u32,
}

impl Args {
    fn new(value: *const u8, size: usize, flags: u32) -> Result<Self, Errno> {
        Ok(Self { value: value as u64, size: size.try_into().map_err(|_| Errno::E2BIG)?, flags })
    }
}

/// Reads an attribute into `value`; its length. With an empty `value` nothing but the length is told.
///
/// # Errors
/// `ENODATA` when there is none of this name, `ERANGE` when it is longer, and those of `getxattr(2)`.
pub fn get(dir: BorrowedFd<'_>, name: &CStr, attribute: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
    let mut args = Args::new(value.as_mut_ptr(), value.len(), 0)?;
    // SAFETY: the names end with NUL; `args` is laid out as the kernel's, and it writes at most `size` bytes to `value`,
    // which is borrowed for the call.
    done(unsafe {
        libc::syscall(
            GETXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            attribute.as_ptr(),
            &raw mut args,
            size_of::<Args>(),
        )
    })
}

/// Sets an attribute; `flags` are those of `setxattr(2)`.
///
/// # Errors
/// Those of `setxattr(2)`.
pub fn set(
    dir: BorrowedFd<'_>,
    name: &CStr,
    attribute: &CStr,
    value: &[u8],
    flags: u32,
) -> Result<(), Errno> {
    let args = Args::new(value.as_ptr(), value.len(), flags)?;
    // SAFETY: as in `get`, and the kernel only reads `value`.
    done(unsafe {
        libc::syscall(
            SETXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            attribute.as_ptr(),
            &raw const args,
            size_of::<Args>(),
        )
    })
    .map(drop)
}

/// The names of all attributes, each ended by NUL, written to `names`; how many bytes they are.
///
/// # Errors
/// `ERANGE` when they do not fit, and those of `listxattr(2)`.
pub fn list(dir: BorrowedFd<'_>, name: &CStr, names: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the name ends with NUL; the kernel writes at most the length given to `names`, which is borrowed.
    done(unsafe {
        libc::syscall(
            LISTXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            names.as_mut_ptr(),
            names.len(),
        )
    })
}

/// Removes an attribute.
///
/// # Errors
/// `ENODATA` when there is none of this name, and those of `removexattr(2)`.
pub fn remove(dir: BorrowedFd<'_>, name: &CStr, attribute: &CStr) -> Result<(), Errno> {
    // SAFETY: both names end with NUL, and the kernel only reads them.
    done(unsafe {
        libc::syscall(
            REMOVEXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            libc::AT_SYMLINK_NOFOLLOW,
            attribute.as_ptr(),
        )
    })
    .map(drop)
}

fn done(answer: c_long) -> Result<usize, Errno> {
    usize::try_from(answer).map_err(|_| std::io::Error::last_os_error().into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_name_has_its_own_attributes_and_what_a_link_leads_to_keeps_its_own() {
        let folder = std::env::temp_dir().join(format!("xattr-at-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("f"), "x").unwrap();
        std::os::unix::fs::symlink("f", folder.join("l")).unwrap();
        let dir = std::fs::File::open(&folder).unwrap();
        let dir = dir.as_fd();
        let mut value = [0; 8];
        match set(dir, c"f", c"user.note", b"one", 0) {
            Err(Errno::ENOSYS) => eprintln!("SKIPPED: this kernel has no such calls"),
            Err(Errno::EOPNOTSUPP) => eprintln!("SKIPPED: no user attributes here"),
            done => {
                done.unwrap();
                assert_eq!(get(dir, c"f", c"user.note", &mut value), Ok(3));
                assert_eq!(&value[..3], b"one");
                assert_eq!(get(dir, c"f", c"user.note", &mut value[..2]), Err(Errno::ERANGE));
                assert_eq!(get(dir, c"l", c"user.note", &mut value), Err(Errno::ENODATA), "the link's own");
                let mut names = [0; 64];
                let len = list(dir, c"f", &mut names).unwrap();
                assert!(names[..len].split(|byte| *byte == 0).any(|name| name == b"user.note"));
                assert_eq!(set(dir, c"f", c"user.note", b"two", 1), Err(Errno::EEXIST), "XATTR_CREATE");
                remove(dir, c"f", c"user.note").unwrap();
                assert_eq!(remove(dir, c"f", c"user.note"), Err(Errno::ENODATA));
                assert_eq!(get(dir, c"g", c"user.note", &mut value), Err(Errno::ENOENT));
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
