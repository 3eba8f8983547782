//! The facts of a reply: its pairs by their keys, seen whole or from below a prefix.

use plugin_api::{Dict, Value};
use std::collections::HashMap;
use std::fmt::Display;
use std::rc::Rc;

/// The pairs whose keys begin with a prefix, asked for by the rest of the key.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pairs: Rc<HashMap<&'a str, &'a Value>>,
    prefix: String,
}

impl<'a> Facts<'a> {
    /// All that a dict holds.
    pub(crate) fn of(dict: &'a Dict) -> Self {
        let pairs = dict.iter().map(|(key, value)| (key.as_str(), value)).collect();
        Self { pairs: Rc::new(pairs), prefix: String::new() }
    }

    /// What stands below a longer prefix: `facts.below("brick0.")`.
    pub(crate) fn below(&self, prefix: impl Display) -> Self {
        Self { pairs: Rc::clone(&self.pairs), prefix: format!("{}{prefix}", self.prefix) }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        match self.prefix.is_empty() {
            true => self.pairs.get(key).copied(),
            false => self.pairs.get(format!("{}{key}", self.prefix).as_str()).copied(),
        }
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// Bytes, if they are there.
    pub(crate) fn bytes(&self, key: &str) -> Option<&'a [u8]> {
        self.get(key)?.as_bytes()
    }

    /// A text, or nothing.
    pub(crate) fn str(&self, key: &str) -> &'a str {
        self.text(key).unwrap_or_default()
    }

    /// A number, if it is there.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    /// A number, or 0.
    pub(crate) fn int(&self, key: &str) -> i64 {
        self.number(key).unwrap_or(0)
    }

    /// A number with decimals, if it is there.
    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Double(number) => Some(*number),
            value => value.as_str()?.parse().ok(),
        }
    }

    /// How many of something there are, at most as many as there are pairs: a claim costs nothing.
    pub(crate) fn count(&self, key: &str) -> i64 {
        self.int(key).clamp(0, self.most())
    }

    /// The most that there can be of anything.
    pub(crate) fn most(&self) -> i64 {
        i64::try_from(self.pairs.len()).unwrap_or(i64::MAX)
    }

    /// Whether there is such a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_hides_what_is_not_below_it() {
        let dict = Dict::new().with("brick0.pid", 7).with("pid", 9).with("count", i64::MAX);
        let facts = Facts::of(&dict);
        let brick = facts.below("brick").below(format_args!("{}.", 0));
        assert_eq!((brick.int("pid"), facts.int("pid"), brick.number("none")), (7, 9, None));
        assert_eq!(facts.count("count"), 3);
    }
}
