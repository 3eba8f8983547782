//! `system/posix-acl`.
