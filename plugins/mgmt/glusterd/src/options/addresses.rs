//! Addresses, host names and patterns of addresses, as lists of clients write them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a word is an address, a network, a pattern of addresses, or a host name.
pub(super) fn is_address(word: &str) -> bool {
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
}
