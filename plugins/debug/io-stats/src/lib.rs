//! `debug/io-stats`: counts every file operation that passes, for `volume profile` and `volume top`.
#![forbid(unsafe_code)]

pub mod counters;
pub mod profile;
pub mod top;
