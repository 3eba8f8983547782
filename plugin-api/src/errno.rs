//! Error numbers, as Linux counts them and as they travel.

use std::fmt;

use abi_stable::StableAbi;

/// A non-zero error number of Linux. The wire uses the same numbers.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

impl Errno {
    /// The error with number `raw`; `EIO` when `raw` is not positive, so that a failure never turns into a success.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Self {
        if raw > 0 { Self(raw) } else { Self(libc::EIO) }
    }

    /// The number.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }
}

macro_rules! names {
    ($($name:ident)*) => {
        #[allow(missing_docs, reason = "the names are those of errno(3)")]
        impl Errno {
            $(pub const $name: Self = Self(libc::$name);)*
        }

        fn name(errno: Errno) -> Option<&'static str> {
            match errno.0 { $(libc::$name => Some(stringify!($name)),)* _ => None }
        }
    };
}

names! {
    EPERM ENOENT EINTR EIO ENXIO E2BIG EBADF EAGAIN ENOMEM EACCES EFAULT EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR
    EINVAL ENFILE EMFILE ENOTTY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS
    ENOTEMPTY ELOOP ENODATA ETIME EPROTO EOVERFLOW EBADFD EOPNOTSUPP EADDRINUSE ENETDOWN ENETUNREACH ECONNRESET
    ENOBUFS EISCONN ENOTCONN ETIMEDOUT ECONNREFUSED EHOSTUNREACH EALREADY EINPROGRESS ESTALE EDQUOT ECANCELED
    EKEYEXPIRED EUCLEAN EREMOTE ECONNABORTED EADDRNOTAVAIL EDOM
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match name(*self) {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        // The standard library ends its text with " (os error N)", which C's strerror does not.
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}

impl std::error::Error for Errno {}

impl From<std::io::Error> for Errno {
    fn from(e: std::io::Error) -> Self {
        Self::from_raw(e.raw_os_error().unwrap_or(libc::EIO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_never_has_number_zero() {
        assert_eq!(Errno::from_raw(0), Errno::EIO);
        assert_eq!(Errno::from_raw(-2), Errno::EIO);
    }

    #[test]
    fn the_text_is_that_of_strerror() {
        assert_eq!(Errno::ENOENT.to_string(), "No such file or directory");
        assert_eq!(format!("{:?}", Errno::ENOENT), "ENOENT");
    }
}
