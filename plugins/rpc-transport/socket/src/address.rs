//! Addresses: names to numbers, and peers to the names that everybody else uses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use plugin_api::rt;
use socket2::SockAddr;

use crate::options::Family;

/// How a connection's end is shown: `host:port` in numbers, or the path of a unix socket.
pub(crate) fn name(address: &SockAddr) -> String {
    match address.as_socket() {
        Some(address) => format!("{}:{}", address.ip(), address.port()),
        None => address.as_pathname().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
    }
}

/// Any address of a family.
pub(crate) fn any(family: Family) -> IpAddr {
    match family {
        Family::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        Family::Inet | Family::Unix => Ipv4Addr::UNSPECIFIED.into(),
    }
}

fn fits(family: Family, address: &IpAddr) -> bool {
    match family {
        Family::Inet => address.is_ipv4(),
        Family::Inet6 => address.is_ipv6(),
        Family::Unix => false,
    }
}

/// The first address of `host` in this family; asks the resolver, so it may block.
pub(crate) fn look_up(host: &str, port: u16, family: Family) -> io::Result<SocketAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let mut found = (host, port).to_socket_addrs()?;
    found.find(|address| fits(family, &address.ip())).ok_or_else(|| {
        io::Error::new(io::ErrorKind::AddrNotAvailable, format!("{host} has no address of this family"))
    })
}

/// As [`look_up`], on a thread that may block; a numeric address is answered here.
pub(crate) async fn resolve(host: &str, port: u16, family: Family) -> io::Result<SocketAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(address, port));
    }
    let answer = Arc::new(Answer::default());
    let (theirs, host) = (answer.clone(), host.to_owned());
    rt::spawn_blocking(async move { theirs.give(look_up(&host, port, family)) });
    std::future::poll_fn(move |cx| answer.poll(cx.waker())).await
}

/// A result that another thread will bring.
#[derive(Debug, Default)]
struct Answer(Mutex<(Option<io::Result<SocketAddr>>, Option<Waker>)>);

impl Answer {
    fn give(&self, result: io::Result<SocketAddr>) {
        let waker = {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slot.0 = Some(result);
            slot.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<io::Result<SocketAddr>> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.0.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.1 = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}
