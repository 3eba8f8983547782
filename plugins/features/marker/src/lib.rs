//! `features/marker`: marks usage for quota, and change times for geo-replication.
//!
//! Usage is kept by [`account`] and, where names go, by [`moves`]; change times by [`time`]. This file says of every fop
//! what it changes, and gives quota's marks the names that they have on disk.
#![forbid(unsafe_code)]

mod account;
mod counts;
mod dirs;
mod disk;
mod keys;
mod moves;
mod options;
mod parents;
mod time;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use plugin_api::prelude::*;

use account::Account;
use disk::Disk;
use options::Settings;

/// The process id of geo-replication.
const GSYNCD: i32 = -1;
/// In an xdata: what this fop changes is not accounted. Spelled as GlusterFS spells it.
const NOT_ACCOUNTED: &str = "glusters.marker.dont-account";

/// Asked of a lookup by quota, answers the ids of the directories that the object is in, one after the other.
const PARENTS: &str = "glusterfs.marker.parents";

/// Marks what fops change.
#[derive(Debug, Default)]
pub struct Marker {
    on: AtomicBool,
    account: RwLock<Option<Arc<Account>>>,
}

/// What a fop has done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Its size is another one.
    Resized,
    /// Only what does not count has changed.
    Touched,
}

impl Marker {
    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        let on = settings.quota || settings.xtime;
        let mut account = self.account.write().unwrap_or_else(PoisonError::into_inner);
        if account.as_ref().is_some_and(|account| account.settings == settings) {
            return Ok(());
        }
        if let Some(old) = account.replace(Arc::new(Account::new(settings))) {
            old.stop();
        }
        self.on.store(on, Ordering::Relaxed);
        Ok(())
    }

    /// Whether no marks are made.
    fn is_off(&self) -> bool {
        !self.on.load(Ordering::Relaxed)
    }

    fn account(&self) -> Option<Arc<Account>> {
        self.account.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The marks, when any are made.
    fn on(&self) -> Option<Arc<Account>> {
        self.account().filter(|account| account.settings.quota || account.settings.xtime)
    }

    /// The same, when usage is accounted.
    fn quota(&self) -> Option<Arc<Account>> {
        self.account().filter(|account| account.settings.quota)
    }
}

/// An object has changed, or a directory in which a name has.
fn marked(account: &Arc<Account>, frame: &Frame, object: Gfid) {
    let geo = frame.identity().pid == GSYNCD && !account.settings.force_xtime;
    if account.settings.xtime && !geo && !object.is_null() {
        account.time_soon(frame, object);
    }
}

fn changed(account: &Arc<Account>, frame: &Frame, object: Gfid, what: Effect) {
    if what == Effect::Resized && account.settings.quota && !object.is_null() {
        account.changed(frame, object);
    }
    marked(account, frame, object);
}

/// An object was made, or given a name, in a directory.
fn named(account: &Arc<Account>, frame: &Frame, iatt: &Iatt, parent: Gfid, accounted: bool) {
    account.named(iatt, parent);
    if accounted && account.settings.quota && counts::Counts::counts(iatt.file_type()) {
        account.settle_soon(frame, iatt.gfid, parent);
    }
    marked(account, frame, iatt.gfid);
}

fn is_accounted(xdata: &Dict) -> bool {
    !xdata.contains(NOT_ACCOUNTED)
}

fn resized(pre: &Iatt, post: &Iatt) -> Effect {
    if pre.blocks == post.blocks { Effect::Touched } else { Effect::Resized }
}

/// Asks for marks beside what is asked for; which were not asked for by others.
fn ask_too<const N: usize>(xdata: &mut Dict, keys: [String; N]) -> Vec<String> {
    let added: Vec<_> = keys.into_iter().filter(|key| !xdata.contains(key)).collect();
    for key in &added {
        xdata.set(key.clone(), 0);
    }
    added
}

fn answer_less(account: &Account, xattrs: &mut Dict, added: &[String]) {
    for key in added {
        xattrs.remove(key);
    }
    account.keys.up(xattrs);
}

