//! Waiting for a condition, until a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test waits for what should take a second or two; a loaded machine needs the rest.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks `probe` again and again until it answers `Some`.
///
/// # Panics
/// After [`PATIENCE`], saying `what` was awaited.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    wait_result(what, || probe().ok_or("not yet"))
}

/// Asks `probe` again and again until it answers `Ok`.
///
/// # Panics
/// After [`PATIENCE`], saying `what` was awaited and the last error.
pub fn wait_result<T, E: std::fmt::Display>(what: &str, mut probe: impl FnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match probe() {
            Ok(value) => return value,
            Err(error) if Instant::now() > end => panic!("waited {PATIENCE:?} for {what}: {error}"),
            Err(_) => sleep(Duration::from_millis(20)),
        }
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// After [`PATIENCE`], saying `what` was awaited.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
