//! What all requests of a mount share, and what each brings along.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use plugin_api::fop::{FopError, Lookup};
use plugin_api::{
    Dict, Errno, Fd, Gfid, Handle, Iatt, Identity, Inode, IoBuf, LkOwner, Loc, OwnedFrame, log,
};

use crate::crowd::Crowd;
use crate::files::Files;
use crate::folders::Folder;
use crate::groups::Groups;
use crate::mounting::{Mounted, answer};
use crate::nodes::{Node, Nodes};
use crate::notices::Notices;
use crate::options::Settings;
use crate::traffic::Traffic;
use crate::wire::ROOT;
use crate::wire::reply::{self, Look, Reply};
use crate::wire::request::Header;

/// The shared state of a mount.
#[derive(Debug)]
pub(crate) struct Fs {
    pub(crate) settings: Settings,
    pub(crate) nodes: Nodes,
    pub(crate) files: Files,
    pub(crate) folders: Files<Folder>,
    pub(crate) mounted: Mounted,
    pub(crate) traffic: Traffic,
    pub(crate) notices: Notices,
    pub(crate) crowd: Crowd,
    /// Those who wait for locks, by their requests.
    pub(crate) waiting: Mutex<HashMap<u64, Waiting>>,
    pub(crate) name: String,
    handle: RwLock<Option<Handle>>,
    groups: Groups,
    /// How many changes have begun or ended.
    changes: AtomicU64,
    serving: AtomicBool,
    ids: Ids,
}

/// A lock that somebody waits for.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) fd: Fd,
    pub(crate) identity: Identity,
    /// What ends the wait.
    pub(crate) key: IoBuf,
}

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) fs: Arc<Fs>,
    pub(crate) header: Header,
    /// What follows the header, but for the bytes of a WRITE.
    pub(crate) body: IoBuf,
    /// Those.
    pub(crate) payload: IoBuf,
}

/// A name in a directory.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) parent: Gfid,
    pub(crate) name: IoBuf,
}

/// How a request ends.
pub(crate) type Answer = Result<Reply, FopError>;

impl Fs {
    pub(crate) fn new(handle: Handle, settings: Settings, mounted: Mounted, traffic: Traffic) -> Self {
        Self {
            crowd: Crowd::new(settings.lru_limit, settings.invalidate_limit),
            settings,
            nodes: Nodes::new(),
            files: Files::default(),
            folders: Files::default(),
            mounted,
            traffic,
            notices: Notices::default(),
            waiting: Mutex::default(),
            name: handle.name().to_owned(),
            handle: RwLock::new(Some(handle)),
            groups: Groups::default(),
            changes: AtomicU64::new(0),
            serving: AtomicBool::new(false),
            ids: Ids::default(),
        }
    }

    /// Whether this is the first that is told to serve.
    pub(crate) fn begin(&self) -> bool {
        !self.serving.swap(true, Ordering::SeqCst)
    }

    /// Lets go of the graph: requests that come from now on fail.
    pub(crate) fn leave(&self) {
        let handle = self.handle.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(handle);
        self.files.clear();
        self.folders.clear();
    }

    /// Whether there is no graph any more.
    pub(crate) fn has_left(&self) -> bool {
        self.handle.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// A frame below which a call is wound.
    ///
    /// # Errors
    /// `ENOTCONN` when there is no graph any more.
    pub(crate) fn frame(&self, identity: Identity) -> Result<OwnedFrame, Errno> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        handle.as_ref().map(|handle| handle.frame(identity)).ok_or(Errno::ENOTCONN)
    }

    /// A change begins or ends: what was read ahead before may be out of date.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// How often that was.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// The kernel was told of nodes: it may know too many by now.
    pub(crate) fn watch_crowd(&self) {
        if self.crowd.is_too_large(self.nodes.len()) {
            self.notices.crowd();
        }
    }

    /// How attributes are shown.
    pub(crate) fn look(&self) -> Look {
        Look {
            attributes: self.settings.attribute_timeout,
            names: self.settings.entry_timeout,
            ino32: self.settings.ino32,
        }
    }

    /// Writes a reply or a notice.
    ///
    /// # Errors
    /// The kernel does not take it.
    pub(crate) fn send(&self, parts: &[&[u8]]) -> std::io::Result<()> {
        self.traffic.written(parts);
        answer(&self.mounted.device, parts)
    }

    /// Answers a request.
    pub(crate) fn reply(&self, unique: u64, answered: Answer) {
        let sent = match answered {
            Ok(Reply::Fields(fields)) => self.send(&[&fields.finish(unique)]),
            Ok(Reply::Data(payload)) => {
                let head = reply::header(reply::HEADER + payload.len(), 0, unique);
                let mut parts: Vec<&[u8]> = vec![&head];
                parts.extend(payload.buffers().filter(|part| !part.is_empty()).map(|part| &part[..]));
                self.send(&parts)
            }
            Err(error) => self.send(&[&reply::failure(error.errno, unique)]),
        };
        if let Err(error) = sent {
            // ENOENT: who asked was killed meanwhile; ENODEV: it is unmounted.
            let quiet = [libc::ENOENT, libc::ENODEV].map(Some).contains(&error.raw_os_error());
            if !quiet {
                log!(Error, xl: self.name, "a reply was refused by the kernel", why = error);
                let _ = self.send(&[&reply::failure(Errno::EIO, unique)]);
            }
        }
    }

    /// An id for a new file.
    pub(crate) fn new_gfid(&self) -> Gfid {
        self.ids.next()
    }

