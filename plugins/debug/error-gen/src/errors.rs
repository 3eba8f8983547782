//! Which errors a fop may come to, for those that are drawn by chance.

use plugin_api::Errno;
use plugin_api::fop::name;

/// By fop: what a file system answers when something is wrong.
pub(crate) fn of(code: u32) -> &'static [Errno] {
    match name(code).unwrap_or_default() {
        "lookup" | "stat" | "access" | "readlink" | "statfs" => {
            &[Errno::ENOENT, Errno::ENOTDIR, Errno::EACCES, Errno::ENOMEM, Errno::ENAMETOOLONG, Errno::EIO]
        }
        "mknod" | "mkdir" | "symlink" | "link" | "create" | "put" | "icreate" | "namelink" => &[
            Errno::EACCES,
            Errno::EEXIST,
            Errno::ENAMETOOLONG,
            Errno::ENOENT,
            Errno::ENOSPC,
            Errno::EROFS,
            Errno::EMFILE,
            Errno::ENOMEM,
        ],
        "unlink" | "rmdir" | "rename" => &[
            Errno::EACCES,
            Errno::EBUSY,
            Errno::ENOENT,
            Errno::ENOTEMPTY,
            Errno::EPERM,
            Errno::EROFS,
            Errno::EIO,
        ],
        "open" | "opendir" => &[
            Errno::EACCES,
            Errno::ENOENT,
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOMEM,
            Errno::EINTR,
            Errno::EROFS,
        ],
        "readv" | "readdir" | "readdirp" | "fstat" | "seek" | "rchecksum" => {
            &[Errno::EINVAL, Errno::EBADF, Errno::EFAULT, Errno::EISDIR, Errno::ENFILE, Errno::EIO]
        }
        "writev" | "fallocate" | "zerofill" | "discard" | "copy_file_range" | "truncate" | "ftruncate" => &[
            Errno::EINVAL,
            Errno::EBADF,
            Errno::EFAULT,
            Errno::EFBIG,
            Errno::ENOSPC,
            Errno::EAGAIN,
            Errno::EIO,
        ],
        "flush" | "fsync" | "fsyncdir" => &[Errno::EBADF, Errno::EROFS, Errno::EINVAL, Errno::EIO],
        "lk" | "inodelk" | "finodelk" | "entrylk" | "fentrylk" | "lease" | "getactivelk" | "setactivelk" => {
            &[Errno::EACCES, Errno::EAGAIN, Errno::EBADF, Errno::ENOMEM, Errno::EINVAL]
        }
        "setattr" | "fsetattr" => &[Errno::EACCES, Errno::EPERM, Errno::EROFS, Errno::EIO],
        "setxattr" | "getxattr" | "removexattr" | "fsetxattr" | "fgetxattr" | "fremovexattr" | "xattrop"
        | "fxattrop" => &[Errno::EACCES, Errno::EBADF, Errno::ENOMEM, Errno::EINVAL, Errno::EINTR],
        _ => &[Errno::EIO],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::fop::FOPS;

    #[test]
    fn every_fop_has_errors() {
        assert!((0..FOPS).all(|code| !of(code).is_empty()));
    }
}
