//! A translator on its bench: a graph of it over fake children, in a host that has just what fops need.
//!
//! ```
//! use plugin_api::prelude::*;
//! use plugin_testkit::{Fake, Testkit};
//!
//! /// Lets nobody but root remove names.
//! #[derive(Debug, Default)]
//! struct Keep;
//!
//! #[xlator("features/keep", unknown_fops = "deny")]
//! impl Xlator for Keep {
//!     async fn unlink(&self, frame: &Frame, args: Unlink) -> FopResult<Removed> {
//!         if frame.identity().uid != 0 {
//!             return Err(Errno::EPERM.into());
//!         }
//!         frame.child().unlink(args).await
//!     }
//! }
//!
//! # fn main() {
//! let bench = Testkit::<Keep>::new().child(Fake::answering()).start();
//! let unlink = || Unlink { loc: Loc::default(), flags: 0, xdata: Dict::new() };
//! bench.call::<kind::unlink>(unlink()).unwrap();
//!
//! let somebody = bench.frame(Identity { uid: 7, ..Identity::default() }, None);
//! let refused = plugin_testkit::block_on(somebody.child().unlink(unlink()));
//! assert_eq!(refused.unwrap_err().errno, Errno::EPERM);
//! assert_eq!(bench.calls(), ["unlink"], "only root's reached the child");
//! # }
//! ```
//!
//! - [`Testkit`] puts a graph together: options, settings, children, children's children
//! - [`Bench`] is the graph as it runs: frames, events, statedump, faults
//! - [`Fake`] is a child that answers by script, by default or from memory, fails by countdown, and keeps what it saw
//! - [`logged`] tells what a translator wrote to the log
//! - [`block_on`] and [`poll`] drive fops without a runtime
//!
//! The host in it has threads for `rt::spawn` and `rt::sleep`, frames, settings and log lines on standard output; there
//! are no watched descriptors and no other plugins.

mod bench;
mod caller;
mod count;
mod drive;
mod fake;
mod fault;
mod host;
mod kit;
mod memory;
mod random;
pub mod rules;

pub use bench::Bench;
pub use caller::{Caller, Failed};
pub use count::Alive;
pub use drive::{SOON, block_on, poll};
pub use fake::{Fake, fail_each_call};
pub use fault::Fault;
pub use host::{Opener, attach, attach_with, logged};
pub use kit::{Below, Loaded, Testkit};
pub use random::Random;
