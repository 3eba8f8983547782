//! Bytes in, records out: one read gathers many records, and a large one lands where it stays.

use std::io::{self, IoSliceMut};

use gluster_xdr::record::{LIMIT, Progress, RecordError, Scanner};
use plugin_api::{IoBuf, IoBufMut};
use smallvec::SmallVec;

/// What is read at once.
const CHUNK: usize = 64 << 10;
/// From here on a record gets a buffer of its own size and is read to its end, not beyond.
const LARGE: usize = 32 << 10;
/// Room that a record gets on its sender's word alone; more only as bytes arrive.
const TRUSTED: usize = 1 << 20;
/// Batches up to here are copied out, so that small messages which are kept for long hold no whole chunk.
const SMALL: usize = 2 << 10;

/// The receiving half of a connection: pure, but for the read that it is lent.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Begins with the mark of the record that is coming in.
    chunk: Option<IoBufMut>,
    filled: usize,
    scanner: Scanner,
    /// The record goes on to here at least.
    need: usize,
    /// The largest record so far; the next may be as large at once.
    largest: usize,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// As much as there was room for: there may be more.
    Full(usize),
    /// Less: the socket is empty now.
    Short(usize),
    /// The peer will send no more.
    End,
}

/// The least that a scanner needs: a mark.
const MARK: usize = 4;

impl Receiver {
    pub(crate) fn new() -> Self {
        Self { chunk: None, filled: 0, scanner: Scanner::new(LIMIT), need: MARK, largest: 0 }
    }

    /// Whether a record has begun and not ended.
    pub(crate) fn is_mid_record(&self) -> bool {
        self.filled > 0
    }

