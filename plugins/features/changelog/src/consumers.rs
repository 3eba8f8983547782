//! Consumers: processes of this node that sign on at the brick's socket, and are told there of what they asked for.
//!
//! A consumer names a socket of its own, to which the brick connects; each event is a call on that connection.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gluster_rpc::{Call, Client, Limits, NoEvents, Reply, Service, Settings, Unobserved};
use gluster_xdr::{Fault, Program, Reader, Writer, Xdr, XdrError};
use plugin_api::open;
use plugin_api::prelude::*;
use plugin_api::transport::Listener;

/// Where consumers sign on.
const SIGN_ON: Program = Program::new(1_885_957_735, 1, "CHANGELOG RPC PROBE");
/// What they serve themselves.
const EVENTS: Program = Program::new(1_886_350_951, 1, "CHANGELOG RPC EVENT");
/// The one procedure of either.
const PROCEDURE: u32 = 1;
/// Clients of the socket look for it here, whatever the run directory is.
const SOCKETS: &str = "/var/run/gluster";
/// Longest path of a socket, with its NUL.
const SOCKET_LEN: usize = 108;
/// More are turned away.
const MOST: usize = 64;
/// Nobody is waited for longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an event: as wide as the widest, which holds a path.
const EVENT_LEN: usize = 4104;
/// An object was let go of that is to be signed.
const RELEASED: u32 = 1 << 4;

/// What consumers are told of an object that was let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) gfid: Gfid,
    pub(crate) version: u64,
    /// How the signer is to go about it.
    pub(crate) sign: i32,
}

impl Released {
    /// In the machine's byte order: consumers run beside the brick.
    fn bytes(self) -> Vec<u8> {
        let mut event = Vec::with_capacity(EVENT_LEN);
        event.extend_from_slice(&u64::from(RELEASED).to_ne_bytes());
        event.extend_from_slice(&self.version.to_ne_bytes());
        event.extend_from_slice(&self.gfid.0);
        event.extend_from_slice(&self.sign.to_ne_bytes());
        event.resize(EVENT_LEN, 0);
        event
    }
}

/// What a consumer asks for, and where it listens.
struct SignOn {
    filter: u32,
    socket: PathBuf,
}

impl Xdr for SignOn {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let filter = u32::get(r)?;
        // Each character is a number of its own on this wire.
        let mut path = Vec::new();
        let mut ended = false;
        for _ in 0..SOCKET_LEN {
            let byte = u8::try_from(u32::get(r)?).map_err(|_| Fault::NotText)?;
            ended |= byte == 0;
            if !ended {
                path.push(byte);
            }
        }
        let path = String::from_utf8(path).map_err(|_| Fault::NotText)?;
        if !path.starts_with('/') {
            return Err(Fault::NotText.into());
        }
        Ok(Self { filter, socket: path.into() })
    }

    fn put(&self, _: &mut Writer) {
        unreachable!("a brick does not sign on anywhere")
    }
}

/// An event as it is told: its number on the connection, when, and what.
struct Told {
    number: u64,
    at: Duration,
    event: Vec<u8>,
}

impl Xdr for Told {
    fn get(_: &mut Reader<'_>) -> Result<Self, XdrError> {
        unreachable!("a brick is told nothing")
    }

    fn put(&self, w: &mut Writer) {
        self.number.put(w);
        self.at.as_secs().put(w);
        u64::from(self.at.subsec_micros()).put(w);
        w.raw(&self.event);
    }
}

/// That an event has arrived.
struct Arrived;

impl Xdr for Arrived {
    fn get(r: &mut Reader<'_>) -> Result<Self, XdrError> {
        let _ = r.rest();
        Ok(Self)
    }

    fn put(&self, _: &mut Writer) {}
}

/// One of those who are told.
#[derive(Debug)]
struct Consumer {
    filter: u32,
    socket: PathBuf,
    link: Client,
    told: AtomicU64,
}

#[derive(Debug, Default)]
struct Signed(Mutex<Vec<Arc<Consumer>>>);

impl Signed {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Consumer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, asked: SignOn) -> Result<(), String> {
        let mut all = self.all();
        // One that signs on again has begun anew.
        all.retain(|consumer| consumer.socket != asked.socket);
        if all.len() >= MOST {
            return Err(format!("{MOST} consumers have signed on already"));
        }
        let options = Dict::new()
            .with("transport.address-family", "unix")
            .with("transport.socket.connect-path", asked.socket.display().to_string())
            .with("transport.socket.read-fail-log", "off");
        let settings = Settings {
            name: format!("changelog-consumer-{}", asked.socket.display()),
            frame_timeout: PATIENCE,
            reconnect: None,
            ..Settings::default()
        };
        let link = Client::open(open::transport("socket")?, options, settings, NoEvents);
        let (filter, socket) = (asked.filter, asked.socket);
        all.push(Arc::new(Consumer { filter, socket, link, told: AtomicU64::new(0) }));
        Ok(())
    }

    fn remove(&self, gone: &Arc<Consumer>) {
        self.all().retain(|consumer| !Arc::ptr_eq(consumer, gone));
    }
}

