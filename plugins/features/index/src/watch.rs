//! The watched xattrs: which of a client's counters put a file on which list.

use plugin_api::Key;
use plugin_api::prelude::*;

use crate::lists::List;

/// Xattrs, by what their names start with, for each list of files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Watch {
    pending: Vec<String>,
    dirty: Vec<String>,
}

/// What counters say about a list: `None` when they say nothing, else whether one of them is not zero.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) pending: Option<bool>,
    pub(crate) dirty: Option<bool>,
}

impl Told {
    pub(crate) fn by_list(self) -> [(List, Option<bool>); 2] {
        [(List::Pending, self.pending), (List::Dirty, self.dirty)]
    }

    pub(crate) fn says_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Watch {
    /// From the options: names, separated by commas or blanks.
    pub(crate) fn read(cx: &InitCx<'_>) -> Self {
        let words = |key| {
            let list = cx.find(key).unwrap_or_default();
            list.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut pending = words("xattrop-pending-watchlist");
        pending.extend(words("xattrop64-watchlist"));
        Self { pending, dirty: words("xattrop-dirty-watchlist") }
    }

    /// What `xattrs` say.
    pub(crate) fn told(&self, xattrs: &Dict) -> Told {
        let mut told = Told::default();
        for (key, value) in xattrs.iter() {
            let about = match () {
                () if is_among(&self.pending, key) => &mut told.pending,
                () if is_among(&self.dirty, key) => &mut told.dirty,
                () => continue,
            };
            let counts = value.as_bytes().is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0));
            *about = Some(about.unwrap_or(false) || counts);
        }
        told
    }
}

fn is_among(prefixes: &[String], key: &Key) -> bool {
    prefixes.iter().any(|prefix| key.as_bytes().starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch {
            pending: vec!["trusted.afr.v-".into(), "trusted.ec.dirty".into()],
            dirty: vec!["trusted.afr.dirty".into()],
        }
    }

    #[test]
    fn a_list_hears_of_its_own_counters_alone() {
        let (zero, one) = (vec![0_u8; 12], [vec![0; 11], vec![1_u8]].concat());
        let told = |xattrs: Dict| watch().told(&xattrs);
        let both =
            Dict::new().with("trusted.afr.v-client-0", zero.clone()).with("trusted.afr.dirty", one.clone());
        assert_eq!(told(both), Told { pending: Some(false), dirty: Some(true) });
        let blame =
            Dict::new().with("trusted.afr.v-client-0", one.clone()).with("trusted.afr.v-client-1", zero);
        assert_eq!(told(blame), Told { pending: Some(true), dirty: None });
        assert!(told(Dict::new().with("trusted.afr.other-client-0", one.clone())).says_nothing());
        assert!(told(Dict::new().with("trusted.glusterfs.shard.file-size", one)).says_nothing());
    }
}
