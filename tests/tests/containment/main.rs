//! Translators that misbehave while others are served: each is contained, named and counted.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod deadline;
mod late_waker;
mod rig;
