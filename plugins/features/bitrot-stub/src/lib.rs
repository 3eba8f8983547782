//! `features/bitrot-stub`: versions objects for the signer, and keeps bad ones from being read.
//!
//! What an object is like is in `object`, when the signer hears of it in `release`, what lies on the disk in `format`, which
//! objects are bad in `quarantine`. This file says of every fop what it changes, or what it may not read.
#![forbid(unsafe_code)]

mod format;
mod object;
mod options;
mod quarantine;
mod release;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::prelude::*;

use format::{BAD, GET_SIGNATURE, INIT, REOPEN, SET_SIGNATURE, SIGNATURE, Signature, Started, VERSION};
use object::{Object, OnDisk};
use options::Settings;
use quarantine::{Listing, Quarantine};
use release::{Teller, Writer};

/// The signer, by its process number.
const SIGNER: i32 = -8;
/// The scrubber.
const SCRUBBER: i32 = -9;
/// In the answer to a lookup: the object is bad.
const BAD_INODE: &str = "glusterfs.bad-inode";
/// Under this name the store tells the paths of what it is asked about.
const PATHS: &str = "glusterfs.ancestry.path";
/// The value of the mark of a bad object.
const MARK: &[u8] = b"1\0";

/// Versions the objects of one brick.
#[derive(Debug, Default)]
pub struct BitrotStub {
    on: AtomicBool,
    started: Started,
    export: RwLock<PathBuf>,
    quarantine: RwLock<Option<Arc<Quarantine>>>,
    opening: Mutex<()>,
    teller: Arc<Teller>,
}

impl BitrotStub {
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    fn take_settings(&self, settings: Settings) {
        *self.export.write().unwrap_or_else(PoisonError::into_inner) = settings.export;
        self.on.store(settings.on, Ordering::Relaxed);
    }

    /// The quarantine, opened when it is asked for first: the store below makes the folder that it lies in.
    fn quarantine(&self) -> Option<Arc<Quarantine>> {
        let open = || self.quarantine.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(open) = open() {
            return Some(open);
        }
        let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open() {
            return Some(open);
        }
        let export = self.export.read().unwrap_or_else(PoisonError::into_inner).clone();
        match Quarantine::open(&export) {
            Ok(made) => {
                let made = Arc::new(made);
                *self.quarantine.write().unwrap_or_else(PoisonError::into_inner) = Some(made.clone());
                Some(made)
            }
            Err(why) => {
                log!(Error, "bad objects are not listed", why = why);
                None
            }
        }
    }

    /// Whether an object is listed as bad; the disk says whether it is.
    fn suspects(&self, gfid: Gfid) -> bool {
        self.quarantine().is_some_and(|quarantine| quarantine.contains(gfid))
    }

    /// The object behind an inode, unless it is bad.
    async fn good(&self, frame: &Frame, inode: &Inode) -> Result<Arc<Object>, FopError> {
        let object = Object::of(frame, inode).await?;
        if object.is_bad() {
            self.judge(frame, inode, &object).await?;
        }
        Ok(object)
    }

    /// Looks once more at an object that was bad: what an operator took away and was healed is another one.
    async fn judge(&self, frame: &Frame, inode: &Inode, object: &Object) -> Result<(), FopError> {
        if OnDisk::read(frame, inode).await.map_or(true, |there| there.is_bad) {
            return Err(Errno::EIO.into());
        }
        object.set_bad(false);
        self.let_go(inode.gfid());
        Ok(())
    }

    /// Takes an object off the list of bad ones.
    fn let_go(&self, gfid: Gfid) {
        if let Some(quarantine) = self.quarantine()
            && let Err(why) = quarantine.remove(gfid)
        {
            log!(Warn, "an object is still listed as bad", gfid = gfid, why = why);
        }
    }

    /// Makes a descriptor one through which its object may change.
    async fn writer(&self, frame: &Frame, fd: &Fd) -> Result<Arc<Writer>, FopError> {
        let known = fd.object().ctx::<Writer>(frame.key());
        if let Some(writer) = known.filter(|writer| !writer.object().is_bad()) {
            return Ok(writer);
        }
        let object = self.good(frame, fd.inode()).await?;
        if let Some(writer) = fd.object().ctx::<Writer>(frame.key()) {
            return Ok(writer);
        }
        object.begin(frame, fd, self.started).await?;
        let made = Writer::new(object, fd.inode().gfid(), self.teller.clone());
        // Where two writes were first at once, the one that is dropped ends what it began.
        Ok(fd.object().ctx_or_insert_with(frame.key(), || made))
    }

