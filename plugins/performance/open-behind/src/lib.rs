//! `performance/open-behind`: answers an open at once, and sends it when something needs it.
//!
//! An open that waits is in `delayed`; this file says of every fop whether it needs one.
#![forbid(unsafe_code)]

mod delayed;
mod options;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gluster_cache::ByGfid;
use plugin_api::prelude::*;

use delayed::{Delayed, Waiting};
use options::Settings;

/// What an open does by itself, so that it cannot wait.
const AT_ONCE: i32 = libc::O_TRUNC | libc::O_CREAT | libc::O_EXCL;

/// The translator.
#[derive(Debug, Default)]
pub struct OpenBehind {
    lazy: AtomicBool,
    anonymous: AtomicBool,
    waiting: Arc<ByGfid<Waiting>>,
}

impl OpenBehind {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.lazy.store(settings.lazy, Ordering::Relaxed);
        self.anonymous.store(settings.anonymous, Ordering::Relaxed);
        Ok(())
    }

    /// Has an open wait.
    fn delay(&self, frame: &Frame, args: &Open) -> bool {
        let inode = args.fd.inode();
        let make = |gfid| Waiting::new(gfid, self.waiting.clone());
        let gfid = inode.gfid();
        let Some(waiting) = self.waiting.of(inode, gfid, frame.key(), || make(gfid)) else { return false };
        let delayed = Arc::new(Delayed::new(frame, args));
        args.fd.object().ctx_set(frame.key(), delayed.clone());
        waiting.add(&delayed);
        true
    }

    /// Sends what waits for an inode, before something that it has to come before. What fails stays with its descriptor.
    async fn send(&self, frame: &Frame, opens: Vec<Arc<Delayed>>) {
        for open in opens {
            if let Err(why) = open.open_other(frame).await {
                log!(Debug, xl: frame.name(), "an open that waited has failed", gfid = open.inode().gfid(), why = why);
            }
        }
    }

    /// What waits for an inode.
    fn opens(&self, inode: Option<&Inode>, key: CtxKey) -> Vec<Arc<Delayed>> {
        let waiting = inode.and_then(|inode| inode.object().ctx::<Waiting>(key));
        waiting.map(|waiting| waiting.take()).unwrap_or_default()
    }

    /// What waits for the file that a name leads to, where the caller does not say which it is.
    async fn opens_at(&self, frame: &Frame, loc: &Loc) -> Vec<Arc<Delayed>> {
        if let Some(inode) = at(loc) {
            return self.opens(Some(inode), frame.key());
        }
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let gfid = match loc.gfid.is_null() {
            true => frame.child().gfid_at(loc).await,
            false => loc.gfid,
        };
        self.waiting.find(gfid).map(|waiting| waiting.take()).unwrap_or_default()
    }
}

/// The open of a descriptor, when it was made to wait.
fn delayed(fd: &Fd, key: CtxKey) -> Option<Arc<Delayed>> {
    fd.object().ctx(key)
}

fn at(loc: &Loc) -> Option<&Inode> {
    loc.inode.as_ref().into_option()
}

/// Writes the `impl`: the fops on descriptors, which need their open, and those on files that an open comes before.
macro_rules! open_behind {
    (
        { $($written:tt)* }
        reads { $($read:ident $read_args:ident $read_reply:ident;)* }
        needs { $($need:ident $need_args:ident $need_reply:ident;)* }
        after { $($after:ident $after_args:ident $after_reply:ident;)* }
    ) => {
        #[xlator(
            "performance/open-behind",
            positions = "client",
            unknown_fops = "decompose",
            doc = "answers an open at once, and sends it when something needs it"
        )]
        impl Xlator for OpenBehind {
            $($written)*

            $(
                async fn $read(&self, frame: &Frame, mut args: $read_args) -> FopResult<$read_reply> {
                    let Some(open) = delayed(&args.fd, frame.key()) else {
                        return frame.child().$read(args).await;
                    };
                    match self.anonymous.load(Ordering::Relaxed) && !open.is_sent() {
                        true => args.fd = Fd::anonymous(open.inode().clone(), args.fd.flags()),
                        false => open.open(frame, &mut args.fd).await?,
                    }
                    frame.child().$read(args).await
                }
            )*

            $(
                async fn $need(&self, frame: &Frame, mut args: $need_args) -> FopResult<$need_reply> {
                    let Some(open) = delayed(&args.fd, frame.key()) else {
                        return frame.child().$need(args).await;
                    };
                    open.open(frame, &mut args.fd).await?;
                    frame.child().$need(args).await
                }
            )*

            $(
                async fn $after(&self, frame: &Frame, args: $after_args) -> FopResult<$after_reply> {
                    if self.waiting.is_empty() {
                        return frame.child().$after(args).await;
                    }
                    let opens = self.opens(at(&args.loc), frame.key());
                    self.send(frame, opens).await;
                    frame.child().$after(args).await
                }
            )*
        }
    };
}

open_behind! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn dump(&self, out: &mut String) {
            out.push_str(&format!("inodes={}\n", self.waiting.len()));
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if args.flags & AT_ONCE != 0 || !self.lazy.load(Ordering::Relaxed) || !self.delay(frame, &args) {
                return frame.child().open(args).await;
            }
            Ok(Opened { fd: args.fd, xdata: Dict::new() })
        }

        async fn flush(&self, frame: &Frame, mut args: Flush) -> FopResult<Done> {
            let Some(open) = delayed(&args.fd, frame.key()) else {
                return frame.child().flush(args).await;
            };
            if !open.is_sent() {
                // Nothing was done that could be waited for.
                return Ok(Done::default());
            }
            open.open(frame, &mut args.fd).await?;
            frame.child().flush(args).await
        }

        async fn copy_file_range(&self, frame: &Frame, mut args: CopyFileRange) -> FopResult<Copied> {
            for fd in [&mut args.fd_in, &mut args.fd_out] {
                if let Some(open) = delayed(fd, frame.key()) {
                    open.open(frame, fd).await?;
                }
            }
            frame.child().copy_file_range(args).await
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            if self.waiting.is_empty() {
                return frame.child().unlink(args).await;
            }
            let opens = self.opens_at(frame, &args.loc).await;
            self.send(frame, opens).await;
            frame.child().unlink(args).await
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.waiting.is_empty() {
                return frame.child().rename(args).await;
            }
            // Where nobody knows a file of the new name, there is none that could be open.
            let opens = self.opens(at(&args.new), frame.key());
            self.send(frame, opens).await;
            frame.child().rename(args).await
        }
    }
    reads {
        readv Readv Data;
        fstat Fstat Attr;
    }
    needs {
        writev Writev Written;
        fsync Fsync PrePost;
        ftruncate Ftruncate PrePost;
        fsetattr Fsetattr PrePost;
        fallocate Fallocate PrePost;
        discard Discard PrePost;
        zerofill Zerofill PrePost;
        seek Seek Sought;
        rchecksum Rchecksum Checksum;
        lk Lk Locked;
        finodelk Finodelk Done;
        fentrylk Fentrylk Done;
        fgetxattr Fgetxattr Xattrs;
        fsetxattr Fsetxattr Done;
        fremovexattr Fremovexattr Done;
        fxattrop Fxattrop Xattrs;
    }
    after {
        setattr Setattr PrePost;
        setxattr Setxattr Done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <OpenBehind as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
