//! Counters of file operations: how often, how long, how many bytes, in which block sizes.
//!
//! Threads count in shards of their own, with relaxed adds; whoever asks sums them up.

use std::array;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// One more than the highest internal number of a fop.
pub const FOPS: usize = 59;
/// Classes of block sizes: 1, 2, 4 … 2^31 bytes.
pub const SIZES: usize = 32;
/// Kinds of upcalls.
pub const UPCALLS: usize = 8;

const SHARDS: usize = 8;

/// Everything counted since the last [`Counters::take`].
#[derive(Debug)]
pub struct Counters {
    shards: Box<[Shard; SHARDS]>,
}

#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    fops: [FopCell; FOPS],
    reads: Blocks,
    writes: Blocks,
    upcalls: [AtomicU64; UPCALLS],
}

#[derive(Debug, Default)]
struct FopCell {
    hits: AtomicU64,
    timed: AtomicU64,
    total: AtomicU64,
    /// Complement of the shortest latency, so that zero means "none yet".
    min: AtomicU64,
    max: AtomicU64,
}

#[derive(Debug)]
struct Blocks {
    bytes: AtomicU64,
    sizes: [AtomicU64; SIZES],
}

impl Default for Counters {
    fn default() -> Self {
        let shards: Vec<Shard> = (0..SHARDS).map(|_| Shard::default()).collect();
        Self { shards: shards.try_into().expect("as many as asked for") }
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            fops: array::from_fn(|_| FopCell::default()),
            reads: Blocks::default(),
            writes: Blocks::default(),
            upcalls: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Self { bytes: AtomicU64::new(0), sizes: array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Counters {
    /// Counts one call of `fop`, with its latency in nanoseconds where it was measured. Unknown numbers are left out.
    pub fn fop(&self, fop: usize, latency: Option<u64>) {
        let Some(cell) = self.shard().fops.get(fop) else { return };
        cell.hits.fetch_add(1, Relaxed);
        if let Some(ns) = latency {
            cell.timed.fetch_add(1, Relaxed);
            cell.total.fetch_add(ns, Relaxed);
            raise(&cell.max, ns);
            raise(&cell.min, !ns);
        }
    }

    /// Counts the bytes of one answered read.
    pub fn read(&self, bytes: u64) {
        self.shard().reads.add(bytes);
    }

    /// Counts the bytes of one answered write.
    pub fn write(&self, bytes: u64) {
        self.shard().writes.add(bytes);
    }

    /// Counts an upcall of `kind`.
    pub fn upcall(&self, kind: usize) {
        if let Some(cell) = self.shard().upcalls.get(kind) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// What was counted so far.
    pub fn sums(&self) -> Sums {
        self.collect(|cell| cell.load(Relaxed))
    }

    /// What was counted so far, and starts again at zero. A call that is counted meanwhile is in this sum or in the
    /// next, never in both.
    pub fn take(&self) -> Sums {
        self.collect(|cell| cell.swap(0, Relaxed))
    }

    fn collect(&self, read: impl Fn(&AtomicU64) -> u64 + Copy) -> Sums {
        let mut sums = Sums::default();
        for shard in self.shards.iter() {
            sums.add(&Sums {
                fops: array::from_fn(|fop| shard.fops[fop].collect(read)),
                reads: shard.reads.collect(read),
                writes: shard.writes.collect(read),
                upcalls: array::from_fn(|kind| read(&shard.upcalls[kind])),
            });
        }
        sums
    }

    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static MINE: Cell<usize> = const { Cell::new(usize::MAX) });
        let mine = MINE.with(|mine| {
            if mine.get() == usize::MAX {
                mine.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
            }
            mine.get()
        });
        &self.shards[mine]
    }
}

impl Blocks {
    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
        let class = bytes.max(1).ilog2() as usize;
        self.sizes[class.min(SIZES - 1)].fetch_add(1, Relaxed);
    }

    fn collect(&self, read: impl Fn(&AtomicU64) -> u64 + Copy) -> BlockSums {
        BlockSums { bytes: read(&self.bytes), sizes: array::from_fn(|class| read(&self.sizes[class])) }
    }
}

impl FopCell {
    fn collect(&self, read: impl Fn(&AtomicU64) -> u64 + Copy) -> FopSums {
        FopSums {
            hits: read(&self.hits),
            timed: read(&self.timed),
            total: read(&self.total),
            min: !read(&self.min),
            max: read(&self.max),
        }
    }
}

/// Raises a cell to `value`; stores only when it is higher, which soon is rare.
fn raise(cell: &AtomicU64, value: u64) {
    if value > cell.load(Relaxed) {
        cell.fetch_max(value, Relaxed);
    }
}

/// What was counted over some time, as plain numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// By internal number of the fop.
    pub fops: [FopSums; FOPS],
    /// Answered reads.
    pub reads: BlockSums,
    /// Answered writes.
    pub writes: BlockSums,
    /// By kind.
    pub upcalls: [u64; UPCALLS],
}

