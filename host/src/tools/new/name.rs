//! What a translator may be called, and what its crate, its library and its type are called then.
use std::fmt;

use crate::suggest::nearest;

/// The categories that an author's translator may stand in.
const CATEGORIES: [&str; 8] =
    ["cluster", "debug", "encryption", "features", "performance", "storage", "system", "user"];

/// Bytes of a name at most: it becomes part of file names and of option names.
const LONGEST: usize = 40;

/// A translator cannot be called so.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Not of two parts.
    #[error("`{0}`: expected CATEGORY/NAME, such as features/write-cap")]
    Form(String),
    /// No such category.
    #[error("`{found}` is no category{}: expected one of {}", meant(found), CATEGORIES.join(", "))]
    Category {
        /// What was given.
        found: String,
    },
    /// The second part is no word.
    #[error(
        "`{0}` is no name: expected lower-case letters and digits, a letter first, with single `-` between \
         words, {LONGEST} at most"
    )]
    Word(String),
}

fn meant(found: &str) -> String {
    nearest(found, CATEGORIES).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

/// A translator's volfile type, with names that follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    category: String,
    short: String,
}

impl Name {
    /// Reads `category/name`.
    pub(super) fn parse(text: &str) -> Result<Self, NameError> {
        let (category, short) = text.split_once('/').ok_or_else(|| NameError::Form(text.to_owned()))?;
        if !CATEGORIES.contains(&category) {
            return Err(NameError::Category { found: category.to_owned() });
        }
        let fits = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let begins = short.starts_with(|first: char| first.is_ascii_lowercase());
        if !begins || short.len() > LONGEST || !short.split('-').all(fits) {
            return Err(NameError::Word(short.to_owned()));
        }
        Ok(Self { category: category.to_owned(), short: short.to_owned() })
    }

    /// The part after the category: `write-cap`.
    pub(super) fn short(&self) -> &str {
        &self.short
    }

    /// Of the crate: `features-write-cap`.
    pub(super) fn package(&self) -> String {
        format!("{}-{}", self.category, self.short)
    }

    /// Of the library in the code: `features_write_cap`.
    pub(super) fn module(&self) -> String {
        self.package().replace('-', "_")
    }

    /// Of the file that cargo makes: `libfeatures_write_cap.so`.
    pub(super) fn library(&self) -> String {
        format!("lib{}.so", self.module())
    }

    /// Of the type in the code: `WriteCap`; longer where the prelude has another meaning for it.
    pub(super) fn camel(&self) -> String {
        let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        let camel: String = self.short.split('-').map(word).collect();
        if is_taken(&camel) { camel + "Xlator" } else { camel }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.category, self.short)
    }
}

macro_rules! taken_by_fops {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        const FOP_TYPES: &[&str] = &[$(stringify!($args), stringify!($reply)),*];
    };
}
plugin_api::for_each_fop!(taken_by_fops);

/// Whether the template's code means something else by this name.
fn is_taken(name: &str) -> bool {
    const OTHERS: [&str; 38] = [
        "AtomicU64",
        "Box",
        "Client",
        "CtxKey",
        "Debug",
        "Default",
        "Dict",
        "Drop",
        "Err",
        "Errno",
        "Event",
        "EventKind",
        "Fd",
        "FileType",
        "FopError",
        "FopResult",
        "FopType",
        "Frame",
        "Gfid",
        "Handle",
        "Iatt",
        "Identity",
        "InitCx",
        "InitError",
        "Inode",
        "IoBuf",
        "IoBufMut",
        "LkOwner",
        "Loc",
        "None",
        "NotifyCx",
        "Ok",
        "Option",
        "Options",
        "Payload",
        "Some",
        "String",
        "Value",
    ];
    ["Bench", "Fake", "Relaxed", "Result", "Testkit", "Vec", "Xlator"].contains(&name)
        || OTHERS.contains(&name)
        || FOP_TYPES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_what_everything_else_is_called() {
        let name = Name::parse("features/write-cap").unwrap();
        assert_eq!(name.to_string(), "features/write-cap");
        assert_eq!(name.package(), "features-write-cap");
        assert_eq!(name.library(), "libfeatures_write_cap.so");
        assert_eq!(name.camel(), "WriteCap");
    }

    #[test]
    fn a_name_that_the_prelude_has_gives_way() {
        for (short, camel) in [("frame", "FrameXlator"), ("writev", "WritevXlator"), ("fake", "FakeXlator")] {
            assert_eq!(Name::parse(&format!("features/{short}")).unwrap().camel(), camel);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_is() {
        for bad in
            ["features/", "features/Write", "features/9p", "features/a--b", "features/a-", "features/-a"]
        {
            assert!(matches!(Name::parse(bad), Err(NameError::Word(_))), "{bad}");
        }
        for bad in ["features/../evil", "features/a/b", "features/a_b", "features/a b", "features/\u{e9}"] {
            assert!(matches!(Name::parse(bad), Err(NameError::Word(_))), "{bad}");
        }
        assert!(matches!(Name::parse("write-cap"), Err(NameError::Form(_))));
        assert!(matches!(Name::parse(&format!("user/{}", "x".repeat(41))), Err(NameError::Word(_))));
        let slip = Name::parse("feature/write-cap").unwrap_err().to_string();
        assert!(slip.contains("did you mean `features`?"), "{slip}");
        assert!(slip.contains("performance"), "{slip}");
    }
}
