//! The bytes of a file: blocks that were written, and holes between them.

use std::collections::BTreeMap;

use plugin_api::Errno;

use super::Answer;

/// Bytes of a block.
const BLOCK: u64 = 4096;
const BLOCK_LEN: usize = 4096;
/// The longest file, as ext4 has it with 4 KiB blocks.
pub(super) const LONGEST: u64 = 16 << 40;
/// Bytes that one file may really hold: a test that writes more wants a disk.
const MOST_BLOCKS: usize = (256 << 20) / BLOCK_LEN;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    size: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK_LEN]>>,
}

/// The part of a range that lies in one block: which, from where in it, how many bytes.
fn pieces(offset: u64, len: u64) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + len;
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let within = at % BLOCK;
        let len = (BLOCK - within).min(end - at);
        let piece = (at / BLOCK, small(within), small(len));
        at += len;
        Some(piece)
    })
}

fn small(n: u64) -> usize {
    usize::try_from(n).expect("no more than a block")
}

impl Content {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Units of 512 bytes that it takes.
    pub(super) fn units(&self) -> u64 {
        self.blocks.len() as u64 * (BLOCK / 512)
    }

    pub(super) fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        let len = (size as u64).min(self.size.saturating_sub(offset));
        let mut bytes = Vec::with_capacity(small(len.min(BLOCK)));
        for (block, from, len) in pieces(offset.min(self.size), len) {
            match self.blocks.get(&block) {
                Some(there) => bytes.extend_from_slice(&there[from..from + len]),
                None => bytes.resize(bytes.len() + len, 0),
            }
        }
        bytes
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) -> Answer<()> {
        let end = self.end(offset, bytes.len() as u64)?;
        if bytes.is_empty() {
            // Nothing is written, also far behind the end.
            return Ok(());
        }
        let mut bytes = bytes;
        for (block, from, len) in pieces(offset, bytes.len() as u64) {
            let (now, later) = bytes.split_at(len);
            self.block(block)?[from..from + len].copy_from_slice(now);
            bytes = later;
        }
        self.size = self.size.max(end);
        Ok(())
    }

    fn block(&mut self, block: u64) -> Answer<&mut [u8; BLOCK_LEN]> {
        if self.blocks.len() >= MOST_BLOCKS && !self.blocks.contains_key(&block) {
            return Err(Errno::ENOSPC);
        }
        Ok(self.blocks.entry(block).or_insert_with(|| Box::new([0; BLOCK_LEN])))
    }

    fn end(&self, offset: u64, len: u64) -> Answer<u64> {
        offset.checked_add(len).filter(|end| *end <= LONGEST).ok_or(Errno::EFBIG)
    }

    /// Cuts it, or lengthens it by a hole.
    pub(super) fn resize(&mut self, size: u64) -> Answer<()> {
        self.end(size, 0)?;
        if size < self.size {
            self.clear(size, self.size - size);
        }
        self.size = size;
        Ok(())
    }

    /// Makes room, as zeros where nothing was; `grows` says whether the file may become longer by it.
    pub(super) fn allocate(&mut self, offset: u64, len: u64, grows: bool) -> Answer<()> {
        let end = self.end(offset, len)?;
        if len / BLOCK > MOST_BLOCKS as u64 {
            return Err(Errno::ENOSPC);
        }
        for (block, ..) in pieces(offset, len) {
            self.block(block)?;
        }
        if grows {
            self.size = self.size.max(end);
        }
        Ok(())
    }

    /// Punches a hole; the size stays.
    pub(super) fn discard(&mut self, offset: u64, len: u64) -> Answer<()> {
        self.end(offset, len)?;
        self.clear(offset, len);
        Ok(())
    }

    /// Writes zeros; the file may become longer.
    pub(super) fn zero(&mut self, offset: u64, len: u64) -> Answer<()> {
        let end = self.end(offset, len)?;
        self.clear(offset, len);
        self.size = self.size.max(end);
        Ok(())
    }

    fn clear(&mut self, offset: u64, len: u64) {
        let end = offset + len;
        let touched: Vec<u64> =
            self.blocks.range(offset / BLOCK..end.div_ceil(BLOCK)).map(|(at, _)| *at).collect();
        for at in touched {
            let (from, to) = (offset.max(at * BLOCK), end.min((at + 1) * BLOCK));
            if to - from == BLOCK {
                self.blocks.remove(&at);
            } else if let Some(block) = self.blocks.get_mut(&at) {
                block[small(from - at * BLOCK)..small(to - at * BLOCK)].fill(0);
            }
        }
    }

    /// The next data, or the next hole, which the end is as well.
    pub(super) fn seek(&self, offset: u64, hole: bool) -> Answer<u64> {
        if offset >= self.size {
            return Err(Errno::ENXIO);
        }
        let mut at = offset;
        while at < self.size {
            if self.blocks.contains_key(&(at / BLOCK)) != hole {
                return Ok(at);
            }
            at = match hole {
                true => (at / BLOCK + 1) * BLOCK,
                false => match self.blocks.range(at / BLOCK..).next() {
                    Some((block, _)) => block * BLOCK,
                    None => self.size,
                },
            };
        }
        if hole { Ok(self.size) } else { Err(Errno::ENXIO) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_reads_as_zeros_and_takes_no_room() {
        let mut content = Content::default();
        content.write(b"end", 1 << 40).unwrap();
        assert_eq!((content.size(), content.units()), ((1 << 40) + 3, 8));
        assert_eq!(content.read((1 << 40) - 2, 10), b"\0\0end");
        assert_eq!((content.seek(0, false), content.seek(0, true)), (Ok(1 << 40), Ok(0)));
        assert_eq!(content.seek(1 << 40, true), Ok((1 << 40) + 3));
        assert_eq!(content.write(b"x", LONGEST), Err(Errno::EFBIG));
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut content = Content::default();
        content.write(&[7; 10_000], 0).unwrap();
        content.resize(5000).unwrap();
        content.resize(9000).unwrap();
        assert_eq!(content.read(4999, 3), [7, 0, 0]);
        content.write(b"", 100_000).unwrap();
        content.discard(0, 4096).unwrap();
        assert_eq!((content.read(4095, 2), content.size()), (vec![0, 7], 9000));
        content.zero(8999, 10).unwrap();
        assert_eq!(content.size(), 9009);
        content.allocate(20_000, 10, false).unwrap();
        assert_eq!(content.size(), 9009);
    }
}
