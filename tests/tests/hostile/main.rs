//! What a hostile client sends to a whole brick: a process of its own with every translator that a brick has.
//!
//! Each test sends what nobody's client sends and then holds four things: an answer or a closed connection, the process
//! alive and serving, nothing read or written outside of the brick's folder, memory bounded.
#![forbid(unsafe_code)]

mod client;
mod names;
mod objects;
mod rig;
mod sizes;
mod strangers;
mod xattrs;
