//! `features/upcall`: tells clients what other clients have changed, so that they may trust their caches for longer.
//!
//! Who has looked at what is in `watchers`, what a fop changed in `change`, which xattrs matter in `interest`; this
//! file says of every fop what it looks at and what it changes.
#![forbid(unsafe_code)]

mod change;
mod interest;
mod options;
mod watchers;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use plugin_api::prelude::*;
use plugin_api::upcall::flag;

use change::Change;
use interest::Interest;
use options::Settings;
use watchers::{Watcher, Watchers};

/// The `op` of an IPC fop that names the xattrs a client keeps.
const NAMES_OF_INTEREST: i32 = 2;

/// Remembers which clients look at what, and tells them when another one changes it.
#[derive(Debug, Default)]
pub struct Upcall {
    on: AtomicBool,
    timeout: RwLock<Duration>,
    watchers: Watchers,
    interest: Interest,
}

impl Upcall {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        *self.timeout.write().unwrap_or_else(PoisonError::into_inner) = settings.timeout;
        self.on.store(settings.on, Ordering::Relaxed);
        if !settings.on {
            self.watchers.clear();
        }
        Ok(())
    }

    /// Whether nobody is told anything.
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    /// Who asks, when it is to be remembered.
    fn watcher(&self, frame: &Frame) -> Option<Arc<Watcher>> {
        let client = frame.client().filter(|_| !self.is_off())?;
        Some(client.object().ctx_or_insert_with(frame.key(), || Watcher { uid: client.uid().to_owned() }))
    }

    fn timeout(&self) -> Duration {
        *self.timeout.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn looked(&self, who: &Arc<Watcher>, objects: impl IntoIterator<Item = Gfid>) {
        let (now, timeout) = (Instant::now(), self.timeout());
        for gfid in objects.into_iter().filter(|gfid| !gfid.is_null()) {
            self.watchers.look(gfid, who, now, timeout);
        }
    }

    /// Tells the others of changes that `author` made, and notes that it knows the objects now.
    fn changed(&self, frame: &Frame, author: &Arc<Watcher>, changes: impl IntoIterator<Item = Change>) {
        let (now, timeout) = (Instant::now(), self.timeout());
        for change in changes {
            if change.gfid.is_null() {
                continue;
            }
            if change.flags != 0 {
                for other in self.watchers.others(change.gfid, author, now, timeout) {
                    frame.handle().notify_up(&change.event(&other.uid, timeout.as_secs()));
                }
            }
            self.watchers.look(change.gfid, author, now, timeout);
        }
    }

    /// The change of xattrs, when it is one that some client keeps.
    fn xattrs(&self, gfid: Gfid, flags: u32, changed: &Dict, answer: &Dict) -> Option<Change> {
        let kept = self.interest.of(changed);
        (!kept.is_empty()).then(|| Change::of_xattrs(gfid, flags, kept, answer))
    }
}

/// A changed xattr that has no value any more.
fn removed(name: &[u8]) -> Dict {
    Dict::new().with(String::from_utf8_lossy(name).into_owned(), Value::str(""))
}

/// Marks that count up and down; a count that nothing is added to does not change.
fn counted(operands: &Dict) -> Dict {
    let mut changed = operands.clone();
    changed.retain(|_, value| value.as_bytes().is_none_or(|bytes| bytes.iter().any(|byte| *byte != 0)));
    changed
}

/// An object below a name is another one: its directory has changed, too.
fn unnamed(gfid: Gfid, parent: &Iatt) -> [Change; 2] {
    let object = Change::of_gfid(gfid, flag::NLINK | flag::TIMES | flag::PARENT_TIMES).within(parent);
    [object, Change::of(parent, flag::TIMES)]
}

/// Writes the `impl`: for each fop what it looks at (`sees`), or what is to be known before it and what it `changes`.
macro_rules! upcall {
    (
        { $($written:tt)* }
        sees { $($see:ident $see_args:ident $see_reply:ident |$about:pat_param, $sr:ident| $seen:expr;)* }
        changes { $($change:ident $change_args:ident $change_reply:ident
            |$frame:ident, $ca:ident| $before:expr, |$known:pat_param, $me:pat_param, $cr:ident| $changed:expr;)* }
    ) => {
        #[xlator(
            "features/upcall",
            positions = "brick",
            unknown_fops = "pass",
            doc = "tells clients what other clients have changed"
        )]
        impl Xlator for Upcall {
            $($written)*

            $(
                async fn $see(&self, frame: &Frame, args: $see_args) -> FopResult<$see_reply> {
                    if self.is_off() {
                        return frame.child().$see(args).await;
                    }
                    let Some(who) = self.watcher(frame) else { return frame.child().$see(args).await };
                    let $about = args.subject().gfid;
                    let $sr = frame.child().$see(args).await?;
                    self.looked(&who, $seen);
                    Ok($sr)
                }
            )*

            $(
                async fn $change(&self, $frame: &Frame, $ca: $change_args) -> FopResult<$change_reply> {
                    if self.is_off() {
                        return $frame.child().$change($ca).await;
                    }
                    let Some(who) = self.watcher($frame) else { return $frame.child().$change($ca).await };
                    let $known = $before;
                    let $cr = $frame.child().$change($ca).await?;
                    let $me = self;
                    self.changed($frame, &who, $changed);
                    Ok($cr)
                }
            )*
        }
    };
}

