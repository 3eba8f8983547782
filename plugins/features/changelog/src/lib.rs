//! `features/changelog`: writes down what changes, for those who copy a volume elsewhere or check it.
//!
//! What a record looks like is in [`record`], the files in `journal` and `htime`; this file says of every fop what it
//! changes. Records are written once the change is made.
#![forbid(unsafe_code)]

mod consumers;
mod htime;
mod journal;
mod moved;
mod options;
pub mod record;
mod shared;

use std::sync::{Arc, PoisonError, RwLock};

use plugin_api::prelude::*;

use consumers::{Consumers, Released};
use options::Settings;
use record::Change;
use shared::{Class, Shared, told};

/// The key of the event that says which way a barrier goes.
const BARRIER: &str = "barrier";
/// What `features/shard` counts a file's size with.
const SHARD_SIZE: &str = "trusted.glusterfs.shard.file-size";
/// Under this name the store tells the paths of what it is asked about.
const PATHS: &str = "glusterfs.ancestry.path";

/// The `op` of an ipc fop by which a translator above has something told to consumers; its xdata is the event.
const TELL: i32 = 0;

/// Journals changes.
#[derive(Debug, Default)]
pub struct Changelog {
    shared: Arc<Shared>,
    /// Who is told; there while the options say so.
    consumers: RwLock<Option<Arc<Consumers>>>,
}

impl Changelog {
    fn consumers(&self) -> Option<Arc<Consumers>> {
        self.consumers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens or closes the socket, as the settings say. A brick serves without it, and says so.
    fn open_door(&self, settings: &Settings) {
        let mut consumers = self.consumers.write().unwrap_or_else(PoisonError::into_inner);
        match &settings.told {
            None => *consumers = None,
            Some(_) if consumers.is_some() => {}
            Some(brick) => match Consumers::listen(brick) {
                Ok(open) => *consumers = Some(Arc::new(open)),
                Err(why) => log!(Error, "consumers are told nothing", brick = brick, why = why),
            },
        }
    }

    /// Whether a fop on names is one that consumers hear of: what the cluster does for itself is not.
    fn counts(&self, xdata: &Dict) -> bool {
        self.shared.on() && !xdata.contains(INTERNAL_FOP)
    }

    /// Whether a fop that moves a name is one: as which a distributing client means it, if it says so.
    fn moves(&self, xdata: &Dict) -> bool {
        self.counts(xdata) || (self.shared.on() && moved::places(xdata).is_some())
    }

    /// The path of what is about to be deleted, from the root and without a slash before it; empty when it is not
    /// written down.
    async fn path(&self, frame: &Frame, loc: &Loc) -> Vec<u8> {
        if !self.shared.settings().paths {
            return Vec::new();
        }
        let parent = loc.directory();
        if parent.is_root() {
            return loc.name.to_vec();
        }
        let inode = Inode::new(parent, FileType::Directory);
        let args = Getxattr { loc: Loc::of(inode), name: IoBuf::from(PATHS.to_owned()), xdata: Dict::new() };
        let Ok(answer) = frame.child().getxattr(args).await else { return Vec::new() };
        let parent = answer.xattrs.get(PATHS).and_then(Value::as_bytes).unwrap_or_default();
        let parent = parent.strip_prefix(b"/").unwrap_or(parent);
        if parent.is_empty() { Vec::new() } else { [parent, b"/", &loc.name].concat() }
    }
}

fn place(loc: &Loc) -> (Gfid, IoBuf) {
    (loc.directory(), loc.name.clone())
}

/// Only a pointer of `cluster/distribute` to another brick, no file.
fn is_pointer(iatt: &Iatt) -> bool {
    iatt.file_type() == FileType::Regular && iatt.mode & 0o7777 == libc::S_ISVTX
}

fn made<F: FopType>(frame: &Frame, iatt: &Iatt, place: (Gfid, IoBuf)) -> Change {
    let who = frame.identity();
    let made = Some([iatt.mode, who.uid, who.gid]);
    Change::Entry { gfid: iatt.gfid, fop: F::CODE, made, places: vec![place], deleted: None }
}

fn named<F: FopType>(gfid: Gfid, places: Vec<(Gfid, IoBuf)>) -> Change {
    Change::Entry { gfid, fop: F::CODE, made: None, places, deleted: None }
}

/// Writes the `impl`: for each fop what it changes.
macro_rules! changelog {
    (
        { $($written:tt)* }
        makes { $($make:ident $make_args:ident $make_reply:ident
            |$mf:ident, $known:ident, $mr:ident| $made:expr;)* }
        removes { $($remove:ident $remove_args:ident;)* }
        changes { $($class:ident $change:ident $change_args:ident $change_reply:ident
            |$a:ident| $subject:expr $(, if $asked:expr)?;)* }
    ) => {
        #[xlator(
            "features/changelog",
            positions = "brick",
            unknown_fops = "pass",
            doc = "journals changes for consumers"
        )]
        impl Xlator for Changelog {
            $($written)*

