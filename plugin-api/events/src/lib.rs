//! Events: what happened on a node, told to whoever listens there. The incumbent's `glustereventsd` does, and hands them on
//! to the administrator's webhooks.
//!
//! An event is one datagram, `SECONDS NUMBER KEY=VALUE;KEY=VALUE`, to port 55555 (seen on 10.3; numbers and keys are those of
//! its `eventtypes`). Nobody answers, and where nobody listens it is lost: that costs nothing.

#![forbid(unsafe_code)]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where events are listened for.
pub const PORT: u16 = 55555;

/// What happened, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)] // the names say it
pub enum Event {
    PeerAttach = 0,
    PeerDetach = 1,
    VolumeCreate = 2,
    VolumeStart = 3,
    VolumeStop = 4,
    VolumeDelete = 5,
    VolumeSet = 6,
    VolumeReset = 7,
    BrickResetStart = 8,
    BrickResetCommit = 9,
    BrickReplace = 10,
    BitrotEnable = 19,
    BitrotDisable = 20,
    BitrotScrubThrottle = 21,
    BitrotScrubFrequency = 22,
    BitrotScrubOption = 23,
    BitrotScrubOnDemand = 24,
    QuotaEnable = 25,
    QuotaDisable = 26,
    QuotaSetUsageLimit = 27,
    QuotaSetObjectsLimit = 28,
    QuotaRemoveUsageLimit = 29,
    QuotaRemoveObjectsLimit = 30,
    QuotaAlertTime = 31,
    QuotaSoftTimeout = 32,
    QuotaHardTimeout = 33,
    QuotaDefaultSoftLimit = 34,
    ServiceConnected = 65,
    ServiceDisconnected = 66,
    BrickDisconnected = 76,
    BrickConnected = 77,
    ClientConnect = 97,
    ClientAuthReject = 98,
    ClientDisconnect = 99,
    VolumeAddBrick = 123,
    VolumeRemoveBrickStart = 125,
    VolumeRemoveBrickCommit = 127,
    VolumeRemoveBrickStop = 129,
    VolumeRemoveBrickForce = 131,
    VolumeRebalanceStart = 134,
    VolumeRebalanceStop = 135,
    VolumeRebalanceFailed = 136,
    VolumeRebalanceComplete = 137,
}

/// Tells of an event on this node.
///
/// # Errors
/// The kernel sends nothing.
pub fn send(event: Event, details: &str) -> io::Result<()> {
    send_to((Ipv4Addr::LOCALHOST, PORT), event, details)
}

/// Tells of an event on another node. It blocks while a name is looked up.
///
/// # Errors
/// The host is not known, or the kernel sends nothing.
pub fn send_to(node: impl ToSocketAddrs, event: Event, details: &str) -> io::Result<()> {
    let to = node.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.set_nonblocking(true)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    socket.send_to(format!("{now} {} {details}", event as u32).as_bytes(), to).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_with_its_time_and_number() {
        let listener = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        send_to(listener.local_addr().unwrap(), Event::VolumeStart, "name=v;force=0").unwrap();
        let mut line = [0; 100];
        let length = listener.recv(&mut line).unwrap();
        let line = str::from_utf8(&line[..length]).unwrap();
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.parse::<u64>().unwrap() > 1_700_000_000);
        assert_eq!(rest, "3 name=v;force=0");
    }

    #[test]
    fn where_nobody_listens_nothing_fails() {
        let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        send_to(closed, Event::VolumeStop, "name=v;force=0").unwrap();
    }
}