struct Door(Arc<Signed>);

impl gluster_rpc::Program for Door {
    fn program(&self) -> Program {
        SIGN_ON
    }

    async fn call(&self, call: Call) -> Reply {
        if call.procedure != PROCEDURE {
            return call.no_such_procedure();
        }
        let asked: SignOn = match call.arguments() {
            Ok(asked) => asked,
            Err(refusal) => return refusal,
        };
        match self.0.add(asked) {
            Ok(()) => call.reply(&0_i32),
            Err(why) => {
                log!(Error, "a consumer of changes is turned away", why = why);
                call.reply(&-1_i32)
            }
        }
    }
}

/// The socket of a brick, and who has signed on there.
#[derive(Debug)]
pub(crate) struct Consumers {
    service: Service,
    listener: Listener,
    signed: Arc<Signed>,
}

/// The socket of the brick at this path.
pub(crate) fn socket_of(brick: &str) -> PathBuf {
    let hash = xxhash_rust::xxh64::xxh64(brick.as_bytes(), 0);
    Path::new(SOCKETS).join(format!("changelog-{hash:016x}.sock"))
}

impl Consumers {
    /// Lets consumers of the brick at this path sign on.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn listen(brick: &str) -> Result<Self, String> {
        let signed = Arc::<Signed>::default();
        let service = Service::new(Limits::default(), Unobserved);
        service.register(Arc::new(Door(signed.clone())));
        let options = Dict::new()
            .with("transport.address-family", "unix")
            .with("transport.socket.listen-path", socket_of(brick).display().to_string())
            .with("transport.socket.read-fail-log", "off");
        let listener = open::transport("socket")?.listen_on(&options, service.acceptor())?;
        Ok(Self { service, listener, signed })
    }

    /// Tells those who asked for it.
    pub(crate) async fn tell(&self, released: Released) {
        let wanting: Vec<_> =
            self.signed.all().iter().filter(|consumer| consumer.filter & RELEASED != 0).cloned().collect();
        for consumer in wanting {
            let number = consumer.told.fetch_add(1, Ordering::Relaxed) + 1;
            let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let told = Told { number, at, event: released.bytes() };
            let answer = async {
                consumer.link.ready().await.ok()?;
                consumer.link.call::<_, Arrived>(EVENTS, PROCEDURE, &told).await.ok()
            };
            if rt::timeout(PATIENCE, answer).await.flatten().is_none() {
                log!(Warn, "a consumer of changes is gone", socket = consumer.socket.display());
                self.signed.remove(&consumer);
            }
        }
    }

    /// How many have signed on.
    pub(crate) fn count(&self) -> usize {
        self.signed.all().len()
    }
}

impl Drop for Consumers {
    fn drop(&mut self) {
        self.listener.close();
        self.service.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_the_one_where_consumers_of_glusterfs_10_look() {
        let socket = "/var/run/gluster/changelog-2d75760e92d8f016.sock";
        assert_eq!(socket_of("/srv/brick/v"), Path::new(socket));
    }

    #[test]
    fn a_released_object_is_told_as_glusterfs_10_tells_it() {
        let bytes = Released { gfid: Gfid([7; 16]), version: 2, sign: 1 }.bytes();
        assert_eq!(bytes.len(), EVENT_LEN);
        assert_eq!(bytes[..16], [16, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((&bytes[16..32], &bytes[32..37]), (&[7; 16][..], &[1, 0, 0, 0, 0][..]));
    }

    #[test]
    fn who_signs_on_names_what_it_wants_and_a_socket() {
        let wire = |path: &str| {
            let mut w = Writer::new(Vec::new());
            16_u32.put(&mut w);
            let bytes = path.bytes().chain(std::iter::repeat(0)).take(SOCKET_LEN);
            bytes.for_each(|byte| u32::from(byte).put(&mut w));
            gluster_xdr::decode::<SignOn>(&IoBuf::from(w.into_bytes()))
        };
        let asked = wire("/var/run/gluster/.x1.sock").unwrap();
        assert_eq!((asked.filter, asked.socket.as_path()), (16, Path::new("/var/run/gluster/.x1.sock")));
        assert!(wire("relative").is_err());
        assert!(gluster_xdr::decode::<SignOn>(&IoBuf::from(vec![0; 40])).is_err());
    }
}
