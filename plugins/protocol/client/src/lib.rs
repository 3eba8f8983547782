//! `protocol/client`: the foot of a client graph. Fops become calls of a brick, its answers the replies.
//!
//! What is where: [`options`] is what a volfile may say; `brick` is the connection and who hears of it, `greeting` how it
//! comes about; `asking` makes one call, `fops` says which and what the answer means, `answer` judges it; `fds` are
//! descriptors on the brick, `held` the locks on them; `upcall` is what the brick tells unasked.
#![forbid(unsafe_code)]

mod answer;
mod asking;
mod brick;
mod fds;
mod fops;
mod greeting;
mod held;
pub mod options;
mod upcall;

use std::sync::Arc;

use plugin_api::prelude::*;

use crate::brick::Brick;
use crate::options::Settings;

/// The translator.
#[derive(Debug, Default)]
pub struct ProtocolClient {
    brick: Option<Arc<Brick>>,
}

/// Writes the `impl`: each fop is the function of its name in [`fops`].
macro_rules! remote {
    ($($family:ident { $($name:ident $args:ident $reply:ident,)* })*) => {
        #[xlator(
            "protocol/client",
            replace = "with-volume",
            unknown_fops = "deny",
            doc = "takes fops to a brick on another host"
        )]
        impl Xlator for ProtocolClient {
            fn options() -> Options {
                options::declared()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.brick = Some(Brick::new(cx, Settings::read(cx)?)?);
                Ok(())
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                let settings = Settings::read(cx)?;
                if let Some(brick) = &self.brick {
                    brick.go_by(settings);
                }
                Ok(())
            }

            fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
                match (&self.brick, event.kind) {
                    (Some(brick), EventKind::PARENT_UP) => brick.start(),
                    (Some(brick), EventKind::PARENT_DOWN) => brick.stop(),
                    // Nobody is below.
                    _ if cx.is_from_above() => {}
                    _ => cx.pass_on(event),
                }
            }

            fn dump(&self, out: &mut String) {
                if let Some(brick) = &self.brick {
                    brick.dump(out);
                }
            }

            fn fini(&self) {
                if let Some(brick) = &self.brick {
                    brick.stop();
                }
            }

            $($(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let brick = self.brick.as_ref().ok_or(Errno::ENOTCONN)?;
                    fops::$family::$name(brick.asked(frame).await?, args).await
                }
            )*)*
        }
    };
}

remote! {
    entry {
        lookup Lookup Looked,
        mknod Mknod Made,
        mkdir Mkdir Made,
        symlink Symlink Made,
        link Link Made,
        create Create Created,
        unlink Unlink Removed,
        rmdir Rmdir Removed,
        rename Rename Renamed,
        icreate Icreate Attr,
        namelink Namelink PrePost,
    }
    inode {
        stat Stat Attr,
        fstat Fstat Attr,
        setattr Setattr PrePost,
        fsetattr Fsetattr PrePost,
        access Access Done,
        readlink Readlink Target,
        statfs Statfs SpaceReply,
        truncate Truncate PrePost,
        ipc Ipc Done,
    }
    data {
        open Open Opened,
        readv Readv Data,
        writev Writev Written,
        flush Flush Done,
        fsync Fsync PrePost,
        ftruncate Ftruncate PrePost,
        rchecksum Rchecksum Checksum,
        fallocate Fallocate PrePost,
        discard Discard PrePost,
        zerofill Zerofill PrePost,
        seek Seek Sought,
        copy_file_range CopyFileRange Copied,
    }
    dir {
        opendir Opendir Opened,
        readdir Readdir Entries,
        readdirp Readdirp Entries,
        fsyncdir Fsyncdir Done,
    }
    xattr {
        setxattr Setxattr Done,
        fsetxattr Fsetxattr Done,
        getxattr Getxattr Xattrs,
        fgetxattr Fgetxattr Xattrs,
        removexattr Removexattr Done,
        fremovexattr Fremovexattr Done,
        xattrop Xattrop Xattrs,
        fxattrop Fxattrop Xattrs,
    }
    lock {
        lk Lk Locked,
        inodelk Inodelk Done,
        finodelk Finodelk Done,
        entrylk Entrylk Done,
        fentrylk Fentrylk Done,
        lease LeaseFop Leased,
        getactivelk Getactivelk ActiveLocks,
        setactivelk Setactivelk Done,
    }
}
