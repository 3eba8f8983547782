//! `features/leases`: hands out leases on files, and holds up who is in their way until they are given back.
//!
//! The rules are in `object`, where an object is found in `table`; this file says of every fop what it is to a file.
#![forbid(unsafe_code)]

mod object;
mod options;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use plugin_api::fop::INTERNAL_FOP;
use plugin_api::prelude::*;
use plugin_api::upcall::{CLIENT, GFID, KIND, LEASE_TYPE, kind};
use plugin_api::{Event, EventKind};

use object::{Asker, Conflict, Kind, LeaseId, Use};
use options::Settings;
use table::{OpenFile, Table};

/// Extras of a fop: under which lease it is made.
const ID: &str = "lease-id";

const GET: u32 = 1;
const SET: u32 = 2;
const UNLOCK: u32 = 3;

/// Hands out leases.
#[derive(Debug, Default)]
pub struct Leases {
    on: AtomicBool,
    recall: RwLock<Duration>,
    table: Arc<Table>,
    closing: AtomicBool,
}

impl Leases {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        *self.recall.write().unwrap_or_else(PoisonError::into_inner) = settings.recall;
        self.on.store(settings.on, Ordering::Relaxed);
        if !settings.on {
            self.table.for_each(object::Object::purge);
        }
        Ok(())
    }

    fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Whether there is a lease that anybody could be in the way of.
    fn is_leased(&self) -> bool {
        self.table.is_leased()
    }

    fn recall(&self) -> Duration {
        *self.recall.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the holders for what stands in somebody's way.
    fn tell(&self, frame: &Frame, gfid: Gfid, conflict: &Conflict) {
        for client in &conflict.tell {
            let data = Dict::new()
                .with(KIND, kind::RECALL_LEASE)
                .with(CLIENT, Value::str(&**client))
                .with(GFID, gfid)
                .with(LEASE_TYPE, 0);
            frame.handle().notify_up(&Event { kind: EventKind::UPCALL, data });
        }
    }

    /// Goes on once no lease is in the way.
    ///
    /// # Errors
    /// `EAGAIN` for who does not wait.
    async fn pass(
        &self,
        frame: &Frame,
        gfid: Gfid,
        xdata: &Dict,
        how: Use,
        waits: bool,
    ) -> Result<(), Errno> {
        self.pass_under(frame, gfid, xdata, id(xdata), how, waits).await
    }

    /// As [`pass`](Self::pass), for a fop on an open file: one that does not say its lease is made under the file's, as a
    /// client's caches send fops of their own.
    async fn pass_open(
        &self,
        frame: &Frame,
        fd: &Fd,
        xdata: &Dict,
        how: Use,
        waits: bool,
    ) -> Result<(), Errno> {
        let of_file = || fd.object().ctx::<OpenFile>(frame.key())?.id;
        let id = id(xdata).or_else(of_file);
        self.pass_under(frame, fd.inode().gfid(), xdata, id, how, waits).await
    }

    async fn pass_under(
        &self,
        frame: &Frame,
        gfid: Gfid,
        xdata: &Dict,
        id: Option<LeaseId>,
        how: Use,
        waits: bool,
    ) -> Result<(), Errno> {
        // The cluster keeps files right whoever has leases on them; a name that goes takes the leases along anyway.
        let internal = xdata.contains(INTERNAL_FOP) || (frame.identity().pid < 0 && how != Use::Unnames);
        if gfid.is_null() || internal {
            return Ok(());
        }
        let asker = Asker { client: Arc::from(frame.client().map_or("", |client| client.uid())), id };
        while self.is_leased() && !self.closing.load(Ordering::Acquire) {
            let (conflict, wait) = self.table.with(gfid, |object| {
                let conflict = object.conflict(&asker, how, Instant::now(), self.recall());
                let wait = conflict.as_ref().filter(|_| waits).map(|_| object.wait());
                (conflict, wait)
            });
            let Some(conflict) = conflict else { break };
            self.tell(frame, gfid, &conflict);
            let Some(wait) = wait else { return Err(Errno::EAGAIN) };
            // Given back, or due; the next turn sees which.
            let _ = rt::timeout(conflict.until.saturating_duration_since(Instant::now()), wait).await;
        }
        Ok(())
    }

    /// Takes, gives back or tells of a lease.
    fn lease(&self, frame: &Frame, args: &LeaseFop) -> Result<Lease, Errno> {
        let (gfid, asked) = (args.loc.target(), &args.lease);
        let client = frame.client().ok_or(Errno::EINVAL)?.uid();
        if gfid.is_null() || asked.id == LeaseId::default() {
            return Err(Errno::EINVAL);
        }
        let kind = || Kind::from_wire(asked.kind).ok_or(Errno::EINVAL);
        let mut lease = asked.clone();
        match asked.cmd {
            GET => lease.kind = self.table.with(gfid, |object| object.kinds()),
            UNLOCK => {
                let kind = kind()?;
                self.table.with(gfid, |object| object.give_back(client, asked.id, kind));
            }
            SET => {
                let (kind, client) = (kind()?, Arc::from(client));
                let granted = self.table.with(gfid, |object| {
                    object.grant(&client, asked.id, kind, Instant::now(), self.recall())
                });
                if let Err(conflict) = granted {
                    conflict.iter().for_each(|conflict| self.tell(frame, gfid, conflict));
                    return Err(Errno::EAGAIN);
                }
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(lease)
    }

    /// Notes an open file, so that leases know of it until it is closed.
    fn note(&self, frame: &Frame, fd: &Fd, gfid: Gfid, id: Option<LeaseId>, flags: i32) {
        if !gfid.is_null() {
            let writes = flags & (libc::O_WRONLY | libc::O_RDWR) != 0;
            fd.object().ctx_or_insert_with(frame.key(), || OpenFile::new(&self.table, gfid, id, writes));
        }
    }
}

fn id(xdata: &Dict) -> Option<LeaseId> {
    xdata.get(ID)?.as_bytes()?.try_into().ok().filter(|id: &LeaseId| id.iter().any(|byte| *byte != 0))
}

fn waits(flags: i32) -> bool {
    flags & libc::O_NONBLOCK == 0
}

/// What an open with these flags is to a file.
fn of_flags(flags: i32) -> Use {
    let writes = libc::O_WRONLY | libc::O_RDWR | libc::O_TRUNC | libc::O_CREAT;
    if flags & writes == 0 { Use::Reads } else { Use::Writes }
}

/// Writes the `impl`: for each fop on an open file, and on one by name, what it is to it.
macro_rules! leases {
    (
        { $($written:tt)* }
        open { $($open:ident $open_args:ident $open_reply:ident |$oa:ident| $open_use:expr;)* }
        named { $($named:ident $named_args:ident $named_reply:ident;)* }
    ) => {
        #[xlator(
            "features/leases",
            positions = "brick",
            unknown_fops = "pass",
            doc = "hands out leases on files"
        )]
        impl Xlator for Leases {
            $($written)*

            $(
                async fn $open(&self, frame: &Frame, args: $open_args) -> FopResult<$open_reply> {
                    if !self.is_leased() {
                        return frame.child().$open(args).await;
                    }
                    let how = { let $oa = &args; $open_use };
                    self.pass_open(frame, &args.fd, &args.xdata, how, waits(args.fd.flags())).await?;
                    frame.child().$open(args).await
                }
            )*

            $(
                async fn $named(&self, frame: &Frame, args: $named_args) -> FopResult<$named_reply> {
                    if !self.is_leased() {
                        return frame.child().$named(args).await;
                    }
                    self.pass(frame, args.subject().gfid, &args.xdata, Use::Writes, true).await?;
                    frame.child().$named(args).await
                }
            )*
        }
    };
}

