//! What is counted: bytes, files, directories.

use std::fmt;
use std::ops::{AddAssign, Neg};

use plugin_api::prelude::*;

/// How much there is, or by how much it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: i64,
    pub(crate) files: i64,
    pub(crate) directories: i64,
}

impl Counts {
    /// A change of size.
    pub(crate) fn grown(from: u64, to: u64) -> Self {
        let signed = |size| i64::try_from(size).unwrap_or(i64::MAX);
        Self { bytes: signed(to) - signed(from), ..Self::default() }
    }

    /// One object.
    pub(crate) fn of(iatt: &Iatt) -> Self {
        if iatt.is_dir() {
            return Self { directories: 1, ..Self::default() };
        }
        Self { files: 1, ..Self::grown(0, iatt.size) }
    }

    /// Reads what [`Display`](fmt::Display) writes; nothing where there is anything else.
    pub(crate) fn parse(text: &str) -> Self {
        let field = |key: &str| text.split(' ').find_map(|pair| pair.strip_prefix(key)?.parse().ok());
        Self {
            bytes: field("bytes=").unwrap_or_default(),
            files: field("files=").unwrap_or_default(),
            directories: field("directories=").unwrap_or_default(),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, files, directories } = self;
        write!(f, "bytes={bytes} files={files} directories={directories}")
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.files += more.files;
        self.directories += more.directories;
    }
}

impl Neg for Counts {
    type Output = Self;

    fn neg(self) -> Self {
        Self { bytes: -self.bytes, files: -self.files, directories: -self.directories }
    }
}

/// Answers of fops that change a size: the file before and after.
pub(crate) trait Resized {
    fn sizes(&self) -> (&Iatt, &Iatt);
}

macro_rules! resized {
    ($($reply:ident)*) => {
        $(impl Resized for $reply {
            fn sizes(&self) -> (&Iatt, &Iatt) {
                (&self.pre, &self.post)
            }
        })*
    };
}

resized! { PrePost Written Copied }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_they_are_written() {
        let counts = Counts { bytes: 1 << 40, files: 7, directories: -2 };
        assert_eq!(Counts::parse(&counts.to_string()), counts);
        assert_eq!(Counts::parse("what is this"), Counts::default());
    }
}
