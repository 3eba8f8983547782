//! Responses: each begins with an outcome and has a place for xdata.

use gluster_xdr::Xdr;
use gluster_xdr::fop::*;
use plugin_api::fop::FopError;

/// A message that answers a call of the program.
pub(super) trait Response: Xdr + Default + Send {
    /// The message that says that the fop failed, and why.
    fn failure(error: FopError) -> Self;
}

macro_rules! responses {
    ($($name:ident)*) => {$(
        impl Response for $name {
            fn failure(error: FopError) -> Self {
                let mut response = Self::default();
                (response.op_ret, response.op_errno) = (-1, error.errno.raw());
                response.xdata = error.xdata;
                response
            }
        }
    )*};
}

responses! {
    CommonRsp IattRsp LookupRsp PrePostRsp MadeRsp DictRsp OpenRsp ReadRsp SeekRsp RchecksumRsp ReaddirRsp ReaddirpRsp RenameRsp
    CreateRsp ReadlinkRsp StatfsRsp LkRsp LeaseRsp GetactivelkRsp
}