leases! {
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

        fn client_disconnect(&self, _me: &Handle, client: &Client) {
            self.table.for_each(|object| object.leave(client.uid()));
        }

        fn dump(&self, out: &mut String) {
            let (objects, holders) = self.table.len();
            out.push_str(&format!("objects={objects}\nholders={holders}\n"));
        }

        fn fini(&self) {
            self.closing.store(true, Ordering::Release);
            self.table.for_each(object::Object::purge);
        }

        async fn lease(&self, frame: &Frame, args: LeaseFop) -> FopResult<Leased> {
            if !self.is_on() {
                return frame.child().lease(args).await;
            }
            let lease = Leases::lease(self, frame, &args)?;
            Ok(Leased { lease, xdata: Dict::new() })
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if !self.is_on() {
                return frame.child().open(args).await;
            }
            let gfid = args.fd.inode().gfid();
            let (flags, id) = (args.flags, id(&args.xdata));
            self.pass(frame, gfid, &args.xdata, of_flags(flags), waits(flags)).await?;
            // Before the answer, so that no lease slips in between; where it fails the file is let go.
            self.note(frame, &args.fd, gfid, id, flags);
            frame.child().open(args).await
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            if !self.is_on() {
                return frame.child().create(args).await;
            }
            let (flags, id) = (args.flags, id(&args.xdata));
            self.pass(frame, args.loc.target(), &args.xdata, of_flags(flags), waits(flags)).await?;
            let created = frame.child().create(args).await?;
            self.note(frame, &created.fd, created.iatt.gfid, id, flags);
            Ok(created)
        }

        async fn flush(&self, frame: &Frame, args: Flush) -> FopResult<Done> {
            if !self.is_on() {
                return frame.child().flush(args).await;
            }
            if self.is_leased() {
                self.pass_open(frame, &args.fd, &args.xdata, Use::Reads, waits(args.fd.flags())).await?;
            }
            let fd = args.fd.clone();
            let done = frame.child().flush(args).await;
            // A close: libgfapi may not let go of a descriptor for long after it.
            drop(fd.object().ctx_take::<OpenFile>(frame.key()));
            done
        }

        async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
            if !self.is_leased() {
                return frame.child().lk(args).await;
            }
            if args.cmd != LockCmd::Get && args.flock.kind != LockKind::Unlock {
                let how = if args.flock.kind == LockKind::Write { Use::Writes } else { Use::Reads };
                self.pass_open(frame, &args.fd, &args.xdata, how, args.cmd == LockCmd::SetWait).await?;
            }
            frame.child().lk(args).await
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if !self.is_leased() {
                return frame.child().link(args).await;
            }
            self.pass(frame, args.old.target(), &args.xdata, Use::Writes, true).await?;
            frame.child().link(args).await
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            if !self.is_leased() {
                return frame.child().unlink(args).await;
            }
            let gfid = frame.child().gfid_at(&args.loc).await;
            self.pass(frame, gfid, &args.xdata, Use::Unnames, true).await?;
            frame.child().unlink(args).await
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if !self.is_leased() {
                return frame.child().rename(args).await;
            }
            let moved = frame.child().gfid_at(&args.old).await;
            let replaced = frame.child().gfid_at(&args.new).await;
            self.pass(frame, moved, &args.xdata, Use::Unnames, true).await?;
            self.pass(frame, replaced, &args.xdata, Use::Unnames, true).await?;
            frame.child().rename(args).await
        }
    }
    open {
        readv Readv Data |_args| Use::Reads;
        writev Writev Written |_args| Use::Writes;
        fsync Fsync PrePost |args| of_flags(args.fd.flags());
        ftruncate Ftruncate PrePost |_args| Use::Writes;
        fsetattr Fsetattr PrePost |_args| Use::Writes;
        fallocate Fallocate PrePost |_args| Use::Writes;
        discard Discard PrePost |_args| Use::Writes;
        zerofill Zerofill PrePost |_args| Use::Writes;
    }
    named {
        truncate Truncate PrePost;
        setattr Setattr PrePost;
    }
}
