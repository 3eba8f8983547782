//! POSIX access control as a brick and a client both enforce it: modes, ACLs, who may do what.
//!
//! The rules ([`Object`], [`Acl`], [`AttrChange`], [`born`]) are pure. [`Enforcer`] joins them to a graph; the two
//! translators that stand on it, `features/access-control` in bricks and `system/posix-acl` in clients, are one
//! [`enforcer!`] each.
#![forbid(unsafe_code)]

mod acl;
mod change;
mod codec;
mod enforcer;
mod fops;
mod inherit;
mod known;
mod object;
mod text;
mod translator;

pub use acl::{Acl, Perm};
pub use change::{AttrChange, SetGid, Times};
pub use codec::{ACCESS_XATTR, CodecError, DEFAULT_XATTR};
pub use enforcer::Enforcer;
pub use inherit::{Born, born};
pub use object::{Denied, Object, Subject};
pub use text::{ACCESS_TEXT, DEFAULT_TEXT, TextError};