/// One fop's part of [`Sums`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FopSums {
    /// Calls.
    pub hits: u64,
    /// Calls whose latency was measured.
    pub timed: u64,
    /// Their latencies together, in nanoseconds.
    pub total: u64,
    /// The shortest; the highest number when none was measured.
    pub min: u64,
    /// The longest.
    pub max: u64,
}

/// Bytes of one direction, and how many blocks of which size class they came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BlockSums {
    /// Bytes.
    pub bytes: u64,
    /// Blocks of at least 2^n and less than 2^(n+1) bytes.
    pub sizes: [u64; SIZES],
}

impl Default for FopSums {
    fn default() -> Self {
        Self { hits: 0, timed: 0, total: 0, min: u64::MAX, max: 0 }
    }
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            fops: [FopSums::default(); FOPS],
            reads: BlockSums::default(),
            writes: BlockSums::default(),
            upcalls: [0; UPCALLS],
        }
    }
}

impl Sums {
    /// Adds what was counted elsewhere or at another time.
    pub fn add(&mut self, more: &Self) {
        for (mine, theirs) in self.fops.iter_mut().zip(&more.fops) {
            mine.hits += theirs.hits;
            mine.timed += theirs.timed;
            mine.total += theirs.total;
            mine.min = mine.min.min(theirs.min);
            mine.max = mine.max.max(theirs.max);
        }
        self.reads.add(&more.reads);
        self.writes.add(&more.writes);
        self.upcalls.iter_mut().zip(more.upcalls).for_each(|(mine, theirs)| *mine += theirs);
    }
}

impl BlockSums {
    fn add(&mut self, more: &Self) {
        self.bytes += more.bytes;
        self.sizes.iter_mut().zip(more.sizes).for_each(|(mine, theirs)| *mine += theirs);
    }
}

impl FopSums {
    /// The mean latency in nanoseconds; `None` when none was measured.
    #[expect(clippy::cast_precision_loss, reason = "a mean shown to people")]
    pub fn mean(&self) -> Option<f64> {
        (self.timed > 0).then(|| self.total as f64 / self.timed as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_several_threads_add_up() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for latency in [30, 10, 20] {
                let counters = &counters;
                scope.spawn(move || (0..100).for_each(|_| counters.fop(27, Some(latency))));
            }
        });
        counters.fop(27, None);
        let fop = counters.sums().fops[27];
        assert_eq!((fop.hits, fop.timed, fop.min, fop.max), (301, 300, 10, 30));
        assert_eq!(fop.mean(), Some(20.0));
    }

    #[test]
    fn a_fop_that_was_never_timed_has_no_mean() {
        let counters = Counters::default();
        counters.fop(42, None);
        assert_eq!(counters.sums().fops[42].mean(), None);
        counters.fop(FOPS, Some(1));
    }

    #[test]
    fn blocks_fall_into_the_class_below_them() {
        let counters = Counters::default();
        for bytes in [0, 1, 4095, 4096, 131_072, 1 << 40] {
            counters.write(bytes);
        }
        let sizes = counters.sums().writes.sizes;
        let classes: Vec<_> = (0..SIZES).filter(|class| sizes[*class] > 0).collect();
        assert_eq!(classes, [0, 11, 12, 17, 31]);
        assert_eq!(sizes[0], 2);
    }

    #[test]
    fn taking_starts_again_at_zero() {
        let counters = Counters::default();
        counters.fop(12, Some(5));
        counters.read(4096);
        let taken = counters.take();
        assert_eq!((taken.fops[12].hits, taken.reads.bytes), (1, 4096));
        assert_eq!(counters.sums(), Sums::default());
    }
}
