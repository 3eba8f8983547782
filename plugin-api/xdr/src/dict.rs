//! The serialized dict: what the management programs and the handshake put into an opaque.

use plugin_api::{Dict, IoBuf, Key, Value};

use crate::{Codec, Fault, Reader, Writer, Xdr, XdrError};

/// More pairs than any sender has: a volume of ten thousand bricks needs a tenth of it in a status reply.
const MAX_PAIRS: usize = 1 << 20;

/// The least that a pair takes: two lengths and the key's NUL.
const SMALLEST_PAIR: usize = 9;

/// Reads a dict; its keys and values share `bytes`. Bytes behind the last pair are ignored, no bytes at all are no
/// dict, which is the same as an empty one.
///
/// Every value is [`Value::Untyped`], since no types are sent. Pairs stand in the order they came in, so that a dict
/// that is read and written comes out reversed, as the incumbent's do.
/// # Errors
/// When a count or a length is negative or leads beyond the end, or a key does not end with its NUL.
pub fn decode(bytes: &IoBuf) -> Result<Dict, XdrError> {
    let mut dict = Dict::new();
    if bytes.is_empty() {
        return Ok(dict);
    }
    let r = &mut Reader::new(bytes);
    let count = get_length(r)?;
    if count > MAX_PAIRS {
        return Err(Fault::TooMany { count, limit: MAX_PAIRS }.into());
    }
    if count > r.left() / SMALLEST_PAIR {
        return Err(Fault::Short { wanted: count * SMALLEST_PAIR, left: r.left() }.into());
    }
    for _ in 0..count {
        let (key_len, value_len) = (get_length(r)?, get_length(r)?);
        let key = r.shared(key_len)?;
        if r.bytes(1)? != [0] || key.contains(&0) {
            return Err(Fault::Unterminated.into());
        }
        dict.push(Key::new(key), Value::Untyped(r.shared(value_len)?));
    }
    Ok(dict)
}

fn get_length(r: &mut Reader<'_>) -> Result<usize, XdrError> {
    let length = i32::get(r)?;
    usize::try_from(length).map_err(|_| Fault::Negative(length).into())
}

/// Writes a dict, the newest pair first. An empty one takes four bytes.
///
/// Numbers are text; texts and numbers have their NUL counted. Attributes and times of the ctime feature have no form
/// here: such a pair is left out.
pub fn encode(dict: &Dict) -> Vec<u8> {
    let mut w = Writer::default();
    put_pairs(dict, &mut w);
    w.into_bytes()
}

fn put_pairs(dict: &Dict, w: &mut Writer) {
    let count_at = w.len();
    0u32.put(w);
    let mut count = 0;
    for (key, value) in dict.iter().rev() {
        if put_pair(key, value, w) {
            count += 1;
        }
    }
    w.patch(count_at, count);
}

fn put_pair(key: &Key, value: &Value, w: &mut Writer) -> bool {
    let mut number = [0; 24];
    let mut text = |n: &dyn std::fmt::Display| -> usize {
        use std::io::Write;
        let mut left = &mut number[..];
        write!(left, "{n}").map(|()| 24 - left.len()).unwrap_or_default()
    };
    let double;
    let (bytes, terminated): (&[u8], bool) = match value {
        Value::Untyped(bytes) | Value::Bytes(bytes) => (bytes, false),
        Value::Str(bytes) => (bytes, true),
        Value::Uuid(id) => (&id.0, false),
        Value::Int(n) => {
            let len = text(n);
            (&number[..len], true)
        }
        Value::Uint(n) => {
            let len = text(n);
            (&number[..len], true)
        }
        Value::Double(n) => {
            double = format!("{n:.6}");
            (double.as_bytes(), true)
        }
        Value::Iatt(_) | Value::Mdata(_) => return false,
    };
    w.length(key.as_bytes().len());
    w.length(bytes.len() + usize::from(terminated));
    w.raw(key.as_bytes());
    w.raw(&[0]);
    w.raw(bytes);
    if terminated {
        w.raw(&[0]);
    }
    true
}

/// A serialized dict in an opaque; an empty one is an opaque of no bytes.
#[derive(Debug)]
pub struct Serialized;

/// A serialized dict in an opaque; an empty one is a count of 0, four bytes.
#[derive(Debug)]
pub struct Counted;

impl Codec<Dict> for Serialized {
    fn get(r: &mut Reader<'_>) -> Result<Dict, XdrError> {
        decode(&r.shared_opaque(usize::MAX)?)
    }

    fn put(value: &Dict, w: &mut Writer) {
        if value.is_empty() { 0u32.put(w) } else { Counted::put(value, w) }
    }
}

impl Codec<Dict> for Counted {
    fn get(r: &mut Reader<'_>) -> Result<Dict, XdrError> {
        Serialized::get(r)
    }

