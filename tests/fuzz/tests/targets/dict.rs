//! The serialized dict of the management programs, and the typed one of file operations.

use fuzz::{Room, bytes, mutated, within};
use gluster_xdr::gfx::Typed;
use gluster_xdr::{Codec, Reader, Writer, dict};
use plugin_api::{Dict, Gfid, Iatt, IoBuf, Mdata, Value};
use proptest::prelude::*;

/// The least that a pair takes on the wire is nine bytes; here it is a key, a value and their counts.
const ROOM: Room = Room { fixed: 4 << 10, each_byte: 64 };

/// A dict with a value of every kind.
fn sample() -> Dict {
    let dict = Dict::new()
        .with("volname", "v")
        .with("count", 3)
        .with("big", u64::MAX)
        .with("half", Value::Double(0.5));
    let dict =
        dict.with("id", Value::Uuid(Gfid([7; 16]))).with("raw", Value::Bytes(IoBuf::from(vec![1, 2, 3])));
    dict.with("times", Mdata::default()).with("attributes", Iatt::default())
}

fn typed(dict: &Dict) -> Vec<u8> {
    let mut w = Writer::default();
    Typed::put(dict, &mut w);
    w.into_bytes()
}

fn read_typed(bytes: &[u8]) -> Option<Dict> {
    let buf = IoBuf::copy_from_slice(bytes);
    within(ROOM, bytes.len(), || Typed::get(&mut Reader::new(&buf)).ok())
}

fn read_serialized(bytes: &[u8]) -> Option<Dict> {
    let buf = IoBuf::copy_from_slice(bytes);
    within(ROOM, bytes.len(), || dict::decode(&buf).ok())
}

proptest! {
    #[test]
    fn any_serialized_dict(bytes in prop_oneof![bytes(), mutated(vec![dict::encode(&sample())])]) {
        if let Some(read) = read_serialized(&bytes) {
            let again = read_serialized(&dict::encode(&read));
            prop_assert_eq!(again.map(|again| again.len()), Some(read.len()));
        }
    }

    #[test]
    fn any_typed_dict(bytes in prop_oneof![bytes(), mutated(vec![typed(&sample())])]) {
        if let Some(read) = read_typed(&bytes) {
            let again = read_typed(&typed(&read));
            prop_assert_eq!(again.map(|again| again.len()), Some(read.len()));
        }
    }
}
