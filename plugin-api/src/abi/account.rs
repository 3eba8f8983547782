//! Account: how much memory a library's own code holds, as the host reads it.

use abi_stable::std_types::RStr;

/// The id of the extension of a plugin that counts its memory; the table is an [`Account`].
pub const ACCOUNT: &str = "mortar.account/1";

/// The functions of a library that counts what its allocator hands out; all from any thread.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Bytes that are held just now; may lag behind by what other threads do meanwhile.
    pub held: extern "C" fn() -> u64,
    /// Calls `over` once when more than `limit` bytes are held, then never until a limit is set again; 0 for no limit.
    /// `over` is called in the middle of an allocation: it must not allocate by this library, wait, or panic.
    pub limit: extern "C" fn(limit: u64, over: extern "C" fn()),
    /// Contexts that its translators have on inodes, descriptors and clients.
    pub contexts: extern "C" fn() -> u64,
    /// Bytes of the buffers that it made and that somebody holds.
    pub buffers: extern "C" fn() -> u64,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (held, contexts, buffers) = ((self.held)(), (self.contexts)(), (self.buffers)());
        write!(f, "{held} bytes held, {contexts} contexts, {buffers} bytes in buffers")
    }
}

/// The account of the library whose extensions these are, if it keeps one.
#[must_use]
pub fn account(extension: extern "C" fn(RStr<'_>) -> *const ()) -> Option<&'static Account> {
    let table = extension(RStr::from_str(ACCOUNT)).cast::<Account>();
    // SAFETY: the id says what the table is, and libraries are never unloaded.
    unsafe { table.as_ref() }
}
