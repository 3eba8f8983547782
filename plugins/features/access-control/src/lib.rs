//! `features/access-control`: enforces permissions and POSIX ACLs in a brick.
//!
//! The rules and the fops are those of [`gluster_acl`].
#![forbid(unsafe_code)]

pub mod options;

gluster_acl::enforcer!(
    "features/access-control",
    "brick",
    "Enforces permissions and POSIX ACLs on everything that clients ask of a brick."
);
