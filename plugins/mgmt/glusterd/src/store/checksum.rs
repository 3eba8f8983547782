//! The checksum of a volume's definition, which peers compare to see whether they agree.

/// Checksums of an info file: what its cksum file says, and what goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfoChecksum {
    /// The number in the `cksum` file.
    pub stored: u32,
    /// The number peers exchange (`ckusm`): the stored one carried on over the text of the cksum file.
    pub wire: u32,
}

impl InfoChecksum {
    /// The checksums of an info file's text; the order of its lines does not matter.
    #[must_use]
    pub fn of(info: &str) -> Self {
        let mut lines: Vec<&str> = info.split_inclusive('\n').collect();
        lines.sort_unstable();
        let stored = text(0, lines.concat().as_bytes());
        Self { stored, wire: text(stored, Self::file_text(stored).as_bytes()) }
    }

    /// The cksum file's whole text.
    #[must_use]
    pub fn file_text(stored: u32) -> String {
        format!("info={stored}\n")
    }
}

/// The checksum of `bytes`, carried on from `start` in steps of 1024 bytes.
///
/// A last step of one to three bytes has no defined result in the incumbent, which reads before its buffer; here the
/// missing bytes count as zero.
#[must_use]
pub fn text(start: u32, bytes: &[u8]) -> u32 {
    bytes.chunks(1024).fold(start, step)
}

/// What an accumulator of 0 starts from.
const SEED: [u8; 4] = [0xba, 0xbe, 0xb0, 0x0b];

fn step(accumulator: u32, chunk: &[u8]) -> u32 {
    let mut sum = if accumulator == 0 { SEED } else { accumulator.to_le_bytes() };
    let words = chunk.len().saturating_sub(4).div_ceil(4);
    for word in chunk.chunks_exact(4).take(words) {
        for (shift, (sum, byte)) in sum.iter_mut().zip(word).enumerate() {
            *sum ^= byte << shift;
        }
    }
    let tail: [u8; 4] = std::array::from_fn(|at| (chunk.len() + at).checked_sub(4).map_or(0, |i| chunk[i]));
    for shift in 0..=chunk.len() % 4 {
        sum[shift] ^= tail[shift] << shift;
    }
    u32::from_le_bytes(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_lines_does_not_matter() {
        assert_eq!(InfoChecksum::of("a=1\nb=2\n"), InfoChecksum::of("b=2\na=1\n"));
        assert_ne!(InfoChecksum::of("a=1\nb=2\n"), InfoChecksum::of("a=3\nb=2\n"));
    }

    #[test]
    fn no_length_is_read_out_of_bounds() {
        for len in 0..=1030 {
            let _ = text(0, &vec![0xff; len]);
        }
    }
}
