//! The names of quota's marks, which carry the generation of the accounting on disk and none above.

use plugin_api::prelude::*;

/// What they all begin with.
pub(crate) const PREFIX: &str = "trusted.glusterfs.quota.";
/// On a directory while what is marked below it may be wrong; without a generation.
pub(crate) const DIRTY: &str = "trusted.glusterfs.quota.dirty";
/// Asked to be set, takes all marks of quota from an object.
pub(crate) const CLEANUP: &str = "glusterfs.quota-xattr-cleanup";

/// The value of [`DIRTY`].
pub(crate) fn dirty(is: bool) -> Value {
    Value::bytes(if is { b"1\0".to_vec() } else { b"0\0".to_vec() })
}

/// Whether a value of [`DIRTY`] says so.
pub(crate) fn is_dirty(value: &Value) -> bool {
    value.as_bytes().is_some_and(|bytes| bytes.first() == Some(&b'1'))
}

/// The names of one generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// `.N`, or nothing.
    suffix: String,
}

/// What others ask for without a generation.
const PLAIN: [&str; 3] = ["size", "limit-set", "limit-objects"];

impl Keys {
    pub(crate) fn new(version: i64) -> Self {
        Self { suffix: if version > 0 { format!(".{version}") } else { String::new() } }
    }

    /// What is below a directory, with itself.
    pub(crate) fn size(&self) -> String {
        format!("{PREFIX}size{}", self.suffix)
    }

    /// What of an object is counted in a parent of it.
    pub(crate) fn contribution(&self, parent: Gfid) -> String {
        format!("{PREFIX}{parent}.contri{}", self.suffix)
    }

    /// The parent that a contribution of this generation is counted in.
    pub(crate) fn parent(&self, key: &str) -> Option<Gfid> {
        let parent = key.strip_prefix(PREFIX)?.strip_suffix(self.suffix.as_str())?.strip_suffix(".contri")?;
        parent.parse().ok()
    }

    /// The name on disk of one that somebody above uses.
    pub(crate) fn on_disk(&self, key: &str) -> Option<String> {
        let plain = key.strip_prefix(PREFIX).filter(|plain| PLAIN.contains(plain))?;
        (!self.suffix.is_empty()).then(|| format!("{PREFIX}{plain}{}", self.suffix))
    }

    /// The name above of one that lies on disk.
    fn above(&self, key: &str) -> Option<String> {
        let plain = key.strip_prefix(PREFIX)?.strip_suffix(self.suffix.as_str())?;
        (!self.suffix.is_empty() && PLAIN.contains(&plain)).then(|| format!("{PREFIX}{plain}"))
    }

    /// Turns what somebody above asks for, or sets, into the names on disk.
    pub(crate) fn down(&self, dict: &mut Dict) {
        rename(dict, |key| self.on_disk(key));
    }

    /// Turns an answer's names into those that are known above.
    pub(crate) fn up(&self, dict: &mut Dict) {
        rename(dict, |key| self.above(key));
    }
}

fn rename(dict: &mut Dict, to: impl Fn(&str) -> Option<String>) {
    let others: Vec<_> =
        dict.iter().filter_map(|(key, _)| Some((key.as_str().to_owned(), to(key.as_str())?))).collect();
    for (old, new) in others {
        if let Some(value) = dict.remove(&old) {
            dict.set(new, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_disk() {
        let keys = Keys::new(1);
        assert_eq!(keys.size(), "trusted.glusterfs.quota.size.1");
        let root = "trusted.glusterfs.quota.00000000-0000-0000-0000-000000000001.contri";
        assert_eq!(keys.contribution(Gfid::ROOT), format!("{root}.1"));
        assert_eq!(keys.parent(&format!("{root}.1")), Some(Gfid::ROOT));
        assert_eq!(keys.parent(&format!("{root}.2")), None, "another generation does not count");
        assert_eq!(keys.parent(root), None);
        assert_eq!(Keys::new(0).parent(root), Some(Gfid::ROOT));
        assert_eq!(Keys::new(0).size(), "trusted.glusterfs.quota.size");
    }

    #[test]
    fn above_nobody_knows_of_generations() {
        let keys = Keys::new(3);
        let mut dict = Dict::new().with("trusted.glusterfs.quota.limit-set", 1).with("user.a", 2);
        keys.down(&mut dict);
        assert_eq!(dict.int("trusted.glusterfs.quota.limit-set.3"), Some(1));
        assert!(!dict.contains("trusted.glusterfs.quota.limit-set"));
        keys.up(&mut dict);
        assert_eq!(dict.int("trusted.glusterfs.quota.limit-set"), Some(1));
        assert_eq!(dict.len(), 2);
    }
}