            $(
                async fn $make(&self, $mf: &Frame, args: $make_args) -> FopResult<$make_reply> {
                    if !self.counts(&args.xdata) {
                        return $mf.child().$make(args).await;
                    }
                    self.shared.pass().await;
                    let $known = place(&args.loc);
                    let $mr = $mf.child().$make(args).await?;
                    self.shared.entry($made).await;
                    Ok($mr)
                }
            )*

            $(
                async fn $remove(&self, frame: &Frame, args: $remove_args) -> FopResult<Removed> {
                    if !self.moves(&args.xdata) {
                        return frame.child().$remove(args).await;
                    }
                    self.shared.pass().await;
                    let gfid = frame.child().gfid_at(&args.loc).await;
                    let change = match moved::places(&args.xdata) {
                        // The old name of what another brick has under a new one.
                        Some(places) => named::<kind::rename>(gfid, places),
                        None => {
                            let deleted = Some(self.path(frame, &args.loc).await);
                            let (fop, places) = (kind::$remove::CODE, vec![place(&args.loc)]);
                            Change::Entry { gfid, fop, made: None, places, deleted }
                        }
                    };
                    let removed = frame.child().$remove(args).await?;
                    self.shared.entry(change).await;
                    Ok(removed)
                }
            )*

            $(
                async fn $change(&self, frame: &Frame, $a: $change_args) -> FopResult<$change_reply> {
                    if !self.shared.on() $(|| !$asked)? {
                        return frame.child().$change($a).await;
                    }
                    let (inode, gfid): (Option<Inode>, Gfid) = $subject;
                    let reply = frame.child().$change($a).await?;
                    let change = match Class::$class {
                        Class::Data => Change::Data(gfid),
                        _ => Change::Metadata(gfid, kind::$change::CODE),
                    };
                    self.shared.once(frame.key(), inode.as_ref(), Class::$class, change).await;
                    Ok(reply)
                }
            )*
        }
    };
}

fn of_loc(loc: &Loc) -> (Option<Inode>, Gfid) {
    (loc.inode.clone().into_option(), loc.target())
}

fn of_fd(fd: &Fd) -> (Option<Inode>, Gfid) {
    (Some(fd.inode().clone()), fd.inode().gfid())
}

