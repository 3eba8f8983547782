//! Reference-counted payload slices that cross the line between libraries without a copy.

use std::fmt;
use std::ops::{Deref, DerefMut, RangeBounds};
use std::sync::Arc;

use abi_stable::StableAbi;

use super::shared::dropped;
use super::tally::{BUFFERS, Out};

/// How the owner of a buffer is counted; each library has its own, which outlives every buffer (code is never unloaded).
///
/// Grows at its end: what lies beyond `size` is not there.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct IoBufVtable {
    /// Bytes of this table.
    pub size: usize,
    /// One more user of `owner`; any thread.
    pub retain: unsafe extern "C" fn(owner: *const ()),
    /// One user less; the last one frees it in the library that made it. Any thread.
    pub release: unsafe extern "C" fn(owner: *const ()),
}

/// A slice of bytes that is shared and never changes.
///
/// Cloning and slicing count, they do not copy: a read travels from `pread` to the socket and a write from the socket
/// to `pwritev` in one of these.
#[repr(C)]
#[derive(StableAbi)]
pub struct IoBuf {
    ptr: *const u8,
    len: usize,
    owner: *const (),
    vtable: *const IoBufVtable,
}

// SAFETY: the bytes never change while an `IoBuf` exists and the count behind `owner` is atomic.
unsafe impl Send for IoBuf {}
// SAFETY: as above; all shared access is reading.
unsafe impl Sync for IoBuf {}

unsafe extern "C" fn keep(_: *const ()) {}

static FOREVER: IoBufVtable = IoBufVtable { size: size_of::<IoBufVtable>(), retain: keep, release: keep };

unsafe extern "C" fn arc_retain<T>(owner: *const ()) {
    // SAFETY: `owner` came from `Arc::into_raw` of an `Arc<T>` and the caller holds one count.
    unsafe { Arc::increment_strong_count(owner.cast::<T>()) }
}

unsafe extern "C" fn arc_release<T>(owner: *const ()) {
    // SAFETY: as above, and the caller gives its count up.
    let last = unsafe { Arc::from_raw(owner.cast::<T>()) };
    dropped(last);
}

struct ArcVtable<T>(std::marker::PhantomData<T>);

impl<T> ArcVtable<T> {
    const VTABLE: &'static IoBufVtable =
        &IoBufVtable { size: size_of::<IoBufVtable>(), retain: arc_retain::<T>, release: arc_release::<T> };
}

/// Whose bytes they are, and that they are out.
struct Owned<T> {
    owner: T,
    _out: Out,
}

impl IoBuf {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self::from_static(&[])
    }

    /// Bytes that live as long as the program.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len(), owner: std::ptr::null(), vtable: &raw const FOREVER }
    }

    /// The bytes of anything that can be shared, without a copy.
    pub fn from_owner<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Self {
        let len = owner.as_ref().len();
        let owned = Arc::new(Owned { owner, _out: Out::new(&BUFFERS, len) });
        let bytes = owned.owner.as_ref();
        let (ptr, len) = (bytes.as_ptr(), bytes.len());
        Self { ptr, len, owner: Arc::into_raw(owned).cast(), vtable: ArcVtable::<Owned<T>>::VTABLE }
    }

    /// A copy of `bytes`.
    #[must_use]
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::new() } else { Self::from_owner(bytes.to_vec()) }
    }

    /// The bytes in `range`, shared with this one.
    ///
    /// # Panics
    /// When `range` lies outside.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let part = &self[(range.start_bound().cloned(), range.end_bound().cloned())];
        let (ptr, len) = (part.as_ptr(), part.len());
        let mut shared = self.clone();
        shared.ptr = ptr;
        shared.len = len;
        shared
    }

    /// Takes the first `at` bytes off and returns them.
    ///
    /// # Panics
    /// When there are fewer than `at`.
    pub fn split_to(&mut self, at: usize) -> Self {
        let front = self.slice(..at);
        self.ptr = self[at..].as_ptr();
        self.len -= at;
        front
    }
}

impl Clone for IoBuf {
    #[inline]
    fn clone(&self) -> Self {
        if !self.owner.is_null() {
            // SAFETY: this value holds a count, and the vtable is one of a library that is never unloaded.
            unsafe { ((*self.vtable).retain)(self.owner) };
        }
        Self { ptr: self.ptr, len: self.len, owner: self.owner, vtable: self.vtable }
    }
}

impl Drop for IoBuf {
    #[inline]
    fn drop(&mut self) {
        // Bytes that live for ever have no owner to ask.
        if !self.owner.is_null() {
            // SAFETY: gives up the count that this value holds.
            unsafe { ((*self.vtable).release)(self.owner) }
        }
    }
}

impl Deref for IoBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `ptr` and `len` lie within the owner's bytes, which live while this value holds its count.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len) }
    }
}

impl AsRef<[u8]> for IoBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Default for IoBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for IoBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IoBuf({} bytes)", self.len)
    }
}

impl PartialEq for IoBuf {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for IoBuf {}

impl From<Vec<u8>> for IoBuf {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::new() } else { Self::from_owner(bytes) }
    }
}

impl From<String> for IoBuf {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<&'static str> for IoBuf {
    fn from(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}

/// Bytes that one owner fills and then shares with [`freeze`](Self::freeze).
///
/// The memory is always initialised, but not cleared between uses: what was not written may hold old bytes, so freeze
/// only what was filled.
#[derive(Debug)]
pub struct IoBufMut {
    bytes: Vec<u8>,
}

impl IoBufMut {
    /// Room for `len` bytes, all there to be written.
    #[must_use]
    pub fn with_len(len: usize) -> Self {
        Self { bytes: crate::sdk::bufpool::take(len) }
    }

    /// Shares the first `len` bytes.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    pub fn freeze(mut self, len: usize) -> IoBuf {
        assert!(len <= self.bytes.len(), "froze {len} of {} bytes", self.bytes.len());
        IoBuf::from_owner(crate::sdk::bufpool::Pooled::new(std::mem::take(&mut self.bytes), len))
    }
}

impl Drop for IoBufMut {
    fn drop(&mut self) {
        crate::sdk::bufpool::give_back(std::mem::take(&mut self.bytes));
    }
}

impl Deref for IoBufMut {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for IoBufMut {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_keeps_its_owner_alive_and_shares_its_bytes() {
        let whole = IoBuf::from(b"header payload".to_vec());
        let at = whole.as_ptr();
        let part = whole.slice(7..);
        drop(whole);
        assert_eq!(&part[..], b"payload");
        assert_eq!(part.as_ptr() as usize, at as usize + 7);
    }

    #[test]
    fn splitting_leaves_the_rest() {
        let mut rest = IoBuf::from(b"abcdef".to_vec());
        assert_eq!(&rest.split_to(2)[..], b"ab");
        assert_eq!(&rest[..], b"cdef");
    }

    #[test]
    fn freezing_shares_only_what_was_filled() {
        let mut room = IoBufMut::with_len(4096);
        room[..3].copy_from_slice(b"abc");
        assert_eq!(&room.freeze(3)[..], b"abc");
    }
}
