//! The health check: whether the disk under the brick still takes a write and gives it back.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::brick::Brick;

/// The running check; it stops when this is dropped, too.
#[derive(Debug)]
pub(crate) struct Health(Sender<()>);

impl Health {
    /// Ends the check.
    pub(crate) fn stop(&self) {
        // A check that has ended by itself does not listen any more.
        let _ = self.0.send(());
    }
}

impl Brick {
    /// Checks the disk every `health-check-interval` on a thread of its own; `sick` is told once why it gave up, and
    /// learns from the receiver when the brick is stopped.
    /// `None` when the check is switched off.
    pub(crate) fn watch_health(
        self: &Arc<Self>,
        sick: impl FnOnce(String, &Receiver<()>) + Send + 'static,
    ) -> Option<Health> {
        if self.options().health_check_interval.is_zero() {
            return None;
        }
        let (stop, stopped) = channel();
        let brick = Arc::clone(self);
        let spawned = std::thread::Builder::new().name("posix-health".into()).spawn(move || {
            if let Some(why) = watch(&brick, &stopped) {
                sick(why, &stopped);
            }
        });
        spawned.ok().map(|_| Health(stop))
    }

    /// Writes the time into `.glusterfs/health_check` and reads it back.
    pub(crate) fn check_health(&self) -> Result<()> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::SYNC;
        let file =
            rustix::fs::openat(&self.glusterfs, "health_check", flags, Mode::from_bits_truncate(0o644))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let text = time_text(now);
        rustix::io::pwrite(&file, text.as_bytes(), 0)?;
        let mut back = [0; 32];
        let len = rustix::io::pread(&file, &mut back[..], 0)?;
        if &back[..len] == text.as_bytes() { Ok(()) } else { Err(Errno::IO) }
    }
}

/// Runs until the check fails (why) or is stopped (`None`).
fn watch(brick: &Arc<Brick>, stopped: &Receiver<()>) -> Option<String> {
    loop {
        let options = brick.options();
        // The write may hang for ever on a dead disk: another thread waits for it.
        let (done, answer) = channel();
        let worker = Arc::clone(brick);
        std::thread::Builder::new()
            .name("posix-health-io".into())
            .spawn(move || done.send(worker.check_health()))
            .ok()?;
        match answer.recv_timeout(options.health_check_timeout.max(Duration::from_secs(1))) {
            Ok(Ok(()) | Err(Errno::AGAIN)) => {}
            Ok(Err(e)) => return Some(format!("health check of {}: {e}", brick.path.display())),
            Err(_) => {
                return Some(format!("health check of {}: no answer from the disk", brick.path.display()));
            }
        }
        match stopped.recv_timeout(options.health_check_interval.max(Duration::from_secs(1))) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return None,
        }
    }
}

/// `YYYY-MM-DD HH:MM:SS +0000`.
fn time_text(unix: u64) -> String {
    format!("{} +0000", plugin_api::date::utc(unix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::brick;

    #[test]
    fn times_are_written_as_people_read_them() {
        assert_eq!(time_text(0), "1970-01-01 00:00:00 +0000");
        assert_eq!(time_text(951_782_399), "2000-02-28 23:59:59 +0000");
        assert_eq!(time_text(1_709_210_096), "2024-02-29 12:34:56 +0000");
    }

    #[test]
    fn a_sound_disk_passes_and_leaves_the_time() {
        let brick = brick();
        brick.check_health().unwrap();
        assert_eq!(std::fs::read(brick.path.join(".glusterfs/health_check")).unwrap().len(), 25);
    }
}
