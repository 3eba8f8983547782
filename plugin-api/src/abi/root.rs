//! The root module: what a plugin's library exports, and what the loader checks.

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString};
use abi_stable::type_layout::TypeLayout;

use super::frame::FrameHead;
use super::host::{Direction, HostApiRef};
use super::node::{FopEntry, Link, Node, Route};
use crate::auth::AuthModuleRef;
use crate::fop::FopError;
use crate::options::OptionValues;
use crate::rpc_program::ProgramModuleRef;
use crate::transport::TransportModuleRef;
use crate::xlator::Declaration;
use crate::{Client, Event};

/// The version of this ABI. A plugin loads when the major numbers are equal, the host is no older than what the plugin
/// needs, and the types that both sides know are the same.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbiVersion {
    /// Raised when old plugins have to be rebuilt.
    pub major: u32,
    /// Raised when something is added at the end of a table.
    pub minor: u32,
}

/// The version that this crate speaks.
pub const ABI_VERSION: AbiVersion = AbiVersion { major: 1, minor: 0 };

impl std::fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A fop as this library knows it, for the check at load. Frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct FopLayout {
    /// Its number.
    pub code: u32,
    /// Its name.
    pub name: RStr<'static>,
    /// What winds down.
    pub args: &'static TypeLayout,
    /// What unwinds.
    pub reply: &'static TypeLayout,
}

/// A type that crosses behind a plain pointer, for the check at load. Frozen.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct SharedLayout {
    /// The type's name.
    pub name: RStr<'static>,
    /// The type.
    pub layout: &'static TypeLayout,
}

/// What crosses behind plain pointers, where the check does not see it from a table.
pub const SHARED: &[SharedLayout] = &[
    SharedLayout { name: RStr::from_str("FrameHead"), layout: FrameHead::LAYOUT },
    SharedLayout { name: RStr::from_str("Node"), layout: Node::LAYOUT },
    SharedLayout { name: RStr::from_str("Link"), layout: Link::LAYOUT },
    SharedLayout { name: RStr::from_str("Route"), layout: Route::LAYOUT },
    SharedLayout { name: RStr::from_str("FopError"), layout: FopError::LAYOUT },
];

/// The structs that grow at their end, beside the tables: they are only reached by pointer, and who reads more than the
/// first version had knows from elsewhere that it is there (`docs/abi.md` says from where).
pub const GROWING: &[&str] =
    &["FrameHead", "Node", "ObjectVtable", "IoBufVtable", "InodeBody", "FdBody", "ClientBody"];

/// What a library exports. One library holds one plugin of one kind.
///
/// Grows at its end within 1.x, as every table that is reached by reference does; a new field is
/// `#[sabi(missing_field(option))]`.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef)))]
#[sabi(missing_field(panic))]
pub struct PluginRoot {
    /// What the plugin was built for.
    pub abi: AbiVersion,
    /// The oldest host that it runs in: what it was built for, unless it makes do with less.
    pub needs: AbiVersion,
    /// The plugin's own version, from its Cargo.toml.
    pub version: RStr<'static>,
    /// Called once, before everything else.
    pub attach: extern "C" fn(HostApiRef),
    /// Every fop that the plugin's plugin-api knows: those that the host knows too are compared.
    pub fops: RSlice<'static, FopLayout>,
    /// Types that cross behind plain pointers: those that both know are compared.
    pub shared: RSlice<'static, SharedLayout>,
    /// A service that the plugin offers to the host or to other plugins: a static table, or null.
    pub extension: extern "C" fn(id: RStr<'_>) -> *const (),
    /// When it is a translator.
    pub xlator: ROption<XlatorModuleRef>,
    /// When it is a transport.
    pub transport: ROption<TransportModuleRef>,
    /// When it is an RPC program.
    pub program: ROption<ProgramModuleRef>,
    /// When it is an authenticator.
    #[sabi(last_prefix_field)]
    pub auth: ROption<AuthModuleRef>,
}

/// Tables of functions have nothing to show but their name.
macro_rules! opaque_debug {
    ($($table:ident),*) => {
        $(impl std::fmt::Debug for $table {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($table))
            }
        })*
    };
}
pub(crate) use opaque_debug;

opaque_debug!(
    PluginRootRef,
    XlatorModuleRef,
    HostApiRef,
    TransportModuleRef,
    ProgramModuleRef,
    AuthModuleRef
);

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "mortar_plugin";
    const NAME: &'static str = "mortar_plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// A fop that a translator implements. Frozen: it lies in a row.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct FopSlot {
    /// Its number.
    pub code: u32,
    /// Where it starts.
    pub entry: FopEntry,
}

/// What [`XlatorModule::declaration`] and [`XlatorModule::create`] are called with: whose meaning is the library's that
/// made the table. So one function serves many modules (translators in C, translators in another process).
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleState(pub *const ());

impl ModuleState {
    /// No state: the functions are those of one translator.
    pub const NONE: Self = Self(std::ptr::null());
}

// SAFETY: whoever puts a pointer here shares what it points to between threads.
unsafe impl Send for ModuleState {}
// SAFETY: as above.
unsafe impl Sync for ModuleState {}

/// The functions of a translator. `instance` is what `create` answered; `node` is a [`Node`].
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = XlatorModuleRef)))]
#[sabi(missing_field(panic))]
pub struct XlatorModule {
    /// What `declaration` and `create` are called with; lives as long as the library.
    pub state: ModuleState,
    /// Name, documentation, options, positions, policy.
    pub declaration: extern "C" fn(state: ModuleState) -> Declaration,
    /// One more than the highest fop number that the plugin's plugin-api knew.
    pub known_fops: u32,
    /// The fops it implements.
    pub fops: RSlice<'static, FopSlot>,
    /// A new instance; null when making it panicked.
    pub create: extern "C" fn(state: ModuleState) -> *mut (),
    /// Gives the instance its options and its place. Called once, by one thread, before any other of these.
    pub init: unsafe extern "C" fn(
        instance: *mut (),
        node: *const (),
        options: &OptionValues,
    ) -> RResult<(), RString>,
    /// New values for a running instance.
    pub reconfigure: unsafe extern "C" fn(
        instance: *const (),
        node: *const (),
        options: &OptionValues,
    ) -> RResult<(), RString>,
    /// An event from `source`, a parent (down) or a child (up) or the node itself.
    pub notify: unsafe extern "C" fn(
        instance: *const (),
        node: *const (),
        source: *const (),
        direction: Direction,
        event: &Event,
    ),
    /// A client is gone: what it held is to be given back.
    pub client_disconnect: unsafe extern "C" fn(instance: *const (), node: *const (), client: &Client),
    /// Lines for a statedump.
    pub dump: unsafe extern "C" fn(instance: *const (), node: *const ()) -> RString,
    /// The instance has to stop: it gives back what is not memory, before its frames are drained.
    pub fini: unsafe extern "C" fn(instance: *const (), node: *const ()),
    /// Frees the instance; nothing of it runs any more.
    #[sabi(last_prefix_field)]
    pub destroy: unsafe extern "C" fn(instance: *mut ()),
}

impl XlatorModuleRef {
    /// Name, documentation, options, positions, policy.
    #[must_use]
    pub fn declare(&self) -> Declaration {
        self.declaration()(self.state())
    }

    /// A new instance; null when making it panicked.
    #[must_use]
    pub fn make(&self) -> *mut () {
        self.create()(self.state())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_name_is_the_one_that_the_loader_looks_for() {
        let exported = "_1as_0lib_1header_0root_bmodule_bloader";
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, exported, "change export_root! with it");
    }
}
