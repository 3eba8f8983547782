//! Lookup: where a name belongs first, then wherever it may be.

use futures_util::future::{join, join_all};
use plugin_api::prelude::*;

use crate::call::{COMMIT, Call, LAYOUT, LEADER, inode_of, is_pointer, worst};
use crate::layout::{Has, Layout, Part};
use crate::locks::Held;

impl Call<'_> {
    /// Finds a file or a directory, and remembers where.
    pub(crate) async fn lookup(&self, mut args: Lookup) -> FopResult<Looked> {
        let asked = args.xdata;
        args.loc.inode = Some(inode_of(&args.loc)).into();
        let named = !args.loc.name.is_empty() && !args.loc.directory().is_null();
        let is_root = !named && args.loc.target().is_root();
        args.xdata = self.ask(&asked, is_root);
        let found = match named {
            true => self.named(&args).await,
            false => self.everywhere(&args, None).await,
        };
        found.map(|found| self.shown(found, &asked))
    }

    async fn named(&self, args: &Lookup) -> FopResult<Looked> {
        let known = self.known(&inode_of(&args.loc));
        if known.layout().is_some() {
            return self.everywhere(args, None).await;
        }
        let layout = self.layout(&Self::parent(&args.loc)?).await?;
        let hashed = layout.holder(self.hash(&args.loc.name));
        // One that was there before may have been moved since, by a layout that is not known here yet.
        let was_on = known.file();
        let Some(first) = was_on.or(hashed) else { return self.everywhere(args, None).await };
        let answer = self.child(first).lookup(args.clone()).await;
        match &answer {
            Ok(found) if found.iatt.is_dir() => self.everywhere(args, Some((first, answer))).await,
            Ok(found) if is_pointer(&found.iatt, &found.xdata) => match self.follow(args, first, found).await
            {
                Some(followed) => followed,
                None => self.everywhere(args, Some((first, answer))).await,
            },
            Ok(found) => {
                known.is_file_on(first);
                Ok(found.clone())
            }
            Err(e) if e.errno == Errno::ENOENT && was_on.is_none() && !self.may_be_elsewhere(&layout) => {
                answer
            }
            Err(e) => {
                let belongs_there = e.errno == Errno::ENOENT && hashed == Some(first);
                match self.everywhere(args, Some((first, answer))).await {
                    // The child that it belongs on knows nothing of it, not even where it went: others that are down do
                    // not keep the name from being used.
                    Err(e) if belongs_there && e.errno == Errno::ENOTCONN => Err(Errno::ENOENT.into()),
                    found => found,
                }
            }
        }
    }

    /// Whether a name that is not where it belongs may be on another child.
    fn may_be_elsewhere(&self, layout: &Layout) -> bool {
        let settings = self.settings();
        if settings.lookup_optimize {
            return layout.commit() != self.dht.commit() || layout.faults().unknown;
        }
        settings.lookup_unhashed.unwrap_or(true)
    }

    /// The file that a pointer points to; `None` when it is not there, `Some` error when its child cannot be asked.
    async fn follow(&self, args: &Lookup, from: usize, pointer: &Looked) -> Option<FopResult<Looked>> {
        let to = self.pointed(&pointer.xdata).filter(|to| *to != from)?;
        match self.child(to).lookup(args.clone()).await {
            Ok(found)
                if !found.iatt.is_dir()
                    && !is_pointer(&found.iatt, &found.xdata)
                    && found.iatt.gfid == pointer.iatt.gfid =>
            {
                self.known(&inode_of(&args.loc)).is_file_on(to);
                Some(Ok(found))
            }
            Err(e) if e.errno == Errno::ENOTCONN => Some(Err(e)),
            _ => None,
        }
    }

    /// Looks on every child; one may have answered already.
    async fn everywhere(
        &self,
        args: &Lookup,
        first: Option<(usize, FopResult<Looked>)>,
    ) -> FopResult<Looked> {
        // A pointer is a guess by now, and what was not found may be elsewhere: both stand as they were answered.
        let (asked, mut have) = match first {
            Some((at, answer)) => (Some(at), Some(answer)),
            None => (None, None),
        };
        let others = (0..self.count()).filter(|at| Some(*at) != asked);
        let others = join_all(others.map(|at| self.child(at).lookup(args.clone()))).await;
        let mut others = others.into_iter();
        let answers: Vec<_> = (0..self.count())
            .filter_map(|at| if Some(at) == asked { have.take() } else { others.next() })
            .collect();
        let dirs = answers.iter().flatten().filter(|found| found.iatt.is_dir()).count();
        let files = answers.iter().flatten().count() - dirs;
        match (dirs, files) {
            (0, 0) => Err(worst(answers.into_iter().filter_map(Result::err))),
            (0, _) => self.file_among(args, &answers).await,
            (_, 0) => self.directory(args, answers).await,
            _ => Err(Errno::EIO.into()),
        }
    }

    /// The data file among the answers; pointers that lead nowhere are taken away.
    async fn file_among(&self, args: &Lookup, answers: &[FopResult<Looked>]) -> FopResult<Looked> {
        let found = answers.iter().enumerate().filter_map(|(at, answer)| Some((at, answer.as_ref().ok()?)));
        let (pointers, data): (Vec<_>, Vec<_>) =
            found.partition(|(_, found)| is_pointer(&found.iatt, &found.xdata));
        let data = data.first().copied();
        let named = !args.loc.name.is_empty();
        let unsure = answers.iter().flatten().count() < answers.len()
            && answers.iter().filter_map(|answer| answer.as_ref().err()).any(|e| e.errno == Errno::ENOTCONN);
        let stale = pointers.iter().filter(|(_, pointer)| {
            data.is_none_or(|(at, found)| {
                self.pointed(&pointer.xdata) != Some(at) || pointer.iatt.gfid != found.iatt.gfid
            })
        });
        for (at, _) in stale.filter(|_| named && !unsure) {
            self.drop_pointer(*at, &args.loc).await;
        }
        let Some((at, found)) = data else {
            return Err(if unsure { Errno::ENOTCONN } else { Errno::ENOENT }.into());
        };
        self.known(&inode_of(&args.loc)).is_file_on(at);
        let gfid = found.iatt.gfid;
        let is_pointed = pointers
            .iter()
            .any(|(_, pointer)| self.pointed(&pointer.xdata) == Some(at) && pointer.iatt.gfid == gfid);
        if named && !is_pointed && !unsure {
            self.make_findable(&args.loc, at, gfid).await;
        }
        Ok(found.clone())
    }

    /// Makes the pointer to a file that does not lie where its name belongs: who trusts a miss there has to find it.
    async fn make_findable(&self, loc: &Loc, at: usize, gfid: Gfid) {
        let Ok(parent) = Self::parent(loc) else { return };
        let Ok((hashed, _)) = self.hashed(loc).await else { return };
        if hashed == at {
            return;
        }
        let mut held = Held::none(self);
        if held.name(hashed, &parent, &loc.name).await.is_ok() {
            let nobody = Inode::new(Gfid::NULL, FileType::Invalid);
            let loc = Loc { inode: Some(nobody).into(), gfid: Gfid::NULL, ..loc.clone() };
            let again = Lookup { loc: loc.clone(), xdata: self.ask(&Dict::new(), false) };
            let root = self.root();
            let (here, there) =
                join(root.child_at(hashed).lookup(again.clone()), root.child_at(at).lookup(again)).await;
            let is_there =
                there.is_ok_and(|found| found.iatt.gfid == gfid && !is_pointer(&found.iatt, &found.xdata));
            if is_there && here.is_err_and(|e| e.errno == Errno::ENOENT) {
                let _next_time = self.point(hashed, at, &loc, Some(gfid)).await;
            }
        }
        held.release();
    }

    /// A directory, from what all children say of it; what is wrong with it is put right.
    async fn directory(&self, args: &Lookup, answers: Vec<FopResult<Looked>>) -> FopResult<Looked> {
        let mut seen = Seen::of(self, &args.loc, answers)?;
        if seen.looked.iatt.gfid.is_root() {
            self.dht.set_commit(seen.commit);
        }
        if !seen.layout.faults().unknown && seen.needs_healing() {
            self.heal(args, &mut seen).await;
        }
        let Seen { looked, layout, leader, path, .. } = seen;
        self.known(&inode_of(&args.loc)).is_directory(layout, leader, path);
        Ok(looked)
    }
}

