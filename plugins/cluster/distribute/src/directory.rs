//! Fops on a directory, which lies on every child.

use futures_util::future::join_all;
use plugin_api::prelude::*;

use crate::call::{Call, LAYOUT, worst};
use crate::lookup::{newest, whole};

impl Call<'_> {
    /// The same fop on all children; the first success counts.
    pub(crate) async fn on_all<F: FopType<Args: Clone>>(&self, args: &F::Args) -> FopResult<F::Reply> {
        let answers = self.all::<F>(args).await;
        let mut errors = Vec::new();
        for answer in answers {
            match answer {
                Ok(reply) => return Ok(reply),
                Err(e) => errors.push(e),
            }
        }
        Err(worst(errors))
    }

    /// The child whose word counts for a change of a directory: its leader, or the first that is up where there is none.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` when the leader cannot be known because a child is down.
    pub(crate) async fn leader(&self, dir: &Inode) -> FopResult<usize> {
        self.layout(dir).await?;
        let mut up = (0..self.count()).filter(|at| self.dht.is_up(*at));
        match self.known(dir).leader() {
            Some(leader) => Ok(leader),
            None if dir.gfid().is_root() => Ok(up.next().unwrap_or(0)),
            None if up.count() == self.count() => Ok(0),
            None => Err(Errno::ENOTCONN.into()),
        }
    }

    /// A fop that one child answers: the leader, or while it is down the first that is up.
    pub(crate) async fn on_leader<F: FopType<Args: Clone>>(
        &self,
        dir: &Inode,
        args: F::Args,
    ) -> FopResult<F::Reply> {
        self.layout(dir).await?;
        let mut up = (0..self.count()).filter(|at| self.dht.is_up(*at));
        let leader = self.known(dir).leader().filter(|leader| self.dht.is_up(*leader));
        let child = leader.or_else(|| up.next()).unwrap_or(0);
        self.child(child).wind::<F>(args).await
    }

    /// A directory's attributes: the newest times of all children.
    pub(crate) async fn attributes<F>(&self, args: &F::Args) -> FopResult<Attr>
    where
        F: FopType<Args: Clone, Reply = Attr>,
    {
        let answers = self.all::<F>(args).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let joined = good
            .into_iter()
            .flatten()
            .reduce(|one, other| Attr { iatt: newest(one.iatt, &other.iatt), ..one });
        match joined {
            Some(attr) => Ok(Attr { iatt: whole(attr.iatt), ..attr }),
            None => Err(worst(bad.into_iter().filter_map(Result::err))),
        }
    }

    /// Sets attributes: the leader's first, and what the others say changes nothing.
    pub(crate) async fn set_attributes<F>(&self, dir: &Inode, args: &F::Args) -> FopResult<PrePost>
    where
        F: FopType<Args: Clone, Reply = PrePost>,
    {
        let leader = self.leader(dir).await?;
        let mut set = self.child(leader).wind::<F>(args.clone()).await?;
        let others = (0..self.count()).filter(|at| *at != leader);
        for other in
            join_all(others.map(|at| self.child(at).wind::<F>(args.clone()))).await.into_iter().flatten()
        {
            set.pre = newest(set.pre, &other.pre);
            set.post = newest(set.post, &other.post);
        }
        (set.pre, set.post) = (whole(set.pre), whole(set.post));
        Ok(set)
    }
}

/// Refuses to read what is distribute's own.
pub(crate) fn may_read(name: &[u8]) -> FopResult<()> {
    if name.starts_with(LAYOUT.as_bytes()) { Err(Errno::EOPNOTSUPP.into()) } else { Ok(()) }
}

/// Refuses to change what is distribute's own, and what it does not do yet.
pub(crate) fn may_change<'n>(frame: &Frame, mut names: impl Iterator<Item = &'n [u8]>) -> FopResult<()> {
    const NOT_YET: [&[u8]; 3] =
        [b"decommission-brick", b"distribute.directory-spread-count", b"glusterfs.dht.nuke"];
    names.try_for_each(|name| {
        if NOT_YET.contains(&name) {
            log!(Warn, xl: frame.name(), "this is not done by this translator", key = name.escape_ascii());
            return Err(Errno::EOPNOTSUPP.into());
        }
        match name.starts_with(LAYOUT.as_bytes()) {
            true => Err(Errno::EPERM.into()),
            false => Ok(()),
        }
    })
}

/// A listing without what is distribute's own.
pub(crate) fn without_own(mut xattrs: Xattrs) -> Xattrs {
    xattrs.xattrs.retain(|key, _| !key.as_bytes().starts_with(LAYOUT.as_bytes()));
    xattrs
}
