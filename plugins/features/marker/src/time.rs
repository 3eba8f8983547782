//! Change times, for geo-replication: on each changed object and all directories above it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_api::prelude::*;

use crate::account::Account;
use crate::disk::Disk;

/// Asked by geo-replication, answers the mark of the volume.
pub(crate) const VOLUME_MARK: &[u8] = b"trusted.glusterfs.volume-mark";
/// Directories above each other: more are none.
const DEEPEST: usize = 4096;

/// Seconds and microseconds, big-endian.
fn mark(time: Duration) -> [u8; 8] {
    let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let mut mark = [0; 8];
    mark[..4].copy_from_slice(&seconds.to_be_bytes());
    mark[4..].copy_from_slice(&time.subsec_micros().to_be_bytes());
    mark
}

impl Account {
    /// Marks an object and all directories above it.
    pub(crate) async fn mark_time(&self, disk: &Disk, object: Gfid) {
        let key = format!("trusted.glusterfs.{}.xtime", self.settings.volume);
        let now = mark(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let (mut level, mut steps) = (vec![object], 0);
        while let Some(at) = level.pop().filter(|_| steps < DEEPEST) {
            steps += 1;
            if disk.set(at, &key, Value::bytes(now.to_vec()), 0).await.is_ok() {
                level.extend(self.parents_of(disk, at).await);
            }
        }
    }

    /// The mark of the volume: version, id, whether there is none, and when the volume's indexing began.
    pub(crate) fn volume_mark(&self) -> Value {
        let began = std::fs::metadata(&self.settings.stamp).and_then(|stamp| stamp.modified());
        let began = began.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mut value = vec![1, 0];
        value.extend_from_slice(&self.settings.volume.0);
        value.push(u8::from(began.is_none()));
        value.extend_from_slice(&mark(began.unwrap_or_default()));
        Value::bytes(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_two_big_endian_numbers() {
        let time = Duration::new(0x6b03_3301, 0x000c_dcbf * 1000);
        assert_eq!(mark(time), [0x6b, 0x03, 0x33, 0x01, 0x00, 0x0c, 0xdc, 0xbf]);
    }
}
