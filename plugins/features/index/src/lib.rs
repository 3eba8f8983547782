//! `features/index`: lists the files that a replicate or disperse client marked for healing.
//!
//! The lists lie on disk ([`lists`]); what a client counts on a file changes them ([`marks`]), and which counters do that
//! the options say ([`watch`]). A healer reads them as directories ([`shown`]).
#![forbid(unsafe_code)]

mod ids;
mod listing;
mod lists;
mod marks;
mod shown;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use plugin_api::Key;
use plugin_api::prelude::*;

use ids::Ids;
use listing::{Listing, errno};
use lists::{List, Lists};
use marks::{Known, Marks, Purges};
use shown::{Folder, is_unknown};
use watch::Watch;

const LINK_COUNT: &str = "link-count";
const PENDING_COUNT: &str = "glusterfs.xattrop_index_count";
const DIRTY_COUNT: &str = "glusterfs.xattrop_dirty_count";

/// Keeps the lists of one brick.
#[derive(Debug, Default)]
pub struct Index {
    base: PathBuf,
    /// Opened when the brick below is up: it makes the folder that they lie in.
    lists: OnceLock<Lists>,
    opening: Mutex<()>,
    watch: RwLock<Arc<Watch>>,
    ids: Ids,
    purges: Purges,
    /// Held by counts on files whose inode is not told.
    nameless: Arc<Known>,
}

impl Index {
    fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.watch.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_options(&self, cx: &InitCx<'_>) {
        *self.watch.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Watch::read(cx));
    }

    /// The lists.
    fn lists(&self) -> Result<&Lists, Errno> {
        match self.lists.get() {
            Some(lists) => Ok(lists),
            None => self.open_lists().map_err(|e| errno(e.errno)),
        }
    }

    fn open_lists(&self) -> Result<&Lists, lists::OpenError> {
        let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lists.get().is_none() {
            let _ = self.lists.set(Lists::open(&self.base)?);
        }
        Ok(self.lists.get().expect("it was set, and only here"))
    }

    /// The answer to a getxattr of one of our own names.
    fn virtual_xattr(&self, name: &[u8]) -> Option<Result<Value, Errno>> {
        let id = |list| Value::Bytes(IoBuf::copy_from_slice(&self.ids.of(list).0));
        let count = |list| self.lists().map(|lists| Value::from(lists.count(list)));
        Some(match name.strip_prefix(b"glusterfs.xattrop_")? {
            b"index_gfid" => Ok(id(List::Pending)),
            b"dirty_gfid" => Ok(id(List::Dirty)),
            b"entry_changes_gfid" => Ok(id(List::Changes)),
            b"index_count" => count(List::Pending),
            b"dirty_count" => count(List::Dirty),
            _ => return None,
        })
    }

    /// The list whose being empty or not a fop asks for.
    fn asked_count(xdata: &Dict) -> Option<List> {
        match xdata.str(LINK_COUNT)? {
            PENDING_COUNT => Some(List::Pending),
            DIRTY_COUNT => Some(List::Dirty),
            _ => None,
        }
    }

    fn tell_count(&self, list: List, xdata: &mut Dict) {
        if let Ok(lists) = self.lists() {
            xdata.set(LINK_COUNT, i32::from(lists.count(list) > 0));
        }
    }

    fn listing(&self, frame: &Frame, fd: &Fd) -> FopResult<Option<Arc<Listing>>> {
        if let Some(listing) = fd.object().ctx::<Listing>(frame.key()) {
            return Ok(Some(listing));
        }
        match self.ids.list(fd.inode().gfid()) {
            Some(list) if fd.is_anonymous() => {
                self.open(frame, &Folder::List(list), fd.clone())?;
                Ok(fd.object().ctx::<Listing>(frame.key()))
            }
            _ => Ok(None),
        }
    }
}

#[xlator(
    "features/index",
    replace = "restart",
    positions = "brick",
    unknown_fops = "pass",
    doc = "lists the files that replicate and disperse clients marked for healing"
)]
impl Xlator for Index {
    fn options() -> Options {
        Options::new()
            .path("index-base", "folder of the lists")
            .required()
            .text("xattrop-pending-watchlist", "xattrs, by prefix, that mark a pending heal")
            .text("xattrop-dirty-watchlist", "xattrs that mark a file being changed")
            .text("xattrop64-watchlist", "xattrs that mark a pending heal on disperse volumes")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.base = cx.text("index-base")?.into();
        self.take_options(cx);
        Ok(())
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.take_options(cx);
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        if event.kind == EventKind::CHILD_UP
            && let Err(e) = self.open_lists()
        {
            log!(Error, xl: cx.me().name(), "the lists of files to heal cannot be kept", cause = e);
        }
        cx.pass_on(event);
    }