    /// Reads once with `read` and adds the records that are whole now to `records`.
    ///
    /// # Errors
    /// What `read` says; or `InvalidData`, when what came is no stream of records.
    pub(crate) fn read(
        &mut self,
        read: impl FnOnce(&mut [IoSliceMut<'_>]) -> io::Result<usize>,
        records: &mut Vec<IoBuf>,
    ) -> io::Result<Read> {
        let mut chunk = self.make_room();
        // A large record is read to its end; what follows it lands in a chunk of its own and need not be moved.
        let (end, mut spill) = if self.need >= LARGE && self.need <= chunk.len() {
            (self.need, Some(room_for(self.largest)))
        } else {
            (chunk.len(), None)
        };
        let filled = self.filled;
        let offered = end - filled + spill.as_ref().map_or(0, |spill| spill.len());
        let result = match &mut spill {
            Some(spill) => {
                read(&mut [IoSliceMut::new(&mut chunk[filled..end]), IoSliceMut::new(&mut spill[..])])
            }
            None => read(&mut [IoSliceMut::new(&mut chunk[filled..end])]),
        };
        let count = match result {
            Ok(count) => count.min(offered),
            Err(e) => {
                self.chunk = (filled > 0).then_some(chunk);
                return Err(e);
            }
        };
        let direct = count.min(end - filled);
        self.filled += direct;
        self.chunk = Some(chunk);
        self.scan(records)?;
        if count > direct {
            self.append(spill, count - direct);
            self.scan(records)?;
        }
        if self.filled == 0 {
            // An idle connection holds no memory.
            self.chunk = None;
        }
        Ok(match count {
            0 => Read::End,
            count if count < offered => Read::Short(count),
            count => Read::Full(count),
        })
    }

    /// A chunk with room for what the record needs, as far as its sender is trusted.
    fn make_room(&mut self) -> IoBufMut {
        let Some(chunk) = self.chunk.take() else { return room_for(CHUNK) };
        let len = self.trusted_room();
        if len <= chunk.len() {
            return chunk;
        }
        let mut larger = room_for(len);
        larger[..self.filled].copy_from_slice(&chunk[..self.filled]);
        larger
    }

    /// How much room the record gets now: what it needs, or twice what has come of it.
    fn trusted_room(&self) -> usize {
        self.need.min(TRUSTED.max(self.largest).max(self.filled * 2))
    }

    /// Puts what was read beyond a large record behind it: the usual case is that the record was whole and is gone.
    fn append(&mut self, spill: Option<IoBufMut>, count: usize) {
        let Some(spill) = spill else { return };
        if self.filled == 0 {
            self.chunk = Some(spill);
            self.filled = count;
            return;
        }
        // The record goes on in another fragment.
        let total = self.filled + count;
        let mut joined = room_for(total);
        if let Some(chunk) = &self.chunk {
            joined[..self.filled].copy_from_slice(&chunk[..self.filled]);
        }
        joined[self.filled..total].copy_from_slice(&spill[..count]);
        self.chunk = Some(joined);
        self.filled = total;
    }

    /// Takes whole records out of the chunk; what is left begins with the mark of the next one.
    fn scan(&mut self, records: &mut Vec<IoBuf>) -> io::Result<()> {
        let Some(mut chunk) = self.chunk.take() else { return Ok(()) };
        let mut found: SmallVec<[(usize, usize, Scanner); 4]> = SmallVec::new();
        let mut start = 0;
        loop {
            match self.scanner.advance(&chunk[start..self.filled]).map_err(no_record)? {
                Progress::Need(need) => {
                    self.need = need;
                    break;
                }
                Progress::Whole(len) => {
                    if len >= LARGE {
                        self.largest = self.largest.max(len);
                    }
                    found.push((
                        start,
                        start + len,
                        std::mem::replace(&mut self.scanner, Scanner::new(LIMIT)),
                    ));
                    start += len;
                }
            }
        }
        let left = self.filled - start;
        let whole = if start == 0 {
            self.chunk = Some(chunk);
            return Ok(());
        } else if start <= SMALL {
            let whole = IoBuf::copy_from_slice(&chunk[..start]);
            chunk.copy_within(start..self.filled, 0);
            self.chunk = Some(chunk);
            whole
        } else {
            if left > 0 {
                let mut next = room_for(left.max(self.need.min(TRUSTED)));
                next[..left].copy_from_slice(&chunk[start..self.filled]);
                self.chunk = Some(next);
            }
            chunk.freeze(start)
        };
        self.filled = left;
        records
            .extend(found.into_iter().map(|(start, end, scanner)| scanner.message(&whole.slice(start..end))));
        Ok(())
    }
}

/// A chunk of at least `len` bytes.
fn room_for(len: usize) -> IoBufMut {
    IoBufMut::with_len(len.max(CHUNK))
}

fn no_record(e: RecordError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gluster_xdr::record::framed;
    use proptest::prelude::*;

    /// Lends at most `most` bytes of `stream` at a time, as a socket does.
    fn feed(receiver: &mut Receiver, stream: &mut &[u8], most: usize) -> io::Result<Vec<IoBuf>> {
        let mut records = Vec::new();
        while !stream.is_empty() {
            receiver.read(
                |slices| {
                    let mut count = 0;
                    for slice in slices {
                        let n = slice.len().min(stream.len()).min(most - count);
                        slice[..n].copy_from_slice(&stream[..n]);
                        *stream = &stream[n..];
                        count += n;
                    }
                    Ok(count)
                },
                &mut records,
            )?;
        }
        Ok(records)
    }

    fn message(len: usize) -> Vec<u8> {
        (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn many_small_records_come_out_of_one_read() {
        let stream: Vec<u8> = (1..100).flat_map(|len| framed(&message(len))).collect();
        let mut receiver = Receiver::new();
        let records = feed(&mut receiver, &mut &stream[..], usize::MAX).unwrap();
        assert_eq!(records.len(), 99);
        assert!(records.iter().zip(1..).all(|(record, len)| record[..] == message(len)));
        assert!(!receiver.is_mid_record() && receiver.chunk.is_none());
    }

    #[test]
    fn large_records_in_a_row_are_never_copied_once_their_size_is_known() {
        let stream: Vec<u8> = (0..6).flat_map(|_| framed(&message(128 << 10))).collect();
        let mut receiver = Receiver::new();
        let records = feed(&mut receiver, &mut &stream[..], usize::MAX).unwrap();
        assert_eq!(records.len(), 6);
        assert!(records.iter().all(|record| record[..] == message(128 << 10)));
        assert_eq!(receiver.largest, (128 << 10) + 4);
    }

    #[test]
    fn a_claimed_length_is_given_room_only_as_bytes_arrive() {
        let mut receiver = Receiver::new();
        let claim = [0xbf, 0xff, 0xff, 0xff, 1];
        feed(&mut receiver, &mut &claim[..], usize::MAX).unwrap();
        feed(&mut receiver, &mut &[0; 1000][..], usize::MAX).unwrap();
        let held = receiver.chunk.as_ref().unwrap().len();
        assert!(held <= TRUSTED, "{held} bytes held for a thousand that came");
        feed(&mut receiver, &mut &vec![0; 3 << 20][..], usize::MAX).unwrap();
        let held = receiver.chunk.as_ref().unwrap().len();
        assert!(held <= 8 << 20, "{held} bytes held for three million that came");
    }

    #[test]
    fn a_stream_of_no_records_is_told() {
        let mut receiver = Receiver::new();
        let e = feed(&mut receiver, &mut &[0xff; 4][..], usize::MAX).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::InvalidData);
        let e = feed(&mut Receiver::new(), &mut &[0; 4][..], usize::MAX).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_failed_read_loses_nothing() {
        let stream = framed(&message(10));
        let mut receiver = Receiver::new();
        feed(&mut receiver, &mut &stream[..7], usize::MAX).unwrap();
        let e = receiver.read(|_| Err(io::ErrorKind::WouldBlock.into()), &mut Vec::new()).unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(feed(&mut receiver, &mut &stream[7..], usize::MAX).unwrap()[0][..], message(10));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn records_come_out_as_they_went_in_however_they_are_cut(
            lens in prop::collection::vec(prop_oneof![1usize..300, 30_000usize..200_000], 1..12),
            fragment in prop_oneof![Just(usize::MAX), 10_000usize..100_000],
            most in prop_oneof![Just(usize::MAX), 1000usize..100_000],
        ) {
            let mut stream = Vec::new();
            for len in &lens {
                let whole = message(*len);
                let pieces: Vec<_> = whole.chunks(fragment.min(*len)).collect();
                for (at, piece) in pieces.iter().enumerate() {
                    let mut one = framed(piece);
                    if at + 1 < pieces.len() {
                        one[0] &= 0x7f;
                    }
                    stream.extend(one);
                }
            }
            let records = feed(&mut Receiver::new(), &mut &stream[..], most).unwrap();
            prop_assert_eq!(records.len(), lens.len());
            for (record, len) in records.iter().zip(&lens) {
                prop_assert!(record[..] == message(*len)[..], "a record of {} bytes", len);
            }
        }
    }
}