    /// A descriptor that nobody opened, of what a fop by name changes. It is let go of with the fop.
    async fn change(&self, frame: &Frame, loc: &Loc) -> Result<Option<Fd>, FopError> {
        let Some(inode) = loc.inode.clone().into_option() else { return Ok(None) };
        let fd = Fd::anonymous(inode, libc::O_RDWR);
        self.writer(frame, &fd).await?;
        Ok(Some(fd))
    }

    /// The answer to an xattr that is asked for by one of our own names; nothing for others.
    async fn virtual_xattr(&self, frame: &Frame, inode: &Inode, name: &[u8]) -> FopResult<Option<Xattrs>> {
        let name = std::str::from_utf8(name).unwrap_or_default();
        let value = match name {
            VERSION | SIGNATURE => return Err(Errno::EINVAL.into()),
            INIT => {
                let export = self.export.read().unwrap_or_else(PoisonError::into_inner);
                self.started.answer(&export)
            }
            GET_SIGNATURE => {
                let there = self.at_rest(frame, inode).await?;
                match (there.version, there.signature) {
                    (Some(version), Some(signature)) => signature.answer(version),
                    _ => return Err(Errno::ENODATA.into()),
                }
            }
            _ => return Ok(None),
        };
        let xattrs = Dict::new().with(name.to_owned(), Value::bytes(value));
        Ok(Some(Xattrs { xattrs, xdata: Dict::new() }))
    }

    /// An object as the disk has it, while nobody writes a version or a signature.
    async fn at_rest(&self, frame: &Frame, inode: &Inode) -> Result<OnDisk, FopError> {
        let object = Object::of(frame, inode).await?;
        let _turn = object.turn.lock().await;
        OnDisk::read(frame, inode).await
    }

    /// Does what the signer or the scrubber writes by one of our names.
    async fn order(&self, frame: &Frame, args: &Fsetxattr) -> FopResult<Done> {
        let (name, value) = own(&args.xattrs).ok_or(Errno::EINVAL)?;
        let (fd, pid) = (&args.fd, frame.identity().pid);
        match name {
            SET_SIGNATURE if pid == SIGNER => self.sign(frame, fd, value).await,
            REOPEN if pid == SIGNER => {
                self.reopen(frame, fd, value.as_i64() != Some(0)).await?;
                Ok(Done::default())
            }
            BAD if pid == SCRUBBER => self.condemn(frame, fd).await,
            _ => Err(Errno::EINVAL.into()),
        }
    }

    async fn sign(&self, frame: &Frame, fd: &Fd, value: &Value) -> FopResult<Done> {
        let signature = value.as_bytes().and_then(Signature::sent).ok_or(Errno::EINVAL)?;
        let object = self.good(frame, fd.inode()).await?;
        let _turn = object.turn.lock().await;
        if !object.may_be_signed(signature.version) {
            return Err(Errno::EINVAL.into());
        }
        let xattrs = Dict::new().with(SIGNATURE, Value::bytes(signature.bytes()));
        frame.child().fsetxattr(Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() }).await
    }

    /// The object is to be signed once `fd` is let go of, by which time nobody else may have it open. `anew`: it may have
    /// changed while nobody watched.
    async fn reopen(&self, frame: &Frame, fd: &Fd, anew: bool) -> FopResult<()> {
        let object = self.good(frame, fd.inode()).await?;
        if anew {
            self.writer(frame, fd).await?.hurry();
        } else if object.at_rest().is_some() {
            let gfid = fd.inode().gfid();
            fd.object().ctx_or_insert_with(frame.key(), || {
                object.join();
                Writer::new(object.clone(), gfid, self.teller.clone())
            });
            if let Some(writer) = fd.object().ctx::<Writer>(frame.key()) {
                writer.hurry();
            }
        }
        Ok(())
    }

    async fn condemn(&self, frame: &Frame, fd: &Fd) -> FopResult<Done> {
        let object = Object::of(frame, fd.inode()).await?;
        let xattrs = Dict::new().with(BAD, Value::bytes(MARK.to_vec()));
        let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
        let done = frame.child().fsetxattr(args).await?;
        object.set_bad(true);
        let gfid = fd.inode().gfid();
        log!(Error, xl: frame.name(), "an object is bad and is not served any more", gfid = gfid);
        if let Some(quarantine) = self.quarantine()
            && let Err(why) = quarantine.add(gfid)
        {
            log!(Error, xl: frame.name(), "a bad object is not listed", gfid = gfid, why = why);
        }
        Ok(done)
    }

    /// The bad object whose last name is about to go.
    async fn last_name(&self, frame: &Frame, loc: &Loc) -> Option<Gfid> {
        if self.quarantine()?.is_empty() {
            return None;
        }
        let fresh = Inode::new(loc.target(), FileType::Invalid);
        let loc = Loc { inode: Some(fresh).into(), ..loc.clone() };
        let found = frame.child().lookup(Lookup { loc, xdata: Dict::new() }).await.ok()?;
        (found.iatt.nlink <= 1 && self.suspects(found.iatt.gfid)).then_some(found.iatt.gfid)
    }

    /// The quarantine, for those who may see it.
    fn shown(&self, frame: &Frame) -> Result<Arc<Quarantine>, FopError> {
        let identity = frame.identity();
        if identity.uid != 0 && identity.pid >= 0 {
            return Err(Errno::EPERM.into());
        }
        Ok(self.quarantine().ok_or(Errno::ESTALE)?)
    }
}

