//! Whatever arrives, nothing panics, and memory follows the bytes that came, never a length that was claimed.
//!
//! - [`volfile`]: the text that an operator or a volfile server hands over
//! - [`record`]: streams, RPC headers and credentials
//! - [`dict`]: both forms of a dict
//! - [`message`]: every message of every program, file operations among them
//! - [`cli`]: what the management daemon makes of a request
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod cli;
mod dict;
mod message;
mod record;
mod volfile;
