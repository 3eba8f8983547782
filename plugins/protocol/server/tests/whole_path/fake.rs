//! A brick in memory: enough of a file system to see fops arrive and answers leave.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use plugin_api::abi::root::FopSlot;
use plugin_api::prelude::*;
use plugin_api::sdk::later;
use plugin_api::sdk::module::XlatorInfo;
use plugin_api::{Declaration, UnknownFops, positions};

/// What a test sees of a brick.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) fops: Mutex<Vec<(&'static str, u32)>>,
    pub(crate) flushed: AtomicUsize,
    pub(crate) gone: AtomicUsize,
    tree: Mutex<Tree>,
    waiting: Mutex<Vec<Waker>>,
}

#[derive(Default)]
struct Tree {
    nodes: HashMap<Gfid, Node>,
    next: u8,
}

#[derive(Clone)]
struct Node {
    is_dir: bool,
    data: Vec<u8>,
    names: BTreeMap<Vec<u8>, Gfid>,
}

static BRICKS: Mutex<BTreeMap<String, Arc<Seen>>> = Mutex::new(BTreeMap::new());

/// What happened in the brick called `name`.
pub(crate) fn seen(name: &str) -> Arc<Seen> {
    BRICKS.lock().unwrap().entry(name.to_owned()).or_default().clone()
}

impl Seen {
    /// How often a fop arrived.
    pub(crate) fn count(&self, fop: &str) -> usize {
        self.fops.lock().unwrap().iter().filter(|(name, _)| *name == fop).count()
    }

    /// The uid of the last caller of a fop.
    pub(crate) fn last_uid(&self, fop: &str) -> Option<u32> {
        self.fops.lock().unwrap().iter().rev().find(|(name, _)| *name == fop).map(|(_, uid)| *uid)
    }

    fn note(&self, frame: &Frame, fop: &'static str) {
        self.fops.lock().unwrap().push((fop, frame.identity().uid));
    }
}

fn iatt(gfid: Gfid, node: &Node) -> Iatt {
    let mode = if node.is_dir { 0o040_755 } else { 0o100_644 };
    Iatt { gfid, ino: gfid.ino(), mode, size: node.data.len() as u64, ..Iatt::default() }
}

impl Tree {
    fn node(&mut self, gfid: Gfid) -> Result<&mut Node, Errno> {
        if gfid.is_root() {
            let root = || Node { is_dir: true, data: Vec::new(), names: BTreeMap::new() };
            return Ok(self.nodes.entry(gfid).or_insert_with(root));
        }
        self.nodes.get_mut(&gfid).ok_or(Errno::ENOENT)
    }

    fn iatt(&mut self, gfid: Gfid) -> Result<Iatt, Errno> {
        Ok(iatt(gfid, self.node(gfid)?))
    }

    fn find(&mut self, loc: &plugin_api::Loc) -> Result<Gfid, Errno> {
        if loc.name.is_empty() {
            return Ok(loc.target());
        }
        let parent = self.node(loc.directory()).map_err(|_| Errno::ESTALE)?;
        parent.names.get(&loc.name[..]).copied().ok_or(Errno::ENOENT)
    }

    fn make(&mut self, loc: &plugin_api::Loc, is_dir: bool, xdata: &Dict) -> Result<Gfid, Errno> {
        self.next += 1;
        let mut made = [self.next; 16];
        made[0] = 0xee;
        let gfid = xdata.gfid("gfid-req").unwrap_or(Gfid(made));
        let parent = self.node(loc.directory())?;
        if parent.names.contains_key(&loc.name[..]) {
            return Err(Errno::EEXIST);
        }
        parent.names.insert(loc.name.to_vec(), gfid);
        self.nodes.insert(gfid, Node { is_dir, data: Vec::new(), names: BTreeMap::new() });
        Ok(gfid)
    }
}

/// What stands above the server, as the host does: it passes everything on.
#[derive(Default)]
pub(crate) struct Above;

impl XlatorInfo for Above {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "test/above".into(),
            doc: "asks the server".into(),
            options: Options::new(),
            positions: positions::ANY,
            unknown_fops: UnknownFops::PASS,
            ..Declaration::default()
        }
    }
}

impl Xlator for Above {}

/// The translator.
#[derive(Default)]
pub(crate) struct Fake {
    seen: Arc<Seen>,
}

impl XlatorInfo for Fake {
    const FOPS: &'static [FopSlot] = &[
        later::lookup::<Self>(),
        later::stat::<Self>(),
        later::fstat::<Self>(),
        later::mkdir::<Self>(),
        later::create::<Self>(),
        later::open::<Self>(),
        later::opendir::<Self>(),
        later::readdirp::<Self>(),
        later::readv::<Self>(),
        later::writev::<Self>(),
        later::unlink::<Self>(),
        later::flush::<Self>(),
        later::lk::<Self>(),
        later::mknod::<Self>(),
        later::symlink::<Self>(),
        later::rename::<Self>(),
        later::link::<Self>(),
        later::rmdir::<Self>(),
    ];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "test/fake".into(),
            doc: "a brick in memory".into(),
            options: Options::new(),
            positions: positions::ANY,
            unknown_fops: UnknownFops::DENY,
            ..Declaration::default()
        }
    }
}

