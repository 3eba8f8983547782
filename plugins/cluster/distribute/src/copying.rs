//! The copying of a file that is [being moved](crate::migrate): its room, its xattrs, its data.

use plugin_api::Payload;
use plugin_api::prelude::*;

use crate::call::LINKTO;
use crate::migrate::Moving;

/// Bytes that are read and written at a time.
const CHUNK: usize = 1 << 20;
const ACL: &str = "system.posix_acl_access";

impl Moving<'_> {
    /// Makes room for all of it at once; a file with holes gets its length alone.
    pub(crate) async fn reserve(&self, iatt: &Iatt) -> FopResult<()> {
        let new = self.frame.child_at(self.to);
        let (fd, xdata) = (self.fd.clone(), Dict::new());
        if iatt.size > 0 && !has_holes(iatt) {
            let whole =
                Fallocate { fd: fd.clone(), mode: 0, offset: 0, len: iatt.size, xdata: xdata.clone() };
            match new.fallocate(whole).await {
                Err(e) if e.errno == Errno::EOPNOTSUPP || e.errno == Errno::ENOSYS => {}
                done => return done.map(drop),
            }
        }
        new.ftruncate(Ftruncate { fd, offset: iatt.size, xdata }).await.map(drop)
    }

    /// All xattrs but what says who may use it, which comes last, and where it is.
    pub(crate) async fn copy_xattrs(&self) -> FopResult<()> {
        let list = Fgetxattr { fd: self.fd.clone(), name: IoBuf::default(), xdata: Dict::new() };
        let mut xattrs = self.frame.child_at(self.from).fgetxattr(list).await?.xattrs;
        let own = |key: &[u8]| {
            key == LINKTO.as_bytes()
                || key.starts_with(b"system.posix_acl_")
                || key.starts_with(b"trusted.gfid")
                || key.starts_with(b"trusted.glusterfs.dht")
        };
        xattrs.retain(|key, _| !own(key.as_bytes()));
        if xattrs.is_empty() {
            return Ok(());
        }
        let set = Fsetxattr { fd: self.fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
        self.frame.child_at(self.to).fsetxattr(set).await.map(drop)
    }

    pub(crate) async fn copy_acl(&self) -> FopResult<()> {
        let ask = Fgetxattr { fd: self.fd.clone(), name: ACL.into(), xdata: Dict::new() };
        let Ok(found) = self.frame.child_at(self.from).fgetxattr(ask).await else { return Ok(()) };
        let Some(acl) = found.xattrs.get(ACL).cloned() else { return Ok(()) };
        let xattrs = Dict::new().with(ACL, acl);
        let set = Fsetxattr { fd: self.fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
        self.frame.child_at(self.to).fsetxattr(set).await.map(drop)
    }

    /// The data, without its holes. What another client has written meanwhile is on both copies.
    pub(crate) async fn copy_data(&self) -> FopResult<()> {
        let old = self.frame.child_at(self.from);
        let now = old.fstat(Fstat { fd: self.fd.clone(), xdata: Dict::new() }).await?.iatt;
        let mut at = 0;
        while at < now.size {
            let (start, stop) = match has_holes(&now) {
                true => match self.next_data(at).await? {
                    Some((start, stop)) => (start, stop.min(now.size)),
                    None => return Ok(()),
                },
                false => (at, now.size),
            };
            self.copy_range(start, stop).await?;
            at = stop.max(at + 1);
        }
        Ok(())
    }

    /// Where the next data begins and ends.
    async fn next_data(&self, from: u64) -> FopResult<Option<(u64, u64)>> {
        let seek = |what, offset| {
            let ask = Seek { fd: self.fd.clone(), offset, what, xdata: Dict::new() };
            self.frame.child_at(self.from).seek(ask)
        };
        /// As `fops-wire.md` numbers them.
        const DATA: i32 = 0;
        const HOLE: i32 = 1;
        match seek(DATA, from).await {
            Ok(start) => Ok(Some((start.offset, seek(HOLE, start.offset).await?.offset))),
            Err(e) if e.errno == Errno::ENXIO => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn copy_range(&self, mut at: u64, stop: u64) -> FopResult<()> {
        while at < stop {
            let size = usize::try_from(stop - at).unwrap_or(CHUNK).min(CHUNK);
            let read = Readv { fd: self.fd.clone(), size, offset: at, flags: 0, xdata: Dict::new() };
            let data: Payload = self.frame.child_at(self.from).readv(read).await?.data;
            let length = u64::try_from(data.len()).map_err(|_| Errno::EIO)?;
            if length == 0 {
                // It was cut meanwhile, on both.
                return Ok(());
            }
            let xdata = Dict::new().with("glusterfs.avoid.overwrite", 1);
            let write = Writev { fd: self.fd.clone(), data, offset: at, flags: 0, xdata };
            let written = self.frame.child_at(self.to).writev(write).await?.count;
            if written != length {
                return Err(Errno::EIO.into());
            }
            at += length;
        }
        Ok(())
    }
}

fn has_holes(iatt: &Iatt) -> bool {
    iatt.blocks.saturating_mul(512) < iatt.size
}
