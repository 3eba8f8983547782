//! How a block lies on disk: `nonce (24) | ciphertext (1 to 4096) | tag (16)`, by XChaCha20-Poly1305.

use chacha20poly1305::aead::{AeadInOut, Generate, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use plugin_api::Gfid;

/// Plain bytes in a whole block.
pub(crate) const BLOCK: usize = 4096;
/// Bytes on disk that a block has beside its content.
pub(crate) const EXTRA: usize = NONCE + TAG;
/// Bytes of a whole block on disk.
pub(crate) const SLOT: usize = BLOCK + EXTRA;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Why blocks could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error(
        "block {block} of {gfid} is not what was written there: it was changed, moved or torn, or the key is another"
    )]
    Broken { gfid: Gfid, block: u64 },
    #[error("the system has no random bytes to give")]
    NoRandom,
}

/// The key at work.
pub(crate) struct Sealer {
    cipher: XChaCha20Poly1305,
    holes: bool,
}

impl Sealer {
    /// Seals with `key`. Where `holes` are allowed, a block of zeros on disk is one of zeros that nobody wrote.
    pub(crate) fn new(key: &[u8; 32], holes: bool) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()), holes }
    }

    /// The blocks from `first` on, as they go to disk; only the last may be shorter than [`BLOCK`].
    pub(crate) fn seal(&self, gfid: Gfid, first: u64, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(plain.len() + plain.len().div_ceil(BLOCK) * EXTRA);
        for (block, content) in (first..).zip(plain.chunks(BLOCK)) {
            self.seal_one(&place(gfid, block, Kind::Written), content, &mut sealed)?;
        }
        Ok(sealed)
    }

    /// A block that is about to be cut to `kept`, as it goes to disk in the place of one of `len` bytes. It opens before the
    /// cut, as what is kept and zeros, and after it: what is kept lies sealed at the front.
    pub(crate) fn seal_for_cut(
        &self,
        gfid: Gfid,
        block: u64,
        kept: &[u8],
        len: usize,
    ) -> Result<Vec<u8>, SealError> {
        let mut sealed = Vec::with_capacity(len + EXTRA);
        self.seal_one(&place(gfid, block, Kind::Cut), kept, &mut sealed)?;
        sealed.resize(len + EXTRA, 0);
        Ok(sealed)
    }

    fn seal_one(&self, place: &[u8], content: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        let nonce = XNonce::try_generate().map_err(|_| SealError::NoRandom)?;
        sealed.extend_from_slice(&nonce);
        let at = sealed.len();
        sealed.extend_from_slice(content);
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce, place, (&mut sealed[at..]).into())
            .expect("a block is far shorter than the cipher's limit");
        sealed.extend_from_slice(&tag);
        Ok(())
    }

    /// The content of the blocks from `first` on.
    pub(crate) fn open(&self, gfid: Gfid, first: u64, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut plain = Vec::with_capacity(sealed.len());
        for (block, slot) in (first..).zip(sealed.chunks(SLOT)) {
            self.open_one(gfid, block, slot, &mut plain).ok_or(SealError::Broken { gfid, block })?;
        }
        Ok(plain)
    }

    fn open_one(&self, gfid: Gfid, block: u64, slot: &[u8], plain: &mut Vec<u8>) -> Option<()> {
        let at = plain.len();
        let content = slot.len().checked_sub(EXTRA).filter(|content| *content > 0)?;
        if self.holes && slot.iter().all(|byte| *byte == 0) {
            plain.resize(at + content, 0);
            return Some(());
        }
        self.open_at(&place(gfid, block, Kind::Written), slot, plain).or_else(|| {
            // Where zeros follow what is sealed, some of them may be the end of its tag.
            let end = slot.iter().rposition(|byte| *byte != 0)? + 1;
            let place = place(gfid, block, Kind::Cut);
            let mut ends = end..=slot.len().min(end + TAG);
            ends.find_map(|end| self.open_at(&place, &slot[..end], plain))?;
            plain.resize(at + content, 0);
            Some(())
        })
    }

    /// Opens what was sealed for this place; `plain` is as it was when that is not what `sealed` is.
    fn open_at(&self, place: &[u8], sealed: &[u8], plain: &mut Vec<u8>) -> Option<()> {
        let at = plain.len();
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (content, tag) = rest.split_last_chunk::<TAG>()?;
        plain.extend_from_slice(content);
        let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
        let opened = self.cipher.decrypt_inout_detached(&nonce, place, (&mut plain[at..]).into(), &tag);
        opened.map_err(|_| plain.truncate(at)).ok()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// How a block came to be: only one that was cut may have zeros behind it.
#[derive(Clone, Copy)]
enum Kind {
    Written = 0,
    Cut = 1,
}

/// What the tag vouches for beside the content: format, kind, file and block, so that no block can be put in another's place.
fn place(gfid: Gfid, block: u64, kind: Kind) -> [u8; 32] {
    let mut place = *b"crypt/1\0................\0\0\0\0\0\0\0\0";
    place[7] = kind as u8;
    place[8..24].copy_from_slice(&gfid.0);
    place[24..].copy_from_slice(&block.to_be_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Gfid = Gfid([7; 16]);

    fn sealer() -> Sealer {
        Sealer::new(&[1; 32], true)
    }

    #[test]
    fn what_was_sealed_opens_at_its_place_alone() {
        let plain: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let sealed = sealer().seal(FILE, 3, &plain).unwrap();
        assert_eq!(sealed.len(), plain.len() + 3 * EXTRA);
        assert_eq!(sealer().open(FILE, 3, &sealed).unwrap(), plain);
        assert_eq!(
            sealer().open(FILE, 4, &sealed[SLOT..]).unwrap(),
            plain[BLOCK..],
            "a block opens by itself"
        );
        sealer().open(FILE, 4, &sealed).unwrap_err();
        sealer().open(Gfid([8; 16]), 3, &sealed).unwrap_err();
        Sealer::new(&[2; 32], true).open(FILE, 3, &sealed).unwrap_err();
    }

    #[test]
    fn every_bit_of_a_block_counts() {
        let sealed = sealer().seal(FILE, 0, b"to be or not").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            sealer().open(FILE, 0, &changed).unwrap_err();
        }
        for cut in 1..sealed.len() {
            sealer().open(FILE, 0, &sealed[..cut]).unwrap_err();
        }
    }

    #[test]
    fn the_same_bytes_never_look_the_same() {
        let (one, two) = (sealer().seal(FILE, 0, &[0; 64]), sealer().seal(FILE, 0, &[0; 64]));
        assert_ne!(one.unwrap()[NONCE..], two.unwrap()[NONCE..]);
    }

    #[test]
    fn a_hole_reads_as_zeros_only_where_holes_are_allowed() {
        assert_eq!(sealer().open(FILE, 0, &[0; SLOT]).unwrap(), [0; BLOCK]);
        Sealer::new(&[1; 32], false).open(FILE, 0, &[0; SLOT]).unwrap_err();
    }
}
