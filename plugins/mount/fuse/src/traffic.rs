//! A record of the traffic with the kernel, for whoever looks for a fault there: `--dump-fuse=FILE`, in the incumbent's form.
//!
//! Each message is one record: a letter, `R` for what was read and `W` for what was written; the number of items, 3; the time;
//! a mark; the message as it is. Numbers have the machine's own byte order, an item's length counts itself.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Marks a record, so that the next one is found behind one that is torn.
const MARK: [u8; 8] = *b"GLUSTER\xf5";
const ITEMS: u32 = 3;

/// Where the traffic is recorded, if it is.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Option<Mutex<File>>);

impl Traffic {
    /// Records into a new file.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn into_file(path: &Path) -> std::io::Result<Self> {
        Ok(Self(Some(Mutex::new(File::create(path)?))))
    }

    /// Notes a request.
    pub(crate) fn read(&self, parts: &[&[u8]]) {
        self.note(b'R', parts);
    }

    /// Notes a reply or a notice.
    pub(crate) fn written(&self, parts: &[&[u8]]) {
        self.note(b'W', parts);
    }

    fn note(&self, letter: u8, parts: &[&[u8]]) {
        let Some(file) = &self.0 else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut record = vec![letter];
        record.extend(ITEMS.to_ne_bytes());
        record.extend(16_u32.to_ne_bytes());
        record.extend(now.as_secs().to_ne_bytes());
        record.extend(now.subsec_nanos().to_ne_bytes());
        record.extend(12_u32.to_ne_bytes());
        record.extend(MARK);
        parts.iter().for_each(|part| record.extend_from_slice(part));
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk ends the record, not the mount.
        let _ = file.write_all(&record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_a_record_with_a_time_and_a_mark() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traffic");
        let traffic = Traffic::into_file(&path).unwrap();
        traffic.read(&[b"ab", b"c"]);
        traffic.written(&[b"d"]);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((bytes.len(), bytes[0], bytes[36]), (36 + 34, b'R', b'W'));
        assert_eq!(bytes[1..9], [3_u32.to_ne_bytes(), 16_u32.to_ne_bytes()].concat());
        assert_eq!((&bytes[25..33], &bytes[33..36]), (&MARK[..], &b"abc"[..]));
        Traffic::default().read(&[b"nobody notes it"]);
    }
}
