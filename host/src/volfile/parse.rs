//! Parse: joins lexer and grammar, and puts the grammar's refusals into words.
use lalrpop_util::{ParseError, lalrpop_mod};

use super::ast::{Volfile, Word};
use super::error::Fault;
use super::lexer::{self, Spanned, Token};
use crate::suggest;

lalrpop_mod!(
    #[allow(
        missing_docs,
        missing_debug_implementations,
        unreachable_pub,
        clippy::all,
        clippy::pedantic,
        clippy::unwrap_used,
        clippy::cast_possible_truncation,
        reason = "generated"
    )]
    grammar,
    "/volfile/grammar.rs"
);

/// Parses the text of a volfile; what it means is for `check`.
/// # Errors
/// The first place where the text leaves the grammar.
pub fn parse(text: &str) -> Result<Volfile, Fault> {
    let tokens = lexer::tokens(text)?;
    grammar::FileParser::new().parse(tokens.iter().cloned()).map_err(|error| match error {
        ParseError::User { error } => error,
        ParseError::UnrecognizedToken { token: (start, _, end), expected } => {
            unexpected(text, &tokens, start, end, &expected)
        }
        ParseError::ExtraToken { token: (start, _, end) } => unexpected(text, &tokens, start, end, &[]),
        ParseError::UnrecognizedEof { location, expected } => {
            unexpected(text, &tokens, location, location, &expected)
        }
        ParseError::InvalidToken { location } => Fault::Stray { at: location..location },
    })
}

fn unexpected(text: &str, tokens: &[Spanned], start: usize, end: usize, expected: &[String]) -> Fault {
    let keywords = keywords(expected);
    let found = (start < end).then(|| text[start..end].to_owned());
    let inside = open_volume(tokens, start);
    let before = &tokens[..tokens.partition_point(|token| token.0 < start)];
    // Where only a word will do, the gap is after the token before; what follows is often lines further down.
    let at = match before.last() {
        Some((_, _, gap)) if keywords.is_empty() => *gap..*gap,
        _ => start..end,
    };
    Fault::Unexpected {
        at,
        meant: found.as_deref().and_then(|word| suggest::nearest(word, keywords.iter().copied())),
        found,
        inside,
        expected: if keywords.is_empty() {
            vec![missing_word(before)]
        } else {
            keywords.iter().map(|keyword| format!("`{keyword}`")).collect()
        },
    }
}

/// The keywords among what the grammar has there, in the order a reader expects them.
fn keywords(expected: &[String]) -> Vec<&'static str> {
    let has = |name: &str| expected.iter().any(|e| e.trim_matches('"') == name);
    lexer::KEYWORDS.into_iter().filter(|name| has(name)).collect()
}

/// What the word would be that is missing after the tokens `before`.
fn missing_word(before: &[Spanned]) -> String {
    match before {
        [.., (_, Token::Volume, _)] => "a name for the volume".to_owned(),
        [.., (_, Token::Type, _)] => "a translator type".to_owned(),
        [.., (_, Token::Option, _)] => "the option's key and value".to_owned(),
        [.., (_, Token::Option, _), (_, Token::Word(key), _)] => format!("a value for option `{key}`"),
        [.., (_, Token::Subvolumes, _)] => "the names of the subvolumes".to_owned(),
        _ => "a word".to_owned(),
    }
}

/// The name of the volume whose `end-volume` has not come before `at`.
fn open_volume(tokens: &[Spanned], at: usize) -> Option<Word> {
    let mut open = None;
    for pair in tokens.windows(2).take_while(|pair| pair[1].0 < at) {
        match (&pair[0], &pair[1]) {
            ((_, Token::Volume, _), (start, Token::Word(name), end)) => {
                open = Some(Word { text: name.clone(), span: *start..*end });
            }
            (_, (_, Token::EndVolume, _)) => open = None,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::volfile::check;

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(volume|type|option|subvolumes|end-volume|[a-z\"\\\\`#\n é]| ){0,40}") {
            if let Ok(file) = parse(&text) {
                let _ = check(&file);
            }
        }

        #[test]
        fn any_word_prints_so_that_it_reads_back(word in "[^\n`\0]{0,12}") {
            let written = Word { text: word.clone(), span: 0..0 };
            let text = format!("volume {written} option {written} {written} subvolumes {written} end-volume");
            let file = parse(&text).map_err(|fault| TestCaseError::fail(format!("{text:?}: {fault}")))?;
            prop_assert_eq!(&file.volumes[0].name.text, &word);
            prop_assert_eq!(&file.volumes[0].option(&word).unwrap().text, &word);
            prop_assert_eq!(&file.volumes[0].subvolumes().next().unwrap().text, &word);
        }
    }
}
