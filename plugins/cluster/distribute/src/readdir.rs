//! Lists directories: child after child, each name once.

use plugin_api::prelude::*;

use crate::call::{Call, LINKTO, is_pointer, unmarked};
use crate::lookup::whole;
use crate::offset::{decode, encode};

impl Call<'_> {
    pub(crate) async fn readdirp(&self, mut args: Readdirp) -> FopResult<Entries> {
        let asked = args.xdata.contains(LINKTO);
        args.xdata.set(LINKTO, 256_u32);
        let layout = self.layout(args.fd.inode()).await?;
        let children = self.count() as u64;
        let (mut at, mut offset) = place(args.offset, children);
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
            let here = at as u64;
            let last = read.entries.last().map(|entry| entry.offset);
            read.entries.retain(|entry| match entry.kind {
                4 => self.shows(&layout, at, &entry.name),
                _ => !is_pointer(&entry.iatt, &entry.xattrs),
            });
            for entry in &mut read.entries {
                entry.offset = encode(entry.offset, here, children);
                entry.iatt = whole(unmarked(entry.iatt));
                if !asked && entry.xattrs.contains(LINKTO) {
                    entry.xattrs.remove(LINKTO);
                }
            }
            let is_last = at + 1 == self.count();
            if let Some(last) = read.entries.last_mut() {
                if read.at_end && !is_last {
                    // Who goes on begins with the next child, without asking this one whether that was all.
                    last.offset = encode(0, here + 1, children);
                }
                read.at_end &= is_last;
                return Ok(read);
            }
            match last {
                Some(last) if !read.at_end && last != offset => offset = last,
                _ => (at, offset) = (at + 1, 0),
            }
        }
        Ok(end())
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
    fn shows(&self, layout: &crate::layout::Layout, at: usize, name: &[u8]) -> bool {
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
