//! The tree: which directory an object is in, and how each stands.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use plugin_api::prelude::*;

use crate::aggregator::Aggregator;
use crate::limit::{Amount, Limit, Standing, Warning, human};
use crate::options::Settings;

/// A limit of bytes, on a directory.
pub(crate) const LIMIT: &str = "trusted.glusterfs.quota.limit-set";
/// A limit of objects, on a directory.
pub(crate) const LIMIT_OBJECTS: &str = "trusted.glusterfs.quota.limit-objects";
/// What is below a directory.
pub(crate) const SIZE: &str = "trusted.glusterfs.quota.size";
/// Asks the marker in which directories an object is.
const PARENTS: &str = "glusterfs.marker.parents";
/// The process id of work that the brick does by itself.
const INTERNAL: i32 = -1;
/// Entries of each kind that are remembered.
const MOST: usize = 1 << 16;
/// Directories above each other: more are none.
const DEEPEST: usize = 4096;

/// What is remembered of a brick.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    parents: Mutex<HashMap<Gfid, Vec<Gfid>>>,
    standings: Mutex<HashMap<Gfid, Standing>>,
    pub(crate) aggregator: Aggregator,
    /// Counts what was removed, since when usages may be less.
    epoch: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remember<T>(map: &mut HashMap<Gfid, T>, gfid: Gfid, value: T) {
    if map.len() >= MOST && !map.contains_key(&gfid) {
        map.clear();
    }
    map.insert(gfid, value);
}