/// A directory as its children show it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// What is shown of it.
    pub(crate) looked: Looked,
    pub(crate) layout: Layout,
    /// The child whose xattrs count.
    pub(crate) leader: Option<usize>,
    /// What the leader notes of changes that another child may have missed: nothing, or less.
    pub(crate) lag: i32,
    pub(crate) path: IoBuf,
    /// Owner, group and permissions on each child that has it.
    pub(crate) access: Vec<Option<(u32, u32, u32)>>,
    commit: u32,
}

impl Seen {
    pub(crate) fn of(call: &Call<'_>, loc: &Loc, answers: Vec<FopResult<Looked>>) -> FopResult<Self> {
        let mut parts = Vec::with_capacity(answers.len());
        let mut access = Vec::with_capacity(answers.len());
        let (mut shown, mut leader, mut lag, mut commit): (Option<Looked>, _, _, _) = (None, None, 0, 0);
        let mut errors = Vec::new();
        for (at, answer) in answers.into_iter().enumerate() {
            let looked = match answer {
                Ok(looked) => looked,
                Err(e) => {
                    let absent = matches!(e.errno, Errno::ENOENT | Errno::ESTALE | Errno::ENODATA);
                    parts.push(Part::without(if absent { Has::Nothing } else { Has::Unknown(e.errno) }));
                    access.push(None);
                    errors.push(e);
                    continue;
                }
            };
            parts.push(Part::decode(looked.xdata.get(LAYOUT).and_then(Value::as_bytes)));
            access.push(Some((looked.iatt.uid, looked.iatt.gid, looked.iatt.mode & 0o7777)));
            if let Some(note) = looked.xdata.get(LEADER).filter(|_| leader.is_none()) {
                leader = Some(at);
                let note = note.as_bytes().and_then(|bytes| bytes.try_into().ok());
                lag = note.map_or(0, i32::from_be_bytes).min(0);
            }
            if let Some(value) = looked.xdata.int(COMMIT) {
                commit = u32::try_from(value & 0xffff_ffff).unwrap_or(0);
            }
            shown = Some(match shown {
                None => looked,
                Some(known) if known.iatt.gfid != looked.iatt.gfid => return Err(Errno::EIO.into()),
                Some(known) => joined(known, &looked),
            });
        }
        let Some(mut looked) = shown else { return Err(worst(errors)) };
        looked.iatt = whole(looked.iatt);
        looked.post_parent = whole(looked.post_parent);
        let path = path_of(call, loc, looked.iatt.gfid);
        Ok(Self { looked, layout: Layout { parts }, leader, lag, path, access, commit })
    }

