//! The AST of a volfile: what is written, in the order it is written, each word with its place.
use std::fmt;
use std::ops::Range;

use super::lexer;

/// A place in the text of a volfile, in bytes.
pub type Span = Range<usize>;

/// One word of a volfile, quotes and backslashes taken off.
///
/// Two words are equal when their text is; where they stand does not matter.
#[derive(Debug, Clone)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Where it stands, its quotes included.
    pub span: Span,
}

/// A parsed volfile.
#[derive(Debug, Clone, Default)]
pub struct Volfile {
    /// The volumes in file order; the last one is the top of the graph.
    pub volumes: Vec<Volume>,
}

/// One `volume … end-volume` block.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The volume's own name.
    pub name: Word,
    /// What stands between the name and `end-volume`, in file order.
    pub items: Vec<Item>,
    /// From `volume` to `end-volume`.
    pub span: Span,
}

/// One line inside a volume.
#[derive(Debug, Clone)]
pub enum Item {
    /// `type NAME`
    Type {
        /// The translator's type as written; old names are mapped by `check`.
        name: Word,
        /// The whole line.
        span: Span,
    },
    /// `option KEY VALUE`
    Option {
        /// The key.
        key: Word,
        /// The value.
        value: Word,
        /// The whole line.
        span: Span,
    },
    /// `subvolumes NAME …`
    Subvolumes {
        /// The children, leftmost first.
        names: Vec<Word>,
        /// The whole line.
        span: Span,
    },
}

impl Volume {
    /// The first `type` of this volume, if it has one.
    pub fn type_name(&self) -> Option<&Word> {
        self.items.iter().find_map(|item| match item {
            Item::Type { name, .. } => Some(name),
            _ => None,
        })
    }

    /// Every option in file order, repeated keys included.
    pub fn options(&self) -> impl DoubleEndedIterator<Item = (&Word, &Word)> {
        self.items.iter().filter_map(|item| match item {
            Item::Option { key, value, .. } => Some((key, value)),
            _ => None,
        })
    }

    /// The value of option `key`: the last one written wins.
    pub fn option(&self, key: &str) -> Option<&Word> {
        self.options().rev().find(|(k, _)| k.text == key).map(|(_, value)| value)
    }

    /// The children in order, leftmost first; none when there is no `subvolumes` line.
    pub fn subvolumes(&self) -> impl Iterator<Item = &Word> {
        self.items.iter().flat_map(|item| match item {
            Item::Subvolumes { names, .. } => names.as_slice(),
            _ => &[],
        })
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        self.text == other.text
    }
}

impl Eq for Word {}

impl fmt::Display for Volfile {
    /// Prints the incumbent's layout: four spaces before each line of a volume, an empty line between volumes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, volume) in self.volumes.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{volume}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "volume {}", self.name)?;
        for item in &self.items {
            match item {
                Item::Type { name, .. } => writeln!(f, "    type {name}")?,
                Item::Option { key, value, .. } => writeln!(f, "    option {key} {value}")?,
                Item::Subvolumes { names, .. } => {
                    f.write_str("    subvolumes")?;
                    names.iter().try_for_each(|name| write!(f, " {name}"))?;
                    f.write_str("\n")?;
                }
            }
        }
        writeln!(f, "end-volume")
    }
}

impl fmt::Display for Word {
    /// Prints the word so that the lexer reads the same word back, in quotes where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if lexer::is_plain(&self.text) {
            return f.write_str(&self.text);
        }
        f.write_str("\"")?;
        for c in self.text.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use crate::volfile::parse;

    #[test]
    fn the_last_value_of_a_repeated_option_wins() {
        let file = parse("volume a\n type x/y\n option k 1\n option k 2\nend-volume\n").unwrap();
        assert_eq!(file.volumes[0].option("k").unwrap().text, "2");
        assert_eq!(file.volumes[0].options().count(), 2);
        assert!(file.volumes[0].option("other").is_none());
    }

    #[test]
    fn a_word_that_needs_quotes_is_printed_with_them() {
        let text = "volume a\n    type x/y\n    option k \"a \\\"b\\\" \\\\c\"\n    option l \"\"\n    \
                    option m \"type\"\n    option n \"#x\"\n    option o a#b\nend-volume\n";
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}
