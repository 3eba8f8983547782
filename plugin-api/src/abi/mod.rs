//! The line between libraries: root module, version, and the types that cross it.
#![allow(
    unsafe_code,
    reason = "memory that another library owns is touched here, and nowhere else but in sdk"
)]

pub mod account;
pub mod c;
pub(crate) mod decompose;
pub mod describe;
pub mod frame;
pub mod future;
pub mod graph;
pub mod host;
pub mod inspect;
pub mod iobuf;
pub mod node;
pub mod object;
pub mod pairs;
pub mod root;
pub mod shared;
pub(crate) mod tally;
pub mod turns;
