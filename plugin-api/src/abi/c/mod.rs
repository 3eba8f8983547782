//! The same ABI for C: what a library hands over from `mortar_plugin_v1`, and the functions that it is handed.
//!
//! `include/mortar.h` is written from these types by `tests/header.rs`, comments and all. A fop's arguments and answers, nodes,
//! frames, wakers and futures are the very structs that Rust translators use; what has to be counted, freed or looked up goes
//! through [`CApi`]. The host makes a [`PluginRootRef`](super::root::PluginRootRef) of a C library, so nothing else of it knows
//! the difference.

mod adopt;
mod api;
mod fops;

use abi_stable::StableAbi;

use super::frame::FrameHead;
use super::future::{RawFuture, WakerHeader};
use super::host::Direction;
use super::iobuf::IoBuf;
use super::node::Node;
use super::root::{AbiVersion, FopSlot};
use crate::options::OptionKind;
use crate::xlator::UnknownFops;
use crate::{Client, Dict, Event, Fd, Gfid, Inode, Payload};

pub use adopt::{CRefusal, adopt};
pub use api::api;

/// The symbol that a library in C exports: `const struct mortar_plugin *mortar_plugin_v1(const struct mortar_api *)`.
pub const C_ENTRY: &str = "mortar_plugin_v1";

/// The id of [`CApi`] as an extension of the host.
pub const C_EXTENSION: &str = "mortar.c/1";

/// A text that ends with a NUL; null where there is none.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct CText(pub *const i8);

/// Bytes that belong to somebody else: good as long as what they were asked of.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct CBytes {
    /// Where they are.
    pub data: *const u8,
    /// How many.
    pub len: usize,
}

/// An option that a translator takes. Frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct COption {
    /// Its name in a volfile.
    pub key: CText,
    /// One line for people.
    pub help: CText,
    /// The value when there is none, or null.
    pub default_value: CText,
    /// For MORTAR_OPTION_CHOICE: the words, with spaces between them.
    pub choices: CText,
    /// The smallest number allowed, where `max` is larger than `min`.
    pub min: f64,
    /// The largest number allowed, where it is larger than `min`.
    pub max: f64,
    /// One of MORTAR_OPTION_*.
    pub kind: OptionKind,
    /// Whether a running translator takes a new value.
    pub reconfigurable: bool,
    /// Whether the translator cannot start without it.
    pub required: bool,
}

/// What `init` and `reconfigure` ask for options with; lives through the call.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(unsafe_opaque_fields)]
pub struct CInit {
    pub(super) node: *const Node,
    pub(super) declared: *const crate::options::Options,
    pub(super) values: *const crate::options::OptionValues,
    pub(super) why: std::cell::RefCell<String>,
}

/// Takes one line of a statedump.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct CPut(pub unsafe extern "C" fn(to: *mut (), line: CText));

/// Frees memory that was lent out, once nobody uses it any more; any thread may call it.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct CFree(pub unsafe extern "C" fn(owner: *mut ()));

/// Counts a context once more or once less; any thread may call it.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct CCount(pub unsafe extern "C" fn(value: *const ()));

/// A translator in C: static in its library. What is null is done as if nobody had written it.
///
/// Grows at its end: `size` says how much of it there is.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct CPlugin {
    /// `sizeof(struct mortar_plugin)`.
    pub size: usize,
    /// What it was built for: MORTAR_ABI.
    pub abi: AbiVersion,
    /// The oldest host that is enough for it: MORTAR_ABI, or older where it uses nothing newer.
    pub needs: AbiVersion,
    /// MORTAR_LAYOUTS: a number for what each fop carries, compared with the host's.
    pub layouts: *const u64,
    /// MORTAR_FOPS: how many numbers there are; fops from here on are unknown to the translator.
    pub known_fops: u32,
    /// Where it may stand: MORTAR_CLIENT, MORTAR_BRICK, MORTAR_MANAGEMENT, or 0 for anywhere.
    pub positions: u32,
    /// Its own version.
    pub version: CText,
    /// The volfile type: `features/c-count`.
    pub type_name: CText,
    /// What it does, for people.
    pub doc: CText,
    /// Its options.
    pub options: *const COption,
    /// How many.
    pub option_count: usize,
    /// The fops it implements.
    pub fops: *const FopSlot,
    /// How many.
    pub fop_count: usize,
    /// What happens to fops that it does not know: MORTAR_PASS, MORTAR_DENY, MORTAR_DECOMPOSE.
    pub unknown_fops: UnknownFops,
    /// A new instance, which `self` is in all that follows; null fails.
    pub create: Option<unsafe extern "C" fn() -> *mut ()>,
    /// Reads options and takes its place. One thread, before anything else of the instance; must not block. False refuses
    /// the graph, with the sentence given to `refuse`.
    pub init: Option<unsafe extern "C" fn(own: *mut (), init: *const CInit) -> bool>,
    /// New options for a running instance. Any thread, while fops run. False keeps the old ones.
    pub reconfigure: Option<unsafe extern "C" fn(own: *mut (), init: *const CInit) -> bool>,
    /// An event from a parent (down), a child (up) or the node itself. Any thread. Null passes it on.
    pub notify: Option<
        unsafe extern "C" fn(
            own: *mut (),
            node: *const Node,
            source: *const Node,
            direction: Direction,
            event: *const Event,
        ),
    >,
    /// A client is gone: what it held is to be given back. Any thread.
    pub client_disconnect:
        Option<unsafe extern "C" fn(own: *mut (), node: *const Node, client: *const Client)>,
    /// Lines `key=value` for a statedump, each handed to `put` with `to`. Any thread.
    pub dump: Option<unsafe extern "C" fn(own: *mut (), put: CPut, to: *mut ())>,
    /// Has to stop: gives back what is not memory. Fops may still be under way.
    pub fini: Option<unsafe extern "C" fn(own: *mut ())>,
    /// Frees the instance; nothing of it runs any more.
    pub destroy: Option<unsafe extern "C" fn(own: *mut ())>,
}

