//! `cluster/distribute`: spreads the files of a volume over its children by the hash of their names.
//!
//! `hash` says where a name belongs and `layout` who holds which hashes; `lookup` finds what lies elsewhere, `heal` makes
//! directories alike again. What is remembered of an inode is in `known`. This file says for every fop whom it goes to.
#![forbid(unsafe_code)]

mod call;
mod copying;
mod dir_xattrs;
mod directory;
mod fix_layout;
mod hash;
mod heal;
mod known;
mod layout;
mod locks;
mod lookup;
mod make;
mod migrate;
mod mkdir;
mod offset;
mod options;
mod readdir;
mod remove;
mod rename;
mod route;
mod space;
mod virtual_names;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use plugin_api::prelude::*;

use call::{Call, LINKTO, inode_of};
use directory::{may_change, may_read, without_own};
use fix_layout::Order;
use options::Settings;
use space::Spaces;

/// What is known of the children's coming and going.
#[derive(Debug, Default)]
struct Reports {
    /// `None` until a child has said something.
    up: Vec<Option<bool>>,
    /// What was last told above.
    told: Option<bool>,
}

/// Spreads files over children.
#[derive(Debug, Default)]
pub struct Distribute {
    names: Vec<String>,
    settings: RwLock<Option<Arc<Settings>>>,
    down: Vec<AtomicBool>,
    reports: Mutex<Reports>,
    commit: AtomicU32,
    spaces: Spaces,
}

impl Distribute {
    fn settings(&self) -> Arc<Settings> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(settings.as_ref().expect("init comes before the first fop"))
    }

    fn take_settings(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        if cx.text("xattr-name")? != call::LAYOUT {
            return Err(InitError(format!(
                "{}: another xattr-name than {} is not built yet",
                cx.name(),
                call::LAYOUT
            )));
        }
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(settings));
        Ok(())
    }

    fn call<'a>(&'a self, frame: &'a Frame) -> Call<'a> {
        Call { dht: self, frame }
    }

    /// The commit hash of the volume's last rebalance; 0 before the first.
    fn commit(&self) -> u32 {
        self.commit.load(Ordering::Relaxed)
    }

    fn set_commit(&self, commit: u32) {
        self.commit.store(commit, Ordering::Relaxed);
    }

    /// Whether a child has not said that it is down.
    fn is_up(&self, child: usize) -> bool {
        self.down.get(child).is_some_and(|down| !down.load(Ordering::Relaxed))
    }

    /// Notes what a child says, and answers what is to be told above.
    fn report(&self, child: usize, up: bool) -> Option<bool> {
        self.down[child].store(!up, Ordering::Relaxed);
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.up[child] = Some(up);
        if reports.up.contains(&None) {
            return None;
        }
        let any = reports.up.contains(&Some(true));
        let news = reports.told != Some(any);
        reports.told = Some(any);
        news.then_some(any)
    }
}

/// Writes the `impl`: fops on files by name and by descriptor, of which some have a way of their own for directories.
macro_rules! distribute {
    (
        { $($written:tt)* }
        places { $($place:ident $place_args:ident $place_reply:ident $place_changes:literal $place_dir:ident;)* }
        descriptors { $($fd:ident $fd_args:ident $fd_reply:ident $fd_changes:literal $fd_dir:ident;)* }
        refused { $($refused:ident $refused_args:ident $refused_reply:ident;)* }
    ) => {
        #[xlator(
            "cluster/distribute",
            unknown_fops = "decompose",
            doc = "spreads the files of a volume over its children by the hash of their names"
        )]
        impl Xlator for Distribute {
            $($written)*

            $(
                async fn $place(&self, frame: &Frame, args: $place_args) -> FopResult<$place_reply> {
                    let (call, inode) = (self.call(frame), inode_of(&args.loc));
                    if call.is_dir(&inode).await? {
                        return distribute!(@$place_dir call, &inode, args, kind::$place);
                    }
                    call.on_file::<kind::$place>(&inode, None, args, $place_changes).await
                }
            )*

            $(
                async fn $fd(&self, frame: &Frame, args: $fd_args) -> FopResult<$fd_reply> {
                    let (call, fd) = (self.call(frame), args.fd.clone());
                    if call.is_dir(fd.inode()).await? {
                        return distribute!(@$fd_dir call, fd.inode(), args, kind::$fd);
                    }
                    call.on_file::<kind::$fd>(fd.inode(), Some(&fd), args, $fd_changes).await
                }
            )*

            $(
                /// Callers fall back to what is done for files on different children.
                fn $refused(&self, _frame: &Frame, _args: $refused_args) -> FopResult<$refused_reply> {
                    Err(Errno::EOPNOTSUPP.into())
                }
            )*
        }
    };
    (@all $call:ident, $inode:expr, $args:ident, $kind:ty) => { $call.on_all::<$kind>(&$args).await };
    (@leader $call:ident, $inode:expr, $args:ident, $kind:ty) => { $call.on_leader::<$kind>($inode, $args).await };
    (@attributes $call:ident, $inode:expr, $args:ident, $kind:ty) => { $call.attributes::<$kind>(&$args).await };
    (@set $call:ident, $inode:expr, $args:ident, $kind:ty) => { $call.set_attributes::<$kind>($inode, &$args).await };
    (@isdir $call:ident, $inode:expr, $args:ident, $kind:ty) => { Err(Errno::EISDIR.into()) };
}