/// What of all xattrs a caller is shown.
fn shown(account: &Account, frame: &Frame, xattrs: &mut Dict) {
    if account.settings.quota {
        account.keys.up(xattrs);
    }
    let own = frame.identity().pid < 0;
    xattrs.retain(|key, _| {
        let mark = key.as_str().strip_prefix(keys::PREFIX);
        mark.is_none_or(|mark| own && !mark.ends_with("dirty") && !mark.contains(".contri"))
    });
}

/// One name: what it is on disk; `None` for a mark that this caller is not shown.
fn asked(account: &Account, frame: &Frame, name: IoBuf) -> Option<IoBuf> {
    let text = std::str::from_utf8(&name).ok().filter(|text| text.starts_with(keys::PREFIX));
    match text {
        Some(_) if frame.identity().pid >= 0 => None,
        Some(text) => Some(account.keys.on_disk(text).map_or(name.clone(), IoBuf::from)),
        None => Some(name),
    }
}

/// Whether a name is answered with more or less than is on disk, even while no marks are made.
fn is_answered(name: &[u8]) -> bool {
    name.is_empty() || *name == *time::VOLUME_MARK
}

/// Takes all marks of quota from an object.
async fn clean_up(frame: &Frame, object: Gfid) -> FopResult<Done> {
    let disk = Disk::new(frame);
    let xattrs = disk.xattrs(object, "").await?;
    for (key, _) in xattrs.iter().filter(|(key, _)| key.as_str().starts_with(keys::PREFIX)) {
        match disk.remove(object, key.as_str()).await {
            Err(error) if error.errno != Errno::ENODATA => return Err(error),
            _ => {}
        }
    }
    Ok(Done::default())
}

/// Writes the `impl`: what each fop has changed.
macro_rules! marker {
    (
        { $($written:tt)* }
        makes { $($make:ident $make_args:ident $make_reply:ident |$ma:ident| $parent:expr;)* }
        changes { $($change:ident $change_args:ident $change_reply:ident
            |$ca:ident| $object:expr, |$cr:ident| $what:expr;)* }
    ) => {
        #[xlator(
            "features/marker",
            positions = "brick",
            unknown_fops = "decompose",
            doc = "marks usage for quota, and change times for geo-replication"
        )]
        impl Xlator for Marker {
            $($written)*

            $(
                async fn $make(&self, frame: &Frame, args: $make_args) -> FopResult<$make_reply> {
                    if self.is_off() {
                        return frame.child().$make(args).await;
                    }
                    let Some(account) = self.on() else { return frame.child().$make(args).await };
                    let (parent, accounted) = ({ let $ma = &args; $parent }, is_accounted(&args.xdata));
                    let made = frame.child().$make(args).await?;
                    named(&account, frame, &made.iatt, parent, accounted);
                    Ok(made)
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, args: $change_args) -> FopResult<$change_reply> {
                    if self.is_off() {
                        return frame.child().$change(args).await;
                    }
                    let Some(account) = self.on() else { return frame.child().$change(args).await };
                    let object = { let $ca = &args; $object };
                    let $cr = frame.child().$change(args).await?;
                    changed(&account, frame, object, $what);
                    Ok($cr)
                }
            )*
        }
    };
}

