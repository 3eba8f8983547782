//! `features/locks`: the locks of applications and of the cluster, kept in the brick's memory.
//!
//! The rules are in [`engine`], which knows no fop; this crate joins them to the graph: who asks ([`who`]), where an
//! object's locks are ([`table`]), how a fop waits ([`wait`]).
#![forbid(unsafe_code)]

mod brick;
mod clear;
mod cluster;
mod counts;
mod dump;
pub mod engine;
pub mod fence;
mod files;
mod lk;
mod lockinfo;
mod mandatory;
mod notes;
mod notice;
pub mod options;
mod table;
mod wait;
mod who;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use fop_dice::Dice;
use plugin_api::prelude::*;

use clear::Order;
use counts::Asked;
use engine::{Access, Contention, Pace, Refusal};
use mandatory::Touch;
use options::{Mandatory, Settings};
use table::Table;
use who::Clients;

/// Keeps the locks of a brick and lets fops wait for them.
#[derive(Debug, Default)]
pub struct Locks {
    settings: RwLock<Settings>,
    /// Whether locks stop reads and writes: what every read and write asks.
    guards: AtomicBool,
    table: Arc<Table>,
    clients: Clients,
    /// Which unlock requests are dropped, for who tests that.
    dice: Dice,
    /// The translator's name, for the statedump.
    name: String,
    /// What tells this brick from others, once it was asked for.
    brick: OnceLock<String>,
    closing: AtomicBool,
}

impl Locks {
    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn guards(&self) -> bool {
        self.guards.load(Ordering::Relaxed)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn pace(&self) -> Pace {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Pace { now, notice_every: self.settings().notice_every }
    }

    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.guards.store(settings.mandatory != Mandatory::Off, Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        Ok(())
    }
}

/// What a refusal is to the caller.
fn errno(why: Refusal) -> Errno {
    match why {
        Refusal::Held | Refusal::Withdrawn => Errno::EAGAIN,
        Refusal::NotHeld | Refusal::BadRange => Errno::EINVAL,
        Refusal::ClientGone => Errno::ENOTCONN,
        Refusal::Preempted => Errno::EBUSY,
        Refusal::Interrupted => Errno::EINTR,
    }
}

impl Locks {
    /// Gives back what a client that is gone held, everywhere.
    fn release_client(&self, me: &Handle, client: &Client) {
        let key = self.clients.leave(me.key(), client);
        let pace = self.pace();
        let mut contention = Vec::new();
        self.table.for_each(|gfid, locks, effects| {
            if locks.concerns(key) {
                let mut notices = Contention::default();
                locks.release_client(key, pace, effects, &mut notices);
                contention.push((gfid, notices));
            }
        });
        for (gfid, notices) in contention {
            self.notify(me, gfid, &notices.ranges);
            self.notify(me, gfid, &notices.names);
        }
    }

    fn withdraw_waiting(&self) {
        self.closing.store(true, Ordering::Release);
        let pace = self.pace();
        self.table.for_each(|_, locks, effects| locks.withdraw_waiting(pace, effects));
    }
}

/// Writes the `impl` with the fops that only carry counts: name, arguments, reply, and the objects they are about.
macro_rules! locks {
    ({ $($written:tt)* } $($name:ident $args:ident $reply:ident |$a:ident| $objects:expr;)*) => {
        #[xlator(
            "features/locks",
    replace = "restart",
            positions = "brick",
            unknown_fops = "pass",
            doc = "keeps the locks of applications and of the cluster"
        )]
        impl Xlator for Locks {
            $($written)*

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let Some(asked) = Asked::read(&args.xdata) else {
                        return frame.child().$name(args).await;
                    };
                    let objects = { let $a = &args; $objects };
                    let mut reply = frame.child().$name(args).await?;
                    asked.answer(&self.table, &objects, None, &mut reply.xdata);
                    Ok(reply)
                }
            )*
        }
    };
}

