//! What translators that keep something on the client share: moments, and what they keep of an inode by its id.
#![forbid(unsafe_code)]

pub mod by_gfid;
pub mod moment;

pub use by_gfid::{ByGfid, OfGfid};
pub use moment::{Moment, nanos, now};
