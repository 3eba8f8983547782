//! Answers: each begins with an outcome, and none is believed further than it can be checked.

use gluster_xdr::XdrError;
use gluster_xdr::fop::*;
use plugin_api::fop::{FopError, FopResult};
use plugin_api::{Dict, Errno, Gfid, IoBuf, Loc};

/// A message that answers a call of the program.
pub(crate) trait Answer: Sized + Send {
    /// Reads it; what is opaque in it shares the record.
    fn read(results: &IoBuf) -> Result<Self, XdrError>;

    /// `op_ret`, `op_errno` and the xdata of a failure.
    fn outcome(&mut self) -> (i32, i32, &mut Dict);

    /// The answer, or the failure that it tells.
    fn judged(mut self) -> FopResult<Self> {
        let (op_ret, op_errno, xdata) = self.outcome();
        if op_ret >= 0 {
            return Ok(self);
        }
        // A failure without a reason is one nevertheless.
        let errno = if (1..4096).contains(&op_errno) { Errno::from_raw(op_errno) } else { Errno::EIO };
        Err(FopError { errno, xdata: std::mem::take(xdata) })
    }
}

macro_rules! answers {
    ($($name:ident)*) => {$(
        impl Answer for $name {
            fn read(results: &IoBuf) -> Result<Self, XdrError> {
                gluster_xdr::decode(results)
            }

            fn outcome(&mut self) -> (i32, i32, &mut Dict) {
                (self.op_ret, self.op_errno, &mut self.xdata)
            }
        }
    )*};
}

answers! {
    CommonRsp IattRsp LookupRsp PrePostRsp MadeRsp DictRsp OpenRsp SeekRsp RchecksumRsp ReaddirRsp ReaddirpRsp RenameRsp CreateRsp
    ReadlinkRsp StatfsRsp LkRsp LeaseRsp GetactivelkRsp
}

/// What a read answers, with the bytes behind it.
#[derive(Debug)]
pub(crate) struct ReadAnswer {
    pub(crate) head: ReadRsp,
    pub(crate) data: IoBuf,
}

impl Answer for ReadAnswer {
    fn read(results: &IoBuf) -> Result<Self, XdrError> {
        let (head, data) = ReadRsp::with_payload(results)?;
        Ok(Self { head, data })
    }

    fn outcome(&mut self) -> (i32, i32, &mut Dict) {
        (self.head.op_ret, self.head.op_errno, &mut self.head.xdata)
    }
}

/// The key by which those above learn that a name leads to another file than before.
const GFID_CHANGED: &str = "gfid-changed";

/// That what was found is what the caller knows by this place.
///
/// # Errors
/// `ESTALE` with a mark when it is another.
pub(crate) fn same_object(asked: &Loc, found: Gfid, xdata: &Dict) -> FopResult<()> {
    let known = asked.inode.as_ref().map(plugin_api::Inode::gfid).into_option().unwrap_or(Gfid::NULL);
    if known.is_null() || found.is_null() || known == found {
        return Ok(());
    }
    Err(FopError { errno: Errno::ESTALE, xdata: xdata.clone().with(GFID_CHANGED, 1) })
}

/// Whether a brick may call an entry of a directory so: one name, that leads nowhere else.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'/') && !name.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::{FileType, Inode};

    #[test]
    fn a_failure_keeps_its_reason_and_its_xdata() {
        let xdata = Dict::new().with("k", 1);
        let told = CommonRsp { op_ret: -1, op_errno: 2, xdata: xdata.clone() };
        assert_eq!(told.judged().unwrap_err(), FopError { errno: Errno::ENOENT, xdata });
    }

    #[test]
    fn an_errno_that_is_none_becomes_eio() {
        for op_errno in [0, -7, 4096, i32::MAX] {
            let told = CommonRsp { op_ret: -1, op_errno, ..CommonRsp::default() };
            assert_eq!(told.judged().unwrap_err().errno, Errno::EIO);
        }
    }

    #[test]
    fn another_file_by_a_known_name_is_stale() {
        let known = Inode::new(Gfid([7; 16]), FileType::Regular);
        let place = Loc::of(known);
        assert!(same_object(&place, Gfid([7; 16]), &Dict::new()).is_ok());
        let error = same_object(&place, Gfid([8; 16]), &Dict::new()).unwrap_err();
        assert_eq!((error.errno, error.xdata.int(GFID_CHANGED)), (Errno::ESTALE, Some(1)));
        assert!(same_object(&Loc::default(), Gfid([8; 16]), &Dict::new()).is_ok());
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_none() {
        assert!(is_name(b"a") && is_name(b".."));
        assert!(!is_name(b"") && !is_name(b"a/b") && !is_name(b"a\0"));
    }
}
