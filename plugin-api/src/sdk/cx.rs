//! What a translator is given when it starts and when it hears of an event.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::abi::host::{Direction, host};
use crate::abi::node::Node;
use crate::options::{OptionValues, Options, parse_bool, parse_int, parse_percent, parse_size, parse_time};
use crate::sdk::Handle;
use crate::xlator::InitError;
use crate::{Event, abi::object::CtxKey};

/// A translator's place and its options, for `init` and `reconfigure`.
#[derive(Debug)]
pub struct InitCx<'a> {
    handle: Handle,
    declared: &'a Options,
    values: &'a OptionValues,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident: $ty:ty = $parse:expr, $expected:literal;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// When there is neither a value nor a default, or it reads otherwise.
            pub fn $name(&self, key: &str) -> Result<$ty, InitError> {
                let text = self.text(key)?;
                $parse(text).ok_or_else(|| self.wrong(key, text, $expected))
            }
        )*
    };
}

impl<'a> InitCx<'a> {
    pub(crate) fn new(handle: Handle, declared: &'a Options, values: &'a OptionValues) -> Self {
        Self { handle, declared, values }
    }

    fn wrong(&self, key: &str, found: &str, expected: &str) -> InitError {
        InitError(format!("option `{key}` of {} is `{found}`, expected {expected}", self.name()))
    }

    /// The value of an option, or its default, or `None`.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&'a str> {
        self.values.resolve(self.declared, key)
    }

    /// The text of an option, or its default.
    ///
    /// # Errors
    /// When there is neither.
    pub fn text(&self, key: &str) -> Result<&'a str, InitError> {
        self.find(key).ok_or_else(|| {
            InitError(format!(
                "{} has no option `{key}`: add `option {key} VALUE` to the volfile",
                self.name()
            ))
        })
    }

    getters! {
        /// A switch.
        bool: bool = parse_bool, "on or off";
        /// A whole number.
        int: i64 = parse_int, "a whole number";
        /// Bytes.
        size: u64 = parse_size, "a size such as 128KB";
        /// A percentage, 0 to 100.
        percent: f64 = parse_percent, "a percentage";
        /// A duration.
        time: Duration = parse_time, "a duration such as 30 or 10min";
    }

    /// Refuses to start with a feature on that this translator does not have: better a clear word than silence.
    ///
    /// # Errors
    /// When option `key` reads as yes; `feature` says what it would switch on.
    pub fn refuse_when_on(&self, key: &str, feature: &str) -> Result<(), InitError> {
        match self.bool(key)? {
            false => Ok(()),
            true => {
                Err(InitError(format!("{}: {feature} is not built yet: set option `{key}` off", self.name())))
            }
        }
    }

    /// All options as the volfile has them, for families of keys.
    #[must_use]
    pub fn values(&self) -> &'a OptionValues {
        self.values
    }

    /// The name of this translator in the volfile.
    #[must_use]
    pub fn name(&self) -> &str {
        self.handle.name()
    }

    /// How many children there are.
    #[must_use]
    pub fn child_count(&self) -> usize {
        self.handle.child_count()
    }

    /// A counted handle to this translator's place.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Names this translator's context on inodes, descriptors and clients.
    #[must_use]
    pub fn key(&self) -> CtxKey {
        self.handle.key()
    }

    /// A setting of the process (`brick-name`, `process-name`, `run-directory` …); empty when there is none.
    #[must_use]
    pub fn setting(&self, name: &str) -> String {
        host().setting()(name.into()).into()
    }
}

/// Where an event came from, and the ways on.
#[derive(Debug)]
pub struct NotifyCx<'a> {
    handle: &'a Handle,
    source: *const Node,
    direction: Direction,
}

impl<'a> NotifyCx<'a> {
    pub(crate) fn new(handle: &'a Handle, source: *const Node, direction: Direction) -> Self {
        Self { handle, source, direction }
    }

    /// This translator's place.
    #[must_use]
    pub fn me(&self) -> &Handle {
        self.handle
    }

    /// Whether the event came from a parent; else it came from a child.
    #[must_use]
    pub fn is_from_above(&self) -> bool {
        self.direction == Direction::Down
    }

    /// The child that the event came from, by its place in the volfile's order.
    #[must_use]
    pub fn child(&self) -> Option<usize> {
        // SAFETY: the handle's graph is counted.
        let links = unsafe { &*self.handle.raw() }.links();
        links.iter().position(|link| std::ptr::eq(link.child.load(Ordering::Acquire), self.source))
    }

    /// Sends the event on the way it was going.
    pub fn pass_on(&self, event: &Event) {
        match self.direction {
            Direction::Down => self.handle.notify_down(event),
            Direction::Up => self.handle.notify_up(event),
        }
    }
}
