//! Packing: values into bytes, payloads left where they are.

use super::{Carry, Objects};
use crate::IoBuf;

/// A buffer of this many bytes or more is shared rather than copied into the bytes before it.
const WORTH_SHARING: usize = 1024;

/// Bytes that are being put together.
pub struct Pack<'o> {
    parcel: Parcel,
    objects: &'o mut dyn Objects,
}

/// Values as bytes: what was copied, and between it the payloads, which are counted only.
#[derive(Debug, Default)]
pub struct Parcel {
    bytes: Vec<u8>,
    /// Each with the place in `bytes` that it stands before.
    shared: Vec<(usize, IoBuf)>,
    shared_len: usize,
}

impl<'o> Pack<'o> {
    /// Nothing yet.
    pub fn new(objects: &'o mut dyn Objects) -> Self {
        Self { parcel: Parcel { bytes: Vec::with_capacity(512), ..Parcel::default() }, objects }
    }

    /// Adds a value.
    #[inline]
    pub fn put<T: Carry>(&mut self, value: &T) {
        value.pack(self);
    }

    /// Adds bytes whose number the reader knows.
    #[inline]
    pub fn put_raw(&mut self, bytes: &[u8]) {
        self.parcel.bytes.extend_from_slice(bytes);
    }

    /// Adds a length.
    ///
    /// One that does not fit cannot be sent: the record is far shorter.
    #[inline]
    pub fn put_len(&mut self, len: usize) {
        self.put_raw(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
    }

    /// Adds bytes and their number.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_len(bytes.len());
        self.put_raw(bytes);
    }

    /// As [`put_bytes`](Self::put_bytes), without a copy when that is worth it.
    pub fn put_buffer(&mut self, buffer: &IoBuf) {
        if buffer.len() < WORTH_SHARING {
            return self.put_bytes(buffer);
        }
        self.put_len(buffer.len());
        self.parcel.shared.push((self.parcel.bytes.len(), buffer.clone()));
        self.parcel.shared_len += buffer.len();
    }

    /// Who gives out the numbers of objects.
    pub fn objects(&mut self) -> &mut dyn Objects {
        self.objects
    }

    /// What was put together.
    #[must_use]
    pub fn done(self) -> Parcel {
        self.parcel
    }
}

impl std::fmt::Debug for Pack<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.parcel.fmt(f)
    }
}

impl Parcel {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared_len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, piece after piece.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.shared.iter().map(|(at, _)| *at));
        let ends = self.shared.iter().map(|(at, _)| *at).chain(std::iter::once(self.bytes.len()));
        let copied = starts.zip(ends).map(|(start, end)| &self.bytes[start..end]);
        let shared = self.shared.iter().map(|(_, buffer)| &buffer[..]).chain(std::iter::once(&[][..]));
        copied.zip(shared).flat_map(|(copied, shared)| [copied, shared])
    }

    /// Adds what another parcel holds.
    pub fn append(&mut self, other: Self) {
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.shared.extend(other.shared.into_iter().map(|(at, buffer)| (before + at, buffer)));
        self.shared_len += other.shared_len;
    }

    /// The bytes in a row, copied.
    #[must_use]
    pub fn to_iobuf(&self) -> IoBuf {
        let mut all = Vec::with_capacity(self.len());
        self.pieces().for_each(|piece| all.extend_from_slice(piece));
        IoBuf::from(all)
    }
}
