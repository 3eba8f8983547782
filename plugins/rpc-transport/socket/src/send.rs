//! Messages out: many in one write, and what the socket does not take waits in a bounded queue.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use gluster_xdr::record;
use plugin_api::transport::Message;
use smallvec::SmallVec;

/// Bytes that may wait; a queue that holds them takes no further message.
pub(crate) const LIMIT: usize = 16 << 20;

/// Buffers that one write takes.
const MOST_BUFFERS: usize = 256;

/// Buffers that find room on the stack: five answers with their payload.
const FEW_BUFFERS: usize = 16;

/// A message with its mark.
#[derive(Debug)]
struct Marked {
    mark: [u8; 4],
    message: Message,
}

impl Marked {
    fn len(&self) -> usize {
        4 + self.message.head.len() + self.message.payload.len()
    }

    fn buffers(&self) -> impl Iterator<Item = &[u8]> {
        let payload = self.message.payload.buffers().map(|buffer| &buffer[..]);
        [&self.mark[..], &self.message.head[..]].into_iter().chain(payload)
    }
}

/// Messages in the order in which they leave.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: VecDeque<Marked>,
    /// Bytes of the first message that have left.
    sent: usize,
    /// Bytes that have not.
    pub(crate) bytes: usize,
}

/// How a write ended.
#[derive(Debug)]
pub(crate) enum Written {
    /// Everything left.
    All,
    /// The socket is full.
    Blocked,
    /// The connection is broken.
    Broken(io::Error),
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Adds a message at the end; answers whether it can be sent at all: one above the record limit cannot.
    pub(crate) fn push(&mut self, message: Message) -> bool {
        let Some(mark) = record::mark(message.head.len() + message.payload.len()) else { return false };
        let marked = Marked { mark, message };
        self.bytes += marked.len();
        self.messages.push_back(marked);
        true
    }

    /// Puts messages that were taken off before in front again.
    pub(crate) fn put_back(&mut self, mut front: Queue) {
        front.messages.append(&mut self.messages);
        front.bytes += self.bytes;
        *self = front;
    }

    /// Writes until everything has left or the socket takes no more. Answers the bytes written, too.
    pub(crate) fn write(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> (usize, Written) {
        let mut total = 0;
        while !self.messages.is_empty() {
            let result = {
                let mut skip = self.sent;
                let mut slices: SmallVec<[IoSlice<'_>; FEW_BUFFERS]> = SmallVec::new();
                for buffer in self.messages.iter().flat_map(Marked::buffers) {
                    let from = skip.min(buffer.len());
                    skip -= from;
                    if from < buffer.len() {
                        slices.push(IoSlice::new(&buffer[from..]));
                    }
                    if slices.len() == MOST_BUFFERS {
                        break;
                    }
                }
                write(&slices)
            };
            match result {
                Ok(0) => return (total, Written::Broken(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    total += count;
                    self.advance(count);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return (total, Written::Blocked),
                Err(e) => return (total, Written::Broken(e)),
            }
        }
        (total, Written::All)
    }

    fn advance(&mut self, count: usize) {
        self.bytes -= count.min(self.bytes);
        self.sent += count;
        while let Some(len) = self.messages.front().map(Marked::len).filter(|len| *len <= self.sent) {
            self.sent -= len;
            self.messages.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::{IoBuf, Payload};
    use proptest::prelude::*;

    fn message(head: &str, payload: &[&str]) -> Message {
        let mut buffers = Payload::default();
        payload.iter().for_each(|part| buffers.push(IoBuf::from((*part).to_owned())));
        Message { head: head.to_owned().into(), payload: buffers }
    }

    #[test]
    fn several_messages_leave_in_one_write_with_their_marks() {
        let mut queue = Queue::default();
        assert!(queue.push(message("ab", &[])) && queue.push(message("c", &["de", "f"])));
        let mut out = Vec::new();
        let mut writes = 0;
        let (bytes, end) = queue.write(|slices| {
            writes += 1;
            out.extend(slices.iter().flat_map(|slice| slice.iter().copied()));
            Ok(out.len())
        });
        assert!(matches!(end, Written::All));
        assert_eq!((writes, bytes, queue.bytes), (1, 14, 0));
        assert_eq!(out, b"\x80\0\0\x02ab\x80\0\0\x04cdef");
    }

    proptest! {
        #[test]
        fn bytes_leave_once_and_in_order_however_little_the_socket_takes(
            parts in prop::collection::vec(("[a-z]{1,9}", prop::collection::vec("[a-z]{0,9}", 0..4)), 1..20),
            takes in prop::collection::vec(prop::option::of(1usize..12), 1..40),
        ) {
            let mut queue = Queue::default();
            let mut expected = Vec::new();
            for (head, payload) in &parts {
                let payload: Vec<&str> = payload.iter().map(String::as_str).collect();
                expected.extend(record::framed(format!("{head}{}", payload.concat()).as_bytes()));
                queue.push(message(head, &payload));
            }
            prop_assert_eq!(queue.bytes, expected.len());
            let (mut out, mut at) = (Vec::<u8>::new(), 0);
            while !queue.is_empty() {
                let mut taken = std::mem::take(&mut queue);
                taken.write(|slices| {
                    let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                    at += 1;
                    match takes.get(at % takes.len()).copied().flatten() {
                        Some(most) => {
                            out.extend(&all[..most.min(all.len())]);
                            Ok(most.min(all.len()))
                        }
                        None if at > 200 => {
                            out.extend(&all);
                            Ok(all.len())
                        }
                        None => Err(io::ErrorKind::WouldBlock.into()),
                    }
                });
                queue.put_back(taken);
                prop_assert_eq!(queue.bytes, expected.len() - out.len());
            }
            prop_assert_eq!(out, expected);
        }
    }
}
