//! What may be wrong with a volfile: one enum, each fault with its place.
use std::io;
use std::path::PathBuf;

use super::ast::{Span, Word};
use super::render;

/// A volfile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VolfileError {
    /// The file cannot be read.
    #[error("volfile {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than any volfile.
    #[error("volfile {}: more than {limit} bytes, which no volfile has", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The text is not UTF-8.
    #[error("volfile {origin}: byte {at:#04x} at line {line}, column {column} is not UTF-8 text")]
    NotText {
        /// The file, or where the text was fetched.
        origin: String,
        /// The byte.
        at: u8,
        /// Its line, from 1.
        line: usize,
        /// Its column in bytes, from 1.
        column: usize,
    },
    /// The text breaks the rules; every fault found is here, the first one first.
    #[error("{}", render::plain(origin, text, faults).trim_end())]
    Faults {
        /// The file, or where the text was fetched.
        origin: String,
        /// The whole text.
        text: String,
        /// At least one.
        faults: Vec<Fault>,
    },
}

/// One fault in the text of a volfile. May grow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A backtick outside a comment.
    #[error("a backtick: a volfile never runs a program")]
    Backtick {
        /// Its place.
        at: Span,
    },
    /// A NUL byte.
    #[error("a NUL byte")]
    Nul {
        /// Its place.
        at: Span,
    },
    /// A quoted word that does not end on its line.
    #[error("a quote that is not closed on its line")]
    UnclosedQuote {
        /// From the quote to the end of the line.
        at: Span,
    },
    /// A backslash outside quotes.
    #[error("a backslash outside quotes")]
    Backslash {
        /// Its place.
        at: Span,
    },
    /// A quoted word with another word hard against it.
    #[error("two words with no space between them")]
    Glued {
        /// The second word.
        at: Span,
    },
    /// A character that begins no word.
    #[error("a character that begins no word")]
    Stray {
        /// Its place.
        at: Span,
    },
    /// A token where the grammar has another.
    #[error("found {}, expected {}", found_text(found.as_deref()), expected_text(expected))]
    Unexpected {
        /// Its place; at the end of the file when there is no token.
        at: Span,
        /// What stands there, as written; nothing at the end of the file.
        found: Option<String>,
        /// What the grammar has there: keywords between backquotes, or words for the missing word.
        expected: Vec<String>,
        /// The keyword that was probably meant.
        meant: Option<&'static str>,
        /// The volume that is open there.
        inside: Option<Word>,
    },
    /// No volume at all.
    #[error("the volfile defines no volume")]
    Empty,
    /// A volume without a type.
    #[error("volume `{}` has no type", volume.text)]
    NoType {
        /// The volume's name.
        volume: Word,
    },
    /// A type that is no name of a translator.
    #[error("`{}` is not the name of a translator type", name.text)]
    BadType {
        /// The type.
        name: Word,
    },
    /// `type` or `subvolumes` twice in one volume.
    #[error("volume `{}` has a second `{keyword}`", volume.text)]
    Twice {
        /// The volume's name.
        volume: Word,
        /// The keyword.
        keyword: &'static str,
        /// The line that stands.
        first: Span,
        /// The line too many.
        at: Span,
    },
    /// Two volumes of one name.
    #[error("volume `{}` is defined twice", name.text)]
    SameName {
        /// The second definition's name.
        name: Word,
        /// The first definition's name.
        first: Span,
    },
    /// A subvolume that no volume defines.
    #[error("volume `{}` wants subvolume `{}`, which is not defined", volume.text, name.text)]
    Undefined {
        /// The parent.
        volume: Word,
        /// The child.
        name: Word,
        /// The defined volume that was probably meant.
        meant: Option<String>,
    },
    /// A subvolume that is defined only further down.
    #[error("volume `{}` wants subvolume `{}`, which is defined only further down", volume.text, name.text)]
    Below {
        /// The parent.
        volume: Word,
        /// The child where it is wanted.
        name: Word,
        /// The child where it is defined.
        defined: Span,
    },
    /// A volume that is its own subvolume.
    #[error("volume `{}` has itself as a subvolume", name.text)]
    Itself {
        /// The name in the `subvolumes` line.
        name: Word,
    },
    /// A subvolume named twice by one volume.
    #[error("volume `{}` has subvolume `{}` twice", volume.text, name.text)]
    ChildTwice {
        /// The parent.
        volume: Word,
        /// The second mention.
        name: Word,
        /// The first mention.
        first: Span,
    },
    /// Volumes that stand on each other in a ring.
    #[error("the volumes form a cycle: {}", ring(links))]
    Cycle {
        /// Parent and child of each step, the last child being the first parent; the child's place is its mention.
        links: Vec<(Word, Word)>,
    },
}

impl Fault {
    /// The place to point at; nothing when it is the file as a whole.
    pub fn at(&self) -> Option<Span> {
        Some(match self {
            Fault::Backtick { at }
            | Fault::Nul { at }
            | Fault::UnclosedQuote { at }
            | Fault::Backslash { at }
            | Fault::Glued { at }
            | Fault::Stray { at }
            | Fault::Unexpected { at, .. }
            | Fault::Twice { at, .. } => at.clone(),
            Fault::Empty => return None,
            Fault::NoType { volume } => volume.span.clone(),
            Fault::BadType { name }
            | Fault::SameName { name, .. }
            | Fault::Undefined { name, .. }
            | Fault::Below { name, .. }
            | Fault::Itself { name }
            | Fault::ChildTwice { name, .. } => name.span.clone(),
            Fault::Cycle { links } => links.first()?.1.span.clone(),
        })
    }

