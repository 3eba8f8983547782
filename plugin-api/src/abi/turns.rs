//! Turns: how long a thread runs for one task, and what is put off to the end of that.

use std::sync::OnceLock;

use abi_stable::StableAbi;
use abi_stable::std_types::RStr;

use super::host::try_host;

/// The id of the extension of a host that knows turns; the table is a [`Turns`].
pub const TURNS: &str = "mortar.turns/1";

/// What is done at the end of a turn, with what it was put off with. Must not panic and must not block.
pub type AtEnd = unsafe extern "C" fn(arg: *const ());

/// Whether something was put off.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOff {
    /// No turn is on: it is to be done now.
    No,
    /// It will be done once, with this argument.
    Yes,
    /// It was put off before, with the same argument.
    Already,
}

/// What a host offers; each concerns the thread that calls.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Turns {
    /// A turn begins. They nest, and the outermost counts. Every poll of a task of the event pool is one.
    pub begin: extern "C" fn(),
    /// It ends, and what was put off is done.
    pub end: extern "C" fn(),
    /// Puts `at_end` off to the end of the turn that is on; an argument is put off once.
    pub put_off: unsafe extern "C" fn(at_end: AtEnd, arg: *const ()) -> PutOff,
}

/// The host's table, if the host has one.
pub(crate) fn table() -> Option<&'static Turns> {
    static TABLE: OnceLock<Option<&'static Turns>> = OnceLock::new();
    // SAFETY: the id says what the table is, and the host stays.
    let ask = || unsafe { try_host()?.extension()(RStr::from_str(TURNS)).cast::<Turns>().as_ref() };
    *TABLE.get_or_init(ask)
}
