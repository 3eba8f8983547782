//! The server: programs, the connections they are called on, and the calls.

mod call;
mod dump;
mod peer;
mod plugin;
mod program;
mod service;

pub use call::{Call, Reply};
pub use peer::Peer;
pub use plugin::PluginProgram;
pub use program::Program;
pub use service::{Limits, Observe, Service, Unobserved};
