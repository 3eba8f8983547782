//! Record marking: where a message begins and ends in a byte stream.

use plugin_api::IoBuf;

/// The most that a record may hold: 1 GiB, as in the incumbent.
pub const LIMIT: usize = 1 << 30;

const LAST: u32 = 1 << 31;

/// A stream that is no stream of records; the connection has to be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The fragments add up to more than is accepted.
    #[error("a record of {claimed} bytes or more, less than {limit} were expected")]
    TooLarge {
        /// The sum of the fragments so far.
        claimed: usize,
        /// The limit.
        limit: usize,
    },
    /// A fragment without bytes: it says nothing, and an endless row of them would keep the reader busy for ever.
    #[error("a fragment of no bytes")]
    Empty,
}

/// The four bytes before a message of `len` bytes that travels in one fragment.
///
/// `None` when it is too long for a record.
#[must_use]
pub fn mark(len: usize) -> Option<[u8; 4]> {
    let len = u32::try_from(len).ok().filter(|_| len < LIMIT)?;
    Some((LAST | len).to_be_bytes())
}

/// A message with its mark in front; a message that is too long for a record gives nothing.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    mark(message.len()).map(|mark| [&mark, message].concat()).unwrap_or_default()
}

/// Finds the end of one record in a growing buffer that begins with its mark.
///
/// A pure state machine: [`advance`](Self::advance) looks at the marks only, each of them once.
#[derive(Debug, Clone)]
pub struct Scanner {
    limit: usize,
    /// Where the next mark lies.
    next_mark: usize,
    /// Bytes of message in the fragments so far.
    total: usize,
    fragments: usize,
}

/// What a [`Scanner`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The record goes on to here at least, by what its sender claims; ask again when the buffer is that long.
    Need(usize),
    /// The record ends here.
    Whole(usize),
}

impl Scanner {
    /// For a record of less than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.min(LIMIT), next_mark: 0, total: 0, fragments: 0 }
    }

    /// Looks at what has arrived: `bytes` begins with the record's first mark and never shrinks between calls.
    /// # Errors
    /// When this is no record, or one above the limit: told by the mark, before the bytes arrive.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Progress, RecordError> {
        loop {
            let Some(mark) = bytes.get(self.next_mark..).and_then(|rest| rest.first_chunk::<4>()) else {
                return Ok(Progress::Need(self.next_mark + 4));
            };
            let mark = u32::from_be_bytes(*mark);
            let len = usize::try_from(mark & !LAST).unwrap_or(usize::MAX);
            if len == 0 {
                return Err(RecordError::Empty);
            }
            let total = self.total.saturating_add(len);
            if total >= self.limit {
                return Err(RecordError::TooLarge { claimed: total, limit: self.limit });
            }
            let end = self.next_mark + 4 + len;
            if bytes.len() < end {
                return Ok(Progress::Need(end));
            }
            self.total = total;
            self.fragments += 1;
            self.next_mark = end;
            if mark & LAST != 0 {
                return Ok(Progress::Whole(end));
            }
        }
    }

    /// The message of a whole record; `record` is what the scanner saw, from the first mark to the end.
    ///
    /// One fragment, which is what everybody sends, is shared; several are joined in a copy.
    #[must_use]
    pub fn message(&self, record: &IoBuf) -> IoBuf {
        if self.fragments == 1 {
            return record.slice(4.min(record.len())..);
        }
        let mut joined = Vec::with_capacity(self.total.min(record.len()));
        let mut rest = &record[..];
        while let Some((mark, behind)) = rest.split_first_chunk::<4>() {
            let len = usize::try_from(u32::from_be_bytes(*mark) & !LAST).unwrap_or(usize::MAX);
            let (fragment, more) = behind.split_at(len.min(behind.len()));
            joined.extend_from_slice(fragment);
            rest = more;
        }
        IoBuf::from(joined)
    }
}

/// Takes bytes as a socket gives them and hands out whole messages: for blocking callers.
#[derive(Debug)]
pub struct Assembler {
    limit: usize,
    buffer: Vec<u8>,
    scanner: Scanner,
}

impl Assembler {
    /// For records of less than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new(), scanner: Scanner::new(limit) }
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, or `None` when more has to be read.
    /// # Errors
    /// When the stream is none of records.
    pub fn next_record(&mut self) -> Result<Option<IoBuf>, RecordError> {
        let Progress::Whole(end) = self.scanner.advance(&self.buffer)? else { return Ok(None) };
        let rest = self.buffer.split_off(end);
        let record = IoBuf::from(std::mem::replace(&mut self.buffer, rest));
        let scanner = std::mem::replace(&mut self.scanner, Scanner::new(self.limit));
        Ok(Some(scanner.message(&record)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fragment(last: bool, bytes: &[u8]) -> Vec<u8> {
        let mark = u32::try_from(bytes.len()).unwrap() | if last { LAST } else { 0 };
        [&mark.to_be_bytes()[..], bytes].concat()
    }

    #[test]
    fn a_record_that_claims_a_gigabyte_is_refused_by_its_mark() {
        let mut records = Assembler::new(LIMIT);
        records.push(&0xc000_0000u32.to_be_bytes());
        assert_eq!(records.next_record(), Err(RecordError::TooLarge { claimed: LIMIT, limit: LIMIT }));
    }

    #[test]
    fn fragments_are_added_up_against_the_limit() {
        let mut records = Assembler::new(8);
        records.push(&fragment(false, b"12345"));
        assert_eq!(records.next_record(), Ok(None));
        records.push(&fragment(true, b"678"));
        assert_eq!(records.next_record(), Err(RecordError::TooLarge { claimed: 8, limit: 8 }));
    }

    #[test]
    fn an_empty_fragment_ends_the_stream() {
        for mark in [0u32, LAST] {
            let mut records = Assembler::new(LIMIT);
            records.push(&mark.to_be_bytes());
            assert_eq!(records.next_record(), Err(RecordError::Empty));
        }
    }

    #[test]
    fn a_single_fragment_is_shared_not_copied() {
        let record = IoBuf::from(fragment(true, b"message"));
        let mut scanner = Scanner::new(LIMIT);
        assert_eq!(scanner.advance(&record), Ok(Progress::Whole(11)));
        assert_eq!(scanner.message(&record).as_ptr(), record[4..].as_ptr());
    }

    #[test]
    fn the_mark_of_a_message_says_its_length_and_that_it_is_the_last() {
        assert_eq!(framed(b"ab"), [0x80, 0, 0, 2, b'a', b'b']);
        assert_eq!(mark(LIMIT), None);
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in_however_they_are_cut(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 1..8),
            fragment_size in 1usize..20,
            read_size in 1usize..30,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                let pieces: Vec<_> = message.chunks(fragment_size).collect();
                for (at, piece) in pieces.iter().enumerate() {
                    stream.extend(fragment(at + 1 == pieces.len(), piece));
                }
            }
            let mut records = Assembler::new(LIMIT);
            let mut out = Vec::new();
            for read in stream.chunks(read_size) {
                records.push(read);
                while let Some(message) = records.next_record().unwrap() {
                    out.push(message.to_vec());
                }
            }
            prop_assert_eq!(out, messages);
        }

        #[test]
        fn no_stream_makes_it_panic(stream in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut records = Assembler::new(LIMIT);
            records.push(&stream);
            while let Ok(Some(_)) = records.next_record() {}
        }
    }
}
