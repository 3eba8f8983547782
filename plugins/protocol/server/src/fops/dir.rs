//! Procedures on open directories.

use abi_stable::std_types::RVec;
use gluster_xdr::fop::*;
use plugin_api::fop::{self, DirEntry, FopResult};
use plugin_api::{Errno, Fd, FileType, Payload};

use super::procedure::{Answer, procedures};
use crate::resolve::{Caller, READ_WRITE};

/// The most that one answer's entries may take, bytes: what the incumbent sends in one reply.
const MOST_ENTRIES: usize = 128 * 1024 - 512;
/// `O_DIRECTORY`, read only.
const DIRECTORY: i32 = 0o200_000;

procedures! {
    /// Opens a directory.
    Opendir(r: OpendirReq, c) -> OpenRsp, opendir {
        let inode = c.inode(r.gfid).await?;
        let fd = Fd::new(inode.clone(), DIRECTORY, c.frame.identity().pid);
        fop::Opendir { loc: plugin_api::Loc::of(inode), fd, xdata: r.xdata }
    }

    /// Names.
    Readdir(r: ReaddirReq, c) -> ReaddirRsp, readdir {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Readdir { fd, size: room(r.size), offset: r.offset, xdata: r.xdata }
    }

    /// Names with attributes.
    Readdirp(r: ReaddirReq, c) -> ReaddirpRsp, readdirp {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Readdirp { fd, size: room(r.size), offset: r.offset, xdata: r.xdata }
    }

    /// Makes entries durable.
    Fsyncdir(r: FsyncdirReq, c) -> CommonRsp, fsyncdir {
        let fd = c.fd(r.fd, r.gfid, READ_WRITE).await?;
        fop::Fsyncdir { fd, data_only: r.data != 0, xdata: r.xdata }
    }
}

fn room(size: u32) -> usize {
    usize::try_from(size).unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES)
}

/// How many entries there are, and the mark of the end.
fn outcome(entries: &[DirEntry], at_end: bool) -> (i32, i32) {
    (i32::try_from(entries.len()).unwrap_or(i32::MAX), if at_end { Errno::ENOENT.raw() } else { 0 })
}

impl Answer<ReaddirRsp> for fop::Entries {
    async fn encode(self, _: &mut Caller) -> FopResult<(ReaddirRsp, Payload)> {
        let (op_ret, op_errno) = outcome(&self.entries, self.at_end);
        Ok((ReaddirRsp { op_ret, op_errno, xdata: self.xdata, entries: self.entries }, Payload::default()))
    }
}

impl Answer<ReaddirpRsp> for fop::Entries {
    async fn encode(mut self, c: &mut Caller) -> FopResult<(ReaddirpRsp, Payload)> {
        note(&mut self.entries, c);
        let (op_ret, op_errno) = outcome(&self.entries, self.at_end);
        Ok((ReaddirpRsp { op_ret, op_errno, xdata: self.xdata, entries: self.entries }, Payload::default()))
    }
}

/// Links what was read: who lists a directory asks for its files next.
fn note(entries: &mut RVec<DirEntry>, c: &Caller) {
    for entry in entries.iter_mut() {
        let known = !entry.iatt.gfid.is_null() && entry.iatt.file_type() != FileType::Invalid;
        if known && !matches!(&entry.name[..], b"." | b"..") {
            drop(c.inodes().link(entry.iatt.gfid, entry.iatt.file_type()));
        }
        entry.iatt = c.session.show(entry.iatt);
    }
}