/// Winds a fop on, with the counts it asks for in the answer.
macro_rules! counted {
    ($self:ident, $frame:ident, $name:ident, $args:ident, $objects:expr) => {{
        let Some(asked) = Asked::read(&$args.xdata) else { return $frame.child().$name($args).await };
        let objects = $objects;
        let mut reply = $frame.child().$name($args).await?;
        asked.answer(&$self.table, &objects, None, &mut reply.xdata);
        Ok(reply)
    }};
}

locks! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)?;
            cx.name().clone_into(&mut self.name);
            Ok(())
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn client_disconnect(&self, me: &Handle, client: &Client) {
            self.release_client(me, client);
        }

        fn dump(&self, out: &mut String) {
            self.dump_objects(out);
        }

        fn fini(&self) {
            self.withdraw_waiting();
        }

        async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
            Ok(self.record_lock(frame, args).await?)
        }

        async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
            self.release_for_flush(frame, &args);
            counted!(self, frame, flush, args, [args.fd.inode().gfid()])
        }

        async fn inodelk(&self, frame: &Frame, args: Inodelk) -> FopResult<Done> {
            self.range_lock(frame, args.loc.target(), &args.domain, args.cmd, &args.flock).await?;
            Ok(Done::default())
        }

        async fn finodelk(&self, frame: &Frame, args: Finodelk) -> FopResult<Done> {
            let gfid = args.fd.inode().gfid();
            self.range_lock(frame, gfid, &args.domain, args.cmd, &args.flock).await?;
            Ok(Done::default())
        }

        async fn entrylk(&self, frame: &Frame, args: Entrylk) -> FopResult<Done> {
            let gfid = args.loc.target();
            self.name_lock(frame, gfid, &args.domain, args.cmd, args.kind, &args.name).await?;
            Ok(Done::default())
        }

        async fn fentrylk(&self, frame: &Frame, args: Fentrylk) -> FopResult<Done> {
            let gfid = args.fd.inode().gfid();
            self.name_lock(frame, gfid, &args.domain, args.cmd, args.kind, &args.name).await?;
            Ok(Done::default())
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            let asked = Asked::read(&args.xdata);
            if asked.is_none() && !self.marks() {
                return frame.child().lookup(args).await;
            }
            let inode = args.loc.inode.clone().into_option();
            let parent = (args.loc.directory(), args.loc.name.clone());
            let mut reply = frame.child().lookup(args).await?;
            self.mark(frame, inode.as_ref(), &reply.iatt);
            if let Some(asked) = asked {
                let entry = (!parent.1.is_empty()).then_some((parent.0, &*parent.1));
                asked.answer(&self.table, &[reply.iatt.gfid], entry, &mut reply.xdata);
            }
            Ok(reply)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.guards() && args.flags & libc::O_TRUNC != 0 {
                self.may_empty(frame, args.fd.inode()).await?;
            }
            counted!(self, frame, open, args, [args.fd.inode().gfid()])
        }

        async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
            if self.guards() {
                let len = args.size as u64;
                self.may_touch(frame, Touch::open(&args.fd, args.offset, len, Access::Read)).await?;
            }
            counted!(self, frame, readv, args, [args.fd.inode().gfid()])
        }

        async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
            if self.guards() {
                let touch = Touch::open(&args.fd, args.offset, args.len(), Access::Write);
                self.may_touch(frame, touch).await?;
            }
            counted!(self, frame, writev, args, [args.fd.inode().gfid()])
        }

        async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
            if self.guards() {
                self.may_touch(frame, Touch::named(&args.loc, args.offset)).await?;
            }
            counted!(self, frame, truncate, args, [args.loc.target()])
        }

        async fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
            if self.guards() {
                self.may_touch(frame, Touch::open(&args.fd, args.offset, 0, Access::Write)).await?;
            }
            counted!(self, frame, ftruncate, args, [args.fd.inode().gfid()])
        }

        async fn fallocate(&self, frame: &Frame, args: Fallocate) -> FopResult<PrePost> {
            if self.guards() {
                let touch = Touch::open(&args.fd, args.offset, args.len, Access::Write);
                self.may_touch(frame, touch).await?;
            }
            counted!(self, frame, fallocate, args, [args.fd.inode().gfid()])
        }

        async fn discard(&self, frame: &Frame, args: Discard) -> FopResult<PrePost> {
            if self.guards() {
                let touch = Touch::open(&args.fd, args.offset, args.len, Access::Write);
                self.may_touch(frame, touch).await?;
            }
            counted!(self, frame, discard, args, [args.fd.inode().gfid()])
        }

        async fn zerofill(&self, frame: &Frame, args: Zerofill) -> FopResult<PrePost> {
            if self.guards() {
                let touch = Touch::open(&args.fd, args.offset, args.len, Access::Write);
                self.may_touch(frame, touch).await?;
            }
            counted!(self, frame, zerofill, args, [args.fd.inode().gfid()])
        }

        async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
            if &args.name[..] == lockinfo::NAME.as_bytes() {
                return Ok(Xattrs { xattrs: self.lock_info(frame, &args.fd).await, xdata: Dict::new() });
            }
            if let Some(order) = Order::read(&args.name) {
                return Ok(self.obey(frame, args.fd.inode().gfid(), &args.name, &order?).await);
            }
            counted!(self, frame, fgetxattr, args, [args.fd.inode().gfid()])
        }

        async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
            if let Some(order) = Order::read(&args.name) {
                return Ok(self.obey(frame, args.loc.target(), &args.name, &order?).await);
            }
            counted!(self, frame, getxattr, args, [args.loc.target()])
        }

        async fn fsetxattr(&self, frame: &Frame, mut args: Fsetxattr) -> FopResult<Done> {
            if let Some(value) = args.xattrs.remove(lockinfo::NAME) {
                self.move_locks(frame, &args.fd, value.as_bytes().unwrap_or_default()).await;
                if args.xattrs.is_empty() {
                    return Ok(Done::default());
                }
            }
            if self.may_fence(&args.xattrs)? {
                let inode = args.fd.inode().clone();
                let done = frame.child().fsetxattr(args).await?;
                self.note_fence(frame, Some(&inode), true);
                return Ok(done);
            }
            counted!(self, frame, fsetxattr, args, [args.fd.inode().gfid()])
        }

        async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
            if self.may_fence(&args.xattrs)? {
                let inode = args.loc.inode.clone().into_option();
                let done = frame.child().setxattr(args).await?;
                self.note_fence(frame, inode.as_ref(), true);
                return Ok(done);
            }
            counted!(self, frame, setxattr, args, [args.loc.target()])
        }

        async fn removexattr(&self, frame: &Frame, args: Removexattr) -> FopResult<Done> {
            if &args.name[..] == fence::NAME.as_bytes() {
                let inode = args.loc.inode.clone().into_option();
                let done = frame.child().removexattr(args).await?;
                self.note_fence(frame, inode.as_ref(), false);
                return Ok(done);
            }
            counted!(self, frame, removexattr, args, [args.loc.target()])
        }

        async fn fremovexattr(&self, frame: &Frame, args: Fremovexattr) -> FopResult<Done> {
            if &args.name[..] == fence::NAME.as_bytes() {
                let inode = args.fd.inode().clone();
                let done = frame.child().fremovexattr(args).await?;
                self.note_fence(frame, Some(&inode), false);
                return Ok(done);
            }
            counted!(self, frame, fremovexattr, args, [args.fd.inode().gfid()])
        }
    }
    stat Stat Attr |args| [args.loc.target()];
    fstat Fstat Attr |args| [args.fd.inode().gfid()];
    setattr Setattr PrePost |args| [args.loc.target()];
    fsetattr Fsetattr PrePost |args| [args.fd.inode().gfid()];
    fsync Fsync PrePost |args| [args.fd.inode().gfid()];
    xattrop Xattrop Xattrs |args| [args.loc.target()];
    fxattrop Fxattrop Xattrs |args| [args.fd.inode().gfid()];
    unlink Unlink Removed |args| [args.loc.target()];
    rmdir Rmdir Removed |args| [args.loc.target()];
    link Link Made |args| [args.old.target()];
    rename Rename Renamed |args| [args.old.target(), args.new.target()];
    seek Seek Sought |args| [args.fd.inode().gfid()];
}
