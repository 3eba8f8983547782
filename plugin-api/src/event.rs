//! What translators tell each other beside fops.

use abi_stable::StableAbi;

use crate::Dict;
use crate::carry::Carry;

/// What happened. The numbers are those of GlusterFS 10; unknown ones are passed on.
#[repr(transparent)]
#[derive(StableAbi, Carry, Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKind(pub u32);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl EventKind { $($(#[$doc])* pub const $name: Self = Self($number);)* }
    };
}

kinds! {
    /// The graph above is there: start.
    PARENT_UP = 1,
    /// A descriptor is ready for reading.
    POLLIN = 2,
    /// A descriptor is ready for writing.
    POLLOUT = 3,
    /// A descriptor failed.
    POLLERR = 4,
    /// A child serves.
    CHILD_UP = 5,
    /// A child stopped serving.
    CHILD_DOWN = 6,
    /// A child is trying.
    CHILD_CONNECTING = 7,
    /// The brick is being taken out of its process.
    CLEANUP = 9,
    /// A connection is there, before any handshake.
    TRANSPORT_CONNECTED = 10,
    /// The volfile changed.
    VOLFILE_MODIFIED = 11,
    /// A graph is ready to take over.
    GRAPH_NEW = 12,
    /// Asks a translator about itself.
    TRANSLATOR_INFO = 13,
    /// Tells a translator to do something (heal).
    TRANSLATOR_OP = 14,
    /// A brick refused the sign-in.
    AUTH_FAILED = 15,
    /// Rebalance command.
    VOLUME_DEFRAG = 16,
    /// The graph above goes: stop.
    PARENT_DOWN = 17,
    /// Barrier on or off.
    VOLUME_BARRIER_OP = 18,
    /// A brick tells of somebody else's change.
    UPCALL = 19,
    /// Asks the scrubber.
    SCRUB_STATUS = 20,
    /// Something further below stopped serving.
    SOME_DESCENDENT_DOWN = 21,
    /// Starts the scrubber.
    SCRUB_ONDEMAND = 22,
    /// Something further below serves.
    SOME_DESCENDENT_UP = 23,
    /// Round-trip time of a child.
    CHILD_PING = 24,
}

impl EventKind {
    /// Whether the event goes from parents to children.
    #[must_use]
    pub const fn goes_down(self) -> bool {
        matches!(self.0, 1 | 9 | 13 | 14 | 16 | 17 | 18 | 20 | 22)
    }
}

/// An event with what belongs to it.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// What belongs to it; a translator that answers an event through its data shares it with the sender.
    pub data: Dict,
}

impl From<EventKind> for Event {
    fn from(kind: EventKind) -> Self {
        Self { kind, data: Dict::new() }
    }
}
