//! `debug/io-stats`.
