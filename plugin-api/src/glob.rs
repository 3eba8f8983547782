//! Shell patterns, as fnmatch(3) reads them without flags.

/// Whether `name` matches `pattern`: `*` is any run of bytes, `?` is one, `[a-z]` and `[!a-z]` are one of a set, a
/// backslash takes the next byte as it is. Time is at most the product of the lengths, whatever the pattern.
#[must_use]
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when the rest does not match: behind the last star, which then takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, n));
        } else if let Some(used) = name.get(n).and_then(|byte| one(&pattern[p..], *byte)) {
            p += used;
            n += 1;
        } else if n == name.len() && p == pattern.len() {
            return true;
        } else {
            match &mut retry {
                Some((after, taken)) if *taken < name.len() => {
                    *taken += 1;
                    (p, n) = (*after, *taken);
                }
                _ => return false,
            }
        }
    }
}

/// How much of the pattern's beginning matches the one byte, if it does.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern {
        [b'?', ..] => Some(1),
        [b'[', ref rest @ ..] => match set(rest, byte) {
            Some((is_in, length)) => is_in.then_some(length + 1),
            None => (byte == b'[').then_some(1),
        },
        [b'\\', escaped, ..] => (escaped == byte).then_some(2),
        [plain, ..] => (plain == byte).then_some(1),
        [] => None,
    }
}

/// Whether `byte` is in the set that begins behind a `[`, and the set's length with its bracket; `None` when it is not
/// closed.
fn set(text: &[u8], byte: u8) -> Option<(bool, usize)> {
    let not = matches!(text.first(), Some(b'!' | b'^'));
    let start = usize::from(not);
    // A bracket that comes first is a member.
    let end = start + 1 + text.get(start + 1..)?.iter().position(|b| *b == b']')?;
    let mut members = &text[start..end];
    let mut found = false;
    while let [low, rest @ ..] = members {
        (found, members) = match rest {
            [b'-', high, rest @ ..] => (found || (*low..=*high).contains(&byte), rest),
            _ => (found || *low == byte, rest),
        };
    }
    Some((found != not, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, name, says) in [
            ("192.168.*", "192.168.1.7", true),
            ("192.168.*", "192.16.1.7", false),
            ("*a*b", "xxaxxaxxb", true),
            ("*a*b", "xxaxxaxxbc", false),
            ("user.?", "user.x", true),
            ("user.[a-c]", "user.b", true),
            ("user.[!a-c]", "user.b", false),
            ("[]x]", "]", true),
            ("user.[", "user.[", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("plain", "plainer", false),
            ("plainer", "plain", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), says, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = "*a".repeat(100) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 4096]));
    }
}
