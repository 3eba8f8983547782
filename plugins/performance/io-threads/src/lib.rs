//! `performance/io-threads`.
