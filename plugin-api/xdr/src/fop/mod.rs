//! The file operation program, 1298437 version 400: a brick's data path.
//!
//! Requests are named after their fop; replies after their shape, since most fops share one of five. Names are bytes
//! as they came: whoever acts on one checks it first (no `/`, no `..`, no NUL, not too long).

mod data;
mod dir;
mod entry;
mod inode;
mod lock;
mod number;
mod xattr;

pub use data::*;
pub use dir::*;
pub use entry::*;
pub use inode::*;
pub use lock::*;
pub use number::*;
pub use xattr::*;

use plugin_api::{Dict, Iatt};

use crate::gfx::{Kept, Typed};

/// The most that a name, a path or a symbolic link's target takes in a request; a brick's own limits are lower.
pub const MAX_NAME: usize = 65_536;

record! {
    /// The reply of fops that answer nothing but an outcome.
    pub struct CommonRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed }

    /// The reply of fops that answer with attributes.
    pub struct IattRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, stat: Iatt }

    /// The reply of lookup: the file, and its parent.
    pub struct LookupRsp { op_ret: i32, op_errno: i32, xdata: Dict as Kept, stat: Iatt, post_parent: Iatt }

    /// The reply of fops that answer with attributes before and after: of the file, of the parent for unlink and
    /// rmdir.
    pub struct PrePostRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, pre: Iatt, post: Iatt }

    /// The reply of fops that make something: its attributes, and the parent's before and after.
    pub struct MadeRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, stat: Iatt, pre_parent: Iatt, post_parent: Iatt,
    }

    /// The reply of fops that answer with a dict; the attributes are always zero in GlusterFS 10.
    pub struct DictRsp { op_ret: i32, op_errno: i32, xdata: Dict as Typed, dict: Dict as Kept, pre: Iatt, post: Iatt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Xdr, decode, encode};
    use plugin_api::{Gfid, IoBuf};

    #[test]
    fn an_empty_write_request_has_a_fixed_part_of_52_bytes() {
        assert_eq!(encode(&WriteReq::default()).len(), 52);
    }

    #[test]
    fn a_payload_begins_behind_the_dict_and_is_shared_with_the_record() {
        let head = WriteReq { size: 4, xdata: Dict::new().with("key", "v"), ..WriteReq::default() };
        let record = IoBuf::from([encode(&head), b"data".to_vec()].concat());
        let (back, payload) = WriteReq::with_payload(&record).unwrap();
        assert_eq!((back, &payload[..]), (head, &b"data"[..]));
        assert_eq!(payload.as_ptr(), record[record.len() - 4..].as_ptr());
    }

    #[test]
    fn a_payload_shorter_than_its_size_is_refused_and_a_longer_one_is_cut() {
        let head = encode(&WriteReq { size: 4, ..WriteReq::default() });
        let with = |bytes: &[u8]| WriteReq::with_payload(&IoBuf::from([&head, bytes].concat()));
        assert!(with(b"dat").is_err());
        assert_eq!(&with(b"data+").unwrap().1[..], b"data");
    }

    #[test]
    fn an_empty_read_reply_has_a_head_of_172_bytes_with_its_dict_last() {
        // The reference counts op_ret to xdata.
        assert_eq!(encode(&ReadRsp::default()).len(), 172);
    }

    fn refuses_every_cut<T: Xdr + Default + PartialEq + std::fmt::Debug>(message: &T) {
        let whole = encode(message);
        for end in 0..whole.len() {
            let _ = decode::<T>(&IoBuf::copy_from_slice(&whole[..end]));
        }
        assert_eq!(&decode::<T>(&IoBuf::from(whole)).unwrap(), message);
    }

    #[test]
    fn messages_come_back_as_they_were_sent_and_cuts_do_no_harm() {
        let xdata = Dict::new().with("gfid-req", Gfid::ROOT);
        refuses_every_cut(&LookupReq { bname: "name".into(), xdata: xdata.clone(), ..LookupReq::default() });
        refuses_every_cut(&CreateReq {
            bname: "n".into(),
            flags: 0o102,
            xdata: xdata.clone(),
            ..CreateReq::default()
        });
        refuses_every_cut(&CreateRsp { fd: 5, xdata: xdata.clone(), ..CreateRsp::default() });
        refuses_every_cut(&RenameReq {
            oldbname: "a".into(),
            newbname: "bc".into(),
            xdata,
            ..RenameReq::default()
        });
        refuses_every_cut(&StatfsRsp::default());
        refuses_every_cut(&CopyFileRangeReq { size: 3, ..CopyFileRangeReq::default() });
    }
}
