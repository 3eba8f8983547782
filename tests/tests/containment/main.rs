//! Translators that misbehave while others are served: each is contained, named and counted.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod blocks;
mod deadline;
mod eats;
mod late_waker;
mod leaks;
mod panics;
mod rig;
mod volume;
