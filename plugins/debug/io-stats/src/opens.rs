//! How many files are open, and when most were.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Counts open files.
#[derive(Debug, Default)]
pub struct Opens {
    now: Mutex<Numbers>,
}

/// What [`Opens`] has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Files that are open.
    pub current: u64,
    /// The most there were at once.
    pub most: u64,
    /// When that was, seconds since the epoch.
    pub most_at: u64,
}

/// One open file: counted until it goes.
#[derive(Debug)]
pub struct OpenFile(Arc<Opens>);

impl Opens {
    /// Counts a file that is open from now on.
    pub fn count(self: &Arc<Self>) -> OpenFile {
        let mut numbers = self.lock();
        numbers.current += 1;
        if numbers.current > numbers.most {
            numbers.most = numbers.current;
            numbers.most_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        }
        OpenFile(Arc::clone(self))
    }

    /// The numbers.
    pub fn numbers(&self) -> Numbers {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.lock().current -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_were_open_at_once_is_remembered() {
        let opens = Arc::new(Opens::default());
        let files = [opens.count(), opens.count()];
        drop(files);
        let _one = opens.count();
        let numbers = opens.numbers();
        assert_eq!((numbers.current, numbers.most), (1, 2));
        assert!(numbers.most_at > 0);
    }
}