/// The first of our names among xattrs that are to be set.
fn own(xattrs: &Dict) -> Option<(&'static str, &Value)> {
    let names = [VERSION, SIGNATURE, BAD, SET_SIGNATURE, GET_SIGNATURE, REOPEN];
    names.into_iter().find_map(|name| Some((name, xattrs.get(name)?)))
}

/// What nobody takes away.
fn is_kept(name: &[u8]) -> bool {
    [VERSION, SIGNATURE, BAD].iter().any(|kept| kept.as_bytes() == name)
}

/// Lists of xattrs are without ours, whether the feature is on or not: copies of an object have their own.
fn without_ours(mut found: Xattrs) -> Xattrs {
    if [VERSION, SIGNATURE, BAD].iter().any(|name| found.xattrs.contains(name)) {
        found.xattrs.retain(|key, _| !is_kept(key.as_bytes()));
    }
    found
}

/// Writes the `impl`: which fops change an open file, or one by name, and which read one that may be bad.
macro_rules! stub {
    (
        { $($written:tt)* }
        changes { $($change:ident $change_args:ident $change_reply:ident $fd:ident;)* }
        reads { $($read:ident $read_args:ident $read_reply:ident |$r:ident| $inode:expr;)* }
        moves { $($move:ident $move_args:ident $move_reply:ident $loc:ident;)* }
        takes { $($take:ident $take_args:ident;)* }
    ) => {
        #[xlator(
            "features/bitrot-stub",
            positions = "brick",
            unknown_fops = "decompose",
            doc = "versions objects for the signer, and keeps bad ones from being read"
        )]
        impl Xlator for BitrotStub {
            $($written)*

            $(
                async fn $change(&self, frame: &Frame, args: $change_args) -> FopResult<$change_reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let _writer = self.writer(frame, &args.$fd).await?;
                    frame.child().$change(args).await
                }
            )*

            $(
                async fn $read(&self, frame: &Frame, args: $read_args) -> FopResult<$read_reply> {
                    if self.is_off() {
                        return frame.child().$read(args).await;
                    }
                    let inode: Option<Inode> = { let $r = &args; $inode };
                    if let Some(inode) = inode.filter(is_versioned) {
                        self.good(frame, &inode).await?;
                    }
                    frame.child().$read(args).await
                }
            )*

            $(
                async fn $move(&self, frame: &Frame, args: $move_args) -> FopResult<$move_reply> {
                    if self.is_off() {
                        return frame.child().$move(args).await;
                    }
                    let gone = self.last_name(frame, &args.$loc).await;
                    let done = frame.child().$move(args).await?;
                    if let Some(gfid) = gone {
                        self.let_go(gfid);
                    }
                    Ok(done)
                }
            )*

            $(
                async fn $take(&self, frame: &Frame, args: $take_args) -> FopResult<Done> {
                    if !is_kept(&args.name) {
                        return frame.child().$take(args).await;
                    }
                    Err(Errno::EINVAL.into())
                }
            )*
        }
    };
}

/// Whether an inode may be that of a file with content.
fn is_versioned(inode: &Inode) -> bool {
    matches!(inode.file_type(), FileType::Regular | FileType::Invalid)
}