    fn dump(&self, out: &mut String) {
        let Some(lists) = self.lists.get() else { return };
        for list in List::ALL {
            out.push_str(&format!("{}-entries={}\n", list.name(), lists.count(list)));
        }
    }

    async fn xattrop(&self, frame: &Frame, args: Xattrop) -> FopResult<Xattrs> {
        let Some(marks) = Marks::read(self, args.loc.target(), args.op, &args.xattrs, &args.xdata) else {
            return frame.child().xattrop(args).await;
        };
        let inode = args.loc.inode.clone().into_option();
        self.count(frame, inode.as_ref(), marks, frame.child().xattrop(args)).await
    }

    async fn fxattrop(&self, frame: &Frame, args: Fxattrop) -> FopResult<Xattrs> {
        let inode = args.fd.inode().clone();
        let Some(marks) = Marks::read(self, inode.gfid(), args.op, &args.xattrs, &args.xdata) else {
            return frame.child().fxattrop(args).await;
        };
        self.count(frame, Some(&inode), marks, frame.child().fxattrop(args)).await
    }

    async fn getxattr(&self, frame: &Frame, args: Getxattr) -> FopResult<Xattrs> {
        let Some(value) = self.virtual_xattr(&args.name) else { return frame.child().getxattr(args).await };
        Ok(one(args.name, value?))
    }

    async fn fgetxattr(&self, frame: &Frame, args: Fgetxattr) -> FopResult<Xattrs> {
        let Some(value) = self.virtual_xattr(&args.name) else { return frame.child().fgetxattr(args).await };
        Ok(one(args.name, value?))
    }

    async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
        let name = args.loc.name.clone();
        let id = if name.is_empty() { args.loc.target() } else { args.loc.directory() };
        if let Some(list) = self.ids.list(id) {
            return self.look(frame, &Folder::List(list), &name, &args.xdata);
        }
        let (asked, count) = (args.xdata.clone(), Self::asked_count(&args.xdata));
        let mut reply = frame.child().lookup(args).await;
        if let Err(error) = &reply
            && is_unknown(error)
            && (name.is_empty() || error.errno == Errno::ESTALE)
            && let Some(folder) = self.changes(id)
        {
            reply = self.look(frame, &folder, &name, &asked);
        }
        if let Some(list) = count {
            match &mut reply {
                Ok(looked) => self.tell_count(list, &mut looked.xdata),
                Err(error) => self.tell_count(list, &mut error.xdata),
            }
        }
        reply
    }

    async fn fstat(&self, frame: &Frame, args: Fstat) -> FopResult<Attr> {
        let Some(list) = Self::asked_count(&args.xdata) else { return frame.child().fstat(args).await };
        let mut reply = frame.child().fstat(args).await?;
        self.tell_count(list, &mut reply.xdata);
        Ok(reply)
    }

    async fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
        let (id, fd) = (args.loc.target(), args.fd.clone());
        if let Some(list) = self.ids.list(id) {
            return self.open(frame, &Folder::List(list), fd);
        }
        let reply = frame.child().opendir(args).await;
        match &reply {
            Err(error) if is_unknown(error) => match self.changes(id) {
                Some(folder) => self.open(frame, &folder, fd),
                None => reply,
            },
            _ => reply,
        }
    }

    async fn readdir(&self, frame: &Frame, args: Readdir) -> FopResult<Entries> {
        match self.listing(frame, &args.fd)? {
            Some(listing) => self.read(frame, &listing, (args.offset, args.size), &args.xdata).await,
            None => frame.child().readdir(args).await,
        }
    }

    async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
        match self.listing(frame, &args.fd)? {
            Some(listing) => self.read(frame, &listing, (args.offset, args.size), &args.xdata).await,
            None => frame.child().readdirp(args).await,
        }
    }

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        let (id, name) = (args.loc.directory(), args.loc.name.clone());
        if let Some(list) = self.ids.list(id) {
            return self.take_off(frame, &Folder::List(list), &name).await;
        }
        let reply = frame.child().unlink(args).await;
        match &reply {
            Err(error) if error.errno == Errno::ESTALE => match self.changes(id) {
                Some(folder) => self.take_off(frame, &folder, &name).await,
                None => reply,
            },
            _ => reply,
        }
    }

    async fn rmdir(&self, frame: &Frame, args: Rmdir) -> FopResult<Removed> {
        match self.ids.list(args.loc.directory()) {
            Some(list) => self.forget(frame, &Folder::List(list), &args.loc.name, args.flags != 0),
            None => frame.child().rmdir(args).await,
        }
    }
}

fn one(name: IoBuf, value: Value) -> Xattrs {
    let mut xattrs = Dict::new();
    xattrs.push(Key::new(name), value);
    Xattrs { xattrs, xdata: Dict::new() }
}
