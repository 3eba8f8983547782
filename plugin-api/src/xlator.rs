//! The trait that a translator implements, and what it declares about itself.

use std::fmt;
use std::future::Future;

use abi_stable::StableAbi;
use abi_stable::std_types::RString;

use crate::carry::Carry;
use crate::fop::*;
use crate::for_each_fop;
use crate::options::Options;
use crate::sdk::{Child, Frame, Handle, InitCx, NotifyCx};
use crate::{Client, Dict, Event};

/// What happens to a fop that the translator's plugin-api has never heard of.
///
/// Without a rule, a stacked translator (encryption, deduplication) corrupts data the day a fop is added.
///
/// A number and no enum, so that a later policy does not end an older host: it denies.
#[repr(transparent)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownFops(pub u8);

impl UnknownFops {
    /// It passes by: the translator only watches, or does not mind.
    pub const PASS: Self = Self(0);
    /// It fails with `EOPNOTSUPP`.
    pub const DENY: Self = Self(1);
    /// The host turns it into fops that the translator knows (`copy_file_range` into reads and writes); what cannot be
    /// turned into any fails with `EOPNOTSUPP`.
    pub const DECOMPOSE: Self = Self(2);
}

/// Where a translator may stand: bits of a set.
pub mod positions {
    #![allow(missing_docs, reason = "each names the graph it allows")]
    pub const CLIENT: u32 = 0x1;
    pub const BRICK: u32 = 0x2;
    pub const MANAGEMENT: u32 = 0x4;
    pub const ANY: u32 = 0x7;
}

/// What a translator says about itself before it runs. Frozen but for [`more`](Self::more).
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Declaration {
    /// The volfile `type`: `features/write-cap`.
    pub type_name: RString,
    /// What it does, for people.
    pub doc: RString,
    /// Its options.
    pub options: Options,
    /// See [`positions`].
    pub positions: u32,
    /// See [`UnknownFops`].
    pub unknown_fops: UnknownFops,
    /// What later versions of plugin-api declare, by key; empty in 1.0. Who does not know a key leaves it alone.
    pub more: Dict,
}

impl Default for Declaration {
    /// Nothing said: anywhere, no options, and unknown fops denied.
    fn default() -> Self {
        Self {
            type_name: RString::new(),
            doc: RString::new(),
            options: Options::new(),
            positions: positions::ANY,
            unknown_fops: UnknownFops::DENY,
            more: Dict::new(),
        }
    }
}

/// Why a translator does not start: a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitError(pub String);

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: std::error::Error> From<T> for InitError {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

macro_rules! passing_fops {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        /// A translator: a node of a graph that winds fops to its children and unwinds their answers.
        ///
        /// Every fop that is not written passes to the first child, at no cost: the graph is linked past it. An
        /// `async fn` may await children, one or several at once; a plain `fn` that returns [`FopResult`] answers at
        /// once. `#[xlator]` on the `impl` makes it the library's root.
        pub trait Xlator: Default + Send + Sync + 'static {
            /// The options it takes.
            fn options() -> Options {
                Options::new()
            }

            /// Reads its options and takes its place; nothing else of it runs before. The graph below is not up yet.
            ///
            /// # Errors
            /// The graph is refused with this sentence.
            fn init(&mut self, _cx: &InitCx<'_>) -> Result<(), InitError> {
                Ok(())
            }

            /// Takes new values of its reconfigurable options.
            ///
            /// # Errors
            /// The change is refused with this sentence; old values stay.
            fn reconfigure(&self, _cx: &InitCx<'_>) -> Result<(), InitError> {
                Ok(())
            }

            /// Hears of an event, and passes it on unless there is a reason not to.
            fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
                cx.pass_on(event);
            }

            /// A client is gone: gives back what it held.
            fn client_disconnect(&self, _me: &Handle, _client: &Client) {}

            /// Adds lines `key=value` to a statedump.
            fn dump(&self, _out: &mut String) {}

            /// Has to stop: ends its tasks, wakes who waits. Its memory goes when its last frame has.
            fn fini(&self) {}

            $(
                $(#[$doc])*
                fn $name(
                    &self,
                    frame: &Frame,
                    args: $args,
                ) -> impl Future<Output = FopResult<$reply>> + Send {
                    frame.child().$name(args)
                }
            )*
        }
    };
}

for_each_fop!(passing_fops);

/// A fop that answers at once; `#[xlator]` implements it for every plain `fn`.
pub trait PlainFop<F: FopType> {
    /// Answers.
    ///
    /// # Errors
    /// As the fop fails.
    fn answer(&self, frame: &Frame, args: F::Args) -> FopResult<F::Reply>;
}

/// How a fop that looks and passes on ends: with its arguments' way to a child, which answers, or with an answer of its
/// own.
#[derive(Debug)]
pub enum Pass<'f, F: FopType> {
    /// What this child answers is the answer.
    On(Child<'f>),
    /// This is.
    Answer(F::Reply),
}

impl<F: FopType> Pass<'_, F> {
    /// Awaits the answer, for who calls the fop as a function.
    ///
    /// # Errors
    /// As the fop fails.
    pub async fn answer(self, args: F::Args) -> FopResult<F::Reply> {
        match self {
            Self::On(child) => child.wind::<F>(args).await,
            Self::Answer(reply) => Ok(reply),
        }
    }
}

/// A fop that awaits nothing but its child's answer, and that as the last it does: `#[xlator]` finds them among the
/// `async fn`s and implements this. Such a fop has no future, and its arguments are never moved: the child answers to who
/// asked.
pub trait PassingFop<F: FopType> {
    /// Looks, and says how it ends.
    ///
    /// # Errors
    /// As the fop fails.
    fn pass<'f>(&self, frame: &'f Frame, args: &mut F::Args) -> FopResult<Pass<'f, F>>;
}

/// A fop that may pass on or answer before it needs a future: `#[xlator]` finds the guards that an `async fn` begins with
/// and implements this. A translator that is switched off so costs little more than one that is not there.
pub trait GuardedFop<F: FopType> {
    /// Looks, and says how the fop ends, if it does here.
    fn guard<'f>(&self, frame: &'f Frame, args: &mut F::Args) -> Option<FopResult<Pass<'f, F>>>;

    /// What is behind the guards.
    ///
    /// # Errors
    /// As the fop fails.
    fn rest(&self, frame: &Frame, args: F::Args) -> impl Future<Output = FopResult<F::Reply>> + Send;
}
