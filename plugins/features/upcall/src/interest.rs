//! Interest: the names of xattrs that clients keep, and so want to hear of.

use std::sync::{PoisonError, RwLock};

use plugin_api::{Dict, glob};

/// Names that clients may tell in all; beyond that they hear of every xattr.
const NAMES: usize = 1024;

/// What the clients of a brick have told. It grows only: names are few, and the same for each client.
#[derive(Debug, Default)]
pub(crate) struct Interest(RwLock<Told>);

#[derive(Debug, Default)]
struct Told {
    names: Vec<String>,
    everything: bool,
}

impl Interest {
    /// A client names what it keeps; a `*` in a name stands for anything.
    pub(crate) fn add(&self, wanted: &Dict) {
        let mut told = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in wanted.iter() {
            if told.names.len() == NAMES {
                told.everything = true;
            } else if !told.names.iter().any(|known| known == name.as_str()) {
                told.names.push(name.as_str().to_owned());
            }
        }
    }

    /// What of these changed xattrs somebody keeps.
    pub(crate) fn of(&self, changed: &Dict) -> Dict {
        let told = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut kept = changed.clone();
        if !told.everything {
            let wanted =
                |name: &str| told.names.iter().any(|known| glob::matches(known.as_bytes(), name.as_bytes()));
            kept.retain(|name, _| wanted(name.as_str()));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_keeps_is_told() {
        let interest = Interest::default();
        let changed = Dict::new().with("security.ima", 1).with("user.a", 2).with("user.b", 3);
        assert!(interest.of(&changed).is_empty());
        interest.add(&Dict::new().with("security.*", 0).with("user.b", 0));
        let kept = interest.of(&changed);
        assert_eq!(
            kept.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["security.ima", "user.b"]
        );
    }

    #[test]
    fn a_client_that_names_without_end_fills_nothing() {
        let interest = Interest::default();
        for n in 0..10 * NAMES {
            interest.add(&Dict::new().with(format!("user.{n}"), 0));
        }
        assert_eq!(interest.0.read().unwrap().names.len(), NAMES);
        assert_eq!(
            interest.of(&Dict::new().with("user.other", 1)).len(),
            1,
            "too much is told rather than too little"
        );
    }
}
