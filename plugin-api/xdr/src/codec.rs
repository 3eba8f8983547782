//! The XDR core: a cursor over a record, a growing encoder, and the codecs of XDR's own types.

use std::marker::PhantomData;
use std::ops::Deref;

use plugin_api::{Gfid, Iatt, IoBuf, Mdata};

/// What was wrong with a message, and in which field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct XdrError {
    /// The field, as `Message.field`; `message` where the message as a whole is meant.
    pub field: &'static str,
    /// What was wrong.
    pub fault: Fault,
}

/// The ways in which bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The message ends too early.
    #[error("{left} bytes are left, {wanted} were expected")]
    Short {
        /// How many bytes were to come, by fixed size or by the length that the sender claimed.
        wanted: usize,
        /// How many there were.
        left: usize,
    },
    /// A length above the limit of its field.
    #[error("{len} bytes, at most {limit} were expected")]
    TooLong {
        /// The length that was claimed.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// More items than any sender has.
    #[error("{count} items, at most {limit} were expected")]
    TooMany {
        /// The count that was claimed.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A length or a count below zero.
    #[error("a length of {0}")]
    Negative(i32),
    /// A text that is no UTF-8 or holds a NUL.
    #[error("no text: UTF-8 without a NUL was expected")]
    NotText,
    /// A key without its NUL, or with one inside.
    #[error("a key does not end where its length says")]
    Unterminated,
    /// A tag that means nothing.
    #[error("the tag {0} means nothing here")]
    UnknownTag(i64),
}

impl XdrError {
    /// Names the field, unless a field inside it is named already.
    #[must_use]
    pub fn at(mut self, field: &'static str) -> Self {
        if self.field == WHOLE {
            self.field = field;
        }
        self
    }
}

const WHOLE: &str = "message";

impl From<Fault> for XdrError {
    fn from(fault: Fault) -> Self {
        Self { field: WHOLE, fault }
    }
}

/// A type with one form on the wire.
pub trait Xdr: Sized {
    /// Reads one.
    /// # Errors
    /// When the bytes are none; the cursor is then anywhere.
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError>;

    /// Writes it.
    fn put(&self, w: &mut Writer);
}

/// A form on the wire for a `T` that has several, or one with a limit.
pub trait Codec<T> {
    /// Reads one.
    /// # Errors
    /// When the bytes are none; the cursor is then anywhere.
    fn get(r: &mut Reader<'_>) -> Result<T, XdrError>;

    /// Writes it.
    fn put(value: &T, w: &mut Writer);
}

/// The message in `body`; bytes behind it are ignored, as the incumbent does.
/// # Errors
/// When the bytes are no such message.
pub fn decode<T: Xdr>(body: &IoBuf) -> Result<T, XdrError> {
    T::get(&mut Reader::new(body))
}

/// The bytes of a message.
pub fn encode<T: Xdr>(message: &T) -> Vec<u8> {
    let mut w = Writer::default();
    message.put(&mut w);
    w.into_bytes()
}

/// A cursor over a record; what it hands out shares the record's memory.
#[derive(Debug)]
pub struct Reader<'a> {
    buf: &'a IoBuf,
    at: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `buf`.
    #[must_use]
    pub fn new(buf: &'a IoBuf) -> Self {
        Self { buf, at: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.buf.len() - self.at
    }

    /// The next `len` bytes, borrowed.
    /// # Errors
    /// When there are fewer.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], XdrError> {
        if len > self.left() {
            return Err(Fault::Short { wanted: len, left: self.left() }.into());
        }
        let bytes = &self.buf[self.at..self.at + len];
        self.at += len;
        Ok(bytes)
    }

    /// The next `len` bytes, shared.
    /// # Errors
    /// When there are fewer.
    pub fn shared(&mut self, len: usize) -> Result<IoBuf, XdrError> {
        let start = self.at;
        self.bytes(len)?;
        Ok(if len == 0 { IoBuf::new() } else { self.buf.slice(start..start + len) })
    }

    /// The next `N` bytes.
    /// # Errors
    /// When there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], XdrError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// A length word, no larger than `limit` and than what is left.
    /// # Errors
    /// When it is larger.
    pub fn length(&mut self, limit: usize) -> Result<usize, XdrError> {
        let len = usize::try_from(u32::get(self)?).unwrap_or(usize::MAX);
        if len > limit {
            return Err(Fault::TooLong { len, limit }.into());
        }
        if len > self.left() {
            return Err(Fault::Short { wanted: len, left: self.left() }.into());
        }
        Ok(len)
    }

    /// Variable-length opaque data, borrowed, of at most `limit` bytes.
    /// # Errors
    /// When it is longer, or longer than what is left.
    pub fn opaque(&mut self, limit: usize) -> Result<&'a [u8], XdrError> {
        let len = self.length(limit)?;
        let bytes = self.bytes(len)?;
        self.pad(len);
        Ok(bytes)
    }

    /// As [`opaque`](Self::opaque), shared.
    /// # Errors
    /// As there.
    pub fn shared_opaque(&mut self, limit: usize) -> Result<IoBuf, XdrError> {
        let len = self.length(limit)?;
        let bytes = self.shared(len)?;
        self.pad(len);
        Ok(bytes)
    }

    /// Skips the padding behind `len` bytes; a message may end without it.
    fn pad(&mut self, len: usize) {
        self.at = (self.at + padding(len)).min(self.buf.len());
    }

    /// Everything that is left, shared.
    #[must_use]
    pub fn rest(&mut self) -> IoBuf {
        let rest = if self.left() == 0 { IoBuf::new() } else { self.buf.slice(self.at..) };
        self.at = self.buf.len();
        rest
    }
}

