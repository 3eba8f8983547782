//! What is alive: frames, buffers, inodes and descriptors of this process's benches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use plugin_api::IoBuf;

/// Frames that translators and benches took and have not given back.
pub(crate) static FRAMES: AtomicI64 = AtomicI64::new(0);
/// Bytes of buffers that fakes handed out and that somebody holds.
static BUFFERS: AtomicI64 = AtomicI64::new(0);

/// What is alive of a bench and of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alive {
    /// Frames taken and not given back.
    pub frames: i64,
    /// Bytes of payloads from fakes that somebody holds.
    pub buffer_bytes: i64,
    /// Inodes, descriptors and clients that a bench's callers made and that somebody holds.
    pub objects: i64,
    /// Bytes that the whole process has from its allocator.
    pub memory: u64,
}

impl fmt::Display for Alive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, buffer_bytes, objects, .. } = self;
        write!(f, "{frames} frames, {objects} inodes and descriptors, {buffer_bytes} bytes of payload")
    }
}

impl Alive {
    /// What is alive in this process now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            frames: FRAMES.load(Ordering::Relaxed),
            buffer_bytes: BUFFERS.load(Ordering::Relaxed),
            objects: OBJECTS.load(Ordering::Relaxed),
            memory: memory(),
        }
    }

    /// Whether nothing is alive that was not before; memory is another matter, since it is kept for reuse.
    #[must_use]
    pub fn is_no_more_than(&self, before: &Self) -> bool {
        self.frames <= before.frames
            && self.buffer_bytes <= before.buffer_bytes
            && self.objects <= before.objects
    }
}

static OBJECTS: AtomicI64 = AtomicI64::new(0);

/// What one bench, or one fake, has made and somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    objects: AtomicI64,
    buffer_bytes: AtomicI64,
}

impl Counts {
    /// For the context of an inode or a descriptor: counts while that lives.
    pub(crate) fn object(self: &Arc<Self>) -> Counted {
        OBJECTS.fetch_add(1, Ordering::Relaxed);
        self.objects.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }

    /// A buffer that counts while anybody holds it.
    pub(crate) fn buffer(self: &Arc<Self>, bytes: Vec<u8>) -> IoBuf {
        let len = signed(bytes.len());
        BUFFERS.fetch_add(len, Ordering::Relaxed);
        self.buffer_bytes.fetch_add(len, Ordering::Relaxed);
        IoBuf::from_owner(Buffer { bytes, counts: self.clone() })
    }

    pub(crate) fn objects(&self) -> i64 {
        self.objects.load(Ordering::Relaxed)
    }

    pub(crate) fn buffer_bytes(&self) -> i64 {
        self.buffer_bytes.load(Ordering::Relaxed)
    }
}

/// Lies in a context of an inode or a descriptor, and so is dropped with it.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Counts>);

impl Drop for Counted {
    fn drop(&mut self) {
        OBJECTS.fetch_sub(1, Ordering::Relaxed);
        self.0.objects.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Buffer {
    bytes: Vec<u8>,
    counts: Arc<Counts>,
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let len = signed(self.bytes.len());
        BUFFERS.fetch_sub(len, Ordering::Relaxed);
        self.counts.buffer_bytes.fetch_sub(len, Ordering::Relaxed);
    }
}

fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Bytes in use of the allocator that all libraries of the process share.
#[allow(unsafe_code, reason = "asks the C library")]
fn memory() -> u64 {
    // SAFETY: has no conditions.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as u64
}
