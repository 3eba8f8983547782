//! The typed key-value map that rides on a fop as xdata and carries xattrs and management requests.

use std::fmt;

use abi_stable::StableAbi;
use abi_stable::std_types::{RBox, RVec};

use crate::abi::pairs::Pairs;
use crate::carry::Carry;
use crate::{Gfid, Iatt, IoBuf, Mdata};

/// A value with the type that its sender gave it; types are kept, since disperse clients compare them.
///
/// # Source
/// GlusterFS 10, the arms of `gfx_value`. The variants never change within plugin-api 1.x.
#[repr(u8)]
#[derive(StableAbi, Carry, Debug, Clone, PartialEq)]
pub enum Value {
    /// Untyped bytes, as every value of a serialized dict is; a text holds its NUL.
    Untyped(IoBuf),
    /// A signed number of any width.
    Int(i64),
    /// An unsigned number of any width.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// A text, without the NUL that it has on the wire.
    Str(IoBuf),
    /// Raw bytes: the value of an xattr on disk.
    Bytes(IoBuf),
    /// A file id.
    Uuid(Gfid),
    /// Attributes.
    Iatt(RBox<Iatt>),
    /// The three times of the ctime feature.
    Mdata(Mdata),
}

impl Value {
    /// A text.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(IoBuf::from(text.into()))
    }

    /// Raw bytes.
    pub fn bytes(bytes: impl Into<IoBuf>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// The bytes of a text, of raw bytes, of an untyped value or of a file id, as they are; `None` for numbers.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Untyped(b) | Self::Str(b) | Self::Bytes(b) => Some(b),
            Self::Uuid(id) => Some(&id.0),
            _ => None,
        }
    }

    /// The text up to its first NUL, if it is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        let bytes = self.as_bytes()?;
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        std::str::from_utf8(&bytes[..end]).ok()
    }

    /// The number, read leniently as GlusterFS does: a text gives the number it starts with (decimal, `0x` or octal).
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            Self::Uint(n) => Some(i64::from_ne_bytes(n.to_ne_bytes())),
            Self::Double(_) | Self::Uuid(_) | Self::Iatt(_) | Self::Mdata(_) => None,
            Self::Untyped(_) | Self::Str(_) | Self::Bytes(_) => leading_number(self.as_str()?),
        }
    }

    /// As [`as_i64`](Self::as_i64), for a number that cannot be negative; numbers above `i64::MAX` keep their bits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i64().map(|n| u64::from_ne_bytes(n.to_ne_bytes()))
    }

    /// Whether the value says yes: a number that is not 0, or `1`, `on`, `yes`, `true`, `enable` in any case.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Int(_) | Self::Uint(_) = self {
            return self.as_i64().map(|n| n != 0);
        }
        match self.as_str()?.to_ascii_lowercase().as_str() {
            "1" | "on" | "yes" | "true" | "enable" => Some(true),
            "0" | "off" | "no" | "false" | "disable" => Some(false),
            _ => None,
        }
    }

    /// The file id, from its own type or from 16 raw bytes.
    #[must_use]
    pub fn as_gfid(&self) -> Option<Gfid> {
        Gfid::from_slice(self.as_bytes()?)
    }
}

fn leading_number(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'0'..=b'7', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let magnitude = i128::from_str_radix(&digits[..end], radix).ok()?;
    let n = if negative { -magnitude } else { magnitude };
    // An unsigned 64-bit number keeps its bits.
    i64::try_from(n).ok().or_else(|| u64::try_from(n).ok().map(|n| i64::from_ne_bytes(n.to_ne_bytes())))
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr),* $(,)?) => {
        $(impl From<$from> for Value { fn from($v: $from) -> Self { $to } })*
    };
}

value_from! {
    i32 => |v| Self::Int(i64::from(v)),
    i64 => |v| Self::Int(v),
    u32 => |v| Self::Uint(u64::from(v)),
    u64 => |v| Self::Uint(v),
    f64 => |v| Self::Double(v),
    &str => |v| Self::str(v),
    String => |v| Self::str(v),
    IoBuf => |v| Self::Bytes(v),
    Vec<u8> => |v| Self::Bytes(IoBuf::from(v)),
    Gfid => |v| Self::Uuid(v),
    Iatt => |v| Self::Iatt(RBox::new(v)),
    Mdata => |v| Self::Mdata(v),
}