const fn padding(len: usize) -> usize {
    (4 - len % 4) % 4
}

/// A growing message.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A writer that goes on behind `out`: give the same allocation back to reuse it.
    #[must_use]
    pub fn new(out: Vec<u8>) -> Self {
        Self { out }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Bytes as they are: no length, no padding.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length word. More than 4 GiB cannot be said and becomes all ones; the record limit refuses it before it leaves.
    pub fn length(&mut self, len: usize) {
        u32::try_from(len).unwrap_or(u32::MAX).put(self);
    }

    /// Variable-length opaque data: length, bytes, padding.
    pub fn opaque(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
        self.pad(bytes.len());
    }

    /// The zero bytes behind `len` bytes of opaque data.
    pub fn pad(&mut self, len: usize) {
        self.raw(&[0; 3][..padding(len)]);
    }

    /// Writes `word` over the four bytes at `at`, which were written before.
    pub(crate) fn patch(&mut self, at: usize, word: u32) {
        if let Some(place) = self.out.get_mut(at..at + 4) {
            place.copy_from_slice(&word.to_be_bytes());
        }
    }
}

macro_rules! words {
    ($($ty:ty),*) => {$(
        impl Xdr for $ty {
            fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
                r.array().map(Self::from_be_bytes)
            }

            fn put(&self, w: &mut Writer) {
                w.raw(&self.to_be_bytes());
            }
        }
    )*};
}

words!(u32, i32, u64, i64, f64);

impl Xdr for Gfid {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        r.array().map(Self)
    }

    fn put(&self, w: &mut Writer) {
        w.raw(&self.0);
    }
}

foreign_record!(Iatt {
    gfid,
    flags,
    ino,
    dev,
    rdev,
    size,
    blocks,
    attributes,
    attributes_mask,
    atime,
    mtime,
    ctime,
    btime,
    atime_nsec,
    mtime_nsec,
    ctime_nsec,
    btime_nsec,
    nlink,
    uid,
    gid,
    blksize,
    mode,
});

foreign_record!(Mdata { atime, mtime, ctime, atime_nsec, mtime_nsec, ctime_nsec });

/// Opaque data or a name of at most `MAX` bytes, shared with the record.
#[derive(Debug)]
pub struct Opaque<const MAX: usize>;

impl<const MAX: usize> Codec<IoBuf> for Opaque<MAX> {
    fn get(r: &mut Reader<'_>) -> Result<IoBuf, XdrError> {
        r.shared_opaque(MAX)
    }

    fn put(value: &IoBuf, w: &mut Writer) {
        w.opaque(value);
    }
}

/// A text of at most `MAX` bytes: UTF-8 without a NUL.
#[derive(Debug)]
pub struct Text<const MAX: usize>;

impl<const MAX: usize> Codec<String> for Text<MAX> {
    fn get(r: &mut Reader<'_>) -> Result<String, XdrError> {
        let bytes = r.opaque(MAX)?;
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        text.map(str::to_owned).ok_or(Fault::NotText.into())
    }

