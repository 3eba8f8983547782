//! `features/utime`: the client's clock decides the times of files, so that every brick of a volume has the same ones.
#![forbid(unsafe_code)]

mod stamp;

use std::sync::atomic::{AtomicBool, Ordering};

use plugin_api::prelude::*;

use crate::stamp::{CTIME, MADE, MOVED, MTIME, RESERVED, at, attributes, now, read, stamped};

/// The xattr in which bricks keep the times.
const MDATA: &str = "trusted.glusterfs.mdata";
/// What has a brick keep times that it has not kept so far.
const SET_MDATA: &str = "set-ctime-mdata";
/// The process that a brick takes that from.
const SETTER: i32 = -13;

/// The translator.
#[derive(Debug, Default)]
pub struct Utime {
    noatime: AtomicBool,
}

impl Utime {
    fn take_options(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.noatime.store(cx.bool("noatime")?, Ordering::Relaxed);
        Ok(())
    }

    fn keeps_atime(&self) -> bool {
        !self.noatime.load(Ordering::Relaxed)
    }
}

/// Has the brick keep the times that it told: files from before the feature was on.
async fn keep_times(frame: &Frame, loc: Loc, iatt: &Iatt) {
    let loc = Loc { inode: loc.inode, gfid: iatt.gfid, ..Loc::default() };
    let xattrs = Dict::new().with(SET_MDATA, Value::Mdata(at(iatt)));
    let mut mine = frame.fork();
    (mine.identity_mut().uid, mine.identity_mut().pid) = (0, SETTER);
    let args = Setxattr { loc, xattrs, flags: 0, xdata: Dict::new() };
    // Whatever comes of it: the next lookup asks again.
    if let Err(why) = mine.child().setxattr(args).await {
        log!(Debug, xl: frame.name(), "times are not kept", gfid = iatt.gfid, why = why);
    }
}

/// Writes the `impl`: the times that each fop moves; nothing where the flags come out as none.
macro_rules! utime {
    ($($name:ident $args:ident $reply:ident |$me:ident| $flags:expr;)*) => {
        #[xlator(
            "features/utime",
            unknown_fops = "pass",
            doc = "has the client's clock decide the times of files"
        )]
        impl Xlator for Utime {
            fn options() -> Options {
                Options::new()
                    .bool("noatime", "leave access times as they are")
                    .alias("ctime.noatime")
                    .default_value("on")
                    .reconfigurable()
            }

            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
                self.take_options(cx)
            }

            async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
                args.xdata.set(MDATA, 1);
                let loc = args.loc.clone();
                let found = frame.child().lookup(args).await?;
                if !found.xdata.contains(MDATA) && !found.iatt.gfid.is_null() {
                    keep_times(frame, loc, &found.iatt).await;
                }
                Ok(found)
            }

            async fn setattr(&self, frame: &Frame, args: Setattr) -> FopResult<PrePost> {
                let (flags, time) = attributes(args.valid, &args.iatt);
                stamped(frame, flags, time).child().setattr(args).await
            }

            async fn fsetattr(&self, frame: &Frame, args: Fsetattr) -> FopResult<PrePost> {
                let (flags, time) = attributes(args.valid, &args.iatt);
                stamped(frame, flags, time).child().fsetattr(args).await
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let $me = self;
                    let flags = $flags;
                    if flags == 0 {
                        return frame.child().$name(args).await;
                    }
                    stamped(frame, flags, now()).child().$name(args).await
                }
            )*
        }
    };
}

utime! {
    mknod Mknod Made |_me| MADE;
    mkdir Mkdir Made |_me| MADE;
    symlink Symlink Made |_me| MADE;
    create Create Created |_me| MADE;
    link Link Made |_me| MOVED;
    unlink Unlink Removed |_me| MOVED;
    rmdir Rmdir Removed |_me| MOVED;
    rename Rename Renamed |_me| MOVED;
    writev Writev Written |_me| MTIME | CTIME;
    truncate Truncate PrePost |_me| MTIME | CTIME;
    ftruncate Ftruncate PrePost |_me| MTIME | CTIME;
    copy_file_range CopyFileRange Copied |_me| MTIME | CTIME;
    fallocate Fallocate PrePost |_me| RESERVED;
    zerofill Zerofill PrePost |_me| RESERVED;
    removexattr Removexattr Done |_me| CTIME;
    fremovexattr Fremovexattr Done |_me| CTIME;
    open Open Opened |me| read(me.keeps_atime());
    opendir Opendir Opened |me| read(me.keeps_atime());
    readv Readv Data |me| read(me.keeps_atime());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <Utime as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
