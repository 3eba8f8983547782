//! `rpc-program/pmap`.
