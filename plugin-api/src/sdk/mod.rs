//! What makes the line comfortable: frames, entries, the panic barrier, the host's services.
#![allow(unsafe_code, reason = "the glue between the author's safe code and the tables of abi")]

mod account;
pub(crate) mod bufpool;
mod cx;
mod entry;
mod frame;
mod inline;
pub mod inspect;
#[cfg(feature = "local-runtime")]
mod local_runtime;
pub mod log;
pub mod module;
mod offload;
pub mod open;
pub mod rt;
pub mod sys;
pub mod turn;

pub use account::Counting;
pub use cx::{InitCx, NotifyCx};
pub(crate) use entry::run;
pub use entry::{guarded, later, passing, plain};
pub use frame::{Child, Frame, Handle, OwnedFrame, Wind};
#[cfg(feature = "local-runtime")]
pub use local_runtime::{LocalRuntime, Stopping};
pub(crate) use rt::await_result;
