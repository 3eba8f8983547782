//! POSIX access control as a brick and a client both enforce it: modes, ACLs, who may do what.
//!
//! Pure: it knows no translator, no wire and no clock. `features/access-control` and `system/posix-acl` stand on it.
#![forbid(unsafe_code)]

mod acl;
mod change;
mod codec;
mod inherit;
mod object;

pub use acl::{Acl, Perm};
pub use change::{AttrChange, SetGid, Times};
pub use codec::{ACCESS_XATTR, CodecError, DEFAULT_XATTR};
pub use inherit::{Born, born};
pub use object::{Denied, Object, Subject};
