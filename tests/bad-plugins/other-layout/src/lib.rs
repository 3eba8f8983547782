//! A plugin that says it was built for plugin-api 1.0, but whose root has another shape.
#![allow(unsafe_code, reason = "a root that is not plugin-api's is exported by hand")]
#![allow(dead_code, reason = "no host gets as far as calling it")]

use abi_stable::StableAbi;
use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModule, RootModuleResult,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;

/// A root that no host knows.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = StrangeRef)))]
#[sabi(missing_field(panic))]
struct Strange {
    #[sabi(last_prefix_field)]
    greeting: extern "C" fn() -> u32,
}

impl RootModule for StrangeRef {
    abi_stable::declare_root_module_statics! {StrangeRef}
    const BASE_NAME: &'static str = "mortar_plugin";
    const NAME: &'static str = "mortar_plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("1.0.0");
}

extern "C" fn greeting() -> u32 {
    42
}

extern "C" fn root() -> RootModuleResult {
    __call_root_module_loader(|| Strange { greeting }.leak_into_prefix())
}

// SAFETY: `root` ends in a `StrangeRef`.
#[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
static HEADER: LibHeader = unsafe { LibHeader::from_constructor::<StrangeRef>(root, CheckTypeLayout::Yes) };
