//! `performance/md-cache`: keeps attributes and chosen xattrs of inodes, so that asking again costs no way to a brick.
//!
//! What is kept of one inode, and which answers may change it, is in `entry`; what bricks tell unasked in `heard`. This file says of every fop what it asks, tells and changes.
#![forbid(unsafe_code)]

mod entry;
mod heard;
mod options;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gluster_cache::{ByGfid, Moment, OfGfid, nanos, now};
use plugin_api::prelude::*;
use plugin_api::upcall;

use entry::{Entry, Since, Told};
use options::Settings;

/// In the answer to a getxattr: what it brings must not be kept.
const SKIP: &str = "glusterfs.skip-cache";
/// What a lookup asks beside xattrs, for the case that the file has no id yet.
const WISHED_ID: &str = "gfid-req";

/// The translator.
#[derive(Debug, Default)]
pub struct MdCache {
    off: AtomicBool,
    settings: RwLock<Arc<Settings>>,
    /// For how long what was told counts, in the unit of moments.
    timeout: AtomicU64,
    /// What was told up to then does not count any more.
    stale: AtomicU64,
    /// Bricks are to tell of changed xattrs and have not agreed to, so none are kept.
    deaf: Arc<AtomicBool>,
    /// Whether they were asked.
    subscribed: AtomicBool,
    entries: Arc<ByGfid<Entry>>,
    space: Mutex<Option<(Space, Moment)>>,
}

/// A change of an inode that is under way.
struct Change {
    entry: Arc<Entry>,
    began: Moment,
}

impl Change {
    /// It has begun.
    fn of(entry: Option<Arc<Entry>>) -> Option<Self> {
        entry.map(|entry| Self { began: entry.begin(), entry })
    }
}

impl MdCache {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        self.off.store(settings.pass_through, Ordering::Relaxed);
        self.timeout.store(nanos(settings.timeout), Ordering::Relaxed);
        self.deaf.store(settings.watched, Ordering::Relaxed);
        self.subscribed.store(false, Ordering::Relaxed);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        // What changed while it was off was not seen, and answers to other questions do not say which xattrs are missing.
        self.forget_all();
        Ok(())
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nothing is kept.
    fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Whether xattrs are kept.
    fn keeps_xattrs(&self) -> bool {
        !self.deaf.load(Ordering::Relaxed)
    }

    /// Nothing that was told up to now counts any more.
    fn forget_all(&self) {
        self.stale.store(now(), Ordering::Relaxed);
    }

    fn since(&self) -> Since {
        let oldest = now().saturating_sub(self.timeout.load(Ordering::Relaxed));
        Since(oldest.max(self.stale.load(Ordering::Relaxed)))
    }

    /// The entry of an inode that has one.
    fn known(&self, inode: Option<&Inode>, key: CtxKey) -> Option<Arc<Entry>> {
        inode?.object().ctx(key)
    }

    fn make(&self, inode: &Inode, gfid: Gfid, key: CtxKey) -> Option<Arc<Entry>> {
        self.entries.of(inode, gfid, key, || Entry::new(gfid, self.entries.clone()))
    }

    /// The entry of an inode.
    fn entry(&self, inode: Option<&Inode>, key: CtxKey) -> Option<Arc<Entry>> {
        let inode = inode?;
        self.make(inode, inode.gfid(), key)
    }

    /// The entry of what a fop has found or made.
    fn found(&self, inode: Option<&Inode>, iatt: &Iatt, key: CtxKey) -> Option<Arc<Entry>> {
        match inode {
            Some(inode) => self.make(inode, iatt.gfid, key),
            None => self.entries.find(iatt.gfid),
        }
    }

    /// Somebody else has changed a file: who keeps something of it is told.
    fn foreign(&self, frame: &Frame, gfid: Gfid) {
        if !self.settings().tells {
            return;
        }
        let data = Dict::new()
            .with(upcall::KIND, upcall::kind::CACHE_INVALIDATION)
            .with(upcall::GFID, gfid)
            .with(upcall::FLAGS, u64::from(upcall::flag::TIMES))
            .with(upcall::EXPIRE, 0_u64);
        frame.handle().notify_up(&Event { kind: EventKind::UPCALL, data });
    }

    /// An answer tells the attributes of an inode.
    fn told(&self, frame: &Frame, entry: Option<&Arc<Entry>>, began: Moment, post: Iatt) {
        if let Some(entry) = entry
            && entry.tell(Told { began, pre: None, post, changed: false }, self.since())
        {
            self.foreign(frame, entry.gfid());
        }
    }

