//! Directories that are not alike on all children are made so.

use futures_util::future::join_all;
use plugin_api::prelude::*;

use crate::call::{Call, LAYOUT, LEADER, inode_of};
use crate::layout::{Candidate, Has, INVALID, Layout};
use crate::locks::{Held, LAYOUT_DOMAIN};
use crate::lookup::Seen;
use crate::space::weight;

impl Call<'_> {
    /// Puts right what can be; what cannot stays as it is, and the lookup goes on.
    pub(crate) async fn heal(&self, args: &Lookup, seen: &mut Seen) {
        let gfid = seen.looked.iatt.gfid;
        let inode = match args.loc.inode.clone().into_option() {
            Some(inode) if inode.gfid() == gfid => inode,
            _ => Inode::new(gfid, FileType::Directory),
        };
        let made = match seen.layout.faults().missing && !args.loc.name.is_empty() {
            true => self.make_missing(args, seen).await,
            false => Vec::new(),
        };
        if !gfid.is_root() && seen.leader.is_none() {
            self.name_leader(&args.loc, &inode, seen).await;
        }
        self.heal_access(&inode, seen).await;
        self.heal_xattrs(&inode, seen, &made).await;
        if seen.layout.faults().ranges && !seen.layout.faults().missing {
            let healed = self.heal_layout(&inode, seen).await;
            if let Err(e) = healed {
                log!(Warn, xl: self.frame.name(), "layout of a directory stays as it is", gfid = gfid, errno = e);
            }
        }
    }

    /// Makes a directory on the children that lack it, and says on which it is new.
    async fn make_missing(&self, args: &Lookup, seen: &mut Seen) -> Vec<usize> {
        let mut new = Vec::new();
        let Ok(parent) = Self::parent(&args.loc) else { return new };
        let Ok((hashed, _)) = self.hashed(&args.loc).await else { return new };
        let mut held = Held::none(self);
        if held.name(hashed, &parent, &args.loc.name).await.is_ok() {
            let answers = self.all::<kind::lookup>(args).await;
            // Whoever removes it holds the same lock: what is gone now is not made again.
            if let Ok(now) = Seen::of(self, &args.loc, answers) {
                *seen = now;
                let iatt = seen.looked.iatt;
                let root = self.root();
                let make = |at: usize| {
                    let xdata = Dict::new().with("gfid-req", iatt.gfid).with(INTERNAL_FOP, "yes");
                    let loc = Loc {
                        inode: Some(Inode::new(Gfid::NULL, FileType::Invalid)).into(),
                        ..args.loc.clone()
                    };
                    root.child_at(at).mkdir(Mkdir { loc, mode: iatt.mode & 0o7777, umask: 0, xdata })
                };
                let missing = (0..self.count()).filter(|at| seen.layout.parts[*at].has == Has::Nothing);
                let missing: Vec<_> = missing.collect();
                let made = join_all(missing.iter().map(|at| make(*at))).await;
                for (at, made) in missing.into_iter().zip(made) {
                    if let Ok(made) = made {
                        seen.layout.parts[at].has = Has::Bare;
                        seen.access[at] = Some((made.iatt.uid, made.iatt.gid, made.iatt.mode & 0o7777));
                        new.push(at);
                    }
                }
            }
        }
        held.release();
        new
    }

    /// Says which child's xattrs count: the one that the directory's name belongs on.
    async fn name_leader(&self, loc: &Loc, inode: &Inode, seen: &mut Seen) {
        let hashed = match loc.name.is_empty() {
            true => None,
            false => self.hashed(loc).await.ok().map(|(hashed, _)| hashed),
        };
        let Some(at) = hashed.filter(|at| seen.access[*at].is_some()) else { return };
        let xattrs = Dict::new().with(LEADER, vec![0; 4]);
        let args = Setxattr { loc: Loc::of(inode.clone()), xattrs, flags: 0, xdata: internal() };
        if self.root().child_at(at).setxattr(args).await.is_ok() {
            seen.leader = Some(at);
        }
    }

    /// Gives all children the owner, group and permissions of the leader.
    async fn heal_access(&self, inode: &Inode, seen: &mut Seen) {
        let with_layout = || (0..self.count()).find(|at| seen.layout.parts[*at].has == Has::Range);
        let source = seen.leader.or_else(with_layout).and_then(|at| seen.access[at]);
        let Some(source) = source else { return };
        let (uid, gid, mode) = source;
        let valid = set_attr::UID | set_attr::GID | set_attr::MODE;
        let root = self.root();
        let differ = (0..self.count()).filter(|at| seen.access[*at].is_some_and(|access| access != source));
        let set = |at: usize| {
            let iatt = Iatt { uid, gid, mode: libc::S_IFDIR | mode, ..Iatt::default() };
            root.child_at(at).setattr(Setattr {
                loc: Loc::of(inode.clone()),
                iatt,
                valid,
                xdata: Dict::new(),
            })
        };
        let _best_effort = join_all(differ.map(set)).await;
        let iatt = &mut seen.looked.iatt;
        (iatt.uid, iatt.gid) = (uid, gid);
        iatt.mode = iatt.mode & !0o7777 | mode;
    }

    /// Deals the range out anew, under the locks of all children.
    async fn heal_layout(&self, inode: &Inode, seen: &mut Seen) -> Result<(), Errno> {
        let mut order: Vec<usize> = (0..self.count()).collect();
        order.sort_by_key(|at| &self.dht.names[*at]);
        let mut held = Held::none(self);
        let mut locked = Ok(());
        for at in order {
            locked = held.range(at, LAYOUT_DOMAIN, inode, LockKind::Write).await;
            if locked.is_err() {
                break;
            }
        }
        let outcome = match locked {
            Ok(()) => self.write_layout(inode, seen, INVALID).await,
            Err(e) => Err(e.errno),
        };
        held.release();
        outcome
    }

    /// Looks again, and writes a layout where there is no sound one. Somebody holds the directory's lock.
    pub(crate) async fn write_layout(
        &self,
        inode: &Inode,
        seen: &mut Seen,
        commit: u32,
    ) -> Result<(), Errno> {
        let loc = Loc::of(inode.clone());
        let args = Lookup { loc: loc.clone(), xdata: self.ask(&Dict::new(), false) };
        let answers = self.all::<kind::lookup>(&args).await;
        let now = Seen::of(self, &loc, answers).map_err(|e| e.errno)?;
        if !now.layout.faults().ranges {
            seen.layout = now.layout;
            return Ok(());
        }
        if now.layout.faults().unknown {
            return Err(Errno::ENOTCONN);
        }
        let there = |at: usize| now.access[at].is_some();
        let layout = self.new_layout(&seen.path, inode.gfid(), &there, commit);
        let children: Vec<_> = (0..self.count()).filter(|at| there(*at)).collect();
        self.write_parts(inode, &layout, &children, 0).await?;
        seen.layout = layout;
        for (at, part) in seen.layout.parts.iter_mut().enumerate().filter(|(at, _)| !there(*at)) {
            part.has = now.layout.parts[at].has;
        }
        Ok(())
    }

    /// Writes the layout of a directory that was just made on every child, and says whether it did: where anybody who
    /// found the directory without one has been faster, theirs stands.
    pub(crate) async fn write_first_layout(&self, inode: &Inode, seen: &mut Seen) -> bool {
        let layout = self.new_layout(&seen.path, inode.gfid(), &|_| true, self.dht.commit());
        let everywhere: Vec<_> = (0..self.count()).collect();
        let written = self.write_parts(inode, &layout, &everywhere, libc::XATTR_CREATE).await;
        seen.layout = layout;
        written.is_ok()
    }

    /// Writes the parts that these children have of a layout.
    pub(crate) async fn write_parts(
        &self,
        inode: &Inode,
        layout: &Layout,
        children: &[usize],
        flags: i32,
    ) -> Result<(), Errno> {
        let root = self.root();
        let write = |at: &usize| {
            let (loc, xattrs) =
                (Loc::of(inode.clone()), Dict::new().with(LAYOUT, layout.parts[*at].encode()));
            root.child_at(*at).setxattr(Setxattr { loc, xattrs, flags, xdata: internal() })
        };
        let written = join_all(children.iter().map(write)).await;
        written.into_iter().find_map(Result::err).map_or(Ok(()), |e| Err(e.errno))
    }

    /// A layout over the children that are `there`.
    pub(crate) fn new_layout(
        &self,
        path: &[u8],
        gfid: Gfid,
        there: &dyn Fn(usize) -> bool,
        commit: u32,
    ) -> Layout {
        let settings = self.settings();
        let spaces = self.dht.spaces.known();
        let staying = |at: usize| !settings.leaving.contains(&self.dht.names[at]);
        let any_stays = (0..self.count()).any(|at| there(at) && staying(at));
        let candidates: Vec<_> = (0..self.count())
            .map(|at| Candidate {
                name: &self.dht.names[at],
                usable: there(at) && (staying(at) || !any_stays),
                weight: if settings.weighted { spaces.get(at).map_or(0, weight) } else { 1 },
            })
            .collect();
        let turn = match settings.by_gfid || path.is_empty() {
            true => settings.munge.hash(gfid.to_string().as_bytes()),
            false => settings.munge.hash(path),
        };
        Layout::dealt(&candidates, settings.spread, turn, commit)
    }

    /// What is known of a directory that was just made.
    pub(crate) fn made_directory(&self, loc: &Loc, seen: Seen, leader: usize) {
        self.known(&inode_of(loc)).is_directory(seen.layout, Some(leader), seen.path);
    }
}

/// The xdata of what distribute does for itself.
pub(crate) fn internal() -> Dict {
    Dict::new().with(INTERNAL_FOP, "yes")
}
