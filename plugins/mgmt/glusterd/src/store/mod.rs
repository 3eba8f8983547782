//! The state folder, in the incumbent's files: same names, keys, order and checksums.
//!
//! * [`lines`]: `key=value` lines, the one format of nearly every file
//! * [`fields`]: typed reading of such lines
//! * [`atomic`]: files replaced as a whole or not at all
//! * [`lock`]: one daemon to a folder
//! * [`checksum`]: what peers compare
//! * [`node`], [`cluster_options`], [`peer`]: the files beside `vols/`
//! * [`info`], [`brick_file`], [`rebalance_state`], [`quota`]: the files of one volume
//! * [`folder`]: a volume's folder as a whole, written and removed
//! * [`restore`]: everything read back at start

pub mod atomic;
pub mod brick_file;
pub mod checksum;
pub mod cluster_options;
mod error;
pub mod fields;
pub mod folder;
pub mod info;
pub mod lines;
pub mod lock;
pub mod node;
pub mod peer;
pub mod quota;
pub mod rebalance_state;
pub mod restore;

pub use error::StoreError;
pub use lines::Lines;
