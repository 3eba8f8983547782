//! What the two processes say to each other.

use plugin_api::abi::host::Direction;
use plugin_api::carry::Carry;
use plugin_api::options::OptionValues;
use plugin_api::{Declaration, Event, IoBuf};

use super::mirror::Linked;

/// The first byte of every record says which of these it is.
#[derive(Debug, Carry)]
pub(super) enum Message {
    /// A fop; then who asks, from which client, and its arguments.
    Call(Call),
    /// The answer to a fop; then its result.
    Reply(Reply),
    /// What the other side is to do, one after the other.
    Order { id: u64, order: Order },
    /// The answer to an order: what it asked for, or why not.
    Done { id: u64, outcome: Result<IoBuf, String> },
    /// An event.
    Event(EventNews),
    /// A client is gone; then the client.
    ClientGone,
    /// An object of the sender is no more.
    Gone { id: u64 },
    /// An object of the receiver is kept no longer.
    Released { id: u64, grants: u64 },
    /// A log record of the translator.
    Log(LogNews),
    /// Asks for a sign of life, which is any record.
    Ping,
    /// A sign of life.
    Pong,
    /// The translator had a fault, in fop number `fop` or in none.
    Fault { fop: u32, what: String },
}

/// The head of a fop.
#[derive(Debug, Carry)]
pub(super) struct Call {
    /// Its number, for the answer.
    pub(super) id: u64,
    /// Which fop.
    pub(super) code: u32,
    /// To which child, where it goes down from the translator.
    pub(super) child: u32,
    /// Monotonic nanoseconds after which it has failed; 0 for never.
    pub(super) deadline: u64,
}

/// The head of an answer.
#[derive(Debug, Carry)]
pub(super) struct Reply {
    /// Which call.
    pub(super) id: u64,
    /// The objects of the call that are kept.
    pub(super) kept: Vec<u64>,
    /// The inodes of the call that have their ids now.
    pub(super) linked: Vec<Linked>,
}

/// What the translator's process is to do.
#[derive(Debug, Carry)]
pub(super) enum Order {
    /// Open the translator; the answer comes as a [`Hello`].
    Open(Open),
    /// Start it.
    Init { name: String, children: Vec<String>, wanted: Wanted },
    /// Hand it new options.
    Reconfigure { wanted: Wanted },
    /// Ask for its lines of a statedump.
    Dump,
    /// Stop it.
    Fini,
    /// Free it, and end.
    Leave,
}

/// What a section asks for.
#[derive(Debug, Clone, Carry)]
pub(super) struct Wanted {
    /// The translator's own options.
    pub(super) options: OptionValues,
    /// Bytes that its library may hold; nothing for all that there is.
    pub(super) memory_limit: Option<u64>,
}

/// What to open, and for whom.
#[derive(Debug, Carry)]
pub(super) struct Open {
    /// The volfile type.
    pub(super) type_name: String,
    /// Where the library lies, for messages.
    pub(super) path: String,
    /// The folders of other plugins.
    pub(super) plugin_dirs: Vec<String>,
    /// The settings of the host's process.
    pub(super) settings: Vec<(String, String)>,
    /// The least severe level that is logged.
    pub(super) log_level: u8,
}

/// What a translator says of itself.
#[derive(Debug, Clone, Carry)]
pub(super) struct Hello {
    /// Its declaration.
    pub(super) declaration: Declaration,
    /// One more than the highest fop that it knows.
    pub(super) known_fops: u32,
    /// The version of its library.
    pub(super) version: String,
    /// The fops that it implements.
    pub(super) fops: Vec<u32>,
}

/// An event that goes on, or comes from a neighbour.
#[derive(Debug, Clone, Carry)]
pub(super) struct EventNews {
    /// The child that it comes from, or nothing where it comes from above or from the translator itself.
    pub(super) child: Option<u32>,
    /// Which way it goes.
    pub(super) direction: Direction,
    /// What happened.
    pub(super) event: Event,
}

/// A log record.
#[derive(Debug, Carry)]
pub(super) struct LogNews {
    /// Level, 1 to 9 as the host counts them.
    pub(super) level: u8,
    /// Where in the code.
    pub(super) target: String,
    /// Who speaks.
    pub(super) xlator: String,
    /// The words.
    pub(super) message: String,
}