changelog! {
    {
        fn options() -> Options {
            options::declare()
        }

        fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
            self.shared.set(Settings::read(cx)?);
            Ok(())
        }

        fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
            let (old, new) = (self.shared.settings(), Settings::read(cx)?);
            self.shared.set(new.clone());
            if cx.handle().serves() {
                self.open_door(&new);
            }
            let moves = old.dir != new.dir;
            let done = match (self.shared.on(), new.on) {
                (true, true) if moves => self.shared.end().and_then(|()| self.shared.begin(true)),
                (true, true) if old.encoding != new.encoding => self.shared.turn_over(),
                (true, false) => self.shared.end(),
                (false, true) if cx.handle().serves() => self.shared.begin(true),
                _ => Ok(()),
            };
            done.map_err(|error| {
                // Old values stay, and what was journalled goes on.
                self.shared.set(old);
                told(self.shared.begin(true));
                let dir = new.dir.unwrap_or_default();
                InitError(format!("{}: no journal in {}: {error}", cx.name(), dir.display()))
            })
        }

        fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
            match event.kind {
                // The store has looked at the brick by now, so that nothing is written into a folder that is none.
                EventKind::CHILD_UP => {
                    self.open_door(&self.shared.settings());
                    told(self.shared.begin(false));
                }
                EventKind::VOLUME_BARRIER_OP if self.shared.on() => match event.data.str(BARRIER) {
                    Some("enable") => told(self.shared.raise()),
                    Some("disable") => self.shared.lower(),
                    _ => {}
                },
                _ => {}
            }
            cx.pass_on(event);
        }

        fn dump(&self, out: &mut String) {
            out.push_str(&self.shared.dump());
            let consumers = self.consumers().map_or(0, |consumers| consumers.count());
            out.push_str(&format!("consumers={consumers}\n"));
        }

        async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
            // Clients have nothing told.
            if args.op != TELL || frame.client().is_some() {
                return frame.child().ipc(args).await;
            }
            let told = &args.xdata;
            let (Some(gfid), Some(version), Some(sign)) =
                (told.gfid("gfid"), told.uint("version"), told.int("sign"))
            else {
                return Err(Errno::EINVAL.into());
            };
            let sign = i32::try_from(sign).map_err(|_| Errno::EINVAL)?;
            if let Some(consumers) = self.consumers() {
                consumers.tell(Released { gfid, version, sign }).await;
            }
            Ok(Done::default())
        }

        fn fini(&self) {
            *self.consumers.write().unwrap_or_else(PoisonError::into_inner) = None;
            told(self.shared.end());
        }

        async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
            if !self.moves(&args.xdata) {
                return frame.child().link(args).await;
            }
            let moved = moved::places(&args.xdata);
            self.shared.pass().await;
            let new = place(&args.new);
            let made = frame.child().link(args).await?;
            let gfid = made.iatt.gfid;
            let change = match moved {
                Some(places) => named::<kind::rename>(gfid, places),
                None => named::<kind::link>(gfid, vec![new]),
            };
            self.shared.entry(change).await;
            Ok(made)
        }

        async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
            if !self.moves(&args.xdata) {
                return frame.child().rename(args).await;
            }
            let moved = moved::places(&args.xdata);
            self.shared.pass().await;
            let pointers = moved.is_none();
            let places = moved.unwrap_or_else(|| vec![place(&args.old), place(&args.new)]);
            let renamed = frame.child().rename(args).await?;
            if !(pointers && is_pointer(&renamed.iatt)) {
                self.shared.entry(named::<kind::rename>(renamed.iatt.gfid, places)).await;
            }
            Ok(renamed)
        }
    }
    makes {
        create Create Created |frame, known, reply| made::<kind::create>(frame, &reply.iatt, known);
        mknod Mknod Made |frame, known, reply| made::<kind::mknod>(frame, &reply.iatt, known);
        mkdir Mkdir Made |frame, known, reply| made::<kind::mkdir>(frame, &reply.iatt, known);
        symlink Symlink Made |frame, known, reply| named::<kind::symlink>(reply.iatt.gfid, vec![known]);
    }
    removes {
        unlink Unlink;
        rmdir Rmdir;
    }
    changes {
        Data writev Writev Written |args| of_fd(&args.fd);
        Data truncate Truncate PrePost |args| of_loc(&args.loc);
        Data ftruncate Ftruncate PrePost |args| of_fd(&args.fd);
        Data fallocate Fallocate PrePost |args| of_fd(&args.fd);
        Data discard Discard PrePost |args| of_fd(&args.fd);
        Data zerofill Zerofill PrePost |args| of_fd(&args.fd);
        Data copy_file_range CopyFileRange Copied |args| of_fd(&args.fd_out);
        Attributes setattr Setattr PrePost |args| of_loc(&args.loc);
        Attributes fsetattr Fsetattr PrePost |args| of_fd(&args.fd);
        Xattrs setxattr Setxattr Done |args| of_loc(&args.loc);
        Xattrs fsetxattr Fsetxattr Done |args| of_fd(&args.fd);
        Xattrs removexattr Removexattr Done |args| of_loc(&args.loc);
        Xattrs fremovexattr Fremovexattr Done |args| of_fd(&args.fd);
        Xattrs xattrop Xattrop Xattrs |args| of_loc(&args.loc), if args.xattrs.contains(SHARD_SIZE);
        Xattrs fxattrop Fxattrop Xattrs |args| of_fd(&args.fd), if args.xattrs.contains(SHARD_SIZE);
    }
}
