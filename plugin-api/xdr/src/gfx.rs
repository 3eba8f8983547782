//! The typed dict of the file operation program.

use plugin_api::{Dict, Iatt, IoBuf, Key, Mdata, Value};

use crate::{Codec, Fault, Reader, Writer, Xdr, XdrError};

/// A dict with the types of its values; an empty one is sent as none.
///
/// The size word in front is written exactly, since receivers of payloads count on it; it is not trusted in turn: the
/// pairs say where they end.
#[derive(Debug)]
pub struct Typed;

/// As [`Typed`], but an empty one is sent as a dict with nothing in it: where GlusterFS always answers with a dict, clients
/// of it take none for a failure (a heal of disperse gives up).
#[derive(Debug)]
pub struct Kept;

/// The least that a pair takes: an empty key, a tag, an empty opaque.
const SMALLEST_PAIR: usize = 12;

/// `count` of a sender that had no dict.
const NO_DICT: i32 = -1;

const UNTYPED: i32 = 1;
const INT: i32 = 2;
const UINT: i32 = 3;
const DOUBLE: i32 = 4;
const STR: i32 = 5;
const BYTES: i32 = 6;
const UUID: i32 = 7;
const IATT: i32 = 8;
const MDATA: i32 = 9;

impl Codec<Dict> for Typed {
    fn get(r: &mut Reader<'_>) -> Result<Dict, XdrError> {
        let _size = u32::get(r)?;
        let count = i32::get(r)?;
        if count < NO_DICT {
            return Err(Fault::Negative(count).into());
        }
        let pairs = usize::try_from(u32::get(r)?).unwrap_or(usize::MAX);
        if pairs > r.left() / SMALLEST_PAIR {
            return Err(Fault::Short { wanted: pairs.saturating_mul(SMALLEST_PAIR), left: r.left() }.into());
        }
        let mut dict = Dict::new();
        for _ in 0..pairs {
            let key = without_nul(r.shared_opaque(usize::MAX)?);
            if key.contains(&0) {
                return Err(Fault::Unterminated.into());
            }
            dict.push(Key::new(key), get_value(r)?);
        }
        Ok(dict)
    }

    fn put(value: &Dict, w: &mut Writer) {
        put_dict(value, NO_DICT, w);
    }
}

impl Codec<Dict> for Kept {
    fn get(r: &mut Reader<'_>) -> Result<Dict, XdrError> {
        Typed::get(r)
    }

    fn put(value: &Dict, w: &mut Writer) {
        put_dict(value, 0, w);
    }
}

fn put_dict(value: &Dict, count_of_none: i32, w: &mut Writer) {
    let start = w.len();
    0u32.put(w);
    if value.is_empty() {
        count_of_none.put(w);
        return 0u32.put(w);
    }
    w.length(value.len());
    w.length(value.len());
    for (key, value) in value.iter().rev() {
        put_terminated(key.as_bytes(), w);
        put_value(value, w);
    }
    let size = w.len() - start - 12;
    w.patch(start, u32::try_from(size).unwrap_or(u32::MAX));
}

fn get_value(r: &mut Reader<'_>) -> Result<Value, XdrError> {
    Ok(match i32::get(r)? {
        UNTYPED => Value::Untyped(r.shared_opaque(usize::MAX)?),
        INT => Value::Int(i64::get(r)?),
        UINT => Value::Uint(u64::get(r)?),
        DOUBLE => Value::Double(f64::get(r)?),
        STR => Value::Str(without_nul(r.shared_opaque(usize::MAX)?)),
        BYTES => Value::Bytes(r.shared_opaque(usize::MAX)?),
        UUID => Value::Uuid(Xdr::get(r)?),
        IATT => Value::from(Iatt::get(r)?),
        MDATA => Value::Mdata(Mdata::get(r)?),
        other => return Err(Fault::UnknownTag(other.into()).into()),
    })
}

fn put_value(value: &Value, w: &mut Writer) {
    match value {
        Value::Untyped(bytes) => {
            UNTYPED.put(w);
            w.opaque(bytes);
        }
        Value::Int(n) => {
            INT.put(w);
            n.put(w);
        }
        Value::Uint(n) => {
            UINT.put(w);
            n.put(w);
        }
        Value::Double(n) => {
            DOUBLE.put(w);
            n.put(w);
        }
        Value::Str(text) => {
            STR.put(w);
            put_terminated(text, w);
        }
        Value::Bytes(bytes) => {
            BYTES.put(w);
            w.opaque(bytes);
        }
        Value::Uuid(id) => {
            UUID.put(w);
            id.put(w);
        }
        Value::Iatt(iatt) => {
            IATT.put(w);
            iatt.put(w);
        }
        Value::Mdata(times) => {
            MDATA.put(w);
            times.put(w);
        }
    }
}

