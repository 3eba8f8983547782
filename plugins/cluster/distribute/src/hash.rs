//! The hash of a name: which part of a directory's range it falls into.
//!
//! A Davies-Meyer construction over TEA, equal to GlusterFS 10's on x86-64, where `char` is signed.

use regex::bytes::Regex;

const DELTA: u32 = 0x9e37_79b9;
const START: (u32, u32) = (0x9464_a485, 0x542e_1a94);
const FULL_ROUNDS: u32 = 6;
const LAST_ROUNDS: u32 = 10;

/// The hash of a name as it is.
pub(crate) fn hash(name: &[u8]) -> u32 {
    let (blocks, rest) = name.as_chunks::<16>();
    let mut state = START;
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        mix(&mut state, [0, 1, 2, 3].map(|at| u32::from_le_bytes(words[at])), FULL_ROUNDS);
    }
    mix(&mut state, last_key(rest, padding(name.len())), LAST_ROUNDS);
    state.0 ^ state.1
}

/// The length, over and over.
fn padding(len: usize) -> u32 {
    let [low, next, third, fourth, ..] = len.to_le_bytes();
    let len = u32::from_le_bytes([low, next, third, fourth]);
    let twice = len | len << 8;
    twice | twice << 16
}

fn last_key(rest: &[u8], padding: u32) -> [u32; 4] {
    let mut key = [padding; 4];
    let (words, bytes) = rest.as_chunks::<4>();
    for (slot, word) in key.iter_mut().zip(words) {
        *slot = u32::from_le_bytes(*word);
    }
    for byte in bytes {
        // A byte above 127 is a negative `char`, whose sign covers what was there.
        let signed = i32::from(i8::from_ne_bytes([*byte])).cast_unsigned();
        key[words.len()] = key[words.len()] << 8 | signed;
    }
    key
}

fn mix(state: &mut (u32, u32), key: [u32; 4], rounds: u32) {
    let (mut b0, mut b1) = *state;
    let mut sum = 0_u32;
    for _ in 0..rounds {
        sum = sum.wrapping_add(DELTA);
        b0 = b0.wrapping_add(
            (b1 << 4).wrapping_add(key[0]) ^ b1.wrapping_add(sum) ^ (b1 >> 5).wrapping_add(key[1]),
        );
        b1 = b1.wrapping_add(
            (b0 << 4).wrapping_add(key[2]) ^ b0.wrapping_add(sum) ^ (b0 >> 5).wrapping_add(key[3]),
        );
    }
    state.0 = state.0.wrapping_add(b0);
    state.1 = state.1.wrapping_add(b1);
}

/// Which part of a name is hashed: `.file.XyZ123`, which rsync writes before it renames it, falls where `file` does.
#[derive(Debug, Default)]
pub(crate) struct Munge {
    extra: Option<Regex>,
    rsync: Option<Regex>,
}

impl Munge {
    /// From the two options; `none` switches one off.
    pub(crate) fn new(extra: Option<&str>, rsync: Option<&str>) -> Result<Self, regex::Error> {
        let compile = |text: Option<&str>| {
            text.filter(|text| !text.is_empty() && *text != "none")
                .map(|text| regex::bytes::RegexBuilder::new(text).unicode(false).build())
                .transpose()
        };
        Ok(Self { extra: compile(extra)?, rsync: compile(rsync)? })
    }

    /// The part that is hashed.
    fn part<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        let first = |regex: &Option<Regex>| Some(regex.as_ref()?.captures(name)?.get(1)?.as_bytes());
        first(&self.extra).or_else(|| first(&self.rsync)).unwrap_or(name)
    }

    /// The hash of a name of a file.
    pub(crate) fn hash(&self, name: &[u8]) -> u32 {
        hash(self.part(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hash_as_on_the_incumbents_volumes() {
        let vectors: [(&str, u32); 14] = [
            ("a", 0x3a17_e4e6),
            ("file", 0xc40e_c480),
            ("hello", 0xa792_3147),
            ("0123456789abcdef", 0x6ecb_5ada),
            ("the-quick-brown-fox-jumps.txt", 0xd04b_1abc),
            ("abcd", 0xd896_27f6),
            ("naïveé", 0xc13e_4754),
            ("日本", 0xb00c_9dfc),
            ("x日本", 0xe0f4_508a),
            (".file.XyZ123", 0x2659_7873),
            ("/hv", 0x3e8a_0053),
            ("/hv/dirb", 0x3cb4_ed82),
            ("/hv/dirc", 0xe12f_3576),
            ("/hv/dirb/sub", 0x6484_6b00),
        ];
        for (name, wanted) in vectors {
            assert_eq!(hash(name.as_bytes()), wanted, "{name}");
        }
    }

    #[test]
    fn what_rsync_will_rename_falls_where_it_will_be() {
        let munge = Munge::new(None, Some(r"^\.(.+)\.[^.]+$")).unwrap();
        assert_eq!(munge.hash(b".file.XyZ123"), hash(b"file"));
        assert_eq!(munge.hash(b"file.txt"), hash(b"file.txt"));
        let both = Munge::new(Some(r"^(.+)\.tmp$"), Some(r"^\.(.+)\.[^.]+$")).unwrap();
        assert_eq!(both.hash(b".a.b.tmp"), hash(b".a.b"), "the extra pattern comes first");
        let none = Munge::new(None, Some("none")).unwrap();
        assert_eq!(none.hash(b".file.XyZ123"), hash(b".file.XyZ123"));
    }
}
