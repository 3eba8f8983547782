//! Messages of fops on directories.

use abi_stable::std_types::RVec;
use plugin_api::fop::DirEntry;
use plugin_api::{Dict, Gfid, IoBuf};

use super::MAX_NAME;
use crate::gfx::Typed;
use crate::{Codec, ListOf, Reader, Writer, Xdr, XdrError};

record! {
    /// Opens a directory.
    pub struct OpendirReq { gfid: Gfid, xdata: Dict as Typed }

    /// Entries of a directory: readdir and readdirp.
    pub struct ReaddirReq { gfid: Gfid, fd: i64, offset: u64, size: u32, xdata: Dict as Typed }

    /// Entries, bare. An `op_errno` of 2 beside a success says that the end was reached.
    pub struct ReaddirRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, entries: RVec<DirEntry> as ListOf<BareEntry>,
    }

    /// Entries with attributes and xattrs.
    pub struct ReaddirpRsp {
        op_ret: i32, op_errno: i32, xdata: Dict as Typed, entries: RVec<DirEntry> as ListOf<FullEntry>,
    }

    /// Makes the entries of a directory durable.
    pub struct FsyncdirReq { gfid: Gfid, fd: i64, data: i32, xdata: Dict as Typed }
}

/// An entry as readdir sends it.
#[derive(Debug)]
pub struct BareEntry;

/// An entry as readdirp sends it: with attributes and xattrs.
#[derive(Debug)]
pub struct FullEntry;

impl Codec<DirEntry> for BareEntry {
    fn get(r: &mut Reader<'_>) -> Result<DirEntry, XdrError> {
        let (ino, offset) = (u64::get(r)?, u64::get(r)?);
        // The length is said twice; only the one that belongs to the name's bytes counts.
        let _len = u32::get(r)?;
        let kind = u32::get(r)?;
        let name: IoBuf = r.shared_opaque(MAX_NAME)?;
        Ok(DirEntry { ino, offset, kind, name, ..DirEntry::default() })
    }

    fn put(entry: &DirEntry, w: &mut Writer) {
        entry.ino.put(w);
        entry.offset.put(w);
        w.length(entry.name.len());
        entry.kind.put(w);
        w.opaque(&entry.name);
    }
}

impl Codec<DirEntry> for FullEntry {
    fn get(r: &mut Reader<'_>) -> Result<DirEntry, XdrError> {
        let bare = BareEntry::get(r)?;
        Ok(DirEntry { iatt: Xdr::get(r)?, xattrs: Typed::get(r)?, ..bare })
    }

    fn put(entry: &DirEntry, w: &mut Writer) {
        BareEntry::put(entry, w);
        entry.iatt.put(w);
        Typed::put(&entry.xattrs, w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};
    use plugin_api::Iatt;

    #[test]
    fn an_entry_says_the_exact_length_of_its_name() {
        let entry = DirEntry { ino: 1, offset: 2, kind: 4, name: "sub".into(), ..DirEntry::default() };
        let rsp = ReaddirRsp { op_ret: 1, entries: vec![entry].into(), ..ReaddirRsp::default() };
        let bytes = encode(&rsp);
        assert_eq!(
            &bytes[20..],
            b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x03sub\0\0\0\0\0"
        );
        assert_eq!(decode::<ReaddirRsp>(&bytes.into()).unwrap(), rsp);
    }

    #[test]
    fn full_entries_carry_attributes_and_xattrs() {
        let entry = DirEntry {
            name: "f".into(),
            iatt: Iatt { size: 9, ..Iatt::default() },
            xattrs: Dict::new().with("trusted.x", vec![1]),
            ..DirEntry::default()
        };
        let rsp = ReaddirpRsp {
            op_ret: 2,
            op_errno: 2,
            entries: vec![entry.clone(), entry].into(),
            ..Default::default()
        };
        assert_eq!(decode::<ReaddirpRsp>(&encode(&rsp).into()).unwrap(), rsp);
    }
}
