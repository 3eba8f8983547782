//! A list of addresses, as `auth.addr.*.allow` and `.reject` have it.

use std::net::{IpAddr, ToSocketAddrs};

use plugin_api::glob;

use crate::Peer;

/// `a,b,c`, or `/folder(a|b),/other(c)` for clients that mount a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a>(pub(crate) &'a str);

impl List<'_> {
    /// Whether `peer`, who mounts `folder`, is in the list.
    pub(crate) fn holds(self, peer: &Peer<'_>, folder: &str) -> bool {
        let mut negated = false;
        self.0.split(',').map(str::trim).any(|item| match item.split_once('(') {
            Some((of, addresses)) if of.starts_with('/') => {
                let mut negated = false;
                let addresses = addresses.split_once(')').map_or(addresses, |(addresses, _)| addresses);
                is_same_folder(of, folder) && addresses.split('|').any(|one| holds(one, peer, &mut negated))
            }
            // A folder without addresses names nobody.
            None if item.starts_with('/') => peer.ip.is_none() && item == peer.text,
            _ => holds(item, peer, &mut negated),
        })
    }
}

/// Whether two paths name one folder: a client that writes `//a/` is given `/a`, so the lists of `/a` are for it.
fn is_same_folder(one: &str, other: &str) -> bool {
    fn names(path: &str) -> impl Iterator<Item = &str> {
        path.split('/').filter(|name| !name.is_empty())
    }
    names(one).eq(names(other))
}

/// Whether one element means `peer`. A `!` before a pattern turns it and all patterns behind it around, as it does in
/// the incumbent's lists.
fn holds(element: &str, peer: &Peer<'_>, negated: &mut bool) -> bool {
    let element = element.trim();
    if element.is_empty() {
        return false;
    }
    if is_host_name(element) {
        return is_address_of(element, peer);
    }
    if element.contains('/') {
        return match element.strip_prefix('!') {
            Some(network) => peer.ip.is_some() && !is_in_network(network, peer),
            None => is_in_network(element, peer),
        };
    }
    let pattern = element.strip_prefix('!').inspect(|_| *negated = true).unwrap_or(element);
    glob::matches(pattern.as_bytes(), peer.text.as_bytes()) != *negated
}

fn is_host_name(element: &str) -> bool {
    let is_label = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    element.bytes().all(is_label) || element.parse::<IpAddr>().is_ok()
}

fn is_address_of(host: &str, peer: &Peer<'_>) -> bool {
    let Some(ip) = peer.ip else { return host == peer.text };
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.to_canonical() == ip;
    }
    let found = (host, 0).to_socket_addrs();
    found.is_ok_and(|mut addresses| addresses.any(|address| address.ip().to_canonical() == ip))
}

/// Whether `peer` is in the network `address/bits`.
fn is_in_network(network: &str, peer: &Peer<'_>) -> bool {
    let parsed = network.split_once('/').and_then(|(address, bits)| {
        Some((address.trim().parse::<IpAddr>().ok()?, bits.trim().parse::<u32>().ok()?))
    });
    match (parsed, peer.ip) {
        (Some((IpAddr::V4(net), bits)), Some(IpAddr::V4(ip))) => {
            bits <= 32 && (net.to_bits() ^ ip.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (Some((IpAddr::V6(net), bits)), Some(IpAddr::V6(ip))) => {
            bits <= 128 && (net.to_bits() ^ ip.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_list(list: &str, address: &str) -> bool {
        let peer = Peer::read(address);
        List(list).holds(&peer, "/")
    }

    #[test]
    fn networks_are_tested_by_their_leading_bits() {
        for (network, address, says) in [
            ("192.168.0.0/16", "192.168.255.1:1", true),
            ("192.168.0.0/16", "192.169.0.1:1", false),
            ("192.168.1.7/32", "192.168.1.7:1", true),
            ("192.168.1.7/32", "192.168.1.8:1", false),
            ("0.0.0.0/0", "8.8.8.8:1", true),
            ("!10.0.0.0/8", "192.168.1.7:1", true),
            ("!10.0.0.0/8", "10.1.1.1:1", false),
            ("fd00::/8", "[fd12::1]:1", true),
            ("fd00::/8", "[fe12::1]:1", false),
            ("10.0.0.0/33", "10.0.0.0:1", false),
            ("10.0.0.0/x", "10.0.0.0:1", false),
            ("10.0.0.0/8", "[fd12::1]:1", false),
        ] {
            assert_eq!(in_list(network, address), says, "{network} and {address}");
        }
    }

    #[test]
    fn a_host_name_is_resolved() {
        assert!(in_list("localhost", "127.0.0.1:1"));
        assert!(!in_list("localhost", "192.168.1.7:1"));
    }

    #[test]
    fn an_exclamation_mark_turns_patterns_around_to_the_end_of_the_list() {
        assert!(in_list("!10.*", "192.168.1.7:1"));
        assert!(!in_list("!10.*", "10.0.0.1:1"));
        assert!(!in_list("!10.*,10.0.*", "10.0.0.1:1"));
        assert!(in_list("10.0.*,!10.*", "10.0.0.1:1"), "what stands before it is as it was");
    }

    #[test]
    fn nobody_is_in_an_empty_list_or_in_a_folder_without_addresses() {
        for list in ["", ",", "/", "/a", "/a()", "()", "/("] {
            assert!(!in_list(list, "192.168.1.7:1"), "{list}");
        }
    }

    #[test]
    fn a_path_is_no_address() {
        assert!(!in_list("0.0.0.0/0", "/run/x"));
        assert!(!in_list("!10.0.0.0/8", "/run/x"));
        assert!(in_list("*", "/run/x"));
    }
}
