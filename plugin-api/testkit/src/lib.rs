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
//! - [`Fake`] is a child that answers by script, by default or from memory, and keeps what it saw
//! - [`Fault`] is what becomes of its nth call: failed, lost, late, from another thread, after `fini`, never
//! - [`Caller`] uses a bench as a mount does: makes and opens files, reads to the end, lists
//! - [`Script`] is fops as text: replayed by a caller, recorded by a fake
//! - [`Bench::close`] and [`Alive`] tell what stays of a bench: frames, inodes, descriptors, payloads
//! - [`logged`] tells what a translator wrote to the log
//! - [`rules`] is what every translator has to keep; `mortar plugin check` runs it over a library
//! - [`block_on`] and [`poll`] drive fops without a runtime
//!
//! The host in it has threads for `rt::spawn` and `rt::sleep`, one thread for watched descriptors, frames, settings and log
//! lines on standard output; other plugins are there when [`attach_with`] says how they are found.

mod bench;
mod caller;
mod count;
mod descriptors;
mod drive;
mod fake;
mod fault;
mod host;
mod kit;
mod memory;
mod random;
mod recorder;
pub mod rules;
mod samples;
mod script;

pub use bench::Bench;
pub use caller::{Caller, Failed};
pub use count::Alive;
pub use drive::{SOON, block_on, poll};
pub use fake::{Fake, fail_each_call};
pub use fault::Fault;
pub use host::{Opener, attach, attach_with, logged};
pub use kit::{Below, Loaded, Testkit};
pub use random::Random;
pub use script::{Script, ScriptError};
