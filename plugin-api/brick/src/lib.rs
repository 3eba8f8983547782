//! The one way into a brick's folder, for translators that keep something there: a directory that is held open, and
//! from it names that never walk.
#![forbid(unsafe_code)]

mod attributes;
mod beneath;
mod name;

pub use attributes::attributes;
pub use beneath::{BENEATH, DIR_FLAGS, make_dir, open_dir};
pub use name::{HIDDEN, Name};
