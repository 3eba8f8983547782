//! The busiest files, counted per file and ranked only when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest list anybody can ask for.
pub const LONGEST: usize = 100;

/// What files are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Opens.
    Open,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Opens of a folder.
    Opendir,
    /// Listings of a folder.
    Readdir,
    /// Fastest read, bytes a second.
    ReadSpeed,
    /// Fastest write, bytes a second.
    WriteSpeed,
}

const RANKS: [Rank; 7] =
    [Rank::Open, Rank::Read, Rank::Write, Rank::Opendir, Rank::Readdir, Rank::ReadSpeed, Rank::WriteSpeed];

/// One file's counts. It lives as long as the file's inode is remembered.
#[derive(Debug)]
pub struct FileStats {
    path: Box<[u8]>,
    values: [AtomicU64; RANKS.len()],
    /// When each record was set, microseconds since the epoch; only speeds have one.
    set_at: [AtomicU64; RANKS.len()],
    home: Weak<Files>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The file, as it was named when first counted.
    pub path: Box<[u8]>,
    /// How often, or how fast.
    pub value: u64,
    /// When a speed was reached, since the epoch.
    pub at: Duration,
}

/// All files that are counted, and the best of those that are forgotten.
#[derive(Debug, Default)]
pub struct Files {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    live: Vec<Weak<FileStats>>,
    forgotten: [Vec<Line>; RANKS.len()],
    sweep_at: usize,
}

impl Files {
    /// Begins to count a file.
    pub fn track(self: &Arc<Self>, path: &[u8]) -> Arc<FileStats> {
        let stats = Arc::new(FileStats {
            path: path.into(),
            values: Default::default(),
            set_at: Default::default(),
            home: Arc::downgrade(self),
        });
        let mut known = self.known();
        if known.live.len() >= known.sweep_at.max(64) {
            known.live.retain(|file| file.strong_count() > 0);
            known.sweep_at = known.live.len() * 2;
        }
        known.live.push(Arc::downgrade(&stats));
        stats
    }

    /// The first `length` files by `rank`, busiest first; those that were never counted are left out.
    pub fn top(&self, rank: Rank, length: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = {
            let known = self.known();
            let live = known.live.iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
            let forgotten = known.forgotten[rank as usize].clone();
            drop(known);
            live.iter().map(|file| file.line(rank)).chain(forgotten).filter(|line| line.value > 0).collect()
        };
        shorten(&mut lines, length.min(LONGEST));
        lines
    }

    /// Forgets every count.
    pub fn clear(&self) {
        let mut known = self.known();
        known.forgotten.iter_mut().for_each(Vec::clear);
        let live = known.live.iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        drop(known);
        live.iter().flat_map(|file| &file.values).for_each(|value| value.store(0, Relaxed));
    }

    fn retire(&self, file: &FileStats) {
        let mut known = self.known();
        for rank in RANKS {
            let line = file.line(rank);
            let list = &mut known.forgotten[rank as usize];
            let belongs = list.len() < LONGEST || list.last().is_some_and(|last| last.value < line.value);
            if line.value > 0 && belongs {
                list.push(line);
                shorten(list, LONGEST);
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileStats {
    /// Counts one.
    pub fn count(&self, rank: Rank) {
        self.values[rank as usize].fetch_add(1, Relaxed);
    }

    /// Notes how fast so many bytes went; the fastest stays.
    pub fn speed(&self, rank: Rank, bytes: u64, took: Duration) {
        let nanos = took.as_nanos().max(1);
        let speed = u64::try_from(u128::from(bytes) * 1_000_000_000 / nanos).unwrap_or(u64::MAX);
        let best = &self.values[rank as usize];
        if speed > best.load(Relaxed) && best.fetch_max(speed, Relaxed) < speed {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.set_at[rank as usize].store(u64::try_from(now.as_micros()).unwrap_or(0), Relaxed);
        }
    }

    fn line(&self, rank: Rank) -> Line {
        let at = Duration::from_micros(self.set_at[rank as usize].load(Relaxed));
        Line { path: self.path.clone(), value: self.values[rank as usize].load(Relaxed), at }
    }
}

impl Drop for FileStats {
    fn drop(&mut self) {
        if let Some(files) = self.home.upgrade() {
            files.retire(self);
        }
    }
}

fn shorten(lines: &mut Vec<Line>, length: usize) {
    lines.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.path.cmp(&b.path)));
    lines.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stats: &FileStats, times: usize) {
        (0..times).for_each(|_| stats.count(Rank::Read));
    }

    fn names(lines: &[Line]) -> Vec<(&str, u64)> {
        lines.iter().map(|line| (std::str::from_utf8(&line.path).unwrap(), line.value)).collect()
    }

    #[test]
    fn the_busiest_come_first_and_forgotten_ones_are_still_there() {
        let files = Arc::new(Files::default());
        let (a, b, c) = (files.track(b"/a"), files.track(b"/b"), files.track(b"/c"));
        read(&a, 2);
        read(&b, 5);
        drop(b);
        assert_eq!(names(&files.top(Rank::Read, 100)), [("/b", 5), ("/a", 2)]);
        assert_eq!(names(&files.top(Rank::Read, 1)), [("/b", 5)]);
        assert_eq!(files.top(Rank::Write, 100), []);
        files.clear();
        assert_eq!(files.top(Rank::Read, 100), []);
        read(&c, 1);
        assert_eq!(names(&files.top(Rank::Read, 100)), [("/c", 1)]);
    }

    #[test]
    fn the_fastest_of_a_files_reads_counts() {
        let files = Arc::new(Files::default());
        let file = files.track(b"/a");
        file.speed(Rank::ReadSpeed, 1_000, Duration::from_micros(1));
        file.speed(Rank::ReadSpeed, 1_000, Duration::from_micros(2));
        let lines = files.top(Rank::ReadSpeed, 1);
        assert_eq!(names(&lines), [("/a", 1_000_000_000)]);
        assert!(lines[0].at > Duration::ZERO);
    }

    #[test]
    fn forgotten_files_do_not_pile_up() {
        let files = Arc::new(Files::default());
        for n in 1..=10_000_usize {
            read(&files.track(format!("/{n}").as_bytes()), n % 200 + 1);
        }
        let known = files.known();
        assert!(known.live.len() <= 64 && known.forgotten.iter().all(|list| list.len() <= LONGEST));
        drop(known);
        assert_eq!(files.top(Rank::Read, 200).len(), LONGEST);
        assert!(files.top(Rank::Read, 100).iter().all(|line| line.value > 190));
    }
}
