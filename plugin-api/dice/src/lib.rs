//! Choosing fops: by name, and by chance. For translators that meddle with some of them.
#![forbid(unsafe_code)]

mod chance;
mod set;

pub use chance::Dice;
pub use set::FopSet;
