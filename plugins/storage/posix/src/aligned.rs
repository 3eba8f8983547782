//! Aligned: buffers as a file wants them that is open past the page cache.

use plugin_api::IoBufMut;

/// The largest block that disks and file systems ask for.
pub(crate) const ALIGN: usize = 4096;

/// Room for `size` bytes in a longer buffer, and where it begins.
pub(crate) fn room(size: usize) -> (IoBufMut, usize) {
    let buffer = IoBufMut::with_len(size + ALIGN);
    let start = buffer.as_ptr().addr().next_multiple_of(ALIGN) - buffer.as_ptr().addr();
    (buffer, start)
}

/// All of `data` in one place.
pub(crate) fn copied(data: &[&[u8]]) -> (IoBufMut, std::ops::Range<usize>) {
    let size = data.iter().map(|slice| slice.len()).sum();
    let (mut buffer, start) = room(size);
    let mut at = start;
    for slice in data {
        buffer[at..at + slice.len()].copy_from_slice(slice);
        at += slice.len();
    }
    (buffer, start..at)
}

/// Whether each slice begins and ends where a block does.
pub(crate) fn is_aligned(data: &[&[u8]]) -> bool {
    data.iter().all(|slice| slice.as_ptr().addr() % ALIGN == 0 && slice.len() % ALIGN == 0)
}
