//! Procedure numbers of the file operation program, and the fop numbers they stand for.

use crate::Program;

/// The program.
pub const FOP: Program = Program::new(1_298_437, 400, "GlusterFS 4.x v1");

numbers! {
    /// Procedures of the file operation program.
    pub enum Proc {
        Null = 0 "NULL", Stat = 1 "STAT", Readlink = 2 "READLINK", Mknod = 3 "MKNOD", Mkdir = 4 "MKDIR",
        Unlink = 5 "UNLINK", Rmdir = 6 "RMDIR", Symlink = 7 "SYMLINK", Rename = 8 "RENAME", Link = 9 "LINK",
        Truncate = 10 "TRUNCATE", Open = 11 "OPEN", Read = 12 "READ", Write = 13 "WRITE", Statfs = 14 "STATFS",
        Flush = 15 "FLUSH", Fsync = 16 "FSYNC", Setxattr = 17 "SETXATTR", Getxattr = 18 "GETXATTR",
        Removexattr = 19 "REMOVEXATTR", Opendir = 20 "OPENDIR", Fsyncdir = 21 "FSYNCDIR", Access = 22 "ACCESS",
        Create = 23 "CREATE", Ftruncate = 24 "FTRUNCATE", Fstat = 25 "FSTAT", Lk = 26 "LK", Lookup = 27 "LOOKUP",
        Readdir = 28 "READDIR", Inodelk = 29 "INODELK", Finodelk = 30 "FINODELK", Entrylk = 31 "ENTRYLK",
        Fentrylk = 32 "FENTRYLK", Xattrop = 33 "XATTROP", Fxattrop = 34 "FXATTROP", Fgetxattr = 35 "FGETXATTR",
        Fsetxattr = 36 "FSETXATTR", Rchecksum = 37 "RCHECKSUM", Setattr = 38 "SETATTR", Fsetattr = 39 "FSETATTR",
        Readdirp = 40 "READDIRP", Release = 41 "RELEASE", Releasedir = 42 "RELEASEDIR",
        Fremovexattr = 43 "FREMOVEXATTR", Fallocate = 44 "FALLOCATE", Discard = 45 "DISCARD",
        Zerofill = 46 "ZEROFILL", Ipc = 47 "IPC", Seek = 48 "SEEK", Compound = 49 "COMPOUND", Lease = 50 "LEASE",
        Getactivelk = 51 "GETACTIVELK", Setactivelk = 52 "SETACTIVELK", Icreate = 53 "ICREATE",
        Namelink = 54 "NAMELINK", Put = 55 "PUT", CopyFileRange = 56 "COPY_FILE_RANGE",
    }
}

/// Fop number by procedure number, from 41 on; below, the two are the same.
const FOPS: [u32; 16] = [42, 43, 45, 46, 47, 48, 49, 50, 52, 51, 53, 54, 56, 57, 55, 58];

impl Proc {
    /// The number of the fop that the translators know: `plugin_api::fop` and what `volume profile` shows.
    #[must_use]
    pub fn fop(self) -> u32 {
        let number = self.number();
        number.checked_sub(41).and_then(|at| FOPS.get(usize::try_from(at).ok()?).copied()).unwrap_or(number)
    }

    /// The procedure of a fop, where there is one.
    #[must_use]
    pub fn of_fop(fop: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|procedure| procedure.fop() == fop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn procedures_and_fops_go_their_own_ways_above_forty() {
        assert_eq!((Proc::Readdirp.fop(), Proc::Release.fop(), Proc::Fremovexattr.fop()), (40, 42, 45));
        assert_eq!((Proc::Lease.fop(), Proc::Compound.fop(), Proc::Put.fop()), (51, 52, 55));
        assert_eq!((Proc::Icreate.fop(), Proc::CopyFileRange.fop()), (56, 58));
        assert!(Proc::ALL.iter().all(|procedure| Proc::of_fop(procedure.fop()) == Some(*procedure)));
        assert_eq!(Proc::of_fop(41), None);
    }

    #[test]
    fn names_agree_with_the_fops_of_plugin_api() {
        for procedure in Proc::ALL {
            if let Some(name) = plugin_api::fop::name(procedure.fop()) {
                let wire = procedure.name().to_ascii_lowercase();
                assert!(name == wire || name == format!("{wire}v"), "{name} is {wire}");
            }
        }
    }
}
