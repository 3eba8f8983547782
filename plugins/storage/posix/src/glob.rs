//! Shell patterns for xattr names.

pub(crate) use plugin_api::glob::matches;

/// Whether `pattern` is more than a plain name.
pub(crate) fn is_pattern(pattern: &[u8]) -> bool {
    pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'['))
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
