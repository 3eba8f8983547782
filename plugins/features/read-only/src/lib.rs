//! `features/read-only`: refuses what would change a volume.
#![forbid(unsafe_code)]

pub mod options;

use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::prelude::*;

/// Refuses changes with EROFS while its option is on. The cluster's own processes (negative pid) go on.
#[derive(Debug, Default)]
pub struct ReadOnly {
    on: AtomicBool,
}

impl ReadOnly {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.on.store(cx.bool("read-only")?, Ordering::Relaxed);
        Ok(())
    }

    fn refuses(&self, frame: &Frame) -> bool {
        self.on.load(Ordering::Relaxed) && frame.identity().pid >= 0
    }
}

/// Writes the `impl`: fops that change something, and for some of them when they do.
macro_rules! read_only {
    ($($name:ident $args:ident $reply:ident $(if |$a:ident| $changes:expr)?;)*) => {
        #[xlator(
            "features/read-only",
            unknown_fops = "deny",
            doc = "refuses every change that an application asks for"
        )]
        impl Xlator for ReadOnly {
            fn options() -> Options {
                options::declare()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    if self.refuses(frame) $(&& { let $a = &args; $changes })? {
                        return Err(Errno::EROFS.into());
                    }
                    frame.child().$name(args).await
                }
            )*
        }
    };
}

read_only! {
    mknod Mknod Made;
    mkdir Mkdir Made;
    symlink Symlink Made;
    link Link Made;
    create Create Created;
    put Put Made;
    icreate Icreate Attr;
    namelink Namelink PrePost;
    unlink Unlink Removed;
    rmdir Rmdir Removed;
    rename Rename Renamed;
    open Open Opened if |args| args.flags & (libc::O_WRONLY | libc::O_RDWR | libc::O_TRUNC) != 0;
    writev Writev Written;
    truncate Truncate PrePost;
    ftruncate Ftruncate PrePost;
    fallocate Fallocate PrePost;
    discard Discard PrePost;
    zerofill Zerofill PrePost;
    copy_file_range CopyFileRange Copied;
    setattr Setattr PrePost;
    fsetattr Fsetattr PrePost;
    setxattr Setxattr Done;
    fsetxattr Fsetxattr Done;
    removexattr Removexattr Done;
    fremovexattr Fremovexattr Done;
    xattrop Xattrop Xattrs if |args| !is_zero(&args.xattrs);
    fxattrop Fxattrop Xattrs if |args| !is_zero(&args.xattrs);
}

/// An xattrop of zeros only reads: replicate's clients look at their marks so.
fn is_zero(operands: &Dict) -> bool {
    operands
        .iter()
        .all(|(_, value)| value.as_bytes().is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0)))
}
