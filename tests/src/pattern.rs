//! A text compared with what the incumbent prints, but for ports, pids and uuids.

/// Panics with both texts unless `text` is `pattern` with each placeholder filled in.
///
/// Placeholders: `{uuid}` a uuid in text form, `{num}` decimal digits, `{*}` anything within the line, `{pad}`
/// the blanks that fill a column.
///
/// # Panics
/// When the text differs; the message names the first line that does.
#[track_caller]
pub fn assert_like(text: &str, pattern: &str) {
    let mut lines = text.lines();
    for (number, wanted) in pattern.lines().enumerate() {
        let found = lines.next().unwrap_or("(the text ends here)");
        assert!(
            line_is_like(found, wanted),
            "line {} is `{found}`, expected `{wanted}`\n--- the whole text\n{text}--- expected\n{pattern}",
            number + 1
        );
    }
    assert_eq!(lines.next(), None, "the text goes on\n--- the whole text\n{text}--- expected\n{pattern}");
    assert_eq!(text.ends_with('\n'), pattern.ends_with('\n'), "the last line's end differs: {text:?}");
}

/// The lines of a text in order of the alphabet: the incumbent turns its list of options around at each start.
pub fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn line_is_like(text: &str, pattern: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('{') else { return text == pattern };
    let Some(text) = text.strip_prefix(literal) else { return false };
    let Some((name, rest)) = rest.split_once('}') else { return false };
    let fits: fn(char) -> bool = match name {
        "uuid" => |c| c.is_ascii_hexdigit() || c == '-',
        "num" => |c| c.is_ascii_digit(),
        "pad" => |c| c == ' ' || c == '\t',
        _ => |_| true,
    };
    let longest = text.find(|c| !fits(c)).unwrap_or(text.len());
    let lengths: Vec<usize> = match name {
        "uuid" => vec![36],
        "num" => (1..=longest).collect(),
        _ => (0..=longest).collect(),
    };
    lengths
        .into_iter()
        .filter(|&length| length <= longest && text.is_char_boundary(length))
        .any(|length| line_is_like(&text[length..], rest))
}

#[cfg(test)]
mod tests {
    use super::{assert_like, line_is_like};

    #[test]
    fn placeholders_take_what_they_name_and_no_more() {
        assert!(line_is_like("pid 12 up", "pid {num} up"));
        assert!(!line_is_like("pid x up", "pid {num} up"));
        assert!(!line_is_like("pid  up", "pid {num} up"));
        assert!(line_is_like("id: 7fde56be-0034-4d07-9cf9-faf21d47a5e3.", "id: {uuid}."));
        assert!(!line_is_like("id: 7fde56be.", "id: {uuid}."));
        assert!(line_is_like("a    b", "a{pad}b"));
        assert!(!line_is_like("a  x b", "a{pad}b"));
    }

    #[test]
    #[should_panic(expected = "the text goes on")]
    fn a_longer_text_is_not_like_a_shorter_one() {
        assert_like("a\nb\n", "a\n");
    }
}