    /// A change ends, well or not.
    fn ended(&self, frame: &Frame, change: Option<Change>, told: Option<(Iatt, Iatt)>) {
        let Some(Change { entry, began }) = change else { return };
        match told {
            None => entry.lost(),
            Some((pre, post)) => {
                let told = Told { began, pre: Some(pre), post, changed: true };
                if entry.end(told, self.since()) {
                    self.foreign(frame, entry.gfid());
                }
            }
        }
    }

    /// A name was made that leads to an inode.
    fn made(&self, frame: &Frame, inode: Option<&Inode>, began: Moment, iatt: &Iatt) {
        if let Some(entry) = self.found(inode, iatt, frame.key()) {
            entry.tell(Told { began, pre: None, post: *iatt, changed: true }, self.since());
            entry.name(began);
        }
    }

    /// What a lookup would find, when all that it asks is kept.
    fn kept(&self, args: &Lookup, key: CtxKey) -> Option<Looked> {
        let entry = self.known(args.loc.inode.as_ref().into_option(), key)?;
        let (iatt, xattrs) = entry.looked(self.since(), !args.loc.name.is_empty())?;
        let xattrs = xattrs.filter(|_| self.keeps_xattrs());
        let settings = self.settings();
        let answered =
            |asked: &str| asked == WISHED_ID || xattrs.is_some() && settings.keeps(asked.as_bytes());
        if !args.xdata.iter().all(|(asked, _)| answered(asked.as_str())) {
            return None;
        }
        Some(Looked { iatt, post_parent: Iatt::default(), xdata: xattrs.unwrap_or_default() })
    }

    /// The attributes of an inode, when they are kept and nothing else is asked.
    fn attributes(&self, inode: Option<&Inode>, xdata: &Dict, key: CtxKey) -> Option<Attr> {
        if !xdata.is_empty() {
            return None;
        }
        let iatt = self.known(inode, key)?.iatt(self.since())?;
        Some(Attr { iatt, xdata: Dict::new() })
    }

    /// An xattr, when it is kept: `ENODATA` where a file has none.
    fn xattr(&self, inode: Option<&Inode>, name: &[u8], key: CtxKey) -> Option<FopResult<Xattrs>> {
        let settings = self.settings();
        if !settings.keeps(name) || !self.keeps_xattrs() {
            return None;
        }
        let xattrs = self.known(inode, key)?.xattrs(self.since())?;
        let found = xattrs.iter().find(|(kept, _)| kept.as_bytes() == name);
        Some(match found {
            Some((name, value)) => {
                let xattrs = Dict::new().with(name.clone(), value.clone());
                Ok(Xattrs { xattrs, xdata: Dict::new() })
            }
            None => Err(Errno::ENODATA.into()),
        })
    }

    /// What an answer brings of the xattrs that are kept.
    fn put_xattrs(&self, entry: Option<&Arc<Entry>>, settings: &Settings, began: Moment, xdata: &Dict) {
        if let Some(entry) = entry.filter(|_| self.keeps_xattrs()) {
            entry.put_xattrs(began, settings.kept(xdata));
        }
    }

    /// Xattrs have changed, or may have.
    fn xattrs_changed(&self, change: Option<Change>, kept: bool) {
        let Some(Change { entry, .. }) = change else { return };
        if kept {
            entry.forget_xattrs();
        }
        entry.lost();
    }
}

/// Whether any of these is kept.
fn any_kept(settings: &Settings, changed: &Dict) -> bool {
    changed.iter().any(|(name, _)| settings.keeps(name.as_bytes()))
}

fn at(loc: &Loc) -> Option<&Inode> {
    loc.inode.as_ref().into_option()
}

fn within(loc: &Loc) -> Option<&Inode> {
    loc.parent.as_ref().into_option()
}

fn open(fd: &Fd) -> Option<&Inode> {
    Some(fd.inode())
}

