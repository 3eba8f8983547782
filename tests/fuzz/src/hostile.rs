//! Bytes that somebody hostile sends: any at all, and good messages with a few words changed.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Words that lengths, counts and tags go wrong at.
const WORDS: [u32; 14] = [
    0,
    1,
    2,
    3,
    7,
    8,
    0xff,
    0xffff,
    0x0001_0000,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

/// Any bytes, often made of words that lengths go wrong at.
pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(prop_oneof![select(&WORDS[..]), any::<u32>()], 0..60);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        words.prop_map(|words| words.into_iter().flat_map(u32::to_be_bytes).collect()),
    ]
}

/// One change of a message.
#[derive(Debug, Clone)]
enum Change {
    Word(Index, u32),
    Byte(Index, u8),
    Cut(Index),
    Take(Index, Index),
    Repeat(Index, Index),
    Insert(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), prop_oneof![select(&WORDS[..]), 0..5000_u32]).prop_map(|(at, word)| Change::Word(at, word)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Change::Take(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Change::Repeat(from, to)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, new)| Change::Insert(at, new)),
    ]
}

impl Change {
    fn make(self, message: &mut Vec<u8>) {
        let place = |at: &Index, message: &[u8]| at.index(message.len() + 1);
        let range = |from: &Index, to: &Index, message: &[u8]| {
            let (from, to) = (place(from, message), place(to, message));
            from.min(to)..from.max(to)
        };
        match self {
            // Words of XDR lie at every fourth byte; those of a serialized dict do not.
            Self::Word(at, word) => {
                let at = place(&at, message);
                let at = if word % 2 == 0 { at & !3 } else { at };
                if let Some(old) = message.get_mut(at..at + 4) {
                    old.copy_from_slice(&word.to_be_bytes());
                }
            }
            Self::Byte(at, byte) => {
                let at = place(&at, message);
                if let Some(old) = message.get_mut(at) {
                    *old = byte;
                }
            }
            Self::Cut(at) => message.truncate(place(&at, message)),
            Self::Take(from, to) => drop(message.drain(range(&from, &to, message))),
            Self::Repeat(from, to) => {
                let range = range(&from, &to, message);
                message.extend_from_within(range.start..range.end.min(range.start + 64));
            }
            Self::Insert(at, new) => {
                let at = place(&at, message);
                message.splice(at..at, new);
            }
        }
    }
}

/// One of the good messages with up to eight changes; sometimes none.
pub fn mutated(good: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec(change(), 0..8);
    (select(good), changes).prop_map(|(mut message, changes)| {
        changes.into_iter().for_each(|change| change.make(&mut message));
        message
    })
}
