//! The plan of a graph: what a sound volfile says, with the place of each word.
use super::ast::Span;

/// A volfile found sound: its volumes, children before their parents, the last one the top.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// In file order; never empty.
    pub nodes: Vec<Node>,
    /// Names the text in messages: a path, or where it was fetched.
    pub origin: String,
    /// The text itself, to point into.
    pub text: String,
}

/// One volume of a sound volfile.
#[derive(Debug, Clone)]
pub struct Node {
    /// The volume's name.
    pub name: String,
    /// The type as written, for dumps and comparison.
    pub written_type: String,
    /// The type under its present name: what is opened.
    pub type_name: String,
    /// Keys and values in file order, each key once, with the last value written for it.
    pub options: Vec<Setting>,
    /// The children as places in [`Plan::nodes`], each smaller than this node's own; leftmost first.
    pub children: Vec<usize>,
    /// Where the volfile names the volume, and its type; nowhere for one that the host adds.
    pub place: Option<Place>,
}

/// Where a volume stands in its volfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: Span,
    /// Its type.
    pub type_name: Span,
}

/// One option of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Who set it.
    pub by: SetBy,
}

/// Who set an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetBy {
    /// The volfile, here.
    Volfile {
        /// The key.
        key: Span,
        /// The value.
        value: Span,
    },
    /// `--xlator-option`
    CommandLine,
    /// The host itself.
    Host,
}

impl Node {
    /// The value of option `key`.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str())
    }

    /// Sets an option; one that is there keeps its place.
    pub fn set(&mut self, key: &str, value: &str, by: SetBy) {
        let setting = Setting { key: key.to_owned(), value: value.to_owned(), by };
        match self.options.iter_mut().find(|setting| setting.key == key) {
            Some(there) => *there = setting,
            None => self.options.push(setting),
        }
    }
}
