//! `system/posix-acl`: enforces permissions and POSIX ACLs in a client that is mounted with `acl`.
//!
//! The rules and the fops are those of [`gluster_acl`].
#![forbid(unsafe_code)]

pub mod options;

gluster_acl::enforcer!(
    "system/posix-acl",
    "client, brick",
    "Enforces permissions and POSIX ACLs on everything that applications ask of a mount."
);
