//! What every fuzz target needs: hostile bytes, and an allocator that tells how much a reader took for them.
//!
//! Targets are property tests: `cargo test` runs a few hundred cases of each, `make fuzz` many thousands. A case that
//! fails is written down beside its test by proptest, and tried first from then on.

mod allocated;
mod hostile;

pub use allocated::{Room, within};
pub use hostile::{bytes, mutated};
