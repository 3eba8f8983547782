//! The port that a client speaks from, as the incumbent chooses it.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::Socket;

/// Where the search begins: below the ports of bricks.
const HIGHEST: u16 = 49151;
/// The highest port that only root may bind.
const HIGHEST_PRIVILEGED: u16 = 1023;
/// Ports that were tried and taken before the kernel is left to choose.
const MOST_TRIES: usize = 4096;

/// Binds to the highest free port from 49151 down; where `insecure` is off, from 1023 down first. When none can be
/// bound the kernel chooses one.
pub(crate) fn bind_client(socket: &Socket, local: IpAddr, insecure: bool) {
    let reserved = Reserved::read();
    let privileged = (1..=HIGHEST_PRIVILEGED).rev().filter(|_| !insecure);
    let ports = privileged.chain((HIGHEST_PRIVILEGED + 1..=HIGHEST).rev());
    for port in ports.filter(|port| !reserved.contains(*port)).take(MOST_TRIES) {
        match socket.bind(&SocketAddr::new(local, port).into()) {
            Ok(()) => return,
            // Taken, or (below 1024, without root) not ours.
            Err(e) if matches!(e.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) => {}
            Err(_) => return,
        }
    }
}

/// Ports that the administrator keeps from automatic choice.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reserved(Vec<(u16, u16)>);

impl Reserved {
    fn read() -> Self {
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports");
        Self::parse(&text.unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let range = |item: &str| {
            let (from, to) = item.split_once('-').unwrap_or((item, item));
            Some((from.parse().ok()?, to.parse().ok()?))
        };
        Self(text.trim().split(',').filter_map(range).collect())
    }

    fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_are_a_list_of_ports_and_ranges() {
        let reserved = Reserved::parse("8080,49150-49151\n");
        assert!(reserved.contains(8080) && reserved.contains(49150) && !reserved.contains(49149));
        assert_eq!(Reserved::parse("\n"), Reserved::default());
    }

    #[test]
    fn two_clients_get_two_ports_below_those_of_bricks() {
        let bound = || {
            let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            bind_client(&socket, std::net::Ipv4Addr::LOCALHOST.into(), true);
            let port = socket.local_addr().unwrap().as_socket().unwrap().port();
            (socket, port)
        };
        let ((_one, first), (_two, second)) = (bound(), bound());
        assert!(first > second && first <= HIGHEST && second > HIGHEST_PRIVILEGED, "{first}, {second}");
    }
}