    fn put(value: &Dict, w: &mut Writer) {
        let length_at = w.len();
        0u32.put(w);
        put_pairs(value, w);
        let len = w.len() - length_at - 4;
        w.patch(length_at, u32::try_from(len).unwrap_or(u32::MAX));
        w.pad(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the incumbent's command line sends for `volume info r3`.
    const INFO: [u8; 39] = *b"\0\0\0\x02\0\0\0\x05\0\0\0\x02flags\x002\0\0\0\0\x07\0\0\0\x03volname\0r3\0";

    #[test]
    fn the_key_set_last_is_sent_first() {
        let dict = Dict::new().with("volname", "r3").with("flags", 2);
        assert_eq!(encode(&dict), INFO);
    }

    #[test]
    fn a_dict_that_is_read_and_written_comes_out_reversed() {
        let dict = decode(&IoBuf::from_static(&INFO)).unwrap();
        assert_eq!((dict.str("volname"), dict.int("flags")), (Some("r3"), Some(2)));
        let keys: Vec<_> =
            decode(&encode(&dict).into()).unwrap().iter().map(|(k, _)| k.as_str().to_owned()).collect();
        assert_eq!(keys, ["volname", "flags"]);
    }

    #[test]
    fn values_have_the_forms_seen_on_the_wire() {
        let of = |value: Value| encode(&Dict::new().with("k", value))[14..].to_vec();
        assert_eq!(of(Value::Int(-1)), b"-1\0");
        assert_eq!(of(Value::Uint(u64::MAX)), b"18446744073709551615\0");
        assert_eq!(of(Value::Double(55398.0)), b"55398.000000\0");
        assert_eq!(of(Value::str("")), b"\0");
        assert_eq!(of(Value::bytes(vec![1, 0, 2])), [1, 0, 2]);
        assert_eq!(encode(&Dict::new().with("k", plugin_api::Mdata::default())), [0; 4]);
    }

    #[test]
    fn no_bytes_are_no_dict_and_bytes_behind_it_are_ignored() {
        assert!(decode(&IoBuf::new()).unwrap().is_empty());
        assert_eq!(decode(&IoBuf::from([&INFO[..], &[1, 2]].concat())).unwrap().len(), 2);
    }

    #[test]
    fn of_two_equal_keys_the_last_one_counts() {
        let twice = [&[0, 0, 0, 2][..], &pair(1, 1, b"k\x001"), &pair(1, 1, b"k\x002")].concat();
        assert_eq!(decode(&twice.into()).unwrap().int("k"), Some(2));
    }

    fn pair(key: i32, value: i32, bytes: &[u8]) -> Vec<u8> {
        [&key.to_be_bytes()[..], &value.to_be_bytes(), bytes].concat()
    }

    #[test]
    fn hostile_dicts_are_refused() {
        let one = |pair: Vec<u8>| IoBuf::from([&[0, 0, 0, 1][..], &pair].concat());
        for hostile in [
            IoBuf::from(vec![0, 0, 0]),
            IoBuf::from(vec![0xff; 4]),
            IoBuf::from(vec![0x7f, 0xff, 0xff, 0xff]),
            one(pair(-1, 2, b"key\0v\0")),
            one(pair(3, -2, b"key\0v\0")),
            one(pair(i32::MAX, 2, b"key\0v\0")),
            one(pair(3, i32::MAX, b"key\0v\0")),
            one(pair(3, 2, b"keyXv\0")),
            one(pair(3, 2, b"k\0y\0v\0")),
            one(pair(3, 2, b"key\0v")),
        ] {
            assert!(decode(&hostile).is_err(), "{:?}", &hostile[..]);
        }
    }

    #[test]
    fn a_dict_that_is_cut_anywhere_is_refused() {
        for end in 1..INFO.len() {
            assert!(decode(&IoBuf::copy_from_slice(&INFO[..end])).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn the_two_forms_of_an_empty_dict() {
        let put = |codec: fn(&Dict, &mut Writer)| {
            let mut w = Writer::default();
            codec(&Dict::new(), &mut w);
            w.into_bytes()
        };
        assert_eq!(put(Serialized::put), [0; 4]);
        assert_eq!(put(Counted::put), [0, 0, 0, 4, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&IoBuf::from(bytes));
        }

        #[test]
        fn what_is_written_is_read(pairs in prop::collection::vec(("[a-z.-]{1,20}", any::<i64>()), 0..20)) {
            let dict: Dict = pairs.into_iter().collect();
            let back = decode(&encode(&dict).into()).unwrap();
            prop_assert_eq!(back.len(), dict.len());
            for (key, value) in dict.iter() {
                prop_assert_eq!(back.int(key.as_str()), value.as_i64());
            }
        }
    }
}
