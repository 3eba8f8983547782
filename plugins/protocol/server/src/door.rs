//! The door: what listens, and the servers of this process whose clients come in through it.
//!
//! A process may hold several graphs, each with a server at its top. The first of them listens; one that is to listen at
//! the same place joins it. The door stays open until the last of them has left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gluster_rpc::Service;
use gluster_xdr::dump::DUMP;
use gluster_xdr::fop::FOP;
use gluster_xdr::handshake::HANDSHAKE_BRICK;
use plugin_api::{Dict, InitCx, InitError, log};

use crate::fops::FopProgram;
use crate::handshake::Handshake;
use crate::listen::Listening;
use crate::server::Server;

/// Something that listens.
#[derive(Debug)]
pub(crate) struct Door {
    place: Place,
    servers: Arc<Servers>,
    service: Service,
    listening: Listening,
}

/// The servers behind a door.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<Vec<Arc<Server>>>);

/// Where a server is to listen, as its options say it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    port: u16,
    address: String,
}

/// The doors of this process. Held while one is opened, joined or left.
static DOORS: Mutex<Vec<Weak<Door>>> = Mutex::new(Vec::new());

fn doors() -> MutexGuard<'static, Vec<Weak<Door>>> {
    DOORS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn of(cx: &InitCx<'_>) -> Place {
        let port = cx.find("transport.socket.listen-port").and_then(|port| port.trim().parse().ok());
        let address = cx.find("transport.socket.bind-address").unwrap_or_default().to_owned();
        Place { port: port.unwrap_or(0), address }
    }

    /// Port 0 is a free one each time.
    fn is_shared_with(&self, other: &Place) -> bool {
        self.port != 0 && self == other
    }
}

impl Door {
    /// Joins the door that is where the options want one, or else opens it.
    ///
    /// # Errors
    /// Nothing can listen there, or one of the bricks is served behind the door already.
    pub(crate) fn of(cx: &InitCx<'_>, server: &Arc<Server>) -> Result<Arc<Door>, InitError> {
        let place = Place::of(cx);
        let mut doors = doors();
        doors.retain(|door| door.strong_count() > 0);
        if let Some(door) =
            doors.iter().filter_map(Weak::upgrade).find(|door| place.is_shared_with(&door.place))
        {
            door.servers.join(server)?;
            log!(Info, xl: cx.name(), "clients come in where others do", port = place.port);
            return Ok(door);
        }
        let servers = Arc::<Servers>::default();
        servers.join(server)?;
        let service = Service::new(server.settings().limits, gluster_rpc::Unobserved);
        service.register(Arc::new(FopProgram));
        service.register(Arc::new(Handshake(servers.clone())));
        // The order in which the incumbent's bricks list them.
        service.order(&[FOP, DUMP, HANDSHAKE_BRICK]);
        // Clients may connect from here on, but nobody gets in before the graph is up.
        let listening = Listening::start(cx, &service)?;
        let place = Place { port: listening.port().unwrap_or(place.port), ..place };
        let door = Arc::new(Door { place, servers, service, listening });
        doors.push(Arc::downgrade(&door));
        Ok(door)
    }

    /// Ends the connections of a server's clients, and lets nobody in to it any more; with the last server the door is
    /// closed.
    pub(crate) fn leave(&self, server: &Arc<Server>) {
        let mut doors = doors();
        if !self.servers.leave(server) {
            // Nobody joins it any more.
            doors.retain(|door| !std::ptr::eq(door.as_ptr(), self));
            self.listening.stop();
            self.service.close();
        }
        drop(doors);
        server.close();
    }

    /// `data` with the port in it, as `listen-port`.
    pub(crate) fn described(&self, data: &Dict) -> Dict {
        self.listening.described(data)
    }

    /// Lines for a statedump.
    pub(crate) fn dump(&self, out: &mut String) {
        self.listening.dump(out);
    }
}

impl Servers {
    fn list(&self) -> MutexGuard<'_, Vec<Arc<Server>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, server: &Arc<Server>) -> Result<(), InitError> {
        let mut list = self.list();
        let served =
            |name: &str| list.iter().any(|other| other.bricks.iter().any(|brick| brick.name == name));
        if let Some(twice) = server.bricks.iter().find(|brick| served(&brick.name)) {
            return Err(InitError(format!("{} is served by this process already", twice.name)));
        }
        list.push(server.clone());
        Ok(())
    }

    /// Whether others are left.
    fn leave(&self, server: &Arc<Server>) -> bool {
        let mut list = self.list();
        list.retain(|other| !Arc::ptr_eq(other, server));
        !list.is_empty()
    }

    /// The server that has a brick, and the brick's place below it.
    pub(crate) fn find(&self, brick: &str) -> Option<(Arc<Server>, usize)> {
        self.list().iter().find_map(|server| {
            let brick = server.bricks.iter().find(|known| known.name == brick)?;
            Some((server.clone(), brick.index))
        })
    }
}
