//! Sizes: what a file's length on disk says about its plain length, and answers that say so.

use plugin_api::prelude::*;

use crate::seal::{BLOCK, EXTRA, SLOT};

/// No file is longer, so that its length on disk is still a number that Linux knows.
pub(crate) const LONGEST: u64 = i64::MAX as u64 / 2;

/// The plain length of a file that is `disk` bytes long. What is too short to be a block counts nothing; to read it fails.
pub(crate) fn plain(disk: u64) -> u64 {
    let (whole, rest) = (disk / SLOT as u64, disk % SLOT as u64);
    whole * BLOCK as u64 + rest.saturating_sub(EXTRA as u64)
}

/// The length on disk of a file of `plain` bytes, at most [`LONGEST`].
pub(crate) fn on_disk(plain: u64) -> u64 {
    let (whole, rest) = (plain / BLOCK as u64, plain % BLOCK as u64);
    whole * SLOT as u64 + if rest == 0 { 0 } else { rest + EXTRA as u64 }
}

/// An answer with attributes in it.
pub(crate) trait Shown {
    /// The answer with plain sizes.
    fn shown(self) -> Self;
}

impl Shown for Iatt {
    fn shown(mut self) -> Self {
        if self.file_type() == FileType::Regular {
            self.size = plain(self.size);
        }
        self
    }
}

macro_rules! shown {
    ($($reply:ident: $($iatt:ident)+;)*) => {
        $(impl Shown for $reply {
            fn shown(mut self) -> Self {
                $(self.$iatt = self.$iatt.shown();)+
                self
            }
        })*
    };
}

// The attributes of parents are left alone: they are directories.
shown! {
    Attr: iatt;
    Created: iatt;
    Looked: iatt;
    Made: iatt;
    PrePost: pre post;
    Renamed: iatt;
    Written: pre post;
}

impl Shown for Entries {
    fn shown(mut self) -> Self {
        for entry in &mut self.entries {
            entry.iatt = std::mem::take(&mut entry.iatt).shown();
        }
        self
    }
}

/// Requests of clients that would be answered from the disk, past this translator: a small file's content with its lookup,
/// and its size. Who asks can do without.
pub(crate) fn without_shortcuts(mut xdata: Dict) -> Dict {
    for key in ["glusterfs.content", "get-size"] {
        if xdata.contains(key) {
            xdata.remove(key);
        }
    }
    xdata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plain_size_has_one_on_disk_and_back() {
        let sizes = (0..20_000).chain([LONGEST - 1, LONGEST, u64::from(u32::MAX)]);
        sizes.for_each(|size| assert_eq!(plain(on_disk(size)), size));
        assert!(i64::try_from(on_disk(LONGEST)).is_ok());
    }

    #[test]
    fn a_length_that_no_file_has_is_not_a_size_out_of_nowhere() {
        assert_eq!([plain(1), plain(40), plain(41), plain(4136), plain(4137)], [0, 0, 1, 4096, 4096]);
    }
}
