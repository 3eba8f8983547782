//! Which fops are told of.

use plugin_api::InitError;
use plugin_api::fop::{FOPS, name};

/// A set of fops by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection(u64);

impl Default for Selection {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

impl Selection {
    /// All fops; or those named in `include`; else all but those named in `exclude`. Names are separated by commas.
    ///
    /// # Errors
    /// A sentence that names what is no fop.
    pub(crate) fn parse(include: Option<&str>, exclude: Option<&str>) -> Result<Self, InitError> {
        match (include.filter(|list| !list.is_empty()), exclude) {
            (Some(list), _) => bits(list).map(Self),
            (None, Some(list)) => bits(list).map(|bits| Self(!bits)),
            (None, None) => Ok(Self::default()),
        }
    }

    /// Whether the fop is in the set; fops that are not known yet are.
    pub(crate) fn has(self, code: u32) -> bool {
        1_u64.checked_shl(code).is_none_or(|bit| self.0 & bit != 0)
    }
}

fn bits(list: &str) -> Result<u64, InitError> {
    list.split([',', ' ']).filter(|word| !word.is_empty()).try_fold(0, |bits, word| {
        let code = (0..FOPS).find(|code| name(*code).is_some_and(|name| is_called(name, word)));
        let code =
            code.ok_or_else(|| InitError(format!("`{word}` is no fop; fops are named as in `writev`")))?;
        Ok(bits | 1 << code)
    })
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
    fn what_is_included_or_not_excluded_is_told() {
        let all = Selection::parse(None, None).unwrap();
        assert!(all.has(27) && all.has(200));
        let some = Selection::parse(Some("LOOKUP,write"), Some("lookup")).unwrap();
        assert!(some.has(27) && some.has(13) && !some.has(12));
        let rest = Selection::parse(Some(""), Some("lookup, stat")).unwrap();
        assert!(!rest.has(27) && !rest.has(1) && rest.has(12));
    }

    #[test]
    fn a_word_that_is_no_fop_is_refused_by_name() {
        assert!(Selection::parse(Some("lookup,frobnicate"), None).unwrap_err().0.contains("`frobnicate`"));
    }
}