impl Xlator for Fake {
    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.seen = seen(cx.name());
        Ok(())
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        if event.kind == EventKind::PARENT_UP {
            cx.me().notify_up(&EventKind::CHILD_UP.into());
        }
    }

    fn client_disconnect(&self, _me: &Handle, _client: &Client) {
        self.seen.gone.fetch_add(1, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.seen.waiting.lock().unwrap());
        waiting.into_iter().for_each(Waker::wake);
    }

    async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
        self.seen.note(frame, "lookup");
        let mut tree = self.seen.tree.lock().unwrap();
        let gfid = tree.find(&args.loc)?;
        let mut xdata = Dict::new();
        if args.xdata.contains("trusted.glusterfs.volume-id") {
            xdata.set("trusted.glusterfs.volume-id", vec![7; 16]);
        }
        Ok(Looked { iatt: tree.iatt(gfid)?, xdata, ..Looked::default() })
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        self.seen.note(frame, "stat");
        let iatt = self.seen.tree.lock().unwrap().iatt(args.loc.target())?;
        Ok(Attr { iatt, ..Attr::default() })
    }

    async fn fstat(&self, frame: &Frame, args: Fstat) -> FopResult<Attr> {
        self.seen.note(frame, "fstat");
        let iatt = self.seen.tree.lock().unwrap().iatt(args.fd.inode().gfid())?;
        Ok(Attr { iatt, ..Attr::default() })
    }

    async fn mkdir(&self, frame: &Frame, args: Mkdir) -> FopResult<Made> {
        self.seen.note(frame, "mkdir");
        let mut tree = self.seen.tree.lock().unwrap();
        let gfid = tree.make(&args.loc, true, &args.xdata)?;
        Ok(Made { iatt: tree.iatt(gfid)?, ..Made::default() })
    }

    async fn mknod(&self, frame: &Frame, _: Mknod) -> FopResult<Made> {
        self.seen.note(frame, "mknod");
        Err(Errno::EPERM.into())
    }

    async fn symlink(&self, frame: &Frame, _: Symlink) -> FopResult<Made> {
        self.seen.note(frame, "symlink");
        Err(Errno::EPERM.into())
    }

    async fn rename(&self, frame: &Frame, _: Rename) -> FopResult<Renamed> {
        self.seen.note(frame, "rename");
        Err(Errno::EPERM.into())
    }

    async fn link(&self, frame: &Frame, _: Link) -> FopResult<Made> {
        self.seen.note(frame, "link");
        Err(Errno::EPERM.into())
    }

    async fn rmdir(&self, frame: &Frame, _: Rmdir) -> FopResult<Removed> {
        self.seen.note(frame, "rmdir");
        Err(Errno::EPERM.into())
    }

    async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
        self.seen.note(frame, "create");
        let mut tree = self.seen.tree.lock().unwrap();
        let gfid = match tree.find(&args.loc) {
            Ok(known) if args.flags & 0o200 == 0 => known,
            _ => tree.make(&args.loc, false, &args.xdata)?,
        };
        let iatt = tree.iatt(gfid)?;
        args.fd.inode().link(gfid, FileType::Regular);
        let none = Iatt::default();
        Ok(Created { fd: args.fd, iatt, pre_parent: none, post_parent: none, xdata: args.xdata })
    }

    async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        self.seen.note(frame, "open");
        Ok(Opened { fd: args.fd, xdata: Dict::new() })
    }

    async fn opendir(&self, frame: &Frame, args: Opendir) -> FopResult<Opened> {
        self.seen.note(frame, "opendir");
        Ok(Opened { fd: args.fd, xdata: Dict::new() })
    }

    async fn readdirp(&self, frame: &Frame, args: Readdirp) -> FopResult<Entries> {
        self.seen.note(frame, "readdirp");
        let mut tree = self.seen.tree.lock().unwrap();
        let names = tree.node(args.fd.inode().gfid())?.names.clone();
        let mut entries = Vec::new();
        for (offset, (name, gfid)) in (1..).zip(names) {
            let iatt = tree.iatt(gfid)?;
            let name = IoBuf::from(name);
            entries.push(DirEntry { ino: iatt.ino, offset, name, iatt, ..DirEntry::default() });
        }
        Ok(Entries { entries: entries.into(), at_end: true, xdata: Dict::new() })
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        self.seen.note(frame, "readv");
        let mut tree = self.seen.tree.lock().unwrap();
        let node = tree.node(args.fd.inode().gfid())?;
        let start = usize::try_from(args.offset).unwrap().min(node.data.len());
        let end = start.saturating_add(args.size).min(node.data.len());
        let data = IoBuf::copy_from_slice(&node.data[start..end]);
        let (at_end, iatt) = (end == node.data.len(), iatt(args.fd.inode().gfid(), node));
        Ok(Data { data: data.into(), iatt, at_end, xdata: Dict::new() })
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        self.seen.note(frame, "writev");
        let mut tree = self.seen.tree.lock().unwrap();
        let node = tree.node(args.fd.inode().gfid())?;
        node.data = args.data.to_iobuf().to_vec();
        Ok(Written { count: args.len(), post: iatt(args.fd.inode().gfid(), node), ..Written::default() })
    }

    async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
        self.seen.note(frame, "unlink");
        let mut tree = self.seen.tree.lock().unwrap();
        let gfid = tree.find(&args.loc)?;
        tree.node(args.loc.directory())?.names.remove(&args.loc.name[..]);
        tree.nodes.remove(&gfid);
        Ok(Removed { xdata: Dict::new().with(GONE, gfid), ..Removed::default() })
    }

    async fn flush(&self, frame: &Frame, _: Flush) -> FopResult<Done> {
        self.seen.note(frame, "flush");
        self.seen.flushed.fetch_add(1, Ordering::SeqCst);
        Ok(Done::default())
    }

    /// Waits until the client is gone.
    async fn lk(&self, frame: &Frame, _: Lk) -> FopResult<Locked> {
        self.seen.note(frame, "lk");
        let seen = &self.seen;
        std::future::poll_fn(|cx| {
            if seen.gone.load(Ordering::SeqCst) > 0 {
                return Poll::Ready(());
            }
            seen.waiting.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
        Err(Errno::EAGAIN.into())
    }
}