distribute! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            let handle = cx.handle();
            let count = cx.child_count();
            if count == 0 {
                return Err(InitError(format!("{} has no children: add `subvolumes` to the volfile", cx.name())));
            }
            self.names = (0..count).map(|at| handle.child_name(at).unwrap_or_default().to_owned()).collect();
            self.down = (0..count).map(|_| AtomicBool::new(false)).collect();
            self.reports = Mutex::new(Reports { up: vec![None; count], told: None });
            self.take_settings(cx)
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.take_settings(cx)
        }

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            let up = match event.kind {
                EventKind::CHILD_UP => true,
                EventKind::CHILD_DOWN => false,
                _ => return cx.pass_on(event),
            };
            let Some(child) = cx.child().filter(|child| *child < self.down.len()) else { return cx.pass_on(event) };
            let was_up = self.is_up(child);
            let news = self.report(child, up);
            if !up && was_up && self.settings().assert_no_child_down {
                log!(Error, xl: cx.me().name(), "a child went down, and assert-no-child-down is on: ending", child = self.names[child]);
                return rt::stop(1);
            }
            let kind = match (news, up) {
                (Some(true), _) => EventKind::CHILD_UP,
                (Some(false), _) => EventKind::CHILD_DOWN,
                (None, true) => EventKind::SOME_DESCENDENT_UP,
                (None, false) => EventKind::SOME_DESCENDENT_DOWN,
            };
            cx.me().notify_up(&kind.into());
        }

        fn dump(&self, out: &mut String) {
            for (at, name) in self.names.iter().enumerate() {
                out.push_str(&format!("subvolumes[{at}]={name}\nsubvolume_status[{at}]={}\n", u8::from(self.is_up(at))));
            }
            out.push_str(&format!("vol_commit_hash={}\n", self.commit()));
        }

        async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
            self.call(frame).lookup(args).await
        }

        async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
            self.call(frame).create(args).await
        }

        async fn mknod(&self, frame: &Frame, args: Mknod) -> FopResult<Made> {
            self.call(frame).mknod(args).await
        }

        async fn mkdir(&self, frame: &Frame, args: Mkdir) -> FopResult<Made> {
            self.call(frame).mkdir(args).await
        }

        async fn symlink(&self, frame: &Frame, args: Symlink) -> FopResult<Made> {
            self.call(frame).symlink(args).await
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            self.call(frame).link(args).await
        }

        async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
            self.call(frame).unlink(args).await
        }

        async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
            self.call(frame).rmdir(args).await
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            self.call(frame).rename(args).await
        }

        async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
            self.call(frame).readdir(args).await
        }

        async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
            self.call(frame).readdirp(args).await
        }

        async fn statfs(&self, frame: &Frame, args: Statfs) -> FopResult<SpaceReply> {
            self.call(frame).statfs(args).await
        }

        async fn opendir(&self, frame: &Frame, mut args: Opendir) -> FopResult<Opened> {
            // Who reads ahead below asks for this with every name.
            args.xdata.set(LINKTO, 256_u32);
            self.call(frame).on_all::<kind::opendir>(&args).await
        }

        async fn fsyncdir(&self, frame: &Frame, args: Fsyncdir) -> FopResult<Done> {
            self.call(frame).on_all::<kind::fsyncdir>(&args).await
        }

        async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
            self.call(frame).on_all::<kind::ipc>(&args).await
        }

        async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
            may_read(&args.name)?;
            let (call, inode) = (self.call(frame), inode_of(&args.loc));
            if let Some(told) = Box::pin(call.virtual_xattr(&inode, &args)).await {
                return told;
            }
            let told = match call.is_dir(&inode).await? {
                true => call.on_leader::<kind::getxattr>(&inode, args).await,
                false => call.on_file::<kind::getxattr>(&inode, None, args, false).await,
            };
            told.map(without_own)
        }

        async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
            may_read(&args.name)?;
            let (call, fd) = (self.call(frame), args.fd.clone());
            let told = match call.is_dir(fd.inode()).await? {
                true => call.on_leader::<kind::fgetxattr>(fd.inode(), args).await,
                false => call.on_file::<kind::fgetxattr>(fd.inode(), Some(&fd), args, false).await,
            };
            told.map(without_own)
        }

        async fn setxattr(&self, frame: &Frame, args: Setxattr) -> FopResult<Done> {
            let (call, inode) = (self.call(frame), inode_of(&args.loc));
            if let Some(order) = Order::among(frame, &args.xattrs) {
                return Box::pin(call.obey(order, &args.loc)).await;
            }
            may_change(frame, args.xattrs.iter().map(|(key, _)| key.as_bytes()))?;
            match call.is_dir(&inode).await? {
                true => call.change_xattrs::<kind::setxattr>(&inode, &args).await,
                false => call.on_file::<kind::setxattr>(&inode, None, args, true).await,
            }
        }

        async fn fsetxattr(&self, frame: &Frame, args: Fsetxattr) -> FopResult<Done> {
            may_change(frame, args.xattrs.iter().map(|(key, _)| key.as_bytes()))?;
            let (call, fd) = (self.call(frame), args.fd.clone());
            match call.is_dir(fd.inode()).await? {
                true => call.change_xattrs::<kind::fsetxattr>(fd.inode(), &args).await,
                false => call.on_file::<kind::fsetxattr>(fd.inode(), Some(&fd), args, true).await,
            }
        }

        async fn removexattr(&self, frame: &Frame, args: Removexattr) -> FopResult<Done> {
            may_change(frame, [&args.name[..]].into_iter())?;
            let (call, inode) = (self.call(frame), inode_of(&args.loc));
            match call.is_dir(&inode).await? {
                true => call.change_xattrs::<kind::removexattr>(&inode, &args).await,
                false => call.on_file::<kind::removexattr>(&inode, None, args, true).await,
            }
        }

        async fn fremovexattr(&self, frame: &Frame, args: Fremovexattr) -> FopResult<Done> {
            may_change(frame, [&args.name[..]].into_iter())?;
            let (call, fd) = (self.call(frame), args.fd.clone());
            match call.is_dir(fd.inode()).await? {
                true => call.change_xattrs::<kind::fremovexattr>(fd.inode(), &args).await,
                false => call.on_file::<kind::fremovexattr>(fd.inode(), Some(&fd), args, true).await,
            }
        }
    }
    places {
        stat Stat Attr false attributes;
        access Access Done false leader;
        readlink Readlink Target false isdir;
        truncate Truncate PrePost true isdir;
        open Open Opened false isdir;
        setattr Setattr PrePost true set;
        xattrop Xattrop Xattrs true all;
        inodelk Inodelk Done false leader;
        entrylk Entrylk Done false leader;
        lease LeaseFop Leased false isdir;
        getactivelk Getactivelk ActiveLocks false isdir;
        setactivelk Setactivelk Done false isdir;
    }
    descriptors {
        readv Readv Data false isdir;
        writev Writev Written true isdir;
        flush Flush Done false all;
        fsync Fsync PrePost true leader;
        ftruncate Ftruncate PrePost true isdir;
        fstat Fstat Attr false attributes;
        lk Lk Locked false leader;
        finodelk Finodelk Done false leader;
        fentrylk Fentrylk Done false leader;
        fxattrop Fxattrop Xattrs true all;
        rchecksum Rchecksum Checksum false isdir;
        fsetattr Fsetattr PrePost true set;
        fallocate Fallocate PrePost true isdir;
        discard Discard PrePost true isdir;
        zerofill Zerofill PrePost true isdir;
        seek Seek Sought false isdir;
    }
    refused {
        put Put Made;
        icreate Icreate Attr;
        namelink Namelink PrePost;
        copy_file_range CopyFileRange Copied;
    }
}