marker! {
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

        fn fini(&self) {
            if let Some(account) = self.account() {
                account.stop();
            }
        }

        fn dump(&self, out: &mut String) {
            if let Some(account) = self.on() {
                out.push_str(&format!("directories={}\nbacklog={}\n", account.dirs.len(), account.backlog()));
            }
        }

        async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
            if self.is_off() {
                return frame.child().lookup(args).await;
            }
            let Some(account) = self.on() else { return frame.child().lookup(args).await };
            let parent = Some(args.loc.directory()).filter(|gfid| !gfid.is_null() && !args.loc.name.is_empty());
            let added = if account.settings.quota {
                account.keys.down(&mut args.xdata);
                let contribution = account.keys.contribution(parent.unwrap_or_default());
                ask_too(&mut args.xdata, [contribution, account.keys.size(), keys::DIRTY.to_owned()])
            } else {
                Vec::new()
            };
            let parents = args.xdata.remove(PARENTS).is_some();
            let mut found = frame.child().lookup(args).await?;
            account.inspect(frame, &found.iatt, parent, &found.xdata);
            answer_less(&account, &mut found.xdata, &added);
            if parents {
                let parents = account.parents_of(&Disk::new(frame), found.iatt.gfid).await;
                let ids: Vec<u8> = parents.iter().flat_map(|gfid| gfid.0).collect();
                found.xdata.set(PARENTS, ids);
            }
            Ok(found)
        }

        async fn readdirp(&self, frame: &Frame, mut args: Readdirp) -> FopResult<Entries> {
            if self.is_off() {
                return frame.child().readdirp(args).await;
            }
            let Some(account) = self.quota() else { return frame.child().readdirp(args).await };
            let parent = args.fd.inode().gfid();
            account.keys.down(&mut args.xdata);
            let contribution = account.keys.contribution(parent);
            let added = ask_too(&mut args.xdata, [contribution, account.keys.size(), keys::DIRTY.to_owned()]);
            let mut read = frame.child().readdirp(args).await?;
            for entry in read.entries.iter_mut() {
                if !matches!(&entry.name[..], b"." | b"..") {
                    account.inspect(frame, &entry.iatt, Some(parent), &entry.xattrs);
                }
                answer_less(&account, &mut entry.xattrs, &added);
            }
            Ok(read)
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            if self.is_off() {
                return frame.child().unlink(args).await;
            }
            let Some(account) = self.on() else { return frame.child().unlink(args).await };
            let parent = args.loc.directory();
            let done = match account.settings.quota && is_accounted(&args.xdata) {
                true => account.remove(frame, args.loc.clone(), frame.child().unlink(args)).await?,
                false => frame.child().unlink(args).await?,
            };
            marked(&account, frame, parent);
            Ok(done)
        }

        async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
            if self.is_off() {
                return frame.child().rmdir(args).await;
            }
            let Some(account) = self.on() else { return frame.child().rmdir(args).await };
            let parent = args.loc.directory();
            let done = match account.settings.quota && is_accounted(&args.xdata) {
                true => account.remove(frame, args.loc.clone(), frame.child().rmdir(args)).await?,
                false => frame.child().rmdir(args).await?,
            };
            marked(&account, frame, parent);
            Ok(done)
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if self.is_off() {
                return frame.child().rename(args).await;
            }
            let Some(account) = self.on() else { return frame.child().rename(args).await };
            let (from, to) = (args.old.directory(), args.new.directory());
            let done = match account.settings.quota && is_accounted(&args.xdata) {
                true => account.rename(frame, args).await?,
                false => frame.child().rename(args).await?,
            };
            if !account.settings.quota {
                account.named(&done.iatt, to);
            }
            marked(&account, frame, from);
            marked(&account, frame, done.iatt.gfid);
            Ok(done)
        }

        async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
            if self.is_off() || args.flags & libc::O_TRUNC == 0 {
                return frame.child().open(args).await;
            }
            let Some(account) = self.on() else { return frame.child().open(args).await };
            let opened = frame.child().open(args).await?;
            changed(&account, frame, opened.fd.inode().gfid(), Effect::Resized);
            Ok(opened)
        }

        async fn setxattr(&self, frame: &Frame, mut args: Setxattr) -> FopResult<Done> {
            if self.is_off() && !args.xattrs.contains(keys::CLEANUP) {
                return frame.child().setxattr(args).await;
            }
            if args.xattrs.contains(keys::CLEANUP) && frame.identity().pid < 0 {
                return clean_up(frame, args.loc.target()).await;
            }
            let Some(account) = self.on() else { return frame.child().setxattr(args).await };
            account.keys.down(&mut args.xattrs);
            let object = args.loc.target();
            let done = frame.child().setxattr(args).await?;
            marked(&account, frame, object);
            Ok(done)
        }

        async fn fsetxattr(&self, frame: &Frame, mut args: Fsetxattr) -> FopResult<Done> {
            if self.is_off() {
                return frame.child().fsetxattr(args).await;
            }
            let Some(account) = self.on() else { return frame.child().fsetxattr(args).await };
            account.keys.down(&mut args.xattrs);
            let object = args.fd.inode().gfid();
            let done = frame.child().fsetxattr(args).await?;
            marked(&account, frame, object);
            Ok(done)
        }

        async fn removexattr(&self, frame: &Frame, mut args: Removexattr) -> FopResult<Done> {
            if self.is_off() {
                return frame.child().removexattr(args).await;
            }
            let Some(account) = self.on() else { return frame.child().removexattr(args).await };
            args.name = asked(&account, frame, args.name).ok_or(Errno::EPERM)?;
            let object = args.loc.target();
            let done = frame.child().removexattr(args).await?;
            marked(&account, frame, object);
            Ok(done)
        }

        async fn fremovexattr(&self, frame: &Frame, mut args: Fremovexattr) -> FopResult<Done> {
            if self.is_off() {
                return frame.child().fremovexattr(args).await;
            }
            let Some(account) = self.on() else { return frame.child().fremovexattr(args).await };
            args.name = asked(&account, frame, args.name).ok_or(Errno::EPERM)?;
            let object = args.fd.inode().gfid();
            let done = frame.child().fremovexattr(args).await?;
            marked(&account, frame, object);
            Ok(done)
        }

        async fn getxattr(&self, frame: &Frame, mut args: Getxattr) -> FopResult<Xattrs> {
            if self.is_off() && !is_answered(&args.name) {
                return frame.child().getxattr(args).await;
            }
            let Some(account) = self.account() else { return frame.child().getxattr(args).await };
            if args.name[..] == *time::VOLUME_MARK && frame.identity().pid == GSYNCD {
                let xattrs = Dict::new().with("trusted.glusterfs.volume-mark", account.volume_mark());
                return Ok(Xattrs { xattrs, xdata: Dict::new() });
            }
            if account.settings.quota {
                args.name = asked(&account, frame, args.name).ok_or(Errno::ENODATA)?;
            }
            let all = args.name.is_empty();
            let mut got = frame.child().getxattr(args).await?;
            if all {
                shown(&account, frame, &mut got.xattrs);
            } else if account.settings.quota {
                account.keys.up(&mut got.xattrs);
            }
            Ok(got)
        }

        async fn fgetxattr(&self, frame: &Frame, mut args: Fgetxattr) -> FopResult<Xattrs> {
            if self.is_off() {
                return frame.child().fgetxattr(args).await;
            }
            let Some(account) = self.quota() else { return frame.child().fgetxattr(args).await };
            args.name = asked(&account, frame, args.name).ok_or(Errno::ENODATA)?;
            let all = args.name.is_empty();
            let mut got = frame.child().fgetxattr(args).await?;
            match all {
                true => shown(&account, frame, &mut got.xattrs),
                false => account.keys.up(&mut got.xattrs),
            }
            Ok(got)
        }
    }
    makes {
        mknod Mknod Made |args| args.loc.directory();
        mkdir Mkdir Made |args| args.loc.directory();
        symlink Symlink Made |args| args.loc.directory();
        create Create Created |args| args.loc.directory();
        link Link Made |args| args.new.directory();
        put Put Made |args| args.loc.directory();
    }
    changes {
        writev Writev Written |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
        ftruncate Ftruncate PrePost |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
        fallocate Fallocate PrePost |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
        discard Discard PrePost |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
        zerofill Zerofill PrePost |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
        copy_file_range CopyFileRange Copied |args| args.fd_out.inode().gfid(), |done| resized(&done.pre, &done.post);
        truncate Truncate PrePost |args| args.loc.target(), |done| resized(&done.pre, &done.post);
        setattr Setattr PrePost |args| args.loc.target(), |done| resized(&done.pre, &done.post);
        fsetattr Fsetattr PrePost |args| args.fd.inode().gfid(), |done| resized(&done.pre, &done.post);
    }
}
