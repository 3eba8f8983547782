//! Fops on open directories.

use abi_stable::std_types::RVec;
use gluster_xdr::fop::*;
use plugin_api::fop::{self, DirEntry, FopResult};
use plugin_api::{Dict, Errno, log};

use super::{done, length};
use crate::answer::is_name;
use crate::asking::{Asking, object};
use crate::fds::{self, Fallback};

pub(crate) async fn opendir(c: Asking<'_>, a: fop::Opendir) -> FopResult<fop::Opened> {
    let gfid = object(&a.loc)?;
    let told: OpenRsp = c.ask(Proc::Opendir, OpendirReq { gfid, xdata: a.xdata }).await?;
    fds::opened(&c, &a.fd, gfid, fds::opened_number(told.fd)?, true);
    Ok(fop::Opened { fd: a.fd, xdata: told.xdata })
}

pub(crate) async fn readdir(c: Asking<'_>, a: fop::Readdir) -> FopResult<fop::Entries> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = ReaddirReq { gfid, fd, offset: a.offset, size: length(a.size), xdata: a.xdata };
    let told: ReaddirRsp = c.ask(Proc::Readdir, request).await?;
    entries(&c, a.offset, told.op_errno, told.entries, told.xdata)
}

pub(crate) async fn readdirp(c: Asking<'_>, a: fop::Readdirp) -> FopResult<fop::Entries> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = ReaddirReq { gfid, fd, offset: a.offset, size: length(a.size), xdata: a.xdata };
    let told: ReaddirpRsp = c.ask(Proc::Readdirp, request).await?;
    entries(&c, a.offset, told.op_errno, told.entries, told.xdata)
}

pub(crate) async fn fsyncdir(c: Asking<'_>, a: fop::Fsyncdir) -> FopResult<fop::Done> {
    let (gfid, fd) = c.fd(&a.fd, Fallback::None).await?;
    let request = FsyncdirReq { gfid, fd, data: a.data_only.into(), xdata: a.xdata };
    Ok(done(c.ask(Proc::Fsyncdir, request).await?))
}

/// What was read, if it is entries of a directory and leads on in it.
fn entries(
    c: &Asking<'_>,
    from: u64,
    op_errno: i32,
    entries: RVec<DirEntry>,
    xdata: Dict,
) -> FopResult<fop::Entries> {
    if let Some(why) = wrong(from, &entries) {
        log!(Warn, xl: c.frame.name(), "brick answers nonsense", fop = "readdir", why = why);
        return Err(Errno::EIO.into());
    }
    let at_end = entries.is_empty() || op_errno == Errno::ENOENT.raw();
    Ok(fop::Entries { entries, at_end, xdata })
}

fn wrong(from: u64, entries: &[DirEntry]) -> Option<&'static str> {
    if entries.iter().any(|entry| !is_name(&entry.name)) {
        return Some("a name that leads elsewhere");
    }
    // Who goes on there never gets to an end.
    let stands_still = entries.last().is_some_and(|last| last.offset == from && from != 0);
    stands_still.then_some("the last entry leads back to where reading began")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &'static str, offset: u64) -> DirEntry {
        DirEntry { name: name.into(), offset, ..DirEntry::default() }
    }

    #[test]
    fn entries_that_lead_out_of_the_directory_are_refused() {
        assert!(wrong(0, &[entry("a", 1), entry("b/c", 2)]).is_some());
        assert!(wrong(0, &[entry("", 1)]).is_some());
        assert!(wrong(0, &[entry(".", 1), entry("..", 2), entry("a", 3)]).is_none());
    }

    #[test]
    fn a_directory_without_an_end_is_refused() {
        assert!(wrong(7, &[entry("a", 7)]).is_some());
        assert!(wrong(7, &[entry("a", 9)]).is_none());
        assert!(wrong(7, &[]).is_none());
    }
}