/// An object as the brick itself sees it, with what is asked for.
async fn look<const N: usize>(frame: &Frame, mut loc: Loc, keys: [&'static str; N]) -> FopResult<Looked> {
    let mut own = frame.fork();
    let identity = own.identity_mut();
    (identity.uid, identity.gid, identity.pid) = (0, 0, INTERNAL);
    loc.inode =
        Some(Inode::new(if loc.name.is_empty() { loc.target() } else { Gfid::NULL }, FileType::Invalid))
            .into();
    let xdata = keys.into_iter().fold(Dict::new(), |asked, key| asked.with(key, 0));
    own.child().lookup(Lookup { loc, xdata }).await
}

fn place(gfid: Gfid) -> Loc {
    Loc::of(Inode::new(gfid, FileType::Invalid))
}

fn mark<T>(xattrs: &Dict, key: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    xattrs.get(key).and_then(Value::as_bytes).and_then(parse)
}

impl Tree {
    /// An object has a name in a directory, and if `only` no other.
    pub(crate) fn named(&self, object: Gfid, parent: Gfid, only: bool) {
        let mut parents = lock(&self.parents);
        match parents.get_mut(&object) {
            Some(known) if only => *known = vec![parent],
            Some(known) if known.contains(&parent) => {}
            Some(known) => known.push(parent),
            None if only => remember(&mut parents, object, vec![parent]),
            // Of the others nothing is known; they are asked for when they matter.
            None => {}
        }
    }

    /// An object has lost a name.
    pub(crate) fn unnamed(&self, object: Gfid) {
        lock(&self.parents).remove(&object);
    }

    /// Something was removed somewhere: usages are read again.
    pub(crate) fn shrunk(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// A directory's limits are others now.
    pub(crate) fn forget(&self, dir: Gfid) {
        lock(&self.standings).remove(&dir);
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        lock(&self.parents).clear();
        lock(&self.standings).clear();
    }

    /// In which directories an object is, as far as anybody knows.
    pub(crate) async fn parents(&self, frame: &Frame, object: Gfid) -> Vec<Gfid> {
        if let Some(parents) = lock(&self.parents).get(&object) {
            return parents.clone();
        }
        let Ok(found) = look(frame, place(object), [PARENTS]).await else { return Vec::new() };
        let ids = found.xdata.get(PARENTS).and_then(Value::as_bytes).unwrap_or_default();
        let parents: Vec<_> = ids.chunks_exact(16).filter_map(Gfid::from_slice).collect();
        if !parents.is_empty() {
            remember(&mut lock(&self.parents), object, parents.clone());
        }
        parents
    }

    /// A directory and all above it; where that is not known, the root.
    pub(crate) async fn chain(&self, frame: &Frame, dir: Gfid) -> Vec<Gfid> {
        let mut chain = vec![dir];
        while let Some(at) = chain.last().copied().filter(|at| !at.is_root()) {
            match self.parents(frame, at).await[..] {
                [above] if chain.len() < DEEPEST => chain.push(above),
                _ => chain.push(Gfid::ROOT),
            }
        }
        chain
    }

    /// How a directory stands.
    pub(crate) async fn standing(&self, frame: &Frame, dir: Gfid, settings: &Settings) -> Option<Standing> {
        let (now, epoch) = (Instant::now(), self.epoch.load(Ordering::Relaxed));
        let before = lock(&self.standings).get(&dir).copied();
        if let Some(standing) = before.filter(|standing| standing.is_fresh(epoch, now, settings)) {
            return Some(standing);
        }
        let found = look(frame, place(dir), [LIMIT, LIMIT_OBJECTS, SIZE]).await.ok()?;
        let mut read = Standing {
            space: mark(&found.xdata, LIMIT, Limit::parse),
            objects: mark(&found.xdata, LIMIT_OBJECTS, Limit::parse),
            used: mark(&found.xdata, SIZE, Amount::parse).unwrap_or_default(),
            read: now,
            epoch,
            grown: None,
            warned: None,
        };
        if read.is_limited()
            && let Some(used) = self.aggregator.used(dir).await
        {
            read.used = used;
        }
        let mut standings = lock(&self.standings);
        // Others may have added to it meanwhile.
        let standing = standings.get(&dir).map_or(read, |before| read.after(before, now));
        remember(&mut standings, dir, standing);
        Some(standing)
    }

    /// How many bytes of what is needed may be added in directories, up to those in `except`, which know of it already.
    ///
    /// # Errors
    /// `EDQUOT` when none of it may.
    pub(crate) async fn room(
        &self,
        frame: &Frame,
        dirs: &[Gfid],
        except: &[Gfid],
        need: Amount,
        settings: &Settings,
    ) -> Result<i64, Errno> {
        let mut room = i64::MAX;
        for dir in dirs {
            for above in self.chain(frame, *dir).await {
                if except.contains(&above) {
                    break;
                }
                if let Some(standing) = self.standing(frame, above, settings).await {
                    room = room.min(standing.room(need).ok_or(Errno::EDQUOT)?);
                }
            }
        }
        Ok(room)
    }

    /// Something was let in.
    pub(crate) async fn grew(&self, frame: &Frame, dirs: &[Gfid], by: Amount, settings: &Settings) {
        for dir in dirs {
            for above in self.chain(frame, *dir).await {
                let now = Instant::now();
                let warning =
                    match lock(&self.standings).get_mut(&above).filter(|standing| standing.is_limited()) {
                        Some(standing) => {
                            standing.grow(by, now, settings).map(|warning| (warning, standing.used))
                        }
                        None => None,
                    };
                if let Some((warning, used)) = warning {
                    warn(frame, above, warning, used).await;
                }
            }
        }
    }

    /// What lies at a place: its attributes, and how much it is.
    pub(crate) async fn weigh(&self, frame: &Frame, loc: &Loc) -> Option<(Iatt, Amount)> {
        let found = look(frame, loc.clone(), [SIZE]).await.ok()?;
        let file = || Amount { bytes: occupied(&found.iatt), objects: 1 };
        let amount = match found.iatt.is_dir() {
            true => mark(&found.xdata, SIZE, Amount::parse).unwrap_or(Amount::OBJECT),
            false => file(),
        };
        Some((found.iatt, amount))
    }
}

/// The room that a file takes.
pub(crate) fn occupied(iatt: &Iatt) -> i64 {
    i64::try_from(iatt.blocks.saturating_mul(512)).unwrap_or(i64::MAX)
}

/// Tells the operator, in the words that monitors look for.
async fn warn(frame: &Frame, dir: Gfid, warning: Warning, used: Amount) {
    const PATH: &str = "glusterfs.gfidtopath";
    let own = frame.handle().frame(Identity { pid: INTERNAL, ..Identity::default() });
    let args = Getxattr { loc: place(dir), name: PATH.into(), xdata: Dict::new() };
    let got = own.child().getxattr(args).await.ok();
    let path =
        got.and_then(|got| Some(String::from_utf8_lossy(got.xattrs.get(PATH)?.as_bytes()?).into_owned()));
    let path = path.unwrap_or_else(|| format!("<gfid:{dir}>"));
    let path = path.trim_end_matches('\0');
    let what = match warning {
        Warning::Crossed => "Usage crossed soft limit",
        Warning::Above => "Usage is above soft limit",
    };
    log!(Warn, xl: frame.name(), format!("{what}: {} used by {path}", human(used.bytes)));
}
