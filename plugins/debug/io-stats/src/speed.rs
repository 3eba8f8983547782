//! Measures how fast a brick's disk takes and gives bytes: `volume top` with a block size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use plugin_api::{Dict, Errno};

/// Below the brick, where no client sees it.
const SCRATCH: &str = ".glusterfs/stats-perf";
/// The most one measurement may move; the incumbent's command line refuses more.
const MOST: u64 = 10 << 30;
/// The most that is moved by one call, however large the blocks are.
const PIECE: u64 = 16 << 20;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the disk.
    Read,
    /// To the disk.
    Write,
}

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    way: Way,
    block: u64,
    bytes: u64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Millions of bytes a second.
    pub throughput: f64,
    /// Microseconds it took.
    pub micros: f64,
}

impl Trial {
    /// The measurement that a request for a top list asks for; `None` where it names no blocks.
    ///
    /// # Errors
    /// `EINVAL` when it would move more than ten gibibytes, or less than nothing.
    pub fn asked(way: Way, request: &Dict) -> Result<Option<Self>, Errno> {
        let number = |key| request.int(key).map_or(Ok(0), |n| u64::try_from(n).map_err(|_| Errno::EINVAL));
        let (block, count) = (number("blk-size")?, number("blk-cnt")?);
        if block == 0 || count == 0 {
            return Ok(None);
        }
        let bytes = block.checked_mul(count).filter(|bytes| *bytes <= MOST).ok_or(Errno::EINVAL)?;
        Ok(Some(Self { way, block, bytes }))
    }

    /// Moves the blocks through a file of the brick that is gone afterwards. It blocks for as long as that takes.
    ///
    /// # Errors
    /// The brick's file system has refused.
    pub fn run(&self, brick: &Path) -> Result<Speed, Errno> {
        self.measure(brick).map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
    }

    fn measure(&self, brick: &Path) -> io::Result<Speed> {
        let mut file = scratch(&brick.join(SCRATCH))?;
        let mut block = vec![0; usize::try_from(self.block.min(PIECE)).unwrap_or(0)];
        let mut took = self.pass(&mut block, |piece| file.write_all(piece))?;
        if self.way == Way::Read {
            file.sync_data()?;
            file.rewind()?;
            took = self.pass(&mut block, |piece| file.read_exact(piece))?;
        }
        Ok(Speed::of(self.bytes, took))
    }

    /// Moves every byte once, block by block.
    fn pass(
        &self,
        block: &mut [u8],
        mut step: impl FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Duration> {
        let begun = Instant::now();
        let mut left = self.bytes;
        while left > 0 {
            let piece = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            step(&mut block[..piece])?;
            left -= piece as u64;
        }
        Ok(begun.elapsed())
    }
}

impl Speed {
    #[expect(clippy::cast_precision_loss, reason = "a speed shown to people")]
    fn of(bytes: u64, took: Duration) -> Self {
        let micros = (took.as_nanos().max(1) as f64) / 1000.0;
        Self { throughput: bytes as f64 / micros, micros }
    }
}

/// A new file that has lost its name already: nothing is left of it, whatever happens.
fn scratch(path: &Path) -> io::Result<File> {
    let make = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    let file = match make() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            make()
        }
        made => made,
    }?;
    fs::remove_file(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(size: i64, count: i64) -> Dict {
        Dict::new().with("blk-size", size).with("blk-cnt", count)
    }

    fn brick() -> tempfile::TempDir {
        let brick = tempfile::tempdir().unwrap();
        fs::create_dir(brick.path().join(".glusterfs")).unwrap();
        brick
    }

    #[test]
    fn both_ways_are_measured_and_nothing_is_left() {
        let brick = brick();
        // What a crash may have left behind is no hindrance.
        fs::write(brick.path().join(SCRATCH), "old").unwrap();
        for way in [Way::Read, Way::Write] {
            let trial = Trial::asked(way, &request(4096, 3)).unwrap().unwrap();
            let speed = trial.run(brick.path()).unwrap();
            assert!(speed.throughput > 0.0 && speed.micros > 0.0);
            assert!((speed.throughput * speed.micros - 12_288.0).abs() < 1.0);
        }
        assert_eq!(fs::read_dir(brick.path().join(".glusterfs")).unwrap().count(), 0);
    }

    #[test]
    fn a_block_larger_than_a_piece_is_moved_whole() {
        let trial = Trial::asked(Way::Write, &request(40 << 20, 1)).unwrap().unwrap();
        let mut moved = 0;
        trial
            .pass(&mut vec![0; 16 << 20], |piece| {
                moved += piece.len();
                Ok(())
            })
            .unwrap();
        assert_eq!(moved, 40 << 20);
    }

    #[test]
    fn what_is_too_much_or_less_than_nothing_is_refused() {
        for (size, count) in [(1 << 30, 11), (i64::MAX, i64::MAX), (-1, 1), (1, -1)] {
            assert_eq!(Trial::asked(Way::Read, &request(size, count)), Err(Errno::EINVAL), "{size} {count}");
        }
        assert_eq!(Trial::asked(Way::Read, &request(0, 5)), Ok(None));
        assert_eq!(Trial::asked(Way::Read, &Dict::new()), Ok(None));
    }

    #[test]
    fn a_brick_that_is_not_there_says_so() {
        let trial = Trial::asked(Way::Write, &request(1, 1)).unwrap().unwrap();
        assert_eq!(trial.run(Path::new("/no/such/path")), Err(Errno::ENOENT));
    }
}
