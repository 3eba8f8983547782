//! Lists directories: child after child, each name once.

use futures_util::future::join_all;
use plugin_api::prelude::*;

use crate::call::{Call, LINKTO, is_pointer, unmarked, worst};
use crate::layout::Layout;
use crate::lookup::whole;
use crate::offset::{decode, encode};

/// A child's share of a request is no smaller than this: with less it is asked when its turn comes.
const LEAST_SHARE: usize = 4096;

impl Call<'_> {
    pub(crate) async fn readdirp(&self, mut args: Readdirp) -> FopResult<Entries> {
        let asked = args.xdata.contains(LINKTO);
        args.xdata.set(LINKTO, 256_u32);
        let layout = self.layout(args.fd.inode()).await?;
        if args.offset == 0 && self.count() > 1 && args.size / self.count() >= LEAST_SHARE {
            let begun = self.beginning(&args, &layout, asked).await?;
            if begun.at_end || !begun.entries.is_empty() {
                return Ok(begun);
            }
        }
        let (mut at, mut offset) = place(args.offset, self.count() as u64);
        while at < self.count() {
            let read = self.child(at).readdirp(Readdirp { offset, ..args.clone() }).await;
            let mut read = match read {
                Ok(read) => read,
                // A child that is away, or lacks the directory, has no names to show.
                Err(_) if at + 1 < self.count() => {
                    (at, offset) = (at + 1, 0);
                    continue;
                }
                Err(e) => return if at > 0 { Ok(end()) } else { Err(e) },
            };
            let last = read.entries.last().map(|entry| entry.offset);
            self.show(&mut read, at, &layout, asked);
            if !read.entries.is_empty() {
                read.at_end &= at + 1 == self.count();
                return Ok(read);
            }
            match last {
                Some(last) if !read.at_end && last != offset => offset = last,
                _ => (at, offset) = (at + 1, 0),
            }
        }
        Ok(end())
    }

    /// A directory from its beginning. All children are asked at once, each for its share: a directory that fits is had
    /// in one round, and of a larger one the first child's names.
    async fn beginning(&self, args: &Readdirp, layout: &Layout, asked: bool) -> FopResult<Entries> {
        let size = args.size / self.count();
        let share = |at: usize| self.child(at).readdirp(Readdirp { size, ..args.clone() });
        let shares = join_all((0..self.count()).map(share)).await;
        if shares.iter().all(Result::is_err) {
            return Err(worst(shares.into_iter().filter_map(Result::err)));
        }
        let mut all = end();
        for (at, share) in shares.into_iter().enumerate() {
            let Ok(mut share) = share else { continue };
            self.show(&mut share, at, layout, asked);
            all.entries.extend(share.entries);
            if !share.at_end {
                all.at_end = false;
                break;
            }
        }
        Ok(all)
    }

    /// What child `at` has said, as it is shown.
    fn show(&self, read: &mut Entries, at: usize, layout: &Layout, asked: bool) {
        let (here, children) = (at as u64, self.count() as u64);
        read.entries.retain(|entry| match entry.kind {
            4 => self.shows(layout, at, &entry.name),
            _ => !is_pointer(&entry.iatt, &entry.xattrs),
        });
        for entry in &mut read.entries {
            entry.offset = encode(entry.offset, here, children);
            entry.iatt = whole(unmarked(entry.iatt));
            if !asked && entry.xattrs.contains(LINKTO) {
                entry.xattrs.remove(LINKTO);
            }
        }
        if let Some(last) = read.entries.last_mut()
            && read.at_end
            && here + 1 < children
        {
            // Who goes on begins with the next child, without asking this one whether that was all.
            last.offset = encode(0, here + 1, children);
        }
    }

    /// Without attributes nobody sees what is a pointer: a name is shown where it belongs.
    pub(crate) async fn readdir(&self, args: Readdir) -> FopResult<Entries> {
        let Readdir { fd, size, offset, xdata } = args;
        let mut read = self.readdirp(Readdirp { fd, size, offset, xdata }).await?;
        for entry in &mut read.entries {
            (entry.iatt, entry.xattrs) = (Iatt::default(), Dict::new());
        }
        Ok(read)
    }

    /// Whether child `at` is the one that shows a directory of this name.
    fn shows(&self, layout: &Layout, at: usize, name: &[u8]) -> bool {
        let up = |at: usize| self.dht.is_up(at);
        let first = || (0..self.count()).find(|at| up(*at)).unwrap_or(0);
        match layout.holder(self.hash(name)).filter(|holder| up(*holder)) {
            Some(holder) if !self.settings().readdir_optimize => holder == at,
            _ => first() == at,
        }
    }
}

fn place(shown: u64, children: u64) -> (usize, u64) {
    let (child, offset) = decode(shown, children);
    (usize::try_from(child).unwrap_or(usize::MAX), offset)
}

fn end() -> Entries {
    Entries { at_end: true, ..Entries::default() }
}
