//! Buffers for payloads, kept for reuse by size class.

use std::sync::Mutex;

/// Buffers below this come straight from the allocator, which is as fast for them.
const SMALLEST: usize = 16 * 1024;
/// Beyond its power of two a buffer has room for the head of the record that brings such a payload.
const HEAD: usize = 4 * 1024;
/// Size classes: 16 KiB, 32 KiB … 1 MiB, and a head; larger ones are not kept.
const CLASSES: usize = 7;
/// Bytes kept in a class: what few large payloads need at a time, or many small ones.
const KEPT: usize = 2 * 1024 * 1024;

static FREE: [Mutex<Vec<Vec<u8>>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

fn class(len: usize) -> Option<usize> {
    let units = len.saturating_sub(HEAD).div_ceil(SMALLEST).next_power_of_two();
    let class = units.trailing_zeros() as usize;
    (len >= SMALLEST && class < CLASSES).then_some(class)
}

const fn capacity(class: usize) -> usize {
    (SMALLEST << class) + HEAD
}

/// `len` initialised bytes, perhaps used before.
pub(crate) fn take(len: usize) -> Vec<u8> {
    let Some(class) = class(len) else { return vec![0; len] };
    let kept = FREE[class].lock().expect("no panic under it").pop();
    let mut bytes = kept.unwrap_or_else(|| vec![0; capacity(class)]);
    bytes.truncate(len);
    bytes.resize(len, 0);
    bytes
}

/// Keeps a buffer for reuse, where its size is one that is kept.
pub(crate) fn give_back(mut bytes: Vec<u8>) {
    let len = bytes.capacity();
    if let Some(class) = class(len).filter(|class| capacity(*class) == len) {
        let mut free = FREE[class].lock().expect("no panic under it");
        if free.len() < KEPT / (SMALLEST << class) {
            // Initialised once, kept initialised: growing within the capacity writes only what was cut off.
            bytes.resize(len, 0);
            free.push(bytes);
        }
    }
}

/// The first `len` bytes of a buffer that goes back to the pool when the last slice of it is gone.
#[derive(Debug)]
pub(crate) struct Pooled {
    bytes: Vec<u8>,
    len: usize,
}

impl Pooled {
    pub(crate) fn new(bytes: Vec<u8>, len: usize) -> Self {
        Self { bytes, len }
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_with_its_head_takes_a_buffer_of_the_payloads_class() {
        for power in [SMALLEST, 128 << 10, 1 << 20] {
            let class = class(power);
            assert!(class.is_some());
            assert_eq!(super::class(power + 200), class);
            assert_eq!(take(power + 200).capacity(), power + HEAD);
        }
        assert_eq!((class(SMALLEST - 1), class((1 << 20) + HEAD + 1)), (None, None));
    }

    #[test]
    fn what_is_kept_is_bounded_in_bytes_and_used_again_initialised() {
        let class = class(1 << 20).unwrap();
        let many: Vec<_> = (0..5).map(|_| take(1 << 20)).collect();
        many.into_iter().for_each(give_back);
        assert_eq!(FREE[class].lock().unwrap().len() << 20, KEPT);
        let mut again = take(SMALLEST << class);
        again[0] = 1;
        again.truncate(1);
        give_back(again);
        assert_eq!(take(1 << 20).len(), 1 << 20);
    }
}
