//! Sets of fops, as options name them.

use plugin_api::InitError;
use plugin_api::fop::{FOPS, name};

/// A set of fops by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FopSet(u64);

impl FopSet {
    /// Every fop, also those that nobody knows yet.
    pub const ALL: Self = Self(u64::MAX);

    /// The fops named in `list`, separated by commas or spaces, in any case.
    ///
    /// # Errors
    /// A sentence that names what is no fop.
    pub fn parse(list: &str) -> Result<Self, InitError> {
        let words = list.split([',', ' ']).filter(|word| !word.is_empty());
        words.map(code).try_fold(Self(0), |set, code| code.map(|code| Self(set.0 | 1 << code)))
    }

    /// All others.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Whether the fop is in the set; fops that are not known yet are.
    #[must_use]
    pub fn has(self, code: u32) -> bool {
        1_u64.checked_shl(code).is_none_or(|bit| self.0 & bit != 0)
    }

    /// As a number, for an atomic.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// From [`bits`](Self::bits).
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

fn code(word: &str) -> Result<u32, InitError> {
    let known = (0..FOPS).find(|code| name(*code).is_some_and(|name| is_called(name, word)));
    known.ok_or_else(|| InitError(format!("`{word}` is no fop; fops are named as in `writev`")))
}

/// The incumbent's lists say READ and WRITE, and take any case.
fn is_called(name: &str, word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    name == word || matches!((name, word.as_str()), ("readv", "read") | ("writev", "write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fops_are_found_by_name_in_any_case() {
        let set = FopSet::parse("LOOKUP, write").unwrap();
        assert!(set.has(27) && set.has(13) && !set.has(12) && !set.complement().has(13));
        assert!(FopSet::ALL.has(27) && set.has(200));
        assert_eq!(FopSet::from_bits(set.bits()), set);
    }

    #[test]
    fn a_word_that_is_no_fop_is_refused_by_name() {
        assert!(FopSet::parse("lookup,frobnicate").unwrap_err().0.contains("`frobnicate`"));
    }
}