upcall! {
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
            out.push_str(&format!("watched-objects={}\n", self.watchers.len()));
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.is_off() {
                return frame.child().lookup(args).await;
            }
            let Some(who) = self.watcher(frame) else { return frame.child().lookup(args).await };
            let directory = args.loc.directory();
            let reply = frame.child().lookup(args).await;
            match &reply {
                Ok(found) => self.looked(&who, [found.iatt.gfid, directory]),
                // A client keeps in mind, too, that there is no such name.
                Err(error) if error.errno == Errno::ENOENT => self.looked(&who, [directory]),
                Err(_) => {}
            }
            reply
        }

        async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
            if args.op != NAMES_OF_INTEREST || self.is_off() {
                return frame.child().ipc(args).await;
            }
            self.interest.add(&args.xdata);
            Ok(Done::default())
        }
    }
    sees {
        stat Stat Attr |_, found| [found.iatt.gfid];
        fstat Fstat Attr |_, found| [found.iatt.gfid];
        access Access Done |gfid, _found| [gfid];
        readlink Readlink Target |gfid, _found| [gfid];
        open Open Opened |gfid, _found| [gfid];
        opendir Opendir Opened |gfid, _found| [gfid];
        readv Readv Data |gfid, _found| [gfid];
        seek Seek Sought |gfid, _found| [gfid];
        rchecksum Rchecksum Checksum |gfid, _found| [gfid];
        getxattr Getxattr Xattrs |gfid, _found| [gfid];
        fgetxattr Fgetxattr Xattrs |gfid, _found| [gfid];
        readdir Readdir Entries |gfid, _found| [gfid];
        readdirp Readdirp Entries |gfid, found| found.entries.iter().map(|entry| entry.iatt.gfid).chain([gfid]);
    }
    changes {
        writev Writev Written |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        truncate Truncate PrePost |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        ftruncate Ftruncate PrePost |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        fallocate Fallocate PrePost |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        discard Discard PrePost |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        zerofill Zerofill PrePost |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        copy_file_range CopyFileRange Copied |frame, args| (), |(), _, done|
            [Change::of(&done.post, flag::SIZE | flag::TIMES)];
        setattr Setattr PrePost |frame, args| (), |(), _, done| [Change::between(&done.pre, &done.post)];
        fsetattr Fsetattr PrePost |frame, args| (), |(), _, done| [Change::between(&done.pre, &done.post)];
        mknod Mknod Made |frame, args| (), |(), _, made|
            [Change::of(&made.iatt, 0), Change::of(&made.post_parent, flag::TIMES)];
        mkdir Mkdir Made |frame, args| (), |(), _, made|
            [Change::of(&made.iatt, 0), Change::of(&made.post_parent, flag::TIMES)];
        symlink Symlink Made |frame, args| (), |(), _, made|
            [Change::of(&made.iatt, 0), Change::of(&made.post_parent, flag::TIMES)];
        create Create Created |frame, args| (), |(), _, made|
            [Change::of(&made.iatt, 0), Change::of(&made.post_parent, flag::TIMES)];
        link Link Made |frame, args| (), |(), _, made| [
            Change::of(&made.iatt, flag::NLINK | flag::TIMES | flag::PARENT_TIMES).within(&made.post_parent),
            Change::of(&made.post_parent, flag::TIMES),
        ];
        unlink Unlink Removed |frame, args| frame.child().gfid_at(&args.loc).await, |gfid, _, done|
            unnamed(gfid, &done.post_parent);
        rmdir Rmdir Removed |frame, args| frame.child().gfid_at(&args.loc).await, |gfid, _, done|
            unnamed(gfid, &done.post_parent);
        rename Rename Renamed |frame, args| frame.child().gfid_at(&args.new).await, |replaced, _, done| [
            Change::of(&done.iatt, flag::RENAME | flag::PARENT_TIMES)
                .within(&done.post_new_parent)
                .from(&done.post_old_parent),
            Change::of_gfid(replaced, flag::NLINK | flag::TIMES | flag::PARENT_TIMES).within(&done.post_new_parent),
            Change::of(&done.post_old_parent, flag::TIMES),
            Change::of(&done.post_new_parent, flag::TIMES),
        ];
        setxattr Setxattr Done |frame, args| (args.loc.target(), args.xattrs.clone()), |(gfid, xattrs), me, done|
            me.xattrs(gfid, flag::XATTR, &xattrs, &done.xdata);
        fsetxattr Fsetxattr Done |frame, args| (args.fd.inode().gfid(), args.xattrs.clone()), |(gfid, xattrs), me, done|
            me.xattrs(gfid, flag::XATTR, &xattrs, &done.xdata);
        removexattr Removexattr Done |frame, args| (args.loc.target(), removed(&args.name)), |(gfid, xattrs), me, done|
            me.xattrs(gfid, flag::XATTR_RM, &xattrs, &done.xdata);
        fremovexattr Fremovexattr Done |frame, args| (args.fd.inode().gfid(), removed(&args.name)),
            |(gfid, xattrs), me, done| me.xattrs(gfid, flag::XATTR_RM, &xattrs, &done.xdata);
        xattrop Xattrop Xattrs |frame, args| (args.loc.target(), counted(&args.xattrs)), |(gfid, xattrs), me, done|
            me.xattrs(gfid, flag::XATTR, &xattrs, &done.xdata);
        fxattrop Fxattrop Xattrs |frame, args| (args.fd.inode().gfid(), counted(&args.xattrs)),
            |(gfid, xattrs), me, done| me.xattrs(gfid, flag::XATTR, &xattrs, &done.xdata);
    }
}
