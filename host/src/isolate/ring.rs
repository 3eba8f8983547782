//! A ring of records in shared memory: one end writes, the other reads, and neither believes the other.
//!
//! A record is its length in eight bytes, its bytes, and room up to the next multiple of eight. Each end keeps its own
//! position to itself and only publishes it; what the other end publishes is held against the size of the ring.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use plugin_api::carry::Parcel;
use plugin_api::{IoBuf, IoBufMut};

use super::shm::Map;

/// Bytes of one ring.
pub(super) const SIZE: usize = 4 << 20;
/// The longest record.
pub(super) const LONGEST: usize = SIZE / 2;
/// Bytes of the memory that holds both rings, and the words before them.
pub(super) const MEMORY: usize = WORDS + 2 * SIZE;

const WORDS: usize = 4096;
const LINE: usize = 64;

/// The two rings of a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// From the host to the translator's process.
    Out,
    /// From there to the host.
    Back,
}

/// The other end has broken the ring's rules: it is not to be trusted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its end of the ring is broken: {0}")]
pub(super) struct Broken(pub(super) &'static str);

/// The words of a ring, each in a cache line of its own.
#[derive(Debug, Clone)]
struct Words {
    map: Arc<Map>,
    lane: usize,
}

impl Words {
    fn new(map: Arc<Map>, lane: Lane) -> Self {
        Self { map, lane: lane as usize }
    }

    fn word(&self, at: usize) -> &std::sync::atomic::AtomicU64 {
        self.map.word(self.lane * 4 * LINE + at * LINE)
    }

    /// How far is written.
    fn head(&self) -> &std::sync::atomic::AtomicU64 {
        self.word(0)
    }

    /// How far is read.
    fn tail(&self) -> &std::sync::atomic::AtomicU64 {
        self.word(1)
    }

    /// 1 while the reader sleeps until it is rung.
    fn asleep(&self) -> &std::sync::atomic::AtomicU64 {
        self.word(2)
    }

    /// 1 while the writer waits for room.
    fn crowded(&self) -> &std::sync::atomic::AtomicU64 {
        self.word(3)
    }

    /// The place of `position` in the memory, and how many bytes lie there in a row.
    fn place(&self, position: u64) -> (usize, usize) {
        let within = usize::try_from(position % SIZE as u64).expect("less than the ring's size");
        (WORDS + self.lane * SIZE + within, SIZE - within)
    }

    fn copy_in(&self, position: u64, bytes: &[u8]) {
        let (at, row) = self.place(position);
        let (first, rest) = bytes.split_at(row.min(bytes.len()));
        self.map.copy_in(at, first);
        if !rest.is_empty() {
            self.map.copy_in(WORDS + self.lane * SIZE, rest);
        }
    }

    fn copy_out(&self, position: u64, bytes: &mut [u8]) {
        let (at, row) = self.place(position);
        let (first, rest) = bytes.split_at_mut(row.min(bytes.len()));
        self.map.copy_out(at, first);
        if !rest.is_empty() {
            self.map.copy_out(WORDS + self.lane * SIZE, rest);
        }
    }
}

/// Bytes in the ring that a record of `len` takes.
fn room_for(len: usize) -> u64 {
    8 + (len as u64).next_multiple_of(8)
}

/// The end that writes.
#[derive(Debug)]
pub(super) struct Writer {
    words: Words,
    head: u64,
}

impl Writer {
    pub(super) fn new(map: Arc<Map>, lane: Lane) -> Self {
        Self { words: Words::new(map, lane), head: 0 }
    }

    /// Writes a record, no longer than [`LONGEST`]; whether there was room.
    pub(super) fn push(&mut self, record: &Parcel) -> Result<bool, Broken> {
        let used = self.head.wrapping_sub(self.words.tail().load(Ordering::Acquire));
        let room = (SIZE as u64).checked_sub(used).ok_or(Broken("it read what was not written"))?;
        let needed = room_for(record.len());
        if needed > room {
            return Ok(false);
        }
        self.words.copy_in(self.head, &(record.len() as u64).to_ne_bytes());
        let mut at = self.head + 8;
        for piece in record.pieces() {
            self.words.copy_in(at, piece);
            at += piece.len() as u64;
        }
        self.head += needed;
        self.words.head().store(self.head, Ordering::Release);
        Ok(true)
    }

    /// Whether the reader sleeps; it counts as awake from now on, so whoever hears yes has to wake it.
    pub(super) fn reader_sleeps(&self) -> bool {
        fence(Ordering::SeqCst);
        self.words.asleep().load(Ordering::Relaxed) == 1 && self.words.asleep().swap(0, Ordering::SeqCst) == 1
    }

    /// Asks to be woken when there is room again; look once more after this.
    pub(super) fn wait_for_room(&self) {
        self.words.crowded().store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

/// The end that reads.
#[derive(Debug)]
pub(super) struct Reader {
    words: Words,
    tail: u64,
}

impl Reader {
    pub(super) fn new(map: Arc<Map>, lane: Lane) -> Self {
        Self { words: Words::new(map, lane), tail: 0 }
    }

    fn filled(&self) -> Result<u64, Broken> {
        let filled = self.words.head().load(Ordering::Acquire).wrapping_sub(self.tail);
        match filled {
            0 => Ok(0),
            8.. if filled <= SIZE as u64 && filled.is_multiple_of(8) => Ok(filled),
            _ => Err(Broken("it wrote more than there is")),
        }
    }

    /// Whether a record is there.
    pub(super) fn has_record(&self) -> Result<bool, Broken> {
        Ok(self.filled()? != 0)
    }

    /// Takes the next record: a copy that nobody else can change.
    pub(super) fn pop(&mut self) -> Result<Option<IoBuf>, Broken> {
        let filled = self.filled()?;
        if filled == 0 {
            return Ok(None);
        }
        let mut len = [0; 8];
        self.words.copy_out(self.tail, &mut len);
        let len = usize::try_from(u64::from_ne_bytes(len)).unwrap_or(usize::MAX);
        if len > LONGEST || room_for(len) > filled {
            return Err(Broken("a record is longer than what was written"));
        }
        let mut record = IoBufMut::with_len(len);
        self.words.copy_out(self.tail + 8, &mut record[..]);
        self.tail += room_for(len);
        self.words.tail().store(self.tail, Ordering::Release);
        Ok(Some(record.freeze(len)))
    }

    /// Whether the writer waits for room, and there is plenty by now; it has to be woken then.
    pub(super) fn writer_waits(&self) -> bool {
        fence(Ordering::SeqCst);
        self.words.crowded().load(Ordering::Relaxed) == 1
            && self.filled().is_ok_and(|filled| filled <= SIZE as u64 / 2)
            && self.words.crowded().swap(0, Ordering::SeqCst) == 1
    }

    /// Says that this end is about to sleep; whether it may, since nothing has come meanwhile.
    pub(super) fn fall_asleep(&self) -> Result<bool, Broken> {
        self.words.asleep().store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let empty = !self.has_record()?;
        if !empty {
            self.words.asleep().store(0, Ordering::SeqCst);
        }
        Ok(empty)
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::carry::{NoObjects, Pack};
    use proptest::prelude::*;

    use super::*;

    fn ends() -> (Arc<Map>, Writer, Reader) {
        let map = Arc::new(Map::create(MEMORY).unwrap().1);
        (map.clone(), Writer::new(map.clone(), Lane::Back), Reader::new(map, Lane::Back))
    }

    fn record(bytes: &[u8]) -> Parcel {
        let mut objects = NoObjects;
        let mut pack = Pack::new(&mut objects);
        pack.put_raw(bytes);
        pack.done()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn records_come_out_as_they_went_in_around_the_end_and_over(
            lens in prop::collection::vec(0_usize..LONGEST, 1..40)
        ) {
            let (_, mut writer, mut reader) = ends();
            let mut waiting = std::collections::VecDeque::new();
            for (n, len) in lens.into_iter().enumerate() {
                let bytes = vec![u8::try_from(n % 251).unwrap(); len];
                while !writer.push(&record(&bytes)).unwrap() {
                    let first: Vec<u8> = waiting.pop_front().unwrap();
                    prop_assert_eq!(&reader.pop().unwrap().unwrap()[..], &first[..]);
                }
                waiting.push_back(bytes);
            }
            for bytes in waiting {
                prop_assert_eq!(&reader.pop().unwrap().unwrap()[..], &bytes[..]);
            }
            prop_assert!(reader.pop().unwrap().is_none());
        }

        #[test]
        fn whatever_the_other_end_writes_is_read_or_refused(head in any::<u64>(), len in any::<u64>(), noise in any::<u64>()) {
            for head in [head, head % (SIZE as u64 * 2), head % 64] {
                let (map, mut writer, mut reader) = ends();
                map.word(4 * LINE).store(head, Ordering::Release);
                map.word(5 * LINE).store(noise, Ordering::Release);
                map.copy_in(WORDS + SIZE, &len.to_ne_bytes());
                if let Ok(Some(record)) = reader.pop() {
                    prop_assert!(record.len() <= LONGEST);
                }
                let _ = writer.push(&record(b"x"));
            }
        }
    }

    #[test]
    fn a_sleeper_is_woken_once_and_does_not_sleep_over_a_record() {
        let (_, mut writer, mut reader) = ends();
        assert!(!writer.reader_sleeps());
        assert!(reader.fall_asleep().unwrap());
        assert!(writer.push(&record(b"a")).unwrap());
        assert!(writer.reader_sleeps() && !writer.reader_sleeps());
        assert!(!reader.fall_asleep().unwrap());
        reader.pop().unwrap().unwrap();
        assert!(reader.fall_asleep().unwrap());
    }

    #[test]
    fn a_writer_without_room_is_woken_when_there_is_plenty() {
        let (_, mut writer, mut reader) = ends();
        let long = record(&vec![0; LONGEST - 8]);
        assert!(writer.push(&long).unwrap() && writer.push(&long).unwrap());
        assert!(!writer.push(&record(b"a")).unwrap());
        writer.wait_for_room();
        assert!(!reader.writer_waits(), "nothing was read yet");
        reader.pop().unwrap().unwrap();
        assert!(reader.writer_waits() && !reader.writer_waits());
        assert!(writer.push(&record(b"a")).unwrap());
    }
}
