//! `debug/trace`.
