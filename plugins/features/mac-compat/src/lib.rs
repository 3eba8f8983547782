//! `features/mac-compat`.