    /// The root's attributes as the graph has them; translators below learn of the root by it.
    pub(crate) async fn look_up_root(&self) -> Result<Iatt, FopError> {
        let mut root = Loc::of(self.nodes.root().clone());
        root.path = IoBuf::from("/");
        let xdata = Dict::new().with("gfid-req", Gfid::ROOT);
        let frame = self.frame(Identity::default())?;
        let found = frame.child().lookup(Lookup { loc: root, xdata }).await?;
        Ok(found.iatt)
    }
}

impl Call {
    /// Who asks, with the owner of locks that the request names.
    pub(crate) fn identity(&self, owner: Option<u64>) -> Identity {
        let Header { uid, gid, pid, .. } = self.header;
        let settings = &self.fs.settings;
        let groups = match settings.groups {
            // Nothing is refused to root, whatever its groups.
            Some(timeout) if uid != 0 => self.fs.groups.of((pid, uid, gid), timeout, settings.resolve_gids),
            _ => Default::default(),
        };
        let owner = match owner {
            Some(owner) => IoBuf::copy_from_slice(&owner.to_le_bytes()),
            None => IoBuf::copy_from_slice(&pid.to_le_bytes()),
        };
        Identity {
            uid,
            gid,
            pid: settings.pid.unwrap_or_else(|| i32::try_from(pid).unwrap_or(i32::MAX)),
            groups,
            lk_owner: LkOwner::new(owner),
            ..Identity::default()
        }
    }

    /// A frame for this request.
    ///
    /// # Errors
    /// As for [`Fs::frame`].
    pub(crate) fn frame(&self) -> Result<OwnedFrame, Errno> {
        self.fs.frame(self.identity(None))
    }

    /// The process, as descriptors note it.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.header.pid).unwrap_or(i32::MAX)
    }

    /// The inode that the request is about.
    ///
    /// # Errors
    /// As for [`inode_of`](Self::inode_of).
    pub(crate) async fn inode(&self, frame: &OwnedFrame) -> Result<Inode, FopError> {
        self.inode_of(frame, self.header.node).await
    }

    /// The inode of a node; one that only a listing has shown is looked up first, so that translators below know of it.
    ///
    /// # Errors
    /// `ESTALE` for a node that there is not, or as the lookup ends.
    pub(crate) async fn inode_of(&self, frame: &OwnedFrame, number: u64) -> Result<Inode, FopError> {
        let (inode, looked_up) = self.fs.nodes.find(number)?;
        if !looked_up {
            let args = Lookup { loc: Loc::of(inode.clone()), xdata: Dict::new() };
            let found = frame.child().lookup(args).await.map_err(stale)?;
            if found.iatt.gfid != inode.gfid() {
                return Err(Errno::ESTALE.into());
            }
            self.fs.nodes.looked_up(number);
        }
        Ok(inode)
    }

    /// The place of what the request is about.
    ///
    /// # Errors
    /// As for [`inode_of`](Self::inode_of).
    pub(crate) async fn loc(&self, frame: &OwnedFrame) -> Result<Loc, FopError> {
        Ok(Loc::of(self.inode(frame).await?))
    }

    /// Tells the kernel of a file that a fop has found or made: its node, once more counted.
    ///
    /// # Errors
    /// `EIO` for one without an id.
    pub(crate) fn tell(&self, fresh: Option<&Inode>, iatt: &Iatt) -> Result<Node, FopError> {
        if iatt.gfid.is_null() {
            return Err(Errno::EIO.into());
        }
        let node = self.fs.nodes.tell(fresh, iatt, true);
        self.fs.watch_crowd();
        Ok(node)
    }

    /// The reply that tells of it, at this place.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub(crate) fn entry(&self, place: &Place, fresh: Option<&Inode>, iatt: &Iatt) -> Answer {
        let node = self.tell(fresh, iatt)?;
        self.fs.nodes.name(place.parent, &place.name, node.number);
        Ok(Reply::entry(node.number, node.generation, &self.shown(iatt), self.fs.look()))
    }

    /// Attributes as the kernel sees them: the root's number is 1.
    pub(crate) fn shown(&self, iatt: &Iatt) -> Iatt {
        match iatt.gfid.is_root() {
            true => Iatt { ino: ROOT, ..*iatt },
            false => *iatt,
        }
    }

    /// The reply with attributes.
    pub(crate) fn attributes(&self, iatt: &Iatt) -> Answer {
        Ok(Reply::attributes(&self.shown(iatt), self.fs.look()))
    }

    /// For how long the kernel may keep that there is no such name.
    pub(crate) fn absence(&self) -> Option<Duration> {
        Some(self.fs.settings.negative_timeout).filter(|timeout| !timeout.is_zero())
    }
}

/// The kernel looks a path up once more when it is told that what it knew is out of date.
pub(crate) fn stale(error: FopError) -> FopError {
    match error.errno {
        Errno::ENOENT => Errno::ESTALE.into(),
        _ => error,
    }
}

/// Ids for new files: random ones, without a system call each.
#[derive(Debug, Default)]
struct Ids {
    halves: [RandomState; 2],
    next: AtomicU64,
}

impl Ids {
    fn next(&self) -> Gfid {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let [high, low] = [0, 1].map(|half| self.halves[half].hash_one((half, number)));
        let mut bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        // A version 4 UUID of variant 1.
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Gfid(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_new_files_are_random_uuids() {
        let (ids, others) = (Ids::default(), Ids::default());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            for gfid in [ids.next(), others.next()] {
                assert_eq!((gfid.0[6] >> 4, gfid.0[8] >> 6), (4, 2), "{gfid}");
                assert!(seen.insert(gfid));
            }
        }
    }
}
