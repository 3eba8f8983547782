//! Addresses, host names and patterns of addresses, as lists of clients write them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a text is a list of clients: words with commas between; or folders, each with those that may mount it, as in
/// `/a(1.2.3.4|host),/(10.*)`. The two are not mixed.
pub(super) fn is_list(text: &str) -> bool {
    let mut parts = text.split(',').map(str::trim).filter(|part| !part.is_empty()).peekable();
    let is_part = if text.trim_start().starts_with('/') { is_folder } else { is_address };
    parts.peek().is_some() && parts.all(is_part)
}

/// A path from the volume's root, and at least one word in parentheses. What follows them is not looked at, and the
/// second one may be missing: the incumbent takes both.
fn is_folder(part: &str) -> bool {
    let Some((path, rest)) = part.split_once('(') else { return false };
    let words = rest.split_once(')').map_or(rest, |(words, _)| words);
    let mut words = words.split('|').map(str::trim).filter(|word| !word.is_empty()).peekable();
    path.starts_with('/') && words.peek().is_some() && words.all(is_address)
}

/// Whether a word is an address, a network, a pattern of addresses, or a host name.
fn is_address(word: &str) -> bool {
    match word.split_once('/') {
        Some((network, bits)) => is_network(network, bits),
        None if word.contains(':') => is_v6(word),
        None if word.contains('*') => is_v4_pattern(word),
        None => is_host_name(word),
    }
}

fn is_network(address: &str, bits: &str) -> bool {
    let most = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(_), _) => 32,
        (_, Ok(_)) => 128,
        _ => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// With a zone, or with `*` for a part.
fn is_v6(word: &str) -> bool {
    let (address, zone) = word.split_once('%').unwrap_or((word, "any"));
    let is_zone = !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    is_zone && address.replace('*', "0").parse::<Ipv6Addr>().is_ok()
}

/// Up to four parts, each `*` or a number.
fn is_v4_pattern(word: &str) -> bool {
    let is_part = |part: &str| part == "*" || part.parse::<u8>().is_ok();
    word.split('.').count() <= 4 && word.split('.').all(is_part)
}

/// Labels of letters, digits and hyphens; a dot in front is allowed, as the incumbent does.
fn is_host_name(word: &str) -> bool {
    let is_label = |label: &str| {
        let is_known = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_known && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    word.len() <= 255 && word.strip_prefix('.').unwrap_or(word).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_incumbent_takes_for_a_client_is_one() {
        for word in [
            "example.org",
            ".example.org",
            "a-b",
            "1.2.3",
            "*",
            "192.168.*",
            "*.*.*.*",
            "1.*.3.4",
            "10.0.0.0/8",
            "::1",
            "fe80::1%eth0",
            "2001:db8::/32",
        ] {
            assert!(is_address(word), "{word}");
        }
    }

    #[test]
    fn what_the_incumbent_refuses_is_none() {
        for word in [
            "",
            "example..org",
            "example.org.",
            "a_b",
            "-a",
            "a-",
            "a.-b",
            "*.org",
            "a*b",
            "10.0.0.0/33",
            "10.0.0/8",
            "!a",
            "!",
            "[::1]",
            "1:2:3",
            "a@b",
            "@netgroup",
            "a:b",
            "a/b",
            "192.168.1.?",
            "1.2.3.4.*",
        ] {
            assert!(!is_address(word), "{word}");
        }
    }

    #[test]
    fn folders_have_clients_of_their_own_as_in_the_incumbents_lists() {
        for list in [
            "/a(1.2.3.4),/(192.168.10.2|192.168.11.1),/b(1.2.3.4)",
            "/a/b.1/c/(1.2.3.4|::1),/(192.168.10.1|192.168.11.1),/b(1.2.3.4)",
            "/a(1.2.3.4",
            "/a(1.2.3.4))",
            "/a(1.2.3.4)x",
            "/a(|1.2.3.4|)",
            "/a(*)",
            "/a(10.0.0.0/8|host.example.org)",
            "/a(1.2.3.4),,/b(1.2.3.4),",
            "/a b(1.2.3.4 | 5.6.7.8), /b(1.2.3.4)",
            "/a|b(1.2.3.4)",
        ] {
            assert!(is_list(list), "{list}");
        }
        for list in [
            "",
            ",",
            "a(1.2.3.4)",
            "(1.2.3.4)",
            "/a",
            "/a()",
            "/a(",
            "/a(a_b)",
            "/a(!1.2.3.4)",
            "/a(b(1.2.3.4))",
            "/a(1.2.3.4,5.6.7.8)",
            "/a(1.2.3.4),10.0.0.1",
            "/a(1.2.3.4),b(1.2.3.4)",
            "10.0.0.1,/a(1.2.3.4)",
            "*,/a(1.2.3.4)",
            "1.2.3.4,/",
        ] {
            assert!(!is_list(list), "{list}");
        }
    }
}
