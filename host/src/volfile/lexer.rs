//! The lexer: cuts a volfile into words and keywords, each with its place.
use std::ops::Range;

use logos::Logos;

use super::error::Fault;

/// What the grammar sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `volume`
    Volume,
    /// `type`
    Type,
    /// `option`
    Option,
    /// `subvolumes`
    Subvolumes,
    /// `end-volume`
    EndVolume,
    /// Any other word, quotes and backslashes taken off.
    Word(String),
}

/// A token between its first byte and the byte after its last, as the generated parser wants it.
pub(super) type Spanned = (usize, Token, usize);

/// The keywords, for suggestions.
pub(super) const KEYWORDS: [&str; 5] = ["volume", "type", "option", "subvolumes", "end-volume"];

/// What the text is made of, before keywords are told from words.
#[derive(Logos, Debug, Clone, Copy, PartialEq, Eq)]
#[logos(skip r"[ \t\r\n]+", skip(r"#[^\n]*", allow_greedy = true))]
enum Piece {
    #[regex(r#"[^ \t\r\n"\\#][^ \t\r\n"\\]*"#)]
    Word,
    #[regex(r#""([^"\\\n]|\\[^\n])*""#)]
    Quoted,
    #[regex(r#""([^"\\\n]|\\[^\n])*"#)]
    Unclosed,
    #[token("\\")]
    Backslash,
}

/// Cuts `text` into tokens.
///
/// A keyword is one only where a keyword may stand: the words that follow `volume`, `type` and `option` on the same
/// line are words, whatever they spell, as are quoted ones.
/// # Errors
/// A backtick, a NUL, a quote that is not closed on its line, a backslash outside quotes, a word glued to a quote.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, Fault> {
    let mut out = Vec::with_capacity(text.len() / 8);
    let mut context = Context::default();
    for (piece, span) in Piece::lexer(text).spanned() {
        // Logos has a token for every character, so an error is no more than a stray one.
        let piece = piece.map_err(|()| Fault::Stray { at: span.clone() })?;
        let slice = &text[span.clone()];
        refuse_characters(slice, &span)?;
        let glued = out.last().is_some_and(|(_, _, end)| *end == span.start);
        let token = match piece {
            Piece::Unclosed => return Err(Fault::UnclosedQuote { at: span }),
            Piece::Backslash => return Err(Fault::Backslash { at: span }),
            _ if glued => return Err(Fault::Glued { at: span }),
            Piece::Word => context.word(text, slice, &span),
            Piece::Quoted => {
                context.follow(None, span.end);
                Token::Word(unquote(slice))
            }
        };
        out.push((span.start, token, span.end));
    }
    Ok(out)
}

/// Whether `text` reads back as the same single word without quotes.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('#')
        && keyword(text).is_none()
        && !text.contains([' ', '\t', '\r', '\n', '"', '\\'])
}

/// Counts how many words the last keyword still claims on its own line.
#[derive(Debug, Default)]
struct Context {
    claims: u8,
    end: usize,
}

impl Context {
    fn word(&mut self, text: &str, slice: &str, span: &Range<usize>) -> Token {
        let claimed = self.claims > 0 && !text[self.end..span.start].contains('\n');
        let token = if claimed { None } else { keyword(slice) };
        self.follow(token.as_ref(), span.end);
        token.unwrap_or_else(|| Token::Word(slice.to_owned()))
    }

    fn follow(&mut self, token: Option<&Token>, end: usize) {
        self.claims = match token {
            Some(Token::Volume | Token::Type) => 1,
            Some(Token::Option) => 2,
            Some(_) => 0,
            None => self.claims.saturating_sub(1),
        };
        self.end = end;
    }
}

fn keyword(word: &str) -> Option<Token> {
    Some(match word {
        "volume" => Token::Volume,
        "type" => Token::Type,
        "option" => Token::Option,
        "subvolumes" | "subvolumeS" => Token::Subvolumes,
        "end-volume" => Token::EndVolume,
        _ => return None,
    })
}

fn refuse_characters(slice: &str, span: &Range<usize>) -> Result<(), Fault> {
    let Some(at) = slice.find(['`', '\0']).map(|at| span.start + at) else { return Ok(()) };
    let at = at..at + 1;
    Err(if slice.contains('`') { Fault::Backtick { at } } else { Fault::Nul { at } })
}

fn unquote(slice: &str) -> String {
    let inner = &slice[1..slice.len() - 1];
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|(_, token, _)| token).collect()
    }

    fn word(text: &str) -> Token {
        Token::Word(text.to_owned())
    }

    #[test]
    fn a_hash_begins_a_comment_only_at_the_start_of_a_word() {
        assert_eq!(words("a#b #c d\n\"e#f\"#g"), [word("a#b"), word("e#f")]);
    }

    #[test]
    fn a_longer_word_that_begins_like_a_keyword_is_a_word() {
        assert_eq!(words("volumes volume-id end-volumes"), ["volumes", "volume-id", "end-volumes"].map(word));
    }

    #[test]
    fn a_keyword_is_a_word_where_a_name_key_or_value_is_due_on_the_line() {
        assert_eq!(words("option type volume"), [Token::Option, word("type"), word("volume")]);
        assert_eq!(words("volume option"), [Token::Volume, word("option")]);
        assert_eq!(words("\"option\" option"), [word("option"), Token::Option]);
    }

    #[test]
    fn a_keyword_on_the_next_line_stays_a_keyword() {
        assert_eq!(words("option k\nend-volume"), [Token::Option, word("k"), Token::EndVolume]);
        assert_eq!(words("subvolumes a end-volume"), [Token::Subvolumes, word("a"), Token::EndVolume]);
    }

    #[test]
    fn a_backslash_in_quotes_takes_the_next_character_as_it_is() {
        assert_eq!(words(r#""a\"b\\c\d é""#), [word(r#"a"b\cd é"#)]);
    }

    #[test]
    fn places_are_in_bytes_and_hold_the_quotes() {
        assert_eq!(tokens("é \"b c\"").unwrap()[1], (3, word("b c"), 8));
    }

    #[test]
    fn what_no_volfile_may_hold_is_refused_where_it_stands() {
        assert_eq!(tokens("a b`c`"), Err(Fault::Backtick { at: 3..4 }));
        assert_eq!(tokens("\"x `y`\""), Err(Fault::Backtick { at: 3..4 }));
        assert_eq!(tokens("a\0b"), Err(Fault::Nul { at: 1..2 }));
        assert_eq!(tokens("x \"abc\n"), Err(Fault::UnclosedQuote { at: 2..6 }));
        assert_eq!(tokens("a\\b"), Err(Fault::Backslash { at: 1..2 }));
        assert_eq!(tokens("a\"b\""), Err(Fault::Glued { at: 1..4 }));
        assert_eq!(tokens("\"a\"\"b\""), Err(Fault::Glued { at: 3..6 }));
    }

    #[test]
    fn a_backtick_in_a_comment_is_only_a_comment() {
        assert_eq!(words("# don`t `run` this\nx"), [word("x")]);
    }
}
