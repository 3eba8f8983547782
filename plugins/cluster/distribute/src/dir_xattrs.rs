//! Xattrs of a directory: they lie on every child, and the leader's count.

use futures_util::future::join_all;
use plugin_api::Key;
use plugin_api::prelude::*;

use crate::call::{Call, LEADER};
use crate::lookup::Seen;

/// What is brought from the leader to the others, by what the names start with. All else is of one brick alone.
const SHARED: [&[u8]; 5] = [
    b"user.",
    b"system.posix_acl_",
    b"security.selinux",
    b"trusted.glusterfs.quota.limit-set",
    b"trusted.glusterfs.quota.limit-objects",
];
/// Tells the translators of a brick that this is nobody's change.
const SYNC: &str = "sync_backend_xattrs";

impl Call<'_> {
    /// Changes xattrs: on the leader first, which notes until the end that the others may lag behind.
    pub(crate) async fn change_xattrs<F>(&self, dir: &Inode, args: &F::Args) -> FopResult<Done>
    where
        F: FopType<Args: Clone, Reply = Done>,
    {
        let leader = self.leader(dir).await?;
        self.note_lag(dir, leader, -1).await?;
        let done = self.child(leader).wind::<F>(args.clone()).await;
        let others = (0..self.count()).filter(|at| *at != leader && done.is_ok());
        let others = join_all(others.map(|at| self.child(at).wind::<F>(args.clone()))).await;
        if done.is_err() || others.iter().all(Result::is_ok) {
            self.note_lag(dir, leader, 1).await?;
        }
        done
    }

    async fn note_lag(&self, dir: &Inode, leader: usize, step: i32) -> FopResult<()> {
        if dir.gfid().is_root() {
            return Ok(());
        }
        let xattrs = Dict::new().with(LEADER, step.to_be_bytes().to_vec());
        let note = Xattrop { loc: Loc::of(dir.clone()), op: 0, xattrs, xdata: Dict::new() };
        self.root().child_at(leader).xattrop(note).await.map(drop)
    }

    /// Gives the xattrs of the leader to children that were just made, or to all where they lag behind.
    pub(crate) async fn heal_xattrs(&self, inode: &Inode, seen: &Seen, made: &[usize]) {
        let Some(leader) = seen.leader else { return };
        let there = |at: &usize| *at != leader && seen.access[*at].is_some();
        let to: Vec<_> = match seen.lag {
            0 => made.iter().copied().filter(there).collect(),
            _ => (0..self.count()).filter(there).collect(),
        };
        if to.is_empty() {
            return;
        }
        let healed = match self.shared_xattrs(inode, leader).await {
            Ok(xattrs) => join_all(to.iter().map(|at| self.bring(inode, *at, &xattrs))).await,
            Err(e) => vec![Err(e)],
        };
        let failed = healed.into_iter().find_map(Result::err);
        let settled = match failed {
            // What is noted meanwhile stays noted: no more is taken back than was seen.
            None if seen.lag < 0 => self.note_lag(inode, leader, -seen.lag).await.err(),
            failed => failed,
        };
        if let Some(e) = settled {
            log!(Warn, xl: self.frame.name(), "xattrs of a directory stay different on its bricks", gfid = inode.gfid(), errno = e.errno);
        }
    }

    /// The xattrs that a child has and that every child should have.
    async fn shared_xattrs(&self, inode: &Inode, child: usize) -> FopResult<Dict> {
        let list = Getxattr { loc: Loc::of(inode.clone()), name: IoBuf::default(), xdata: Dict::new() };
        let mut xattrs = self.root().child_at(child).getxattr(list).await?.xattrs;
        xattrs.retain(|key, _| SHARED.iter().any(|prefix| key.as_bytes().starts_with(prefix)));
        Ok(xattrs)
    }

    /// Makes the shared xattrs of a child these.
    async fn bring(&self, inode: &Inode, child: usize, wanted: &Dict) -> FopResult<()> {
        let has = self.shared_xattrs(inode, child).await?;
        let root = self.root();
        let (loc, xdata) = (Loc::of(inode.clone()), Dict::new().with(SYNC, 1));
        for (key, _) in has.iter().filter(|(key, _)| value_of(wanted, key).is_none()) {
            let name = IoBuf::copy_from_slice(key.as_bytes());
            root.child_at(child)
                .removexattr(Removexattr { loc: loc.clone(), name, xdata: xdata.clone() })
                .await?;
        }
        let mut xattrs = wanted.clone();
        xattrs.retain(|key, value| value_of(&has, key) != value.as_bytes());
        if !xattrs.is_empty() {
            root.child_at(child).setxattr(Setxattr { loc, xattrs, flags: 0, xdata }).await?;
        }
        Ok(())
    }
}

fn value_of<'x>(xattrs: &'x Dict, wanted: &Key) -> Option<&'x [u8]> {
    xattrs.iter().find(|(key, _)| *key == wanted).and_then(|(_, value)| value.as_bytes())
}
