//! `features/access-control`.
