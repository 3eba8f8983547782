//! `auth/login`.