/// A key: text, shared like a payload so that a decoded dict copies nothing.
#[repr(transparent)]
#[derive(StableAbi, Clone, PartialEq, Eq, Default)]
pub struct Key(IoBuf);

impl Key {
    /// The key in `bytes`, without a NUL.
    #[must_use]
    pub fn new(bytes: IoBuf) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key as text; empty when it is not UTF-8, which no key that GlusterFS knows is.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl From<&'static str> for Key {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

mod pair {
    //! Public only as far as the layout check has to see it.
    use super::{Key, StableAbi, Value};

    #[repr(C)]
    #[derive(StableAbi, Debug, Clone, PartialEq)]
    pub struct Pair {
        pub(super) key: Key,
        pub(super) value: Value,
    }
}
pub(crate) use pair::Pair;

/// An ordered map of keys to typed values. Empty and absent are the same, and cost nothing.
///
/// Cloning counts; the first change of a shared dict copies its pairs (never their bytes). Order is the order of
/// insertion; on the wire GlusterFS sends the newest pair first, which the codecs do.
#[repr(transparent)]
#[derive(StableAbi, Clone, Default)]
pub struct Dict(Pairs);

impl Dict {
    /// No pairs.
    #[must_use]
    pub const fn new() -> Self {
        Self(Pairs::NONE)
    }

    fn pairs(&self) -> &[Pair] {
        self.0.get()
    }

    fn pairs_mut(&mut self) -> &mut RVec<Pair> {
        self.0.get_mut()
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs().is_empty()
    }

    /// The value of `key`; where a sender gave a key twice, the last one it sent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.pairs().iter().rev().find(|pair| pair.key.as_bytes() == key.as_bytes()).map(|pair| &pair.value)
    }

    /// Whether `key` is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The text of `key`.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The number of `key`.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    /// The unsigned number of `key`.
    #[must_use]
    pub fn uint(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// The file id of `key`.
    #[must_use]
    pub fn gfid(&self, key: &str) -> Option<Gfid> {
        self.get(key)?.as_gfid()
    }

    /// Sets `key`; a pair that is there keeps its place.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        let pairs = self.pairs_mut();
        match pairs.iter_mut().rev().find(|pair| pair.key == key) {
            Some(pair) => pair.value = value,
            None => pairs.push(Pair { key, value }),
        }
    }

    /// As [`set`](Self::set), handing the dict on: for building one in an expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Adds a pair without looking whether the key is there: for decoders and for large dicts.
    pub fn push(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.pairs_mut().push(Pair { key: key.into(), value: value.into() });
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.pairs().iter().rposition(|pair| pair.key.as_bytes() == key.as_bytes())?;
        Some(self.pairs_mut().remove(at).value)
    }

    /// The pairs, oldest first; `rev` gives the order of the wire.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &Value)> + ExactSizeIterator {
        self.pairs().iter().map(|pair| (&pair.key, &pair.value))
    }

    /// Keeps the pairs for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &Value) -> bool) {
        if !self.is_empty() {
            self.pairs_mut().retain(|pair| keep(&pair.key, &pair.value));
        }
    }
}

impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.pairs() == other.pairs()
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut dict = Self::new();
        pairs.into_iter().for_each(|(key, value)| dict.set(key, value));
        dict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_does_not_see_later_changes() {
        let mut one = Dict::new().with("a", 1);
        let two = one.clone();
        one.set("a", 2);
        assert_eq!((one.int("a"), two.int("a")), (Some(2), Some(1)));
    }

    #[test]
    fn the_last_of_two_equal_keys_is_found() {
        let mut dict = Dict::new();
        dict.push("k", 1);
        dict.push("k", 2);
        assert_eq!(dict.int("k"), Some(2));
    }

    #[test]
    fn numbers_are_read_from_text_as_the_incumbent_reads_them() {
        let number = |text: &str| Value::str(text).as_i64();
        assert_eq!(number("12 apples"), Some(12));
        assert_eq!(number("-1"), Some(-1));
        assert_eq!(number("0x10"), Some(16));
        assert_eq!(number("010"), Some(8));
        assert_eq!(number("apples"), None);
        assert_eq!(Value::str("18446744073709551615").as_u64(), Some(u64::MAX));
        assert_eq!(Value::Untyped(IoBuf::from_static(b"7\0")).as_i64(), Some(7));
    }
}