    /// Words for the place itself.
    pub fn label(&self) -> String {
        match self {
            Fault::Backtick { .. } => "begins here".to_owned(),
            Fault::Nul { .. } | Fault::Stray { .. } | Fault::Backslash { .. } => "here".to_owned(),
            Fault::UnclosedQuote { .. } => "opened here".to_owned(),
            Fault::Glued { .. } => "this one".to_owned(),
            Fault::Unexpected { expected, .. } => format!("expected {}", expected_text(expected)),
            Fault::Empty => String::new(),
            Fault::NoType { .. } => "this volume".to_owned(),
            Fault::BadType { .. } => "expected CLASS/NAME, such as `debug/trace`".to_owned(),
            Fault::Twice { .. } | Fault::SameName { .. } | Fault::ChildTwice { .. } => {
                "again here".to_owned()
            }
            Fault::Undefined { .. } => "not defined".to_owned(),
            Fault::Below { .. } => "wanted here".to_owned(),
            Fault::Itself { .. } => "this is the volume's own name".to_owned(),
            Fault::Cycle { links } => links.first().map(step).unwrap_or_default(),
        }
    }

    /// Other places that belong to it, with words for each.
    pub fn others(&self) -> Vec<(Span, String)> {
        match self {
            Fault::Unexpected { inside: Some(volume), .. } => {
                vec![(volume.span.clone(), format!("inside volume `{}`", volume.text))]
            }
            Fault::Twice { first, .. } | Fault::SameName { first, .. } | Fault::ChildTwice { first, .. } => {
                vec![(first.clone(), "first here".to_owned())]
            }
            Fault::Undefined { .. } | Fault::Itself { .. } => Vec::new(),
            Fault::Below { defined, .. } => vec![(defined.clone(), "defined here".to_owned())],
            Fault::Cycle { links } => {
                let shown = links.iter().take(LONGEST_RING).skip(1);
                shown.map(|link| (link.1.span.clone(), step(link))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What to do about it, where that is not plain from the message.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Fault::Backtick { .. } => {
                "glusterfs hands text between backticks to a shell; write the value itself here".to_owned()
            }
            Fault::UnclosedQuote { .. } => "end it with `\"`; `\\\"` is a quote inside the word".to_owned(),
            Fault::Backslash { .. } => "put the whole word in quotes, and write `\\\\` there".to_owned(),
            Fault::Glued { .. } => {
                "put a space between them, or one pair of quotes around the whole".to_owned()
            }
            Fault::Unexpected { meant: Some(meant), .. } => format!("did you mean `{meant}`?"),
            Fault::Unexpected { expected, found: Some(found), inside: Some(open), .. }
                if expected.len() > 1 && found == "volume" =>
            {
                format!("volume `{}` has no `end-volume`", open.text)
            }
            Fault::Unexpected { expected, found: Some(_), inside: Some(_), .. } if expected.len() > 1 => {
                "an option has one value; put it in quotes when it holds spaces".to_owned()
            }
            Fault::Empty => "a volfile is `volume NAME`, `type CLASS/NAME`, `option KEY VALUE`, \
                             `subvolumes NAME ...` and `end-volume`"
                .to_owned(),
            Fault::NoType { .. } => "add a line `type CLASS/NAME`, such as `type debug/trace`".to_owned(),
            Fault::SameName { .. } => "give each volume a name of its own".to_owned(),
            Fault::Undefined { meant: Some(meant), .. } => format!("did you mean `{meant}`?"),
            Fault::Undefined { .. } | Fault::Below { .. } => {
                "a volume is defined above the volumes that use it".to_owned()
            }
            _ => return None,
        })
    }
}

impl render::Pointed for Fault {
    fn at(&self) -> Option<Span> {
        self.at()
    }

    fn label(&self) -> String {
        self.label()
    }

    fn others(&self) -> Vec<(Span, String)> {
        self.others()
    }

    fn help(&self) -> Option<String> {
        self.help()
    }
}

fn found_text(found: Option<&str>) -> String {
    found.map_or("the end of the file".to_owned(), |word| format!("`{word}`"))
}

fn expected_text(expected: &[String]) -> String {
    match expected.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "nothing more".to_owned(),
    }
}

fn ring(links: &[(Word, Word)]) -> String {
    let shown = links.iter().take(LONGEST_RING);
    let mut names: Vec<&str> = shown.map(|(parent, _)| parent.text.as_str()).collect();
    let more = format!("({} more)", links.len() - names.len());
    if names.len() < links.len() {
        names.push(&more);
    }
    names.extend(names.first().copied());
    names.join(" -> ")
}

fn step((parent, child): &(Word, Word)) -> String {
    format!("`{}` wants `{}`", parent.text, child.text)
}

/// The most steps of a ring that are shown: each takes three lines, and a volfile has room for a million.
const LONGEST_RING: usize = 10;