/// Writes the `impl`: the fops of each family, with the inodes that they are about and what their answers tell.
macro_rules! md_cache {
    (
        { $($written:tt)* }
        shows { $($show:ident $show_args:ident |$sa:ident| $shown:expr;)* }
        tells { $($tell:ident $tell_args:ident $tell_reply:ident |$ta:ident| $about:expr, $iatt:ident;)* }
        changes { $($change:ident $change_args:ident $change_reply:ident |$ca:ident| $changed:expr;)* }
        reads { $($read:ident $read_args:ident |$ra:ident| $whose:expr;)* }
        sets { $($set:ident $set_args:ident $set_reply:ident |$xa:ident, $xs:ident| $owner:expr, $kept:expr;)* }
        makes { $($make:ident $make_args:ident $make_reply:ident |$ma:ident| $new:expr;)* }
        removes { $($remove:ident $remove_args:ident;)* }
    ) => {
        #[xlator(
            "performance/md-cache",
            positions = "client",
            unknown_fops = "decompose",
            doc = "keeps attributes and chosen xattrs of inodes"
        )]
        impl Xlator for MdCache {
            $($written)*

            $(
                async fn $show(&self, frame: &Frame, mut args: $show_args) -> FopResult<Attr> {
                    if self.is_off() {
                        return frame.child().$show(args).await;
                    }
                    let inode = { let $sa = &args; $shown };
                    if let Some(kept) = self.attributes(inode, &args.xdata, frame.key()) {
                        return Ok(kept);
                    }
                    let entry = self.entry(inode, frame.key());
                    let settings = self.settings();
                    settings.ask(&mut args.xdata);
                    let began = now();
                    let answer = frame.child().$show(args).await;
                    match &answer {
                        Ok(told) => {
                            self.told(frame, entry.as_ref(), began, told.iatt);
                            self.put_xattrs(entry.as_ref(), &settings, began, &told.xdata);
                        }
                        Err(_) => entry.iter().for_each(|entry| entry.forget()),
                    }
                    answer
                }
            )*

            $(
                async fn $tell(&self, frame: &Frame, args: $tell_args) -> FopResult<$tell_reply> {
                    if self.is_off() {
                        return frame.child().$tell(args).await;
                    }
                    let entry = { let $ta = &args; self.known($about, frame.key()) };
                    let began = now();
                    let told = frame.child().$tell(args).await?;
                    // No attributes say nothing here: who reads from a cache below has none to tell.
                    if told.$iatt.ctime != 0 {
                        self.told(frame, entry.as_ref(), began, told.$iatt);
                    }
                    Ok(told)
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, args: $change_args) -> FopResult<$change_reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let change = { let $ca = &args; Change::of(self.entry($changed, frame.key())) };
                    let answer = frame.child().$change(args).await;
                    self.ended(frame, change, answer.as_ref().ok().map(|done| (done.pre, done.post)));
                    answer
                }
            )*

            $(
                async fn $read(&self, frame: &Frame, mut args: $read_args) -> FopResult<Xattrs> {
                    if self.is_off() || args.name.is_empty() {
                        return frame.child().$read(args).await;
                    }
                    let inode = { let $ra = &args; $whose };
                    if let Some(kept) = self.xattr(inode, &args.name, frame.key()) {
                        return kept;
                    }
                    let settings = self.settings();
                    if !settings.keeps(&args.name) {
                        return frame.child().$read(args).await;
                    }
                    let entry = self.entry(inode, frame.key());
                    let name = args.name.clone();
                    settings.ask(&mut args.xdata);
                    let began = now();
                    let found = frame.child().$read(args).await?;
                    // Only an answer that has this one among its extras has all of them there.
                    let whole = found.xdata.iter().any(|(key, _)| key.as_bytes() == &name[..]);
                    if whole && !found.xattrs.contains(SKIP) {
                        self.put_xattrs(entry.as_ref(), &settings, began, &found.xdata);
                    }
                    Ok(found)
                }
            )*

            $(
                async fn $set(&self, frame: &Frame, args: $set_args) -> FopResult<$set_reply> {
                    if self.is_off() {
                        return frame.child().$set(args).await;
                    }
                    let (change, kept) = {
                        let ($xa, $xs) = (&args, &*self.settings());
                        (Change::of(self.entry($owner, frame.key())), $kept)
                    };
                    let answer = frame.child().$set(args).await;
                    self.xattrs_changed(change, kept);
                    answer
                }
            )*

            $(
                async fn $make(&self, frame: &Frame, args: $make_args) -> FopResult<$make_reply> {
                    if self.is_off() {
                        return frame.child().$make(args).await;
                    }
                    let folder = Change::of(self.entry(within(&args.loc), frame.key()));
                    let inode = { let $ma = &args; $new.cloned() };
                    let began = now();
                    let answer = frame.child().$make(args).await;
                    let parents = answer.as_ref().ok().map(|made| (made.pre_parent, made.post_parent));
                    self.ended(frame, folder, parents);
                    if let Ok(made) = &answer {
                        self.made(frame, inode.as_ref(), began, &made.iatt);
                    }
                    answer
                }
            )*

            $(
                async fn $remove(&self, frame: &Frame, args: $remove_args) -> FopResult<Removed> {
                    if self.is_off() {
                        return frame.child().$remove(args).await;
                    }
                    let folder = Change::of(self.entry(within(&args.loc), frame.key()));
                    let entry = match at(&args.loc) {
                        Some(inode) => self.entry(Some(inode), frame.key()),
                        None => self.entries.find(args.loc.gfid),
                    };
                    let nameless = entry.is_none() && at(&args.loc).is_none();
                    let change = Change::of(entry);
                    let answer = frame.child().$remove(args).await;
                    let parents = answer.as_ref().ok().map(|done| (done.pre_parent, done.post_parent));
                    self.ended(frame, folder, parents);
                    if nameless {
                        // It may have been any of those that are kept.
                        self.forget_all();
                    }
                    self.ended(frame, change, None);
                    answer
                }
            )*
        }
    };
}

