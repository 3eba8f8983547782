//! Counts: bytes, files and directories, as they lie on disk.

use std::ops::{AddAssign, Neg, Sub};

use plugin_api::prelude::*;

/// How much there is, or by how much it is more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) bytes: i64,
    pub(crate) files: i64,
    pub(crate) directories: i64,
}

/// The mode of a file that only points to another brick.
const POINTER: u32 = libc::S_IFREG | libc::S_ISVTX;

impl Counts {
    /// A directory with nothing in it: itself.
    pub(crate) const EMPTY: Self = Self { bytes: 0, files: 0, directories: 1 };

    /// What a file counts for: the room that it takes.
    pub(crate) fn of_file(iatt: &Iatt) -> Self {
        if iatt.mode & (libc::S_IFMT | 0o7777) == POINTER && iatt.size == 0 {
            return Self::default();
        }
        let bytes = i64::try_from(iatt.blocks.saturating_mul(512)).unwrap_or(i64::MAX);
        Self { bytes, files: 1, directories: 0 }
    }

    /// Whether an object of this type counts at all.
    pub(crate) fn counts(file_type: FileType) -> bool {
        matches!(file_type, FileType::Regular | FileType::Symlink | FileType::Directory)
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Reads a mark: two or three big-endian numbers, of old volumes one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 8)?;
            Some(i64::from_be_bytes(bytes.try_into().ok()?))
        };
        let bytes = number(0)?;
        Some(Self { bytes, files: number(8).unwrap_or(0), directories: number(16).unwrap_or(0) })
    }

    /// As a mark: files have no count of directories.
    pub(crate) fn mark(self, directory: bool) -> Value {
        let numbers = [self.bytes, self.files, self.directories];
        let numbers = &numbers[..if directory { 3 } else { 2 }];
        Value::bytes(numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>())
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.bytes = self.bytes.wrapping_add(more.bytes);
        self.files = self.files.wrapping_add(more.files);
        self.directories = self.directories.wrapping_add(more.directories);
    }
}

impl Neg for Counts {
    type Output = Self;

    fn neg(self) -> Self {
        let [bytes, files, directories] = [self.bytes, self.files, self.directories].map(i64::wrapping_neg);
        Self { bytes, files, directories }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(mut self, less: Self) -> Self {
        self += -less;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_of_the_disk() {
        let counts = Counts { bytes: 0x200, files: 1, directories: 2 };
        let mark = counts.mark(true);
        assert_eq!(mark.as_bytes().unwrap().len(), 24);
        assert_eq!(Counts::parse(mark.as_bytes().unwrap()), Some(counts));
        let mark = Counts { directories: 0, ..counts }.mark(false);
        assert_eq!(mark.as_bytes().unwrap(), [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(Counts::parse(&[0; 8]), Some(Counts::default()));
        assert_eq!(Counts::parse(b"short"), None);
    }

    #[test]
    fn a_pointer_to_another_brick_counts_for_nothing() {
        let file = Iatt { mode: libc::S_IFREG | 0o644, blocks: 3, ..Iatt::default() };
        assert_eq!(Counts::of_file(&file), Counts { bytes: 1536, files: 1, directories: 0 });
        assert!(Counts::of_file(&Iatt { mode: POINTER, blocks: 0, ..file }).is_zero());
        assert!(!Counts::of_file(&Iatt { mode: POINTER | 0o644, ..file }).is_zero());
    }
}
