//! The options set on one volume.

use crate::store::Lines;

/// Name and value of each option set, the last set first: the order in which the incumbent stores them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeOptions(Vec<(String, String)>);

impl VolumeOptions {
    /// Options in stored order.
    #[must_use]
    pub fn from_stored(lines: &Lines) -> Self {
        Self(lines.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value of an option, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Sets an option: a new one goes to the front, one that is set already keeps its place.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.insert(0, (name.to_owned(), value.to_owned())),
        }
    }

    /// Takes an option back; answers its value if it was set.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// Name and value, the last set first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many options are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No option is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_option_goes_to_the_front_and_a_changed_one_stays() {
        let mut options = VolumeOptions::default();
        options.set("a", "1");
        options.set("b", "1");
        options.set("a", "2");
        assert_eq!(options.iter().collect::<Vec<_>>(), [("b", "1"), ("a", "2")]);
        assert_eq!(options.remove("b").as_deref(), Some("1"));
        assert_eq!(options.remove("b"), None);
    }
}
