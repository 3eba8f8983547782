//! Moves names: of files, whose data stays where it is, and of directories, on every child.

use futures_util::future::{join, join_all};
use plugin_api::prelude::*;

use crate::call::{Call, inode_of, worst};
use crate::heal::internal;
use crate::locks::{FILE_DOMAIN, Held};

/// Where the two names and their files are.
#[derive(Debug)]
struct Places {
    source: usize,
    source_hashed: usize,
    target_hashed: usize,
    /// Of the file that is there already.
    target: Option<usize>,
}

impl Call<'_> {
    pub(crate) async fn rename(&self, args: Rename) -> FopResult<Renamed> {
        // What the caller knows of files was looked up a moment ago; once the locks are held it is looked at anyway.
        if self.is_known_file(&args.old)
            && let Some(outcome) = self.rename_known(args.clone()).await
        {
            return outcome;
        }
        self.rename_unknown(args).await
    }

    /// Whether a place's file, and the child that it lies on, are known.
    fn is_known_file(&self, loc: &Loc) -> bool {
        let inode = loc.inode.as_ref().into_option();
        inode.is_some_and(|inode| !inode.gfid().is_null() && self.known(inode).file().is_some())
    }

    /// Moves a file that is where the caller knows it; `None` where it is not, or the other name has changed.
    async fn rename_known(&self, mut args: Rename) -> Option<FopResult<Renamed>> {
        let replaces = args.new.inode.is_some();
        if replaces && !self.is_known_file(&args.new) {
            return None;
        }
        let known = async |loc: &Loc| self.cached(&inode_of(loc)).await.ok();
        let (old, new) = (known(&args.old).await?, if replaces { known(&args.new).await } else { None });
        let gfids = (args.old.gfid, args.new.gfid);
        let mut held = Held::none(self);
        let outcome = match self.lock(&mut held, &args, false, replaces).await {
            // The file that was known is gone.
            Err(e) if matches!(e.errno, Errno::ENOENT | Errno::ESTALE) => None,
            Err(e) => Some(Err(e)),
            Ok(hashed) => match self.look_again(&mut args, hashed).await {
                Ok(places) => {
                    let as_known = (places.source, places.target) == (old, new)
                        && (args.old.gfid, args.new.gfid) == gfids;
                    if as_known { Some(self.rename_file(&args, &places).await) } else { None }
                }
                Err(_) => None,
            },
        };
        held.release();
        outcome
    }

    async fn rename_unknown(&self, mut args: Rename) -> FopResult<Renamed> {
        let (found, there) = self.look_both(&mut args).await;
        let (found, there) = (found?, there?);
        match (found.is_dir(), there.map(|there| there.is_dir())) {
            (true, Some(false)) => return Err(Errno::ENOTDIR.into()),
            (false, Some(true)) => return Err(Errno::EISDIR.into()),
            _ => {}
        }
        if there.is_none() {
            args.new.inode = None.into();
            args.new.gfid = Gfid::NULL;
        }
        let mut held = Held::none(self);
        let outcome = match self.lock(&mut held, &args, found.is_dir(), there.is_some()).await {
            Ok((_, target)) if found.is_dir() => self.rename_dir(&args, target, there.is_some()).await,
            Ok(hashed) => match self.look_again(&mut args, hashed).await {
                Ok(places) => self.rename_file(&args, &places).await,
                Err(e) => Err(e),
            },
            Err(e) => Err(e),
        };
        held.release();
        outcome
    }

    /// Looks both names up; there need be nothing at the new one.
    async fn look_both(&self, args: &mut Rename) -> (FopResult<Iatt>, FopResult<Option<Iatt>>) {
        let (found, there) = join(self.look(&mut args.old), self.look(&mut args.new)).await;
        let there = match there {
            Err(e) if e.errno == Errno::ENOENT => Ok(None),
            there => there.map(Some),
        };
        (found, there)
    }

    /// Looks a name up, and puts what is found into the place.
    async fn look(&self, loc: &mut Loc) -> FopResult<Iatt> {
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        let place = Loc { inode: Some(fresh.clone()).into(), gfid: Gfid::NULL, ..loc.clone() };
        let found = self.lookup(Lookup { loc: place, xdata: Dict::new() }).await?;
        match loc.inode.as_ref().into_option() {
            Some(inode) if inode.gfid() == found.iatt.gfid => {
                if let Some(at) = self.known(&fresh).file() {
                    self.known(inode).is_file_on(at);
                }
            }
            _ => {
                fresh.link(found.iatt.gfid, found.iatt.file_type());
                loc.inode = Some(fresh).into();
            }
        }
        loc.gfid = found.iatt.gfid;
        Ok(found.iatt)
    }

    /// Takes the locks of both names and of the files that they lead to; gives the children that the names belong on.
    async fn lock(
        &self,
        held: &mut Held,
        args: &Rename,
        is_dir: bool,
        replaces: bool,
    ) -> FopResult<(usize, usize)> {
        let (old_hashed, _) = self.hashed(&args.old).await?;
        let (new_hashed, _) = self.hashed(&args.new).await?;
        let mut files = Vec::new();
        if !is_dir {
            let mut file = async |loc: &Loc| -> FopResult<()> {
                let inode = inode_of(loc);
                files.push((self.cached(&inode).await?, inode));
                Ok(())
            };
            file(&args.old).await?;
            if replaces {
                file(&args.new).await?;
            }
        }
        files.sort_by_key(|(at, inode)| (self.dht.names[*at].clone(), inode.gfid().0));
        for (at, inode) in files {
            held.range(at, FILE_DOMAIN, &inode, LockKind::Write).await?;
        }
        let mut names = [(old_hashed, &args.old), (new_hashed, &args.new)];
        let text = |loc: &Loc| format!("{}{}", loc.directory(), String::from_utf8_lossy(&loc.name));
        names.sort_by_key(|(at, loc)| (self.dht.names[*at].clone(), text(loc)));
        for (at, loc) in names {
            held.name(at, &Self::parent(loc)?, &loc.name).await?;
        }
        Ok((old_hashed, new_hashed))
    }

    /// Where all is now that the locks are held: what was seen before may have moved.
    async fn look_again(&self, args: &mut Rename, hashed: (usize, usize)) -> FopResult<Places> {
        let (found, there) = self.look_both(args).await;
        found?;
        let target = match there? {
            Some(_) => Some(self.cached(&inode_of(&args.new)).await?),
            None => None,
        };
        let source = self.cached(&inode_of(&args.old)).await?;
        Ok(Places { source, source_hashed: hashed.0, target_hashed: hashed.1, target })
    }

    async fn rename_file(&self, args: &Rename, places: &Places) -> FopResult<Renamed> {
        let source = places.source;
        if places.target.is_some() && args.old.gfid == args.new.gfid {
            // Two names of one file: nothing to do.
            return self.child(source).rename(args.clone()).await;
        }
        match places.target == Some(source) || source == places.target_hashed {
            true => self.rename_in_place(args, places).await,
            false => self.rename_across(args, places).await,
        }
    }

    /// The data lies on the child that gets the new name, or on that which has a file of that name.
    async fn rename_in_place(&self, args: &Rename, places: &Places) -> FopResult<Renamed> {
        let source = places.source;
        let mut pointed = false;
        if source != places.target_hashed {
            self.drop_pointer(places.target_hashed, &args.new).await;
            // Before the name moves, so that there is no moment in which nobody finds it.
            pointed = self.point(places.target_hashed, source, &args.new, Some(args.old.gfid)).await.is_ok();
        }
        let renamed = match self.child(source).rename(args.clone()).await {
            Ok(renamed) => renamed,
            Err(e) => {
                if pointed {
                    self.drop_pointer(places.target_hashed, &args.new).await;
                }
                return Err(e);
            }
        };
        if places.source_hashed != source {
            self.drop_pointer(places.source_hashed, &args.old).await;
        }
        if let Some(target) = places.target.filter(|target| *target != source) {
            self.take_away(target, &args.new, args.new.gfid, internal()).await;
        }
        Ok(renamed)
    }

    /// The data lies elsewhere than where the new name belongs: it gets its new name there, and a pointer here, before
    /// the old name goes.
    async fn rename_across(&self, args: &Rename, places: &Places) -> FopResult<Renamed> {
        let Places { source, source_hashed, target_hashed, target } = *places;
        let root = self.root();
        // A pointer under the old name on the child of the new one; where that was the old one's child, it may be there.
        let pointed = self.point(target_hashed, source, &args.old, Some(args.old.gfid)).await;
        match pointed {
            Err(e) if e.errno == Errno::EEXIST && source_hashed == target_hashed => {}
            other => other?,
        }
        let link = Link {
            old: Loc::of(inode_of(&args.old)),
            new: Loc { inode: args.old.inode.clone(), gfid: args.old.gfid, ..args.new.clone() },
            xdata: internal().with("force-replace", "yes"),
        };
        let linked = match root.child_at(source).link(link).await {
            Ok(linked) => linked,
            Err(e) => {
                if source_hashed != target_hashed {
                    self.drop_pointer(target_hashed, &args.old).await;
                }
                return Err(e);
            }
        };
        let mut pointer = args.clone();
        pointer.xdata = internal();
        let mut renamed = match root.child_at(target_hashed).rename(pointer).await {
            Ok(renamed) => renamed,
            Err(e) => {
                let new =
                    Unlink { loc: Loc { gfid: Gfid::NULL, ..args.new.clone() }, flags: 0, xdata: internal() };
                let _gone = root.child_at(source).unlink(new).await;
                if source_hashed != target_hashed {
                    self.drop_pointer(target_hashed, &args.old).await;
                }
                return Err(e);
            }
        };
        self.take_away(source, &args.old, args.old.gfid, moved(&args.old, &args.new)).await;
        if source_hashed != source && source_hashed != target_hashed {
            self.drop_pointer(source_hashed, &args.old).await;
        }
        if let Some(target) = target.filter(|target| *target != target_hashed) {
            self.take_away(target, &args.new, args.new.gfid, internal()).await;
        }
        renamed.iatt = linked.iatt;
        renamed.iatt.nlink = renamed.iatt.nlink.saturating_sub(1);
        Ok(renamed)
    }

    /// Takes a name of a file away that has another one by now.
    async fn take_away(&self, at: usize, loc: &Loc, gfid: Gfid, xdata: Dict) {
        let unlink = Unlink { loc: loc.clone(), flags: 0, xdata };
        if let Err(e) = self.root().child_at(at).unlink(unlink).await {
            log!(Warn, xl: self.frame.name(), "the old name of a file stays", child = self.dht.names[at], gfid = gfid, errno = e.errno);
        }
    }

    async fn rename_dir(&self, args: &Rename, first: usize, replaces: bool) -> FopResult<Renamed> {
        if replaces {
            self.is_empty(&inode_of(&args.new)).await?;
        }
        let mut renamed = self.child(first).rename(args.clone()).await?;
        let others: Vec<_> = (0..self.count()).filter(|at| *at != first).collect();
        let answers = join_all(others.iter().map(|at| self.child(*at).rename(args.clone()))).await;
        if answers.iter().any(Result::is_err) {
            let moved = others.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(at, _)| *at);
            let root = self.root();
            let back = Rename {
                old: Loc { inode: args.old.inode.clone(), gfid: args.old.gfid, ..args.new.clone() },
                new: args.old.clone(),
                xdata: Dict::new(),
            };
            let _best_effort =
                join_all(moved.chain([first]).map(|at| root.child_at(at).rename(back.clone()))).await;
            return Err(worst(answers.into_iter().filter_map(Result::err)));
        }
        renamed.iatt = crate::lookup::whole(renamed.iatt);
        Ok(renamed)
    }
}

/// Says that the old name of a file goes because it has moved: its brick sees a link and an unlink, and a journal is to
/// have a rename. Both parents, the lengths of both names and the names with their NULs, then the padding of a C structure.
fn moved(old: &Loc, new: &Loc) -> Dict {
    let length = |loc: &Loc| u32::try_from(loc.name.len() + 1).unwrap_or(u32::MAX).to_ne_bytes();
    let mut record = Vec::new();
    for part in [&old.directory().0[..], &new.directory().0, &length(old), &length(new)] {
        record.extend_from_slice(part);
    }
    for loc in [old, new] {
        record.extend_from_slice(&loc.name);
        record.push(0);
    }
    record.extend_from_slice(&[0; 4]);
    internal().with("changelog.rename-op", record)
}
