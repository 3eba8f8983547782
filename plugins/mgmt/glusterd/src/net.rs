//! Which addresses and host names are this machine's.

use std::net::{IpAddr, ToSocketAddrs};

/// Whether a connection's end (`host:port` in numbers) lies on this machine.
#[must_use]
pub fn is_local_end(end: &str) -> bool {
    let host = end.rsplit_once(':').map_or(end, |(host, _)| host);
    host.trim_matches(['[', ']']).parse().is_ok_and(is_local)
}

/// Whether a host name has an address of this machine. Asks the resolver, so it may block.
#[must_use]
pub fn is_local_host(host: &str) -> bool {
    addresses(host).is_ok_and(|found| found.into_iter().any(is_local))
}

/// The addresses of a host. Asks the resolver, so it may block.
///
/// # Errors
/// There are none.
pub fn addresses(host: &str) -> std::io::Result<Vec<IpAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// Whether an address is this machine's: a loopback one, or one of an interface.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || interfaces().any(|own| own == address)
}

fn interfaces() -> impl Iterator<Item = IpAddr> {
    let found = nix::ifaddrs::getifaddrs().into_iter().flatten();
    found.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_local_and_a_documentation_address_is_not() {
        assert!(
            is_local_end("127.0.0.1:49151") && is_local_end("127.1.1.2:1") && is_local_end("[::1]:24007")
        );
        assert!(!is_local_end("192.0.2.1:1023") && !is_local_end("") && !is_local_end("/run/x"));
        assert!(is_local_host("localhost") && !is_local_host("192.0.2.1"));
    }
}
