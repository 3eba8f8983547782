//! The callback program, 52743234 version 1: what servers tell their clients. Nobody answers these calls.

use plugin_api::fop::Flock;
use plugin_api::{Dict, Gfid, Iatt, IoBuf};

use crate::dict::Serialized;
use crate::{Codec, Opaque, Program, Reader, Writer, Xdr, XdrError};

/// The program; no list shows it.
pub const CALLBACK: Program = Program::new(52_743_234, 1, "GlusterFS Callback");

numbers! {
    /// Procedures of the callback program; those without a message below carry nothing.
    pub enum CallbackProc {
        Null = 0 "NULL", Fetchspec = 1 "FETCHSPEC", InoFlush = 2 "INO_FLUSH", EventNotify = 3 "EVENT_NOTIFY",
        GetSnaps = 4 "GET_SNAPS", CacheInvalidation = 5 "CACHE_INVALIDATION", ChildUp = 6 "CHILD_UP",
        ChildDown = 7 "CHILD_DOWN", RecallLease = 8 "RECALL_LEASE", Statedump = 9 "STATEDUMP",
        InodelkContention = 10 "INODELK_CONTENTION", EntrylkContention = 11 "ENTRYLK_CONTENTION",
    }
}

const MAX_NAME: usize = 65_536;

record! {
    /// Something happened in the daemon.
    pub struct EventNotify { op: i32, dict: Dict as Serialized }

    /// The process with this pid is to write a statedump.
    pub struct Statedump { pid: u32 }

    /// What a client has cached has changed; the gfid is text.
    pub struct CacheInvalidation {
        gfid: IoBuf as Opaque<64>, event_type: u32, flags: u32, expire_time_attr: u32, stat: Iatt as OldIatt,
        parent_stat: Iatt as OldIatt, oldparent_stat: Iatt as OldIatt, xdata: Dict as Serialized,
    }

    /// Somebody else wants a lease.
    pub struct RecallLease { gfid: Gfid, lease_type: u32, tid: Gfid, xdata: Dict as Serialized }

    /// Somebody waits for an internal lock on a range.
    pub struct InodelkContention {
        gfid: Gfid, flock: Flock, pid: u32, domain: IoBuf as Opaque<MAX_NAME>, xdata: Dict as Serialized,
    }

    /// Somebody waits for an internal lock on a name.
    pub struct EntrylkContention {
        gfid: Gfid, kind: u32, pid: u32, name: IoBuf as Opaque<MAX_NAME>, domain: IoBuf as Opaque<MAX_NAME>,
        xdata: Dict as Serialized,
    }
}

/// Attributes as GlusterFS 3 sent them, 100 bytes: no birth time, no flags, times of 32 bits.
#[derive(Debug)]
pub struct OldIatt;

impl Codec<Iatt> for OldIatt {
    fn get(r: &mut Reader<'_>) -> Result<Iatt, XdrError> {
        let mut iatt = Iatt { gfid: Xdr::get(r)?, ino: Xdr::get(r)?, dev: Xdr::get(r)?, ..Iatt::default() };
        iatt.mode = Xdr::get(r)?;
        iatt.nlink = Xdr::get(r)?;
        iatt.uid = Xdr::get(r)?;
        iatt.gid = Xdr::get(r)?;
        iatt.rdev = Xdr::get(r)?;
        iatt.size = Xdr::get(r)?;
        iatt.blksize = Xdr::get(r)?;
        iatt.blocks = Xdr::get(r)?;
        iatt.atime = u32::get(r)?.into();
        iatt.atime_nsec = Xdr::get(r)?;
        iatt.mtime = u32::get(r)?.into();
        iatt.mtime_nsec = Xdr::get(r)?;
        iatt.ctime = u32::get(r)?.into();
        iatt.ctime_nsec = Xdr::get(r)?;
        Ok(iatt)
    }

    fn put(iatt: &Iatt, w: &mut Writer) {
        let seconds = |time: i64| u32::try_from(time).unwrap_or(if time < 0 { 0 } else { u32::MAX });
        iatt.gfid.put(w);
        iatt.ino.put(w);
        iatt.dev.put(w);
        [iatt.mode, iatt.nlink, iatt.uid, iatt.gid].iter().for_each(|word| word.put(w));
        iatt.rdev.put(w);
        iatt.size.put(w);
        iatt.blksize.put(w);
        iatt.blocks.put(w);
        for (time, nsec) in
            [(iatt.atime, iatt.atime_nsec), (iatt.mtime, iatt.mtime_nsec), (iatt.ctime, iatt.ctime_nsec)]
        {
            seconds(time).put(w);
            nsec.put(w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_attributes_come_back_without_what_they_never_had() {
        let iatt = Iatt { size: 5, mode: 0o100_644, mtime: 7, mtime_nsec: 8, ..Iatt::default() };
        let message = CacheInvalidation { stat: iatt, ..CacheInvalidation::default() };
        let bytes = crate::encode(&message);
        assert_eq!(bytes.len(), 16 + 3 * 100 + 4);
        assert_eq!(crate::decode::<CacheInvalidation>(&bytes.into()), Ok(message));
    }
}
