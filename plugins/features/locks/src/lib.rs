//! `features/locks`.
