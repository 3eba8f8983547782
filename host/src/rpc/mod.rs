//! The host's own calls, over whatever transport plugin is there: volfile, port map, brick operations.
//!
//! [`VolfileServer`] keeps a connection to the daemon and fetches from it, [`sign_in`](sign_in::sign_in) tells it where a
//! brick listens, [`Management`] answers on the socket given by `-S`, the daemon's orders and
//! those of [`control`], [`News`] carries what happens to who dispatches.
use plugin_api::abi::host::PluginKind;
use plugin_api::transport::TransportModuleRef;

use crate::loader::{LoadError, Loader};

mod brick_ops;
pub mod control;
mod management;
mod news;
mod order;
pub mod sign_in;
mod volfile_server;

pub use management::{Management, ManagementError};
pub use news::{Item, News};
pub use order::{Order, Refusal};
pub use volfile_server::{FetchError, VolfileServer};

/// The transport that every process of the incumbent speaks.
const SOCKET: &str = "socket";

/// Opens the transport plugin.
/// # Errors
/// It is not there, or cannot be used.
pub fn transport(loader: &Loader) -> Result<TransportModuleRef, LoadError> {
    let root = loader.plugin(PluginKind::TRANSPORT, SOCKET)?;
    Ok(root.transport().into_option().expect("the loader checked the kind"))
}
