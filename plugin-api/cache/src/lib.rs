//! What translators that keep something on the client share: moments, what they keep of an inode by its id, and a bound on
//! all of it.
#![forbid(unsafe_code)]

pub mod by_gfid;
pub mod moment;
pub mod room;

pub use by_gfid::{ByGfid, OfGfid};
pub use moment::{Moment, nanos, now};
pub use room::{Bounded, Place, Room};
