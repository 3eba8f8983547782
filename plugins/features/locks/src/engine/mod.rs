//! The lock engine: every rule of the three lock families, with no thread, no clock and no I/O.
//!
//! A caller brings a *waiter* (any handle it can wake) with each request that may block. The engine keeps it in
//! a queue and gives it back inside [`Effects`] when the request has an answer; waking it is the caller's work.

pub mod domain;
pub mod effects;
pub mod entrylk;
pub mod inodelk;
pub mod object;
pub mod owner;
pub mod posix;
pub mod range;

pub use domain::{Domains, Pace, Request, Revocation, Verdict, Want};
pub use effects::{Contended, Effects, Refusal, Woken};
pub use entrylk::NameLock;
pub use inodelk::RangeLock;
pub use object::{Contention, ObjectLocks};
pub use owner::{ClientKey, FdKey, Holder, LkOwner};
pub use posix::PosixLocks;
pub use range::{Access, Range};
