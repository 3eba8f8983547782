//! Makes a directory on every child.

use futures_util::future::{join, join_all};
use plugin_api::prelude::*;

use crate::call::{Call, LEADER, inode_of};
use crate::layout::{Has, Layout, Part};
use crate::locks::{Held, LAYOUT_DOMAIN};
use crate::lookup::{Seen, whole};
use crate::make::{guarded, was_outdated};

impl Call<'_> {
    pub(crate) async fn mkdir(&self, args: Mkdir) -> FopResult<Made> {
        if args.xdata.gfid("gfid-req").is_none() {
            return Err(Errno::EPERM.into());
        }
        self.refresh_space().await;
        match self.mkdir_once(&args).await {
            Err(e) if was_outdated(&e) => {
                self.read_layout(&Self::parent(&args.loc)?).await?;
                self.mkdir_once(&args).await
            }
            made => made,
        }
    }

    async fn mkdir_once(&self, args: &Mkdir) -> FopResult<Made> {
        let parent = Self::parent(&args.loc)?;
        let (hashed, part) = self.hashed(&args.loc).await?;
        let mut name = Held::none(self);
        let mut first = args.clone();
        first.xdata = guarded(&args.xdata, &part).with(LEADER, vec![0; 4]);
        let made = match name.name(hashed, &parent, &args.loc.name).await {
            Ok(()) => self.child(hashed).mkdir(first).await,
            Err(e) => Err(e),
        };
        let mut made = match made {
            Ok(made) => made,
            Err(e) => {
                name.release();
                return Err(e);
            }
        };
        let gfid = made.iatt.gfid;
        let inode = inode_of(&args.loc);
        inode.link(gfid, FileType::Directory);
        let mut layout = Held::none(self);
        let others = (0..self.count()).filter(|at| *at != hashed);
        let others = join_all(others.map(|at| self.child(at).mkdir(args.clone())));
        let locked = layout.range(hashed, LAYOUT_DOMAIN, &inode, LockKind::Write);
        let (others, locked) = join(others, locked).await;
        name.release();
        let looked = Looked { iatt: made.iatt, ..Looked::default() };
        let mut answers: Vec<FopResult<Looked>> =
            (0..self.count()).map(|_| Err(Errno::ENOENT.into())).collect();
        answers[hashed] = Ok(looked);
        let mut seen = Seen::of(self, &args.loc, answers)?;
        let everywhere = others.iter().all(Result::is_ok);
        let written = match locked {
            Ok(()) if everywhere && self.write_first_layout(&inode, &mut seen).await => Ok(()),
            Ok(()) => self.write_layout(&inode, &mut seen, self.dht.commit()).await,
            Err(e) => Err(e.errno),
        };
        layout.release();
        if let Err(e) = written {
            // The next lookup deals it out.
            log!(Warn, xl: self.frame.name(), "a new directory has no layout yet", gfid = gfid, errno = e);
            seen.layout = Layout { parts: vec![Part::without(Has::Bare); self.count()] };
        }
        self.made_directory(&args.loc, seen, hashed);
        made.iatt = whole(made.iatt);
        Ok(made)
    }
}
