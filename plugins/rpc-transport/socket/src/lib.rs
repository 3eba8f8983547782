//! `rpc-transport/socket`.
