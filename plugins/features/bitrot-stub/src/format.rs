//! Versions and signatures as they lie on the disk, and as the signer and the scrubber send and read them.
//!
//! Numbers are in the machine's order, as GlusterFS 10 has them, but for times.

use std::path::Path;
use std::time::Duration;

/// On the disk: a version, and when the brick that wrote it was started.
pub(crate) const VERSION: &str = "trusted.bit-rot.version";
/// On the disk: a signature, and of which version it is.
pub(crate) const SIGNATURE: &str = "trusted.bit-rot.signature";
/// On the disk: the object is not what was signed.
pub(crate) const BAD: &str = "trusted.bit-rot.bad-file";
/// By this name the signer writes a signature.
pub(crate) const SET_SIGNATURE: &str = "trusted.glusterfs.set-signature";
/// By this name it is read, and whether it is out of date.
pub(crate) const GET_SIGNATURE: &str = "trusted.glusterfs.get-signature";
/// By this name the signer has an object told again, as one that was let go of.
pub(crate) const REOPEN: &str = "trusted.glusterfs.bit-rot.reopen-hint";
/// By this name it asks since when the brick watches, and where it lies.
pub(crate) const INIT: &str = "trusted.glusterfs.bit-rot.stub-init";

/// A path has this much room in an answer.
const PATH_ROOM: usize = 4096;
/// Numbers in messages stand at multiples of it.
const WORD: usize = 8;
/// No signature is longer.
const LONGEST: usize = 256;

/// When a brick was started: seconds and microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Started([u8; 8]);

impl Started {
    pub(crate) fn at(since_epoch: Duration) -> Self {
        // The format has 32 bits for it.
        let seconds = (since_epoch.as_secs() & u64::from(u32::MAX)) << 32;
        Self((seconds | u64::from(since_epoch.subsec_micros())).to_be_bytes())
    }

    /// The answer to [`INIT`].
    pub(crate) fn answer(self, brick: &Path) -> Vec<u8> {
        let mut answer = self.0.to_vec();
        answer.extend_from_slice(brick.as_os_str().as_encoded_bytes());
        answer.resize(self.0.len() + PATH_ROOM, 0);
        answer
    }
}

/// A version on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) by: Started,
}

impl Version {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (number, by) = bytes.split_first_chunk()?;
        Some(Self { number: u64::from_ne_bytes(*number), by: Started(*by.first_chunk()?) })
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.number.to_ne_bytes(), self.by.0].concat()
    }
}

/// A signature: which version it is of, how it was made, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) kind: u8,
    pub(crate) version: u64,
    pub(crate) hash: Vec<u8>,
}

impl Signature {
    /// One as it lies on the disk.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (version, hash) = rest.split_first_chunk()?;
        Some(Self { kind: *kind, version: u64::from_ne_bytes(*version), hash: hash.to_vec() })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&[self.kind][..], &self.version.to_ne_bytes(), &self.hash].concat()
    }

    /// One as the signer sends it.
    pub(crate) fn sent(bytes: &[u8]) -> Option<Self> {
        let kind = *bytes.first()?;
        let (version, rest) = bytes.get(WORD..)?.split_first_chunk()?;
        let (len, hash) = rest.split_first_chunk()?;
        let len = usize::try_from(u64::from_ne_bytes(*len)).ok().filter(|len| (1..=LONGEST).contains(len))?;
        Some(Self { kind, version: u64::from_ne_bytes(*version), hash: hash.get(..len)?.to_vec() })
    }

    /// The answer to [`GET_SIGNATURE`] while the object has this version.
    pub(crate) fn answer(&self, current: Version) -> Vec<u8> {
        let wide = |byte: u8| {
            let mut word = [0; WORD];
            word[0] = byte;
            word
        };
        let is_stale = u8::from(self.version != current.number);
        let len = u64::try_from(self.hash.len()).unwrap_or_default();
        let mut answer = [wide(is_stale), self.version.to_ne_bytes(), current.by.0, wide(self.kind)].concat();
        answer.extend_from_slice(&len.to_ne_bytes());
        answer.extend_from_slice(&self.hash);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: Duration = Duration::new(0x6b03_7f94, 0x3_99a9 * 1000);

    #[test]
    fn the_disk_has_what_glusterfs_10_writes() {
        let version = Version { number: 2, by: Started::at(STARTED) };
        let bytes = b"\x02\0\0\0\0\0\0\0\x6b\x03\x7f\x94\0\x03\x99\xa9";
        assert_eq!((version.bytes(), Version::read(bytes)), (bytes.to_vec(), Some(version)));
        let signature = Signature { kind: 1, version: 2, hash: vec![0x58; 32] };
        let bytes = [b"\x01\x02\0\0\0\0\0\0\0", &[0x58; 32][..]].concat();
        assert_eq!((signature.bytes(), Signature::read(&bytes)), (bytes, Some(signature)));
        assert_eq!((Version::read(b"short"), Signature::read(b"short")), (None, None));
    }

    #[test]
    fn the_signer_and_the_scrubber_are_understood() {
        let mut sent = [&[1, 0, 0, 0, 0, 0, 0, 0], &2_u64.to_ne_bytes()[..], &32_u64.to_ne_bytes()].concat();
        sent.extend_from_slice(&[7; 32]);
        sent.push(0);
        let signature = Signature { kind: 1, version: 2, hash: vec![7; 32] };
        assert_eq!(Signature::sent(&sent), Some(signature.clone()));
        assert_eq!(Signature::sent(&sent[..40]), None, "a signature is as long as it says");
        let current = Version { number: 3, by: Started::at(STARTED) };
        let answer = signature.answer(current);
        assert_eq!((answer.len(), answer[0], &answer[8..16]), (72, 1, &2_u64.to_ne_bytes()[..]));
        assert_eq!(answer[16..24], *b"\x6b\x03\x7f\x94\0\x03\x99\xa9");
        assert_eq!((answer[24], answer[32], answer[40]), (1, 32, 7));
        assert_eq!(signature.answer(Version { number: 2, ..current })[0], 0);
        let init = Started::at(STARTED).answer(Path::new("/b"));
        assert_eq!((init.len(), &init[8..11]), (4104, &b"/b\0"[..]));
    }
}
