//! `protocol/server`.