/// An opaque with a NUL behind the bytes, counted.
fn put_terminated(bytes: &[u8], w: &mut Writer) {
    w.length(bytes.len() + 1);
    w.raw(bytes);
    w.raw(&[0]);
    w.pad(bytes.len() + 1);
}

fn without_nul(mut bytes: IoBuf) -> IoBuf {
    if bytes.last() == Some(&0) { bytes.split_to(bytes.len() - 1) } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Gfid;
    use proptest::prelude::*;

    fn put(dict: &Dict) -> Vec<u8> {
        let mut w = Writer::default();
        Typed::put(dict, &mut w);
        w.into_bytes()
    }

    fn get(bytes: Vec<u8>) -> Result<Dict, XdrError> {
        Typed::get(&mut Reader::new(&IoBuf::from(bytes)))
    }

    #[test]
    fn a_dict_has_the_bytes_of_the_reference() {
        let expected = b"\0\0\0\x28\0\0\0\x02\0\0\0\x02\
            \0\0\0\x02a\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x05\
            \0\0\0\x02s\0\0\0\0\0\0\x05\0\0\0\x03hi\0\0";
        assert_eq!(put(&Dict::new().with("s", "hi").with("a", 5)), expected);
    }

    #[test]
    fn an_empty_dict_is_sent_as_none_and_both_forms_are_read() {
        assert_eq!(put(&Dict::new()), [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert_eq!(get(put(&Dict::new())), Ok(Dict::new()));
        assert_eq!(get(vec![0; 12]), Ok(Dict::new()));
        let mut kept = Writer::default();
        Kept::put(&Dict::new(), &mut kept);
        assert_eq!(kept.into_bytes(), [0; 12]);
    }

    #[test]
    fn every_type_comes_back_as_it_was_sent() {
        let dict = Dict::new()
            .with("untyped", Value::Untyped(IoBuf::from_static(b"1\0")))
            .with("int", -5i64)
            .with("uint", u64::MAX)
            .with("double", 1.5)
            .with("str", "")
            .with("bytes", vec![0, 1, 0])
            .with("uuid", Gfid::ROOT)
            .with("iatt", Iatt { size: 7, ..Iatt::default() })
            .with("mdata", Mdata { ctime: 9, ..Mdata::default() });
        let back = get(put(&dict)).unwrap();
        assert!(dict.iter().all(|(key, value)| back.get(key.as_str()) == Some(value)), "{back:?}");
        assert_eq!(back.len(), dict.len());
    }

    #[test]
    fn hostile_counts_and_tags_are_refused_before_anything_is_allocated() {
        let head = |size: u32, count: i32, pairs: u32| -> Vec<u8> {
            [size.to_be_bytes(), count.to_be_bytes(), pairs.to_be_bytes()].concat()
        };
        assert!(get(head(0, 1, u32::MAX)).is_err());
        assert!(get(head(0, -2, 0)).is_err());
        assert!(get([head(0, 1, 1), vec![0; 8], vec![0, 0, 0, 99]].concat()).is_err());
        let mut negative_key = put(&Dict::new().with("k", 1));
        negative_key[12..16].fill(0xff);
        assert!(get(negative_key).is_err());
    }

    #[test]
    fn a_dict_that_is_cut_anywhere_is_refused() {
        let whole = put(&Dict::new().with("key", "value").with("n", 1));
        for end in 0..whole.len() - 3 {
            assert!(get(whole[..end].to_vec()).is_err(), "{end} bytes");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = get(bytes);
        }

        #[test]
        fn the_size_word_counts_what_follows_the_head(
            pairs in prop::collection::vec(("[a-z.]{1,12}", prop::collection::vec(any::<u8>(), 0..20)), 1..10),
        ) {
            let dict: Dict = pairs.into_iter().collect();
            let bytes = put(&dict);
            let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            prop_assert_eq!(size, bytes.len() - 12);
            prop_assert_eq!(get(bytes).unwrap().len(), dict.len());
        }
    }
}
