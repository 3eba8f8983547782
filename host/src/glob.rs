//! Shell patterns, as `--xlator-option` names translators by them.

/// Whether `name` matches `pattern`: `*` is any run of characters, `?` is one, `[a-z]` and `[!a-z]` are one of a set. A
/// backslash is a character like any other; a `[` that is not closed is too.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on when the rest does not match: after the last `*`, which then takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            retry = Some((p + 1, n));
            p += 1;
        } else if let Some(length) = pattern.get(p..).and_then(|rest| one(rest, name[n])) {
            p += length;
            n += 1;
        } else if let Some((after, taken)) = retry {
            retry = Some((after, taken + 1));
            (p, n) = (after, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How much of the pattern's beginning matches the one character, if it does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' => match set(&pattern[1..]) {
            Some((members, length)) => members(c).then_some(length + 1),
            None => (c == '[').then_some(1),
        },
        other => (other == c).then_some(1),
    }
}

/// The set that begins after a `[`, and its length with the closing bracket.
fn set(text: &[char]) -> Option<(impl Fn(char) -> bool, usize)> {
    let not = matches!(text.first(), Some('!' | '^'));
    let start = usize::from(not);
    // A `]` that comes first is a member.
    let length = text.get(start + 1..)?.iter().position(|c| *c == ']')? + 1;
    let inner = &text[start..start + length];
    let holds = move |c: char| {
        let mut at = 0;
        while at < inner.len() {
            let (low, high, step) = match inner[at..] {
                [low, '-', high, ..] => (low, high, 3),
                [low, ..] => (low, low, 1),
                [] => break,
            };
            if (low..=high).contains(&c) {
                return true;
            }
            at += step;
        }
        false
    };
    Some((move |c| holds(c) != not, start + length + 1))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_takes_any_run_of_characters() {
        assert!(matches("*-posix", "v-posix") && matches("*replicate*", "v-replicate-0") && matches("*", ""));
        assert!(matches("a*b*c", "a/x/b.b-c") && matches("**", "x"));
        assert!(!matches("*-posix", "v-posix-1") && !matches("a*b", "a"));
    }

    #[test]
    fn a_question_mark_takes_one_character() {
        assert!(matches("v?", "v1") && matches("?", "é"));
        assert!(!matches("v?", "v") && !matches("v?", "v12"));
    }

    #[test]
    fn a_set_takes_one_of_its_members() {
        assert!(matches("v[0-9a]", "v7") && matches("v[0-9a]", "va") && !matches("v[0-9a]", "vb"));
        assert!(matches("v[!0-9]", "vb") && !matches("v[^0-9]", "v7"));
        assert!(matches("[]x]", "]") && matches("[a-]", "-"));
        assert!(matches("a[b", "a[b") && !matches("a[b", "ab"));
    }

    #[test]
    fn a_plain_name_matches_itself_only() {
        assert!(matches("/bricks/1", "/bricks/1") && !matches("transport", "v-server"));
        assert!(matches("a\\*", "a\\x") && !matches("a\\*", "a*"));
    }

    #[test]
    fn many_stars_on_a_long_name_take_no_time() {
        let (pattern, name) = ("*a".repeat(500), "a".repeat(5_000) + "b");
        assert!(!matches(&pattern, &name));
    }
}
