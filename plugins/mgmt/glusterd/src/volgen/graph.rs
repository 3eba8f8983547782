//! A graph while it is put together, and its text.

use std::fmt::Write as _;

/// One translator of a volfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xlator {
    /// Its name in the volfile.
    pub name: String,
    /// Its type, such as `features/locks`.
    pub kind: String,
    options: Vec<(String, String)>,
    children: Vec<String>,
}

impl Xlator {
    /// Sets an option; one that is set already keeps its place.
    pub fn set(&mut self, key: impl Into<String>, value: impl std::fmt::Display) -> &mut Self {
        let (key, value) = (key.into(), value.to_string());
        match self.options.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.options.push((key, value)),
        }
        self
    }

    /// Sets an option if there is a value.
    pub fn set_some(&mut self, key: &str, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// The option's value.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// Names of its children.
    #[must_use]
    pub fn children(&self) -> &[String] {
        &self.children
    }
}

/// Translators in volfile order: children before parents, the top last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolGraph {
    xlators: Vec<Xlator>,
}

impl VolGraph {
    /// Adds a translator over these children.
    pub fn add(&mut self, kind: &str, name: impl Into<String>, children: Vec<String>) -> &mut Xlator {
        let (kind, name) = (kind.to_owned(), name.into());
        self.xlators.push(Xlator { name, kind, options: Vec::new(), children });
        self.xlators.last_mut().expect("one was pushed")
    }

    /// Adds a translator over the top; over nothing when the graph is empty.
    pub fn stack(&mut self, kind: &str, name: impl Into<String>) -> &mut Xlator {
        let below = self.xlators.last().map(|top| top.name.clone());
        self.add(kind, name, below.into_iter().collect())
    }

    /// Name of the top.
    #[must_use]
    pub fn top(&self) -> Option<&str> {
        self.xlators.last().map(|top| top.name.as_str())
    }

    /// The translators in volfile order.
    #[must_use]
    pub fn xlators(&self) -> &[Xlator] {
        &self.xlators
    }

    /// The top, to be changed.
    pub fn top_mut(&mut self) -> Option<&mut Xlator> {
        self.xlators.last_mut()
    }

    /// Adds another graph's translators behind these.
    pub fn append(&mut self, other: Self) {
        self.xlators.extend(other.xlators);
    }

    /// The translators of a type.
    pub fn of_kind_mut(&mut self, kind: &str) -> impl Iterator<Item = &mut Xlator> {
        self.xlators.iter_mut().filter(move |xlator| xlator.kind == kind)
    }
}

impl std::fmt::Display for VolGraph {
    /// The volfile: blocks separated by an empty line, options of each translator with the last set first.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, xlator) in self.xlators.iter().enumerate() {
            if at > 0 {
                f.write_char('\n')?;
            }
            writeln!(f, "volume {}\n    type {}", xlator.name, xlator.kind)?;
            for (key, value) in xlator.options.iter().rev() {
                writeln!(f, "    option {key} {value}")?;
            }
            if !xlator.children.is_empty() {
                writeln!(f, "    subvolumes {}", xlator.children.join(" "))?;
            }
            f.write_str("end-volume\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_option_set_is_printed_first_and_a_changed_one_keeps_its_place() {
        let mut graph = VolGraph::default();
        graph
            .stack("storage/posix", "v-posix")
            .set("directory", "/b")
            .set("reserve", 5)
            .set("directory", "/c");
        graph.stack("features/locks", "v-locks");
        assert_eq!(
            graph.to_string(),
            "volume v-posix\n    type storage/posix\n    option reserve 5\n    option directory /c\nend-volume\n\n\
             volume v-locks\n    type features/locks\n    subvolumes v-posix\nend-volume\n"
        );
    }
}
