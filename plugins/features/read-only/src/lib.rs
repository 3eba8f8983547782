//! `features/read-only`.
