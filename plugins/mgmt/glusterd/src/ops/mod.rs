//! Operations: what changes the cluster, and what has to look at all of it.
//!
//! * [`engine`]: the phases that every operation goes through
//! * [`request`]: reading what the CLI asks
//! * one file for each operation

pub mod add_brick;
pub mod barrier;
pub mod bitrot;
pub mod clear_locks;
pub mod create;
pub mod delete;
pub mod engine;
pub mod heal;
pub mod log_rotate;
pub mod new_bricks;
pub mod profile;
pub mod quota;
pub mod rebalance;
pub mod rebalance_status;
pub mod remove_brick;
pub mod request;
pub mod reset;
pub mod set;
pub mod start;
pub mod statedump;
pub mod status;
pub mod stop;
pub mod swap_brick;
#[cfg(test)]
mod tests;

pub use engine::{Operation, run};
pub use request::Request;

/// Why an operation is not done, as the CLI shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The number that scripts see.
    pub errno: i32,
    /// The sentence that people see.
    pub text: String,
}

/// `op_errno`: nothing more exact is known.
pub const INTERNAL: i32 = 30800;
/// `op_errno`: the operation is not supported.
pub const NOT_SUPPORTED: i32 = 30801;
/// `op_errno`: another operation has the lock.
pub const IN_PROGRESS: i32 = 30802;
/// `op_errno`: there is no such volume.
pub const NO_VOLUME: i32 = 30806;

impl Refusal {
    /// A refusal after the lock was taken.
    pub fn new(text: impl Into<String>) -> Self {
        Self { errno: INTERNAL, text: text.into() }
    }

    /// A refusal before anything was begun, which carries no number.
    pub fn at_once(text: impl Into<String>) -> Self {
        Self { errno: 0, text: text.into() }
    }

    /// There is no volume of this name.
    #[must_use]
    pub fn no_volume(name: &str) -> Self {
        Self::new(format!("Volume {} does not exist", shown(name)))
    }
}

/// What this daemon does not do.
#[must_use]
pub fn unsupported(what: &str) -> Refusal {
    Refusal { errno: NOT_SUPPORTED, text: format!("{what} is not supported") }
}

/// The state folder could not be written: the operation has failed here.
impl From<crate::store::StoreError> for Refusal {
    fn from(error: crate::store::StoreError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<crate::bricks::check::BrickError> for Refusal {
    fn from(error: crate::bricks::check::BrickError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<crate::options::edit::Refusal> for Refusal {
    fn from(refusal: crate::options::edit::Refusal) -> Self {
        Self::new(refusal.0)
    }
}

/// A name out of a request as an answer may repeat it: not endless, and on one line.
#[must_use]
pub fn shown(name: &str) -> String {
    name.chars().take(300).map(|c| if c.is_control() { '?' } else { c }).collect()
}