    fn needs_healing(&self) -> bool {
        let faults = self.layout.faults();
        let mut access = self.access.iter().flatten();
        let first = access.next();
        faults.ranges
            || faults.missing
            || access.any(|other| Some(other) != first)
            || self.lag < 0
            || (self.leader.is_none() && !self.looked.iatt.gfid.is_root())
    }
}

/// What is shown of a directory that two children have: the newest times.
fn joined(mut known: Looked, other: &Looked) -> Looked {
    known.iatt = newest(known.iatt, &other.iatt);
    known.post_parent = newest(known.post_parent, &other.post_parent);
    known
}

/// Attributes with the newest times of both.
pub(crate) fn newest(mut one: Iatt, other: &Iatt) -> Iatt {
    if one.gfid.is_null() {
        return *other;
    }
    macro_rules! later {
        ($($secs:ident $nsec:ident)*) => {$(
            if (other.$secs, other.$nsec) > (one.$secs, one.$nsec) {
                (one.$secs, one.$nsec) = (other.$secs, other.$nsec);
            }
        )*};
    }
    later!(atime atime_nsec mtime mtime_nsec ctime ctime_nsec);
    one
}

/// Attributes of a directory that lies on many disks: its size says nothing.
pub(crate) fn whole(mut iatt: Iatt) -> Iatt {
    if iatt.is_dir() {
        (iatt.size, iatt.blocks) = (4096, 8);
    }
    iatt
}

/// The path of a directory, from the caller or from what is known of its parent.
fn path_of(call: &Call<'_>, loc: &Loc, gfid: Gfid) -> IoBuf {
    if gfid.is_root() {
        return IoBuf::from_static(b"/");
    }
    if !loc.path.is_empty() {
        return loc.path.clone();
    }
    let Some(parent) = loc.parent.as_ref().into_option().filter(|_| !loc.name.is_empty()) else {
        return IoBuf::default();
    };
    let above = if parent.gfid().is_root() { IoBuf::from_static(b"/") } else { call.known(parent).path() };
    if above.is_empty() {
        return above;
    }
    let mut path = above.to_vec();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(&loc.name);
    path.into()
}
