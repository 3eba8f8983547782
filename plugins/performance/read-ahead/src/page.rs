//! One page that was asked for ahead, and how bytes are cut out of several.

use gluster_cache::{Moment, now};
use plugin_api::Child;
use plugin_api::iatt_flags::{GFID, MTIME, SIZE};
use plugin_api::prelude::*;
use tokio::sync::OnceCell;

/// See above: who comes to it first brings it, and the others wait for that.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) began: Moment,
    /// What came; nothing where it could not be read.
    came: OnceCell<Option<Data>>,
}

impl Page {
    pub(crate) fn new(start: u64, len: u64) -> Self {
        Self { start, len, began: now(), came: OnceCell::new() }
    }

    pub(crate) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    /// Brings it, or waits for who does.
    pub(crate) async fn bring(&self, child: Child<'_>, fd: &Fd, flags: u32) -> Option<&Data> {
        let read = || async {
            let size = usize::try_from(self.len).ok()?;
            let args = Readv { fd: fd.clone(), size, offset: self.start, flags, xdata: Dict::new() };
            child.readv(args).await.ok()
        };
        self.came.get_or_init(read).await.as_ref()
    }
}

/// What a read from `offset` to `end` brings from all its pages; nothing where one of them came short.
pub(crate) fn cut<'p>(
    offset: u64,
    end: u64,
    pages: impl Iterator<Item = (&'p Page, &'p Data)>,
) -> Option<Data> {
    let mut cut = Data::default();
    let mut at = offset;
    for (page, came) in pages {
        let mut start = page.start;
        for part in came.data.buffers() {
            let within = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
            let (from, to) = (within(at).min(part.len()), within(end).min(part.len()));
            if from < to {
                cut.data.push(part.slice(from..to));
            }
            start += part.len() as u64;
            at = at.max(start.min(end));
        }
        cut.iatt = version(&came.iatt);
        if came.at_end {
            cut.at_end = start <= end;
            return Some(cut);
        }
        if at < page.end().min(end) {
            return None;
        }
    }
    Some(cut)
}

/// Which version of the file the bytes are of. The other attributes may have changed since then, and nobody has to take these
/// for new ones.
fn version(iatt: &Iatt) -> Iatt {
    let Iatt { gfid, size, mtime, mtime_nsec, .. } = *iatt;
    match mtime == 0 && mtime_nsec == 0 {
        true => Iatt::default(),
        false => Iatt { gfid, flags: GFID | SIZE | MTIME, size, mtime, mtime_nsec, ..Iatt::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_cut_out_of_its_pages_ends_with_the_file_and_is_never_short_otherwise() {
        let page = |start, parts: &[usize], at_end| {
            let mut data = Payload::default();
            parts.iter().for_each(|len| data.push(IoBuf::from(vec![1; *len])));
            (Page::new(start, 10), Data { data, at_end, ..Data::default() })
        };
        let cut = |offset, end, pages: &[&(Page, Data)]| {
            let cut = cut(offset, end, pages.iter().map(|(page, data)| (page, data)))?;
            Some((cut.data.len(), cut.at_end))
        };
        let (whole, parts) = (page(0, &[10], false), page(10, &[3, 7], false));
        let (last, short) = (page(10, &[4], true), page(10, &[4], false));
        assert_eq!(cut(2, 10, &[&whole]), Some((8, false)));
        assert_eq!(cut(2, 14, &[&whole, &parts]), Some((12, false)));
        assert_eq!(cut(12, 20, &[&parts]), Some((8, false)));
        assert_eq!(cut(2, 13, &[&whole, &last]), Some((11, false)));
        assert_eq!(cut(2, 14, &[&whole, &last]), Some((12, true)));
        assert_eq!(cut(2, 20, &[&whole, &last]), Some((12, true)));
        assert_eq!(cut(16, 20, &[&last]), Some((0, true)));
        assert_eq!(cut(2, 14, &[&whole, &short]), Some((12, false)));
        assert_eq!(cut(2, 15, &[&whole, &short]), None);
    }
}