stub! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.started = Started::at(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
            self.teller.set(Some(cx.handle()));
            self.take_settings(Settings::read(cx)?);
            Ok(())
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            let settings = Settings::read(cx)?;
            self.take_settings(settings);
            if !self.is_off() && cx.handle().serves() {
                self.quarantine();
            }
            Ok(())
        }

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            if event.kind == EventKind::CHILD_UP && !self.is_off() {
                self.quarantine();
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let bad = self.quarantine.read().unwrap_or_else(PoisonError::into_inner);
            let bad = bad.as_ref().map_or(0, |quarantine| quarantine.list().len());
            out.push_str(&format!("bad-objects={bad}\n"));
        }

        fn fini(&self) {
            self.teller.set(None);
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            if self.is_off() {
                return frame.child().lookup(args).await;
            }
            if args.loc.target() == quarantine::ID && args.loc.name.is_empty() {
                let iatt = self.shown(frame)?.attributes().map_err(errno)?;
                return Ok(Looked { iatt, ..Looked::default() });
            }
            let mut found = frame.child().lookup(args).await?;
            if self.suspects(found.iatt.gfid) {
                let inode = Inode::new(found.iatt.gfid, found.iatt.file_type());
                if OnDisk::read(frame, &inode).await.map_or(true, |there| there.is_bad) {
                    found.xdata.set(BAD_INODE, 1);
                } else {
                    self.let_go(found.iatt.gfid);
                }
            }
            Ok(found)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() {
                return frame.child().open(args).await;
            }
            let fd = args.fd.clone();
            if is_versioned(fd.inode()) {
                self.good(frame, fd.inode()).await?;
            }
            if args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let _writer = self.change(frame, &Loc::of(fd.inode().clone())).await?;
            frame.child().open(args).await
        }

        async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
            if self.is_off() {
                return frame.child().truncate(args).await;
            }
            let _writer = self.change(frame, &args.loc).await?;
            frame.child().truncate(args).await
        }

        async fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
            if self.is_off() || args.fd.inode().gfid() != quarantine::ID {
                return frame.child().opendir(args).await;
            }
            let listing = Listing(self.shown(frame)?.list());
            args.fd.object().ctx_set(frame.key(), Arc::new(listing));
            Ok(Opened { fd: args.fd, xdata: Dict::new() })
        }

        async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
            if self.is_off() || args.fd.inode().gfid() != quarantine::ID {
                return frame.child().readdir(args).await;
            }
            self.shown(frame)?;
            let listing = args.fd.object().ctx::<Listing>(frame.key()).ok_or(Errno::EBADF)?;
            let mut answer = listing.read(args.offset, args.size);
            for entry in answer.entries.iter() {
                let Some(gfid) = std::str::from_utf8(&entry.name).ok().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                let loc = Loc::of(Inode::new(gfid, FileType::Invalid));
                let xdata = Dict::new().with(PATHS, 0);
                let Ok(found) = frame.child().lookup(Lookup { loc, xdata }).await else { continue };
                if let Some(path) = found.xdata.str(PATHS) {
                    answer.xdata.set(gfid.to_string(), path.to_owned());
                }
            }
            Ok(answer)
        }

        async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
            if own(&args.xattrs).is_none() {
                return frame.child().setxattr(args).await;
            }
            Err(Errno::EINVAL.into())
        }

        async fn fsetxattr(&self, frame: &Frame, args: Fsetxattr) -> FopResult<Done> {
            if own(&args.xattrs).is_none() {
                return frame.child().fsetxattr(args).await;
            }
            if self.is_off() {
                return Err(Errno::EINVAL.into());
            }
            self.order(frame, &args).await
        }

        async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
            if self.is_off() && !args.name.is_empty() {
                return frame.child().getxattr(args).await;
            }
            if let Some(inode) = args.loc.inode.clone().into_option()
                && let Some(answer) = self.virtual_xattr(frame, &inode, &args.name).await?
            {
                return Ok(answer);
            }
            let lists = args.name.is_empty();
            let found = frame.child().getxattr(args).await?;
            Ok(if lists { without_ours(found) } else { found })
        }

        async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
            if self.is_off() && !args.name.is_empty() {
                return frame.child().fgetxattr(args).await;
            }
            let inode = args.fd.inode().clone();
            if let Some(answer) = self.virtual_xattr(frame, &inode, &args.name).await? {
                return Ok(answer);
            }
            let lists = args.name.is_empty();
            let found = frame.child().fgetxattr(args).await?;
            Ok(if lists { without_ours(found) } else { found })
        }

        async fn put(&self, frame: &Frame, args: Put) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().put(args).await;
            }
            let loc = args.loc.clone();
            let made = frame.child().put(args).await?;
            let inode = loc.inode.into_option().unwrap_or_else(|| Inode::new(made.iatt.gfid, FileType::Regular));
            inode.link(made.iatt.gfid, FileType::Regular);
            self.writer(frame, &Fd::anonymous(inode, libc::O_RDWR)).await?;
            Ok(made)
        }
    }
    changes {
        writev Writev Written fd;
        ftruncate Ftruncate PrePost fd;
        fallocate Fallocate PrePost fd;
        discard Discard PrePost fd;
        zerofill Zerofill PrePost fd;
        copy_file_range CopyFileRange Copied fd_out;
    }
    reads {
        readv Readv Data |args| Some(args.fd.inode().clone());
        stat Stat Attr |args| args.loc.inode.clone().into_option();
    }
    moves {
        unlink Unlink Removed loc;
        rename Rename Renamed new;
    }
    takes {
        removexattr Removexattr;
        fremovexattr Fremovexattr;
    }
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}
