//! Shell patterns for xattr names.

/// Whether `name` matches `pattern`: `*`, `?` and `[…]` as fnmatch(3) reads them, without recursion.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        let step = (n < name.len()).then(|| one(&pattern[p..], name[n])).flatten();
        match step {
            Some(used) => {
                p += used;
                n += 1;
            }
            None if n == name.len() && p == pattern.len() => return true,
            None => match star {
                // The last star takes one more.
                Some((after, from)) if from < name.len() => {
                    star = Some((after, from + 1));
                    (p, n) = (after, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// Whether `pattern` is more than a plain name.
pub(crate) fn is_pattern(pattern: &[u8]) -> bool {
    pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// How many bytes of `pattern` match the byte `c`; `None` when they do not.
fn one(pattern: &[u8], c: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => match class(pattern, c) {
            Some((true, used)) => Some(used),
            Some((false, _)) => None,
            None => (c == b'[').then_some(1),
        },
        b'\\' if pattern.len() > 1 => (pattern[1] == c).then_some(2),
        plain => (*plain == c).then_some(1),
    }
}

/// A `[…]` at the start of `pattern`: whether `c` is in it, and its length; `None` when it is not closed.
fn class(pattern: &[u8], c: u8) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = if negated { 2 } else { 1 };
    let close = first + 1 + pattern.get(first + 1..)?.iter().position(|b| *b == b']')?;
    let members = &pattern[first..close];
    let mut found = false;
    let mut at = 0;
    while at < members.len() {
        if at + 2 < members.len() && members[at + 1] == b'-' {
            found |= (members[at]..=members[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= members[at] == c;
            at += 1;
        }
    }
    Some((found != negated, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, name, says) in [
            ("trusted.ec.*", "trusted.ec.version", true),
            ("trusted.ec.*", "trusted.ec", false),
            ("*.glusterfs.*.xtime", "trusted.glusterfs.0123.xtime", true),
            ("*a*b", "xxaxxaxxb", true),
            ("*a*b", "xxaxxaxxbc", false),
            ("user.?", "user.x", true),
            ("user.[a-c]", "user.b", true),
            ("user.[!a-c]", "user.b", false),
            ("user.[", "user.[", true),
            ("", "", true),
            ("*", "", true),
            ("plain", "plain", true),
            ("plain", "plainer", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), says, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = "*a".repeat(100);
        assert!(!matches(pattern.as_bytes(), &[b'a'; 255][..99]));
        assert!(!matches((pattern + "b").as_bytes(), &[b'a'; 255]));
    }
}
