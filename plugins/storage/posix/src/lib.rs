//! `storage/posix`.
