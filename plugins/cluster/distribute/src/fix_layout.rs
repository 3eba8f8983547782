//! Deals a directory's hashes out anew over the children as they are now, and notes that its files have been moved.

use plugin_api::prelude::*;

use crate::call::{COMMIT, Call};
use crate::heal::internal;
use crate::layout::{INVALID, Layout};
use crate::locks::{Held, LAYOUT_DOMAIN};
use crate::lookup::Seen;

/// Asks for it.
const FIX: &str = "distribute.fix.layout";
/// With it: the files are where they belong by now, as of this rebalance.
const NEW_COMMIT: &str = "new-commit-hash";
/// In the answer: children are being taken away, with what is still on them at the end.
const LEAVING: &str = "decommissioning";
/// Asks for one file.
const MOVE: &str = "trusted.distribute.migrate-data";

/// What a caller orders by an xattr that is none.
pub(crate) enum Order {
    FixLayout { commit: Option<u32> },
    VolumeCommit(u32),
    Migrate { force: bool },
}

impl Order {
    /// The order among the xattrs of a fop.
    pub(crate) fn among(frame: &Frame, xattrs: &Dict) -> Option<Self> {
        let number = |key| xattrs.uint(key).and_then(|n| u32::try_from(n).ok());
        if xattrs.contains(FIX) {
            return Some(Self::FixLayout { commit: number(NEW_COMMIT) });
        }
        if let Some(word) = xattrs.get(MOVE).and_then(Value::as_bytes) {
            return Some(Self::Migrate { force: word.strip_suffix(b"\0").unwrap_or(word) == b"force" });
        }
        let may_commit = frame.identity().pid == crate::migrate::REBALANCE_PID;
        number(COMMIT).filter(|_| may_commit).map(Self::VolumeCommit)
    }
}

impl Call<'_> {
    /// Does what an order says.
    pub(crate) async fn obey(&self, order: Order, loc: &Loc) -> FopResult<Done> {
        let inode = crate::call::inode_of(loc);
        match order {
            Order::Migrate { force } => self.migrate(loc, force).await,
            Order::FixLayout { commit } => self.fix_layout(&inode, commit).await,
            Order::VolumeCommit(commit) => self.commit_volume(&inode, commit).await,
        }
    }

    /// # Errors
    ///
    /// `ENOTCONN` while a child is down: a part that cannot be written would lie over another.
    async fn fix_layout(&self, dir: &Inode, commit: Option<u32>) -> FopResult<Done> {
        // Also makes the directory where a new child lacks it.
        self.read_layout(dir).await?;
        self.refresh_space().await;
        let mut order: Vec<usize> = (0..self.count()).collect();
        order.sort_by_key(|at| &self.dht.names[*at]);
        let mut held = Held::none(self);
        let mut outcome = Ok(());
        for at in order {
            outcome = held.range(at, LAYOUT_DOMAIN, dir, LockKind::Write).await;
            if outcome.is_err() {
                break;
            }
        }
        let outcome = match outcome {
            Ok(()) => self.fix_locked(dir, commit).await,
            Err(e) => Err(e),
        };
        held.release();
        let mut xdata = Dict::new();
        if !self.settings().leaving.is_empty() {
            xdata.set(LEAVING, 1);
        }
        outcome.map(|()| Done { xdata })
    }

    async fn fix_locked(&self, dir: &Inode, commit: Option<u32>) -> FopResult<()> {
        let loc = Loc::of(dir.clone());
        let args = Lookup { loc: loc.clone(), xdata: self.ask(&Dict::new(), false) };
        let answers = self.all::<kind::lookup>(&args).await;
        let seen = Seen::of(self, &loc, answers)?;
        if seen.layout.faults().unknown {
            return Err(Errno::ENOTCONN.into());
        }
        let there = |at: usize| seen.access[at].is_some();
        let known = self.known(dir);
        let layout = match commit {
            // While children leave, files of the others stay where they are, wherever that is.
            Some(_) if !self.settings().leaving.is_empty() => return Ok(()),
            Some(commit) => {
                let mut layout = seen.layout.clone();
                layout.parts.iter_mut().for_each(|part| part.commit = commit);
                layout
            }
            None => {
                let path = if seen.path.is_empty() { known.path() } else { seen.path.clone() };
                let mut layout = self.new_layout(&path, dir.gfid(), &there, INVALID);
                layout.overlap_with(&seen.layout);
                layout
            }
        };
        let children: Vec<_> = (0..self.count()).filter(|at| there(*at)).collect();
        self.write_parts(dir, &layout, &children, 0).await?;
        known.is_directory(layout, seen.leader, seen.path);
        Ok(())
    }

    /// Notes on the root which rebalance the volume has seen last: a directory that says the same has its files where they
    /// belong.
    async fn commit_volume(&self, root: &Inode, commit: u32) -> FopResult<Done> {
        if !root.gfid().is_root() {
            return Err(Errno::EINVAL.into());
        }
        if self.settings().leaving.is_empty() {
            let xattrs = Dict::new().with(COMMIT, commit);
            let args = Setxattr { loc: Loc::of(root.clone()), xattrs, flags: 0, xdata: internal() };
            let answers = self.all::<kind::setxattr>(&args).await;
            answers.into_iter().find_map(Result::err).map_or(Ok(()), Err)?;
            self.dht.set_commit(commit);
        }
        Ok(Done::default())
    }
}

impl Layout {
    /// Gives each child as much as can be of what it had before: parts of equal size change hands where both gain by it.
    fn overlap_with(&mut self, before: &Layout) {
        let common = |new: &Layout, part: usize, at: usize| {
            let (new, old) = (&new.parts[part], &before.parts[at]);
            if old.start == old.stop || new.start == new.stop {
                return 0;
            }
            (u64::from(new.stop.min(old.stop)) + 1).saturating_sub(new.start.max(old.start).into())
        };
        let count = self.parts.len();
        let mut better = true;
        while std::mem::take(&mut better) {
            for (one, other) in (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other))) {
                let now = common(self, one, one) + common(self, other, other);
                let swapped = common(self, one, other) + common(self, other, one);
                let span = |at: usize| self.parts[at].stop.wrapping_sub(self.parts[at].start);
                let alike = span(one).abs_diff(span(other)) <= u32::try_from(count).unwrap_or(u32::MAX);
                if alike && swapped > now {
                    let (start, stop) = (self.parts[one].start, self.parts[one].stop);
                    (self.parts[one].start, self.parts[one].stop) =
                        (self.parts[other].start, self.parts[other].stop);
                    (self.parts[other].start, self.parts[other].stop) = (start, stop);
                    better = true;
                }
            }
        }
    }
}