md_cache! {
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

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            self.heard(cx, event);
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            let deaf = self.deaf.load(Ordering::Relaxed);
            out.push_str(&format!("inodes={}\nxattrs-unwatched={deaf}\n", self.entries.len()));
        }

        async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
            if self.is_off() {
                return frame.child().lookup(args).await;
            }
            if let Some(kept) = self.kept(&args, frame.key()) {
                return Ok(kept);
            }
            let settings = self.settings();
            if settings.watched && !self.subscribed.swap(true, Ordering::Relaxed) {
                // It took its place in a graph that serves: no child comes up.
                self.subscribe(&frame.handle());
            }
            settings.ask(&mut args.xdata);
            let inode = at(&args.loc).cloned();
            let named = !args.loc.name.is_empty();
            let began = now();
            let answer = frame.child().lookup(args).await;
            match &answer {
                Ok(found) => {
                    let entry = self.found(inode.as_ref(), &found.iatt, frame.key());
                    self.told(frame, entry.as_ref(), began, found.iatt);
                    self.put_xattrs(entry.as_ref(), &settings, began, &found.xdata);
                    if let Some(entry) = entry.filter(|_| named) {
                        entry.name(began);
                    }
                }
                Err(_) => {
                    let entry = self.known(inode.as_ref(), frame.key());
                    entry.iter().for_each(|entry| entry.forget());
                }
            }
            answer
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let change = Change::of(self.entry(open(&args.fd), frame.key()));
            let answer = frame.child().open(args).await;
            self.ended(frame, change, None);
            answer
        }

        async fn opendir(&self, frame: &Frame, mut args: Opendir) -> FopResult<Opened> {
            if !self.is_off() {
                // Who reads ahead below asks for these with every name.
                self.settings().ask(&mut args.xdata);
            }
            frame.child().opendir(args).await
        }

        async fn readdirp(&self, frame: &Frame, mut args: Readdirp) -> FopResult<Entries> {
            if self.is_off() {
                return frame.child().readdirp(args).await;
            }
            let settings = self.settings();
            settings.ask(&mut args.xdata);
            let began = now();
            let read = frame.child().readdirp(args).await?;
            self.listed(frame, &settings, began, &read);
            Ok(read)
        }

        async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
            if self.is_off() {
                return frame.child().readdir(args).await;
            }
            let settings = self.settings();
            if !settings.force_readdirp {
                return frame.child().readdir(args).await;
            }
            let Readdir { fd, size, offset, mut xdata } = args;
            settings.ask(&mut xdata);
            let began = now();
            let read = frame.child().readdirp(Readdirp { fd, size, offset, xdata }).await?;
            self.listed(frame, &settings, began, &read);
            Ok(read)
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if self.is_off() {
                return frame.child().link(args).await;
            }
            let folder = Change::of(self.entry(within(&args.new), frame.key()));
            let inode = at(&args.old).cloned();
            let change = Change::of(self.entry(inode.as_ref(), frame.key()));
            let began = now();
            let answer = frame.child().link(args).await;
            let parents = answer.as_ref().ok().map(|made| (made.pre_parent, made.post_parent));
            self.ended(frame, folder, parents);
            self.ended(frame, change, answer.as_ref().ok().map(|made| (Iatt::default(), made.iatt)));
            if let Some(entry) = self.known(inode.as_ref(), frame.key()).filter(|_| answer.is_ok()) {
                entry.name(began);
            }
            answer
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            let from = Change::of(self.entry(within(&args.old), frame.key()));
            let to = match within(&args.old) == within(&args.new) {
                true => None,
                false => Change::of(self.entry(within(&args.new), frame.key())),
            };
            let inode = at(&args.old).cloned();
            let replaced = Change::of(self.entry(at(&args.new), frame.key()));
            let began = now();
            let answer = frame.child().rename(args).await;
            let done = answer.as_ref().ok();
            self.ended(frame, from, done.map(|done| (done.pre_old_parent, done.post_old_parent)));
            self.ended(frame, to, done.map(|done| (done.pre_new_parent, done.post_new_parent)));
            self.ended(frame, replaced, None);
            if let Some(done) = done {
                self.made(frame, inode.as_ref(), began, &done.iatt);
            }
            answer
        }

        async fn copy_file_range(&self, frame: &Frame, args: CopyFileRange) -> FopResult<Copied> {
            if self.is_off() {
                return frame.child().copy_file_range(args).await;
            }
            let change = Change::of(self.entry(open(&args.fd_out), frame.key()));
            let answer = frame.child().copy_file_range(args).await;
            self.ended(frame, change, answer.as_ref().ok().map(|done| (done.pre, done.post)));
            answer
        }

        async fn statfs(&self, frame: &Frame, args: Statfs) -> FopResult<SpaceReply> {
            if self.is_off() || !self.settings().statfs {
                return frame.child().statfs(args).await;
            }
            let since = self.since();
            let kept = *self.space.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((space, _)) = kept.filter(|(_, at)| *at > since.0) {
                return Ok(SpaceReply { space, xdata: Dict::new() });
            }
            let began = now();
            let told = frame.child().statfs(args).await?;
            *self.space.lock().unwrap_or_else(PoisonError::into_inner) = Some((told.space, began));
            Ok(told)
        }

        async fn lk(&self, frame: &Frame, args: Lk) -> FopResult<Locked> {
            if self.is_off() || args.cmd == LockCmd::Get || args.flock.kind == LockKind::Unlock {
                return frame.child().lk(args).await;
            }
            let entry = self.known(open(&args.fd), frame.key());
            let answer = frame.child().lk(args).await;
            // Who held it before may have changed the file: with the lock one sees that.
            entry.iter().for_each(|entry| entry.forget());
            answer
        }
    }
    shows {
        stat Stat |args| at(&args.loc);
        fstat Fstat |args| open(&args.fd);
    }
    tells {
        readv Readv Data |args| open(&args.fd), iatt;
        readlink Readlink Target |args| at(&args.loc), iatt;
        fsync Fsync PrePost |args| open(&args.fd), post;
    }
    changes {
        writev Writev Written |args| open(&args.fd);
        truncate Truncate PrePost |args| at(&args.loc);
        ftruncate Ftruncate PrePost |args| open(&args.fd);
        setattr Setattr PrePost |args| at(&args.loc);
        fsetattr Fsetattr PrePost |args| open(&args.fd);
        fallocate Fallocate PrePost |args| open(&args.fd);
        discard Discard PrePost |args| open(&args.fd);
        zerofill Zerofill PrePost |args| open(&args.fd);
    }
    reads {
        getxattr Getxattr |args| at(&args.loc);
        fgetxattr Fgetxattr |args| open(&args.fd);
    }
    sets {
        setxattr Setxattr Done |args, settings| at(&args.loc), any_kept(settings, &args.xattrs);
        fsetxattr Fsetxattr Done |args, settings| open(&args.fd), any_kept(settings, &args.xattrs);
        removexattr Removexattr Done |args, settings| at(&args.loc), settings.keeps(&args.name);
        fremovexattr Fremovexattr Done |args, settings| open(&args.fd), settings.keeps(&args.name);
        xattrop Xattrop Xattrs |args, settings| at(&args.loc), any_kept(settings, &args.xattrs);
        fxattrop Fxattrop Xattrs |args, settings| open(&args.fd), any_kept(settings, &args.xattrs);
    }
    makes {
        mknod Mknod Made |args| at(&args.loc);
        mkdir Mkdir Made |args| at(&args.loc);
        symlink Symlink Made |args| at(&args.loc);
        create Create Created |args| open(&args.fd);
        put Put Made |args| at(&args.loc);
    }
    removes {
        unlink Unlink;
        rmdir Rmdir;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_readme() {
        let readme = include_str!("../README.md");
        for decl in <MdCache as Xlator>::options().0.iter() {
            assert!(readme.contains(&format!("`{}`", decl.keys[0])), "{} is missing", decl.keys[0]);
        }
    }
}
