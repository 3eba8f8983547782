//! Volfiles: from text to an AST that has been checked.
//!
//! `lexer` cuts words, `grammar.lalrpop` builds the AST, [`check`](check::check) judges what it means,
//! [`error`] and [`render`] say what is wrong and where.
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub mod ast;
pub mod check;
pub mod error;
mod lexer;
mod parse;
pub mod plan;
pub mod render;

pub use ast::{Item, Span, Volfile, Volume, Word};
pub use check::check;
pub use error::{Fault, VolfileError};
pub use parse::parse;
pub use plan::{Node, Place, Plan, SetBy, Setting};

/// The most bytes a volfile may have: some 30,000 bricks.
pub const SIZE_LIMIT: u64 = 16 << 20;

/// Reads, parses and checks the volfile at `path`.
/// # Errors
/// The file cannot be read, is no text, or breaks the rules; see [`VolfileError`].
pub fn load(path: &Path) -> Result<Plan, VolfileError> {
    let read = |source| VolfileError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)).map_err(read)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(VolfileError::TooLarge { path: path.to_owned(), limit: SIZE_LIMIT });
    }
    from_bytes(&path.display().to_string(), &bytes)
}

/// Parses and checks a volfile that was read from `origin`, which names it in messages.
/// # Errors
/// The bytes are no text, or the text breaks the rules.
pub fn from_bytes(origin: &str, bytes: &[u8]) -> Result<Plan, VolfileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_text(origin, bytes, error.valid_up_to()))?;
    let faulty = |faults| VolfileError::Faults { origin: origin.to_owned(), text: text.to_owned(), faults };
    let file = parse(text).map_err(|fault| faulty(vec![fault]))?;
    let plan = check(&file).map_err(faulty)?;
    Ok(Plan { origin: origin.to_owned(), text: text.to_owned(), ..plan })
}

fn not_text(origin: &str, bytes: &[u8], bad: usize) -> VolfileError {
    let line_start = bytes[..bad].iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
    VolfileError::NotText {
        origin: origin.to_owned(),
        at: bytes[bad],
        line: bytes[..bad].iter().filter(|b| **b == b'\n').count() + 1,
        column: bad - line_start + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_pointed_at() {
        let error = from_bytes("x.vol", b"volume a\n type \xff\n").unwrap_err();
        assert_eq!(error.to_string(), "volfile x.vol: byte 0xff at line 2, column 7 is not UTF-8 text");
    }

    #[test]
    fn a_file_without_end_is_not_read_to_the_end() {
        let error = load(Path::new("/dev/zero")).unwrap_err();
        assert!(matches!(error, VolfileError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_folder_is_refused_by_name() {
        let error = load(Path::new("/")).unwrap_err();
        assert!(error.to_string().starts_with("volfile /: "), "{error}");
    }
}
