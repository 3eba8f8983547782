//! Buffers for payloads, kept for reuse by size class.

use std::sync::Mutex;

/// Buffers below this come straight from the allocator, which is as fast for them.
const SMALLEST: usize = 16 * 1024;
/// Size classes: 16 KiB, 32 KiB … 1 MiB; larger ones are not kept.
const CLASSES: usize = 7;
/// Buffers kept in a class.
const KEPT: usize = 32;

static FREE: [Mutex<Vec<Vec<u8>>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

fn class(len: usize) -> Option<usize> {
    let units = len.div_ceil(SMALLEST).next_power_of_two();
    let class = units.trailing_zeros() as usize;
    (len >= SMALLEST && class < CLASSES).then_some(class)
}

/// `len` initialised bytes, perhaps used before.
pub(crate) fn take(len: usize) -> Vec<u8> {
    let Some(class) = class(len) else { return vec![0; len] };
    let kept = FREE[class].lock().expect("no panic under it").pop();
    let mut bytes = kept.unwrap_or_else(|| vec![0; SMALLEST << class]);
    bytes.truncate(len);
    bytes.resize(len, 0);
    bytes
}

/// Keeps a buffer for reuse, where its size is one that is kept.
pub(crate) fn give_back(mut bytes: Vec<u8>) {
    let capacity = bytes.capacity();
    if let Some(class) = class(capacity).filter(|class| SMALLEST << class == capacity) {
        let mut free = FREE[class].lock().expect("no panic under it");
        if free.len() < KEPT {
            // Initialised once, kept initialised: growing within the capacity writes only what was cut off.
            bytes.resize(capacity, 0);
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
