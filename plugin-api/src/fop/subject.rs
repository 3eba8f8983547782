//! What a fop is about: for translators that treat every fop alike, such as those that trace or count.

use std::fmt;

use super::*;
use crate::{Fd, Gfid, Loc};

/// A file, or a name in a directory. Prints as `GFID` or `GFID/name`; nothing where a fop is about no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject<'a> {
    /// The file's id; the directory's where there is a name.
    pub gfid: Gfid,
    /// The name in the directory, or empty.
    pub name: &'a [u8],
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.gfid.is_null(), self.name) {
            (true, []) => Ok(()),
            (_, []) => self.gfid.fmt(f),
            (_, name) => write!(f, "{}/{}", self.gfid, name.escape_ascii()),
        }
    }
}

impl<'a> From<&'a Loc> for Subject<'a> {
    fn from(loc: &'a Loc) -> Self {
        let gfid = if loc.name.is_empty() { loc.target() } else { loc.directory() };
        Self { gfid, name: &loc.name }
    }
}

impl<'a> From<&'a Fd> for Subject<'a> {
    fn from(fd: &'a Fd) -> Self {
        Self { gfid: fd.inode().gfid(), name: &[] }
    }
}

/// Arguments that tell what their fop is about.
pub trait About {
    /// The file or name; the one that is given up where there are two (`rename`, `link`), the one that is written to
    /// where two are open (`copy_file_range`).
    fn subject(&self) -> Subject<'_>;
}

macro_rules! about {
    ($($field:ident: $($args:ident)*;)*) => {
        $($(
            impl About for $args {
                fn subject(&self) -> Subject<'_> {
                    Subject::from(&self.$field)
                }
            }
        )*)*
    };
}

about! {
    loc: Stat Readlink Mknod Mkdir Unlink Rmdir Symlink Truncate Open Statfs Setxattr Getxattr Removexattr Opendir Access
        Create Lookup Inodelk Entrylk Xattrop Setattr LeaseFop Getactivelk Setactivelk Put Icreate Namelink;
    fd: Readv Writev Flush Fsync Fsyncdir Ftruncate Fstat Lk Readdir Finodelk Fentrylk Fxattrop Fgetxattr Fsetxattr
        Rchecksum Fsetattr Readdirp Fremovexattr Fallocate Discard Zerofill Seek;
    old: Rename Link;
    fd_out: CopyFileRange;
}

impl About for Ipc {
    fn subject(&self) -> Subject<'_> {
        Subject::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dict, FileType, Inode, IoBuf};

    #[test]
    fn a_subject_reads_as_a_file_or_as_a_name_in_a_directory() {
        let root = || Inode::new(Gfid::ROOT, FileType::Directory);
        let stat = Stat { loc: Loc::of(root()), xdata: Dict::new() };
        assert_eq!(stat.subject().to_string(), "00000000-0000-0000-0000-000000000001");
        let loc = Loc::entry(root(), IoBuf::from(b"a\nb".to_vec()));
        let unlink = Unlink { loc, flags: 0, xdata: Dict::new() };
        assert_eq!(unlink.subject().to_string(), "00000000-0000-0000-0000-000000000001/a\\nb");
        assert_eq!(Ipc { op: 0, xdata: Dict::new() }.subject().to_string(), "");
    }
}
