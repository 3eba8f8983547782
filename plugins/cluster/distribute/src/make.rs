//! Makes files, and the pointers to files that do not lie where their names belong.

use plugin_api::prelude::*;

use crate::call::{Call, LAYOUT, LINKTO, POINTER_MODE, inode_of};
use crate::heal::internal;
use crate::layout::Part;
use crate::locks::{Held, LAYOUT_DOMAIN};
use crate::route::Whereabouts;

const PREOP: &str = "glusterfs.preop.parent.key";

/// Has the brick compare the parent's layout with the one that the name was placed by.
pub(crate) fn guarded(xdata: &Dict, part: &Part) -> Dict {
    xdata.clone().with(LAYOUT, part.encode()).with(PREOP, LAYOUT)
}

/// Whether a brick refused because the layout has changed.
pub(crate) fn was_outdated(error: &FopError) -> bool {
    error.xdata.contains("glusterfs.preop.check.failed")
}

/// Runs a making fop on the child that its name belongs on, once more where the layout had changed meanwhile.
macro_rules! placed {
    ($call:ident, $args:ident, $fop:ident) => {{
        let mut tries = 0;
        loop {
            let (hashed, part) = $call.hashed(&$args.loc).await?;
            let mut attempt = $args.clone();
            let at = $call.roomy(hashed).await;
            match at == hashed {
                true => attempt.xdata = guarded(&$args.xdata, &part),
                false => $call.point(hashed, at, &$args.loc, $args.xdata.gfid("gfid-req")).await?,
            }
            match $call.child(at).$fop(attempt).await {
                Err(e) if was_outdated(&e) && tries == 0 => {
                    tries = 1;
                    $call.refresh_layout(&$args.loc, hashed).await?;
                }
                Err(e) => {
                    if at != hashed {
                        $call.drop_pointer(hashed, &$args.loc).await;
                    }
                    break Err(e);
                }
                Ok(made) => {
                    $call.known(&inode_of(&$args.loc)).is_file_on(at);
                    break Ok((at, made));
                }
            }
        }
    }};
}

impl Call<'_> {
    pub(crate) async fn create(&self, args: Create) -> FopResult<Created> {
        let (at, made) = placed!(self, args, create)?;
        self.known(args.fd.inode()).is_file_on(at);
        Ok(made)
    }

    pub(crate) async fn mknod(&self, args: Mknod) -> FopResult<Made> {
        placed!(self, args, mknod).map(|(_, made)| made)
    }

    pub(crate) async fn symlink(&self, args: Symlink) -> FopResult<Made> {
        let (hashed, _) = self.hashed(&args.loc).await?;
        let inode = inode_of(&args.loc);
        let made = self.child(hashed).symlink(args).await?;
        self.known(&inode).is_file_on(hashed);
        Ok(made)
    }

    pub(crate) async fn link(&self, args: Link) -> FopResult<Made> {
        let inode = inode_of(&args.old);
        let cached = self.cached(&inode).await?;
        let made = self.link_on(cached, &args).await;
        match self.whereabouts(cached, &inode, &made, true).await {
            Whereabouts::Here => made,
            // The new copy is to have the name too: it is the file soon.
            Whereabouts::Moving(to) => match self.link_copy(to, &args).await {
                Ok(()) => made,
                Err(e) => {
                    let named = Loc { inode: Some(inode.clone()).into(), gfid: inode.gfid(), ..args.new };
                    let again = Unlink { loc: named, flags: 0, xdata: Dict::new() };
                    Box::pin(self.unlink(again)).await?;
                    Err(e)
                }
            },
            Whereabouts::Moved => {
                let now = Box::pin(self.find_again(&inode)).await?;
                if now == cached {
                    return made;
                }
                if made.is_ok() {
                    // It is a name of the pointer that was left behind.
                    self.drop_pointer(cached, &args.new).await;
                }
                self.link_on(now, &args).await
            }
        }
    }

    /// Gives a file on child `cached` a name more, with a pointer where the name belongs.
    async fn link_on(&self, cached: usize, args: &Link) -> FopResult<Made> {
        let (hashed, _) = self.hashed(&args.new).await?;
        if hashed == cached {
            return self.child(cached).link(args.clone()).await;
        }
        self.point(hashed, cached, &args.new, Some(args.old.target())).await?;
        match self.child(cached).link(args.clone()).await {
            Ok(made) => Ok(made),
            Err(e) => {
                self.drop_pointer(hashed, &args.new).await;
                Err(e)
            }
        }
    }

    /// Gives the new copy of a file that is being moved the name that the old one has got.
    async fn link_copy(&self, to: usize, args: &Link) -> FopResult<()> {
        match self.root().child_at(to).link(args.clone()).await {
            // A pointer to a file that the child has is a name of it.
            Err(e) if e.errno == Errno::EEXIST => Ok(()),
            other => other.map(drop),
        }
    }

    /// Looks again at the layout of a place's directory, when nobody changes it.
    async fn refresh_layout(&self, loc: &Loc, hashed: usize) -> FopResult<()> {
        let parent = Self::parent(loc)?;
        let mut held = Held::none(self);
        let outcome = match held.range(hashed, LAYOUT_DOMAIN, &parent, LockKind::Read).await {
            Ok(()) => self.read_layout(&parent).await.map(drop),
            Err(e) => Err(e),
        };
        held.release();
        outcome
    }

    /// Makes a pointer at `loc` on `hashed`, to the file on child `to`.
    pub(crate) async fn point(
        &self,
        hashed: usize,
        to: usize,
        loc: &Loc,
        gfid: Option<Gfid>,
    ) -> FopResult<()> {
        let gfid = gfid.filter(|gfid| !gfid.is_null()).ok_or(Errno::EINVAL)?;
        let mut target = self.dht.names[to].clone().into_bytes();
        target.push(0);
        let xdata = internal().with("gfid-req", gfid).with(LINKTO, target);
        let loc = Loc {
            inode: Some(Inode::new(Gfid::NULL, FileType::Invalid)).into(),
            gfid: Gfid::NULL,
            ..loc.clone()
        };
        self.root()
            .child_at(hashed)
            .mknod(Mknod { loc, mode: POINTER_MODE, rdev: 0, umask: 0, xdata })
            .await?;
        Ok(())
    }

    /// Takes away a pointer, and nothing but a pointer that nobody has open.
    pub(crate) async fn drop_pointer(&self, at: usize, loc: &Loc) {
        let root = self.root();
        // Not every brick knows the two words: what is there is looked at first.
        let ask = Lookup {
            loc: Loc {
                inode: Some(Inode::new(Gfid::NULL, FileType::Invalid)).into(),
                gfid: Gfid::NULL,
                ..loc.clone()
            },
            xdata: self.ask(&Dict::new(), false),
        };
        match root.child_at(at).lookup(ask).await {
            Ok(found) if crate::call::is_pointer(&found.iatt, &found.xdata) => {}
            _ => return,
        }
        let xdata = Dict::new().with("unlink-only-if-dht-linkto-file", 1).with("dont-unlink-for-open-fd", 1);
        let _kept = root.child_at(at).unlink(Unlink { loc: loc.clone(), flags: 0, xdata }).await;
    }
}
