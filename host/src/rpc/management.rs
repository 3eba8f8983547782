//! The management socket: the unix socket of `-S`, on which the daemon gives its orders.
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use gluster_rpc::{Limits, Service, Unobserved};
use plugin_api::Dict;
use plugin_api::transport::{Listener, TransportModuleRef};
use tokio::sync::mpsc;

use super::brick_ops::BrickOps;
use super::control::Control;
use super::{News, Order};
use crate::graph::Running;

/// The socket could not be had.
#[derive(Debug, thiserror::Error)]
#[error("management socket {}: {why}", path.display())]
pub struct ManagementError {
    path: PathBuf,
    why: String,
}

/// The graphs that orders are about; none before the first serves.
pub(super) type Current = Arc<RwLock<Vec<Arc<Running>>>>;

/// Listens until it is dropped; the transport takes its socket away then, if it is still its own.
#[derive(Debug)]
pub struct Management {
    listener: Listener,
    service: Service,
    current: Current,
}

impl Management {
    /// Listens at `path`; what lies there is replaced. Orders to end the process go to `news`, those about
    /// the graphs to `orders`.
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(
        transport: TransportModuleRef,
        path: &Path,
        news: Arc<News>,
        orders: mpsc::Sender<Order>,
    ) -> Result<Management, ManagementError> {
        let current = Current::default();
        let service = Service::new(Limits::default(), Unobserved);
        service.register(Arc::new(BrickOps::new(current.clone(), news, orders.clone())));
        service.register(Arc::new(Control::new(current.clone(), orders)));
        let options = Dict::new()
            .with("transport-type", "unix")
            .with("transport.address-family", "unix")
            .with("transport.socket.listen-path", path.display().to_string());
        let listener = transport
            .listen_on(&options, service.acceptor())
            .map_err(|why| ManagementError { path: path.to_owned(), why })?;
        Ok(Management { listener, service, current })
    }

    /// Orders are about these graphs from now on.
    pub fn serve(&self, running: Vec<Arc<Running>>) {
        *self.current.write().expect("no panic under it") = running;
    }
}

impl Drop for Management {
    fn drop(&mut self) {
        self.listener.close();
        self.service.close();
    }
}
