//! Every fop, once: number, name, arguments, reply. What each fop needs is expanded from here.

use abi_stable::std_types::RStr;

use super::*;
use crate::abi::root::FopLayout;

/// Hands every fop to the macro `$to`, as rows `/// doc` `NUMBER name Args Reply`: for translators that treat all alike.
///
/// # Source
/// GlusterFS 10's fop numbering (`volume profile`, changelog); the procedure numbers of the wire differ above 40.
#[macro_export]
macro_rules! for_each_fop {
    ($to:path) => {
        $to! {
            /// Attributes of a file.
            1 stat Stat Attr,
            /// Where a symbolic link points.
            2 readlink Readlink Target,
            /// Makes a file of any kind but a directory.
            3 mknod Mknod Made,
            /// Makes a directory.
            4 mkdir Mkdir Made,
            /// Removes a name of a file.
            5 unlink Unlink Removed,
            /// Removes a directory.
            6 rmdir Rmdir Removed,
            /// Makes a symbolic link.
            7 symlink Symlink Made,
            /// Moves a name.
            8 rename Rename Renamed,
            /// Gives a file one more name.
            9 link Link Made,
            /// Cuts or extends a file by name.
            10 truncate Truncate PrePost,
            /// Opens a file.
            11 open Open Opened,
            /// Reads from an open file.
            12 readv Readv Data,
            /// Writes to an open file.
            13 writev Writev Written,
            /// Free and used space.
            14 statfs Statfs SpaceReply,
            /// A descriptor of the file was closed.
            15 flush Flush Done,
            /// Brings a file to stable storage.
            16 fsync Fsync PrePost,
            /// Sets extended attributes.
            17 setxattr Setxattr Done,
            /// Reads extended attributes.
            18 getxattr Getxattr Xattrs,
            /// Removes an extended attribute.
            19 removexattr Removexattr Done,
            /// Opens a directory.
            20 opendir Opendir Opened,
            /// Brings a directory to stable storage.
            21 fsyncdir Fsyncdir Done,
            /// Whether the caller may do something with a file.
            22 access Access Done,
            /// Makes and opens a regular file.
            23 create Create Created,
            /// Cuts or extends an open file.
            24 ftruncate Ftruncate PrePost,
            /// Attributes of an open file.
            25 fstat Fstat Attr,
            /// POSIX record locks.
            26 lk Lk Locked,
            /// Finds a file by name or by gfid.
            27 lookup Lookup Looked,
            /// Names in a directory.
            28 readdir Readdir Entries,
            /// Internal range lock of a file.
            29 inodelk Inodelk Done,
            /// Internal range lock of an open file.
            30 finodelk Finodelk Done,
            /// Internal name lock of a directory.
            31 entrylk Entrylk Done,
            /// Internal name lock of an open directory.
            32 fentrylk Fentrylk Done,
            /// Arithmetic on xattr values.
            33 xattrop Xattrop Xattrs,
            /// Arithmetic on xattr values of an open file.
            34 fxattrop Fxattrop Xattrs,
            /// Reads extended attributes of an open file.
            35 fgetxattr Fgetxattr Xattrs,
            /// Sets extended attributes of an open file.
            36 fsetxattr Fsetxattr Done,
            /// Checksums of a block.
            37 rchecksum Rchecksum Checksum,
            /// Sets attributes by name.
            38 setattr Setattr PrePost,
            /// Sets attributes of an open file.
            39 fsetattr Fsetattr PrePost,
            /// Names in a directory with their attributes.
            40 readdirp Readdirp Entries,
            /// Removes an extended attribute of an open file.
            45 fremovexattr Fremovexattr Done,
            /// Allocates space.
            46 fallocate Fallocate PrePost,
            /// Punches a hole.
            47 discard Discard PrePost,
            /// Writes zeros.
            48 zerofill Zerofill PrePost,
            /// A message to a translator that is no file operation.
            49 ipc Ipc Done,
            /// Finds data or holes.
            50 seek Seek Sought,
            /// Takes or gives back a lease.
            51 lease LeaseFop Leased,
            /// The locks a file has, for moving them.
            53 getactivelk Getactivelk ActiveLocks,
            /// Sets locks that were moved.
            54 setactivelk Setactivelk Done,
            /// Makes a file with its content in one go.
            55 put Put Made,
            /// Makes an inode without a name.
            56 icreate Icreate Attr,
            /// Gives a nameless inode its name.
            57 namelink Namelink PrePost,
            /// Copies a range between open files.
            58 copy_file_range CopyFileRange Copied,
        }
    };
}

/// One more than the highest fop number this plugin-api knows.
pub const FOPS: u32 = 59;

/// lk, the internal locks, leases and moving locks.
const fn is_patient(code: u32) -> bool {
    matches!(code, 26 | 29..=32 | 51 | 54)
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// The kinds of fop, for generic code.
        #[allow(non_camel_case_types, reason = "a kind carries the fop's own name")]
        pub mod kind {
            $(
                $(#[$doc])*
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl super::FopType for $name {
                    const CODE: u32 = $code;
                    const NAME: &'static str = stringify!($name);
                    const PATIENT: bool = super::is_patient($code);
                    type Args = super::$args;
                    type Reply = super::$reply;
                }
            )*
        }

        /// The name of the fop with number `code`.
        #[must_use]
        pub const fn name(code: u32) -> Option<&'static str> {
            match code {
                $($code => Some(stringify!($name)),)*
                _ => None,
            }
        }

        /// Every fop with its types, for the check at load.
        pub const LAYOUTS: &[FopLayout] = &[
            $(FopLayout {
                code: $code,
                name: RStr::from_str(stringify!($name)),
                args: $args::LAYOUT,
                reply: $reply::LAYOUT,
            },)*
        ];
    };
}

for_each_fop!(kinds);
