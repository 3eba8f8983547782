//! `auth/addr`.