/// The functions that C is handed. Any thread may call them but where it says otherwise, and none blocks.
///
/// Grows at its end: `size` says how much of it there is. Handles (`mortar_dict`, `mortar_inode`, `mortar_io_buf` …) are
/// counted: what a struct holds it owns; to keep one, copy it with the function for it, and drop the copy. A copy of the struct
/// with `=` moves it: only one of the two is dropped.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct CApi {
    /// Bytes of this table.
    pub size: usize,

    /// Writes a log record: level 1 error … 5 trace; `xlator` may be null.
    pub log: unsafe extern "C" fn(level: u8, xlator: CText, message: CText),
    /// The text of an option or its default, not ended by a NUL; false where there is neither.
    pub option_text: unsafe extern "C" fn(init: *const CInit, key: CText, text: *mut CBytes) -> bool,
    /// A whole number, a size in bytes, a duration in seconds, a switch as 0 or 1: as the option was declared.
    pub option_number: unsafe extern "C" fn(init: *const CInit, key: CText, number: *mut i64) -> bool,
    /// Says why `init` or `reconfigure` is about to answer false.
    pub refuse: unsafe extern "C" fn(init: *const CInit, why: CText),
    /// The node that is being started: good until `destroy`.
    pub init_node: unsafe extern "C" fn(init: *const CInit) -> *const Node,

    /// The number of a key, read leniently from texts too; false where there is none.
    pub dict_number: unsafe extern "C" fn(dict: *const Dict, key: CText, number: *mut i64) -> bool,
    /// The bytes of a key (a text without its NUL), good until the dict changes; false where there are none.
    pub dict_bytes: unsafe extern "C" fn(dict: *const Dict, key: CText, bytes: *mut CBytes) -> bool,
    /// The key and the bytes of the pair at a place, the oldest first; false past the last. Numbers have no bytes.
    pub dict_pair:
        unsafe extern "C" fn(dict: *const Dict, at: usize, key: *mut CBytes, bytes: *mut CBytes) -> bool,
    /// Sets a key to a number.
    pub dict_set_number: unsafe extern "C" fn(dict: *mut Dict, key: CText, number: i64),
    /// Sets a key to a text.
    pub dict_set_text: unsafe extern "C" fn(dict: *mut Dict, key: CText, text: CText),
    /// Sets a key to bytes, which are copied: the value of an xattr.
    pub dict_set_bytes: unsafe extern "C" fn(dict: *mut Dict, key: CText, data: *const u8, len: usize),
    /// Takes a key out; whether it was there.
    pub dict_remove: unsafe extern "C" fn(dict: *mut Dict, key: CText) -> bool,
    /// One more handle to a dict; a later change of one does not show in the other.
    pub dict_copy: unsafe extern "C" fn(from: *const Dict, to: *mut Dict),
    /// Gives a dict up, and leaves it empty. An empty dict is all zero.
    pub dict_drop: unsafe extern "C" fn(dict: *mut Dict),

    /// A buffer with a copy of bytes.
    pub buf_copy: unsafe extern "C" fn(data: *const u8, len: usize, to: *mut IoBuf),
    /// A buffer over memory of the caller's, which stays as it is until `free` is called with `owner`.
    pub buf_lend:
        unsafe extern "C" fn(data: *const u8, len: usize, owner: *mut (), free: CFree, to: *mut IoBuf),
    /// A buffer over a part of another, shared; false when it lies outside.
    pub buf_part: unsafe extern "C" fn(from: *const IoBuf, offset: usize, len: usize, to: *mut IoBuf) -> bool,
    /// Gives a buffer up, and leaves it empty.
    pub buf_drop: unsafe extern "C" fn(buf: *mut IoBuf),
    /// Bytes of a payload.
    pub payload_len: unsafe extern "C" fn(payload: *const Payload) -> usize,
    /// The bytes of the buffer at a place of a payload; false past the last.
    pub payload_part: unsafe extern "C" fn(payload: *const Payload, at: usize, bytes: *mut CBytes) -> bool,
    /// All bytes of a payload in one buffer, shared where they are in one already.
    pub payload_flat: unsafe extern "C" fn(payload: *const Payload, to: *mut IoBuf),
    /// Replaces what a payload carries by a buffer, which is moved.
    pub payload_set: unsafe extern "C" fn(payload: *mut Payload, buf: *mut IoBuf),

    /// The id of a file; sixteen zero bytes while it is not known.
    pub inode_gfid: unsafe extern "C" fn(inode: *const Inode, gfid: *mut Gfid),
    /// The type of a file: 0 not known, 1 regular, 2 directory, 3 link, 4 block, 5 char, 6 pipe, 7 socket.
    pub inode_type: unsafe extern "C" fn(inode: *const Inode) -> u8,
    /// The file of a descriptor; good as long as the descriptor.
    pub fd_inode: unsafe extern "C" fn(fd: *const Fd) -> *const Inode,
    /// Open flags as on Linux.
    pub fd_flags: unsafe extern "C" fn(fd: *const Fd) -> i32,
    /// What a client calls itself.
    pub client_uid: unsafe extern "C" fn(client: *const Client, uid: *mut CBytes),
    /// The translator's context on an inode, descriptor or client (a pointer to the handle), counted by `retain` before it is
    /// answered; null where there is none.
    pub ctx_get: unsafe extern "C" fn(holder: *const (), node: *const Node, retain: CCount) -> *const (),
    /// Puts a context, whose one count the object gives up with `release` in the end; null takes it out. Answers the one
    /// that was there, which is the caller's to release; with `only_if_empty`, one that is there stays and `value` is answered.
    pub ctx_put: unsafe extern "C" fn(
        holder: *const (),
        node: *const Node,
        value: *const (),
        release: CCount,
        only_if_empty: bool,
    ) -> *const (),

    /// One more handle to all that a fop's arguments hold, into memory of the caller's; false for a fop that the host does
    /// not know.
    pub args_copy: unsafe extern "C" fn(fop: u32, from: *const (), to: *mut ()) -> bool,
    /// Gives up what a fop's arguments hold. An entry owns its arguments: it winds them on or drops them.
    pub args_drop: unsafe extern "C" fn(fop: u32, args: *mut ()),
    /// Gives up what an answer holds: the code says whether it is a reply or an error.
    pub answer_drop: unsafe extern "C" fn(fop: u32, code: u8, answer: *mut ()),
    /// Writes an error into `out` of an entry or a poll, and answers MORTAR_FAILED, which is the code to answer with.
    pub answer_error: unsafe extern "C" fn(out: *mut (), number: i32) -> u8,
    /// Writes a reply without anything in it, to be filled; false for fops whose reply has to hold something (`open`).
    pub answer_empty: unsafe extern "C" fn(fop: u32, out: *mut ()) -> bool,
    /// Winds a fop to a child: moves `args`, and answers MORTAR_READY or MORTAR_FAILED with `out` written or MORTAR_PENDING
    /// with `later` written. Within an entry or within the polling of its future only, with their waker.
    pub wind: unsafe extern "C" fn(
        node: *const Node,
        child: usize,
        frame: *const FrameHead,
        waker: *const WakerHeader,
        fop: u32,
        args: *mut (),
        out: *mut (),
        later: *mut RawFuture,
    ) -> u8,

    /// Sends an event from a node to its parents or to its children.
    pub notify: unsafe extern "C" fn(node: *const Node, direction: Direction, event: *const Event),
    /// Drives a future without output to its end on the event pool; it is moved.
    pub spawn: unsafe extern "C" fn(task: *mut RawFuture),
    /// As `spawn`, on a thread that may block.
    pub spawn_blocking: unsafe extern "C" fn(task: *mut RawFuture),
    /// A future without output that is done after so many nanoseconds.
    pub sleep: unsafe extern "C" fn(nanos: u64, to: *mut RawFuture),
}
