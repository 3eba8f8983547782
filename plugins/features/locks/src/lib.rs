//! `features/locks`: the locks of applications and of the cluster, kept in the brick's memory.
#![forbid(unsafe_code)]

pub mod engine;
