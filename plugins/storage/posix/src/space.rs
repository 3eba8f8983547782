//! Free space: what `statfs` shows, and the reserve that users may not touch.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::fs::StatVfs;
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::caller::Caller;

/// How long a measurement of free space holds.
const FRESH: Duration = Duration::from_secs(5);

/// The last measurement: when, and whether the reserve was reached.
#[derive(Debug, Default)]
pub(crate) struct Space(Mutex<Option<(Instant, bool)>>);

impl Brick {
    /// Fails with `ENOSPC` when the reserve is reached and `caller` may not use it.
    pub(crate) fn check_space(&self, caller: &Caller) -> Result<()> {
        self.check_space_at(caller, FRESH)
    }

    /// As [`check_space`](Self::check_space), measured now: for operations that may take a lot at once.
    pub(crate) fn check_space_now(&self, caller: &Caller) -> Result<()> {
        self.check_space_at(caller, Duration::ZERO)
    }

    fn check_space_at(&self, caller: &Caller, fresh: Duration) -> Result<()> {
        if caller.may_use_reserve() {
            return Ok(());
        }
        let reserve = self.options().reserve;
        if reserve <= 0.0 {
            return Ok(());
        }
        let mut last = self.space.0.lock().expect("no panic under it");
        let full = match *last {
            Some((when, full)) if when.elapsed() < fresh => full,
            _ => {
                let vfs = rustix::fs::fstatvfs(&self.root)?;
                let full = vfs.f_bfree <= reserved_blocks(&vfs, reserve);
                *last = Some((Instant::now(), full));
                full
            }
        };
        if full { Err(Errno::NOSPC) } else { Ok(()) }
    }

    /// What clients are shown: without the reserve, and the share of one brick of those on this file system.
    pub(crate) fn statfs(&self) -> Result<StatVfs> {
        let options = self.options();
        let mut vfs = rustix::fs::fstatvfs(&self.root)?;
        let reserved = reserved_blocks(&vfs, options.reserve);
        vfs.f_bfree = vfs.f_bfree.saturating_sub(reserved);
        vfs.f_bavail = vfs.f_bavail.min(vfs.f_bfree);
        let share = options.shared_brick_count.max(1);
        let shown = |count: u64| if options.export_statfs_size { count / share } else { 0 };
        for count in [
            &mut vfs.f_blocks,
            &mut vfs.f_bfree,
            &mut vfs.f_bavail,
            &mut vfs.f_files,
            &mut vfs.f_ffree,
            &mut vfs.f_favail,
        ] {
            *count = shown(*count);
        }
        Ok(vfs)
    }
}

/// `reserve` in blocks: below 100 it is a percentage, otherwise bytes.
fn reserved_blocks(vfs: &StatVfs, reserve: f64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    // saturating, and an estimate
    if reserve < 100.0 {
        (vfs.f_blocks as f64 * reserve / 100.0) as u64
    } else {
        (reserve as u64).div_ceil(vfs.f_frsize.max(1))
    }
}
