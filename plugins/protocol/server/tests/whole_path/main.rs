//! The whole path: a connection, a sign-in, calls, fops in a brick, replies.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod door;
mod fake;
mod fops;
mod hostile;
mod reports;
mod rig;
mod sign_in;