    fn put(value: &String, w: &mut Writer) {
        w.opaque(value.as_bytes());
    }
}

/// A text for people, of at most `MAX` bytes: what is no UTF-8 is shown as U+FFFD, and a NUL ends it.
#[derive(Debug)]
pub struct Lossy<const MAX: usize>;

impl<const MAX: usize> Codec<String> for Lossy<MAX> {
    fn get(r: &mut Reader<'_>) -> Result<String, XdrError> {
        let bytes = r.opaque(MAX)?;
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    fn put(value: &String, w: &mut Writer) {
        w.opaque(value.as_bytes());
    }
}

/// A uuid of the management programs: each of its 16 bytes in a word of its own, 64 bytes in all.
#[derive(Debug)]
pub struct UuidWords;

impl Codec<Gfid> for UuidWords {
    fn get(r: &mut Reader<'_>) -> Result<Gfid, XdrError> {
        let words: [u8; 64] = r.array()?;
        let mut id = [0; 16];
        for (byte, word) in id.iter_mut().zip(words.chunks_exact(4)) {
            *byte = word[3];
        }
        Ok(Gfid(id))
    }

    fn put(value: &Gfid, w: &mut Writer) {
        for byte in value.0 {
            w.raw(&[0, 0, 0, byte]);
        }
    }
}

/// The one form that a type has: what [`Xdr`] says.
#[derive(Debug)]
pub struct Plain;

impl<T: Xdr> Codec<T> for Plain {
    fn get(r: &mut Reader<'_>) -> Result<T, XdrError> {
        T::get(r)
    }

    fn put(value: &T, w: &mut Writer) {
        value.put(w);
    }
}

/// A linked list of XDR, its items in the form `C`: a 1 before each item, a 0 at the end.
#[derive(Debug)]
pub struct ListOf<C>(PhantomData<C>);

/// A linked list of items that have one form.
pub type List = ListOf<Plain>;

impl<T, C: Codec<T>, L> Codec<L> for ListOf<C>
where
    L: Default + Extend<T> + Deref<Target = [T]>,
{
    fn get(r: &mut Reader<'_>) -> Result<L, XdrError> {
        let mut items = L::default();
        while u32::get(r)? != 0 {
            items.extend([C::get(r)?]);
        }
        Ok(items)
    }

    fn put(value: &L, w: &mut Writer) {
        for item in value.iter() {
            1u32.put(w);
            C::put(item, w);
        }
        0u32.put(w);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_beyond_the_record_is_refused() {
        let buf = IoBuf::from(vec![0x7f, 0xff, 0xff, 0xff, 1, 2]);
        let fault = Reader::new(&buf).shared_opaque(usize::MAX).unwrap_err().fault;
        assert_eq!(fault, Fault::Short { wanted: 0x7fff_ffff, left: 2 });
    }

    #[test]
    fn an_opaque_shares_the_memory_of_its_record() {
        let buf = IoBuf::from(vec![0, 0, 0, 2, b'h', b'i', 0, 0, 9]);
        let mut r = Reader::new(&buf);
        let opaque = r.shared_opaque(8).unwrap();
        assert_eq!(opaque.as_ptr(), buf[4..].as_ptr());
        assert_eq!(&r.rest()[..], [9]);
    }

    #[test]
    fn a_field_has_its_own_limit() {
        let buf = IoBuf::from(vec![0, 0, 0, 4, 1, 2, 3, 4]);
        let fault = <Opaque<3> as Codec<IoBuf>>::get(&mut Reader::new(&buf)).unwrap_err().fault;
        assert_eq!(fault, Fault::TooLong { len: 4, limit: 3 });
    }

    #[test]
    fn a_management_uuid_takes_sixty_four_bytes() {
        let id: Gfid = "bfd778cb-eb4d-49b1-81ad-fac4966e48a1".parse().unwrap();
        let mut w = Writer::default();
        UuidWords::put(&id, &mut w);
        assert_eq!((w.len(), &w.out[..8]), (64, &[0, 0, 0, 0xbf, 0, 0, 0, 0xd7][..]));
        assert_eq!(UuidWords::get(&mut Reader::new(&IoBuf::from(w.into_bytes()))), Ok(id));
    }

    #[test]
    fn attributes_take_148_bytes() {
        assert_eq!(encode(&Iatt::default()).len(), 148);
    }
}
