//! Adopts a library in C: checks what it hands over, and makes of it what a library in Rust would have been.

use std::cell::RefCell;

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString};

use super::api::text;
use super::{CInit, COption, CPlugin, CPut, CText, fops};
use crate::abi::describe::fingerprint;
use crate::abi::host::{Direction, HostApiRef, host};
use crate::abi::node::{FopEntry, Node};
use crate::abi::root::{
    ABI_VERSION, AbiVersion, FopSlot, ModuleState, PluginRoot, PluginRootRef, XlatorModule,
};
use crate::fop::{FOPS, name};
use crate::options::{OptionDecl, OptionValues, Options};
use crate::xlator::{Declaration, positions};
use crate::{Client, Dict, Event};

/// Why a library in C is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CRefusal {
    /// It handed over nothing, or less than the first version had.
    #[error("it hands over no whole `struct mortar_plugin`")]
    Short,
    /// It was built for another major version.
    #[error("built for plugin-api {found}")]
    Version {
        /// What it was built for.
        found: AbiVersion,
    },
    /// It needs a later host.
    #[error("needs plugin-api {needs}")]
    TooNew {
        /// What it needs.
        needs: AbiVersion,
    },
    /// A fop carries something else than here.
    #[error("what fop `{fop}` carries is not what mortar.h of this version says")]
    Layout {
        /// Which fop.
        fop: &'static str,
    },
}

/// Bytes of a [`CPlugin`] in 1.0.
const FIRST_SIZE: usize = size_of::<CPlugin>();

/// The fops of a library in C, by number.
struct Adopted {
    plugin: &'static CPlugin,
    entries: Vec<Option<FopEntry>>,
}

/// An instance of a translator in C: what its nodes point to. `own` is first, where `mortar_self` looks for it.
#[repr(C)]
pub(super) struct CInstance {
    own: *mut (),
    adopted: &'static Adopted,
}

impl CInstance {
    pub(super) fn entry(&self, code: u32) -> Option<FopEntry> {
        *self.adopted.entries.get(usize::try_from(code).ok()?)?
    }
}

/// The root of a library in C.
///
/// # Errors
/// Why it is not taken; nothing of it was called then.
///
/// # Safety
/// Null, or a `struct mortar_plugin` that lives for good, as its `size` says.
pub unsafe fn adopt(plugin: *const CPlugin) -> Result<PluginRootRef, CRefusal> {
    // SAFETY: the caller's promise; the size comes first, and no more is read before it is known.
    let size = if plugin.is_null() { 0 } else { unsafe { plugin.cast::<usize>().read() } };
    if size < FIRST_SIZE {
        return Err(CRefusal::Short);
    }
    // SAFETY: there is as much of it as this version knows.
    let plugin = unsafe { &*plugin };
    check(plugin)?;
    let known = plugin.known_fops.min(FOPS);
    // SAFETY: the plugin's own count.
    let slots = unsafe { row(plugin.fops, plugin.fop_count) };
    let mut entries = vec![None; usize::try_from(known).unwrap_or_default()];
    let mut guards = Vec::new();
    for slot in slots {
        let place = usize::try_from(slot.code).ok().and_then(|at| entries.get_mut(at));
        if let (Some(place), Some(entry)) = (place, fops::guard(slot.code)) {
            *place = Some(slot.entry);
            guards.push(FopSlot { code: slot.code, entry });
        }
    }
    // Code is never unloaded, and neither is what describes it.
    let adopted: &'static Adopted = Box::leak(Box::new(Adopted { plugin, entries }));
    let module = XlatorModule {
        state: ModuleState(std::ptr::from_ref(adopted).cast()),
        declaration,
        known_fops: plugin.known_fops,
        fops: RSlice::from_slice(Vec::leak(guards)),
        create,
        init,
        reconfigure,
        notify,
        client_disconnect,
        dump,
        fini,
        destroy,
    };
    // SAFETY: a static text of the library.
    let version: &'static str = String::leak(unsafe { text(plugin.version) });
    let root = PluginRoot {
        abi: plugin.abi,
        needs: plugin.needs,
        version: version.into(),
        attach,
        fops: RSlice::EMPTY,
        shared: RSlice::EMPTY,
        extension: no_extension,
        xlator: ROption::RSome(module.leak_into_prefix()),
        transport: ROption::RNone,
        program: ROption::RNone,
        auth: ROption::RNone,
    };
    Ok(root.leak_into_prefix())
}

fn check(plugin: &CPlugin) -> Result<(), CRefusal> {
    if plugin.abi.major != ABI_VERSION.major {
        return Err(CRefusal::Version { found: plugin.abi });
    }
    if plugin.needs > ABI_VERSION {
        return Err(CRefusal::TooNew { needs: plugin.needs });
    }
    // SAFETY: the plugin's own count.
    let layouts = unsafe { row(plugin.layouts, usize::try_from(plugin.known_fops).unwrap_or_default()) };
    if layouts.is_empty() {
        return Err(CRefusal::Short);
    }
    for (code, told) in (0..FOPS).zip(layouts) {
        if *told != fingerprint(code) {
            return Err(CRefusal::Layout { fop: name(code).unwrap_or("of any kind") });
        }
    }
    Ok(())
}

/// # Safety
/// `count` values at `start`, or none.
unsafe fn row<'a, T>(start: *const T, count: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    if start.is_null() || count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(start, count) } }
}

extern "C" fn attach(_: HostApiRef) {}

extern "C" fn no_extension(_: RStr<'_>) -> *const () {
    std::ptr::null()
}

fn adopted(state: ModuleState) -> &'static Adopted {
    // SAFETY: the state of every module made above is one that was leaked there.
    unsafe { &*state.0.cast::<Adopted>() }
}

extern "C" fn declaration(state: ModuleState) -> Declaration {
    let plugin = adopted(state).plugin;
    // SAFETY: static texts and rows of the library.
    unsafe {
        Declaration {
            type_name: text(plugin.type_name).into(),
            doc: text(plugin.doc).into(),
            options: options(plugin),
            positions: if plugin.positions == 0 { positions::ANY } else { plugin.positions },
            unknown_fops: plugin.unknown_fops,
            more: Dict::new(),
        }
    }
}

/// # Safety
/// A live plugin.
unsafe fn options(plugin: &CPlugin) -> Options {
    // SAFETY: the plugin's own count.
    let declared = unsafe { row(plugin.options, plugin.option_count) };
    // SAFETY: static texts of the library.
    Options(declared.iter().map(|option| unsafe { declare(option) }).collect())
}

/// # Safety
/// Texts of a live library.
unsafe fn declare(option: &COption) -> OptionDecl {
    let number = |n| if option.max > option.min { ROption::RSome(n) } else { ROption::RNone };
    // SAFETY: the caller's promise.
    let told = |of: CText| unsafe { text(of) };
    OptionDecl {
        keys: [RString::from(told(option.key))].into_iter().collect(),
        kind: option.kind,
        default: if option.default_value.0.is_null() {
            ROption::RNone
        } else {
            ROption::RSome(told(option.default_value).into())
        },
        min: number(option.min),
        max: number(option.max),
        choices: told(option.choices).split_whitespace().map(RString::from).collect(),
        help: told(option.help).into(),
        reconfigurable: option.reconfigurable,
        required: option.required,
        more: Dict::new(),
    }
}

extern "C" fn create(state: ModuleState) -> *mut () {
    let adopted = adopted(state);
    let own = match adopted.plugin.create {
        // SAFETY: the plugin's own function, which takes nothing.
        Some(create) => unsafe { create() },
        None => std::ptr::NonNull::dangling().as_ptr(),
    };
    if own.is_null() { own } else { Box::into_raw(Box::new(CInstance { own, adopted })).cast() }
}

/// # Safety
/// An instance made by `create` and not destroyed.
unsafe fn instance<'a>(instance: *const ()) -> &'a CInstance {
    // SAFETY: the caller's promise.
    unsafe { &*instance.cast::<CInstance>() }
}

type Start = Option<unsafe extern "C" fn(own: *mut (), init: *const CInit) -> bool>;

/// # Safety
/// An instance, its node, and its options.
unsafe fn start(
    of: &CInstance,
    node: *const (),
    values: &OptionValues,
    start: Start,
) -> RResult<(), RString> {
    let Some(start) = start else { return RResult::ROk(()) };
    // SAFETY: the library lives for good.
    let declared = unsafe { options(of.adopted.plugin) };
    let why = RefCell::new(String::new());
    let init =
        CInit { node: node.cast(), declared: &raw const declared, values: std::ptr::from_ref(values), why };
    // SAFETY: the caller's promise; `init` lives through the call.
    if unsafe { start(of.own, &raw const init) } {
        return RResult::ROk(());
    }
    let why = init.why.into_inner();
    RResult::RErr(if why.is_empty() { "it said no, and not why".into() } else { why.into() })
}

// SAFETY of what follows: by the contract of `XlatorModule`, which is that of `CPlugin`; the instance is from `create`.

unsafe extern "C" fn init(at: *mut (), node: *const (), values: &OptionValues) -> RResult<(), RString> {
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        start(of, node, values, of.adopted.plugin.init)
    }
}

unsafe extern "C" fn reconfigure(
    at: *const (),
    node: *const (),
    values: &OptionValues,
) -> RResult<(), RString> {
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        start(of, node, values, of.adopted.plugin.reconfigure)
    }
}

unsafe extern "C" fn notify(
    at: *const (),
    node: *const (),
    source: *const (),
    direction: Direction,
    event: &Event,
) {
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        match of.adopted.plugin.notify {
            Some(notify) => notify(of.own, node.cast::<Node>(), source.cast(), direction, event),
            None => host().notify()(node, direction, event),
        }
    }
}

unsafe extern "C" fn client_disconnect(at: *const (), node: *const (), client: &Client) {
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        if let Some(gone) = of.adopted.plugin.client_disconnect {
            gone(of.own, node.cast(), client);
        }
    }
}

unsafe extern "C" fn dump(at: *const (), _: *const ()) -> RString {
    unsafe extern "C" fn put(to: *mut (), line: CText) {
        // SAFETY: `to` is the text below, which nobody else has; the line lives through the call.
        unsafe {
            let lines = &mut *to.cast::<String>();
            lines.push_str(&text(line));
            lines.push('\n');
        }
    }
    let mut lines = String::new();
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        if let Some(dump) = of.adopted.plugin.dump {
            dump(of.own, CPut(put), (&raw mut lines).cast());
        }
    }
    lines.into()
}

unsafe extern "C" fn fini(at: *const (), _: *const ()) {
    // SAFETY: see above.
    unsafe {
        let of = instance(at);
        if let Some(fini) = of.adopted.plugin.fini {
            fini(of.own);
        }
    }
}

unsafe extern "C" fn destroy(at: *mut ()) {
    // SAFETY: see above; freed once.
    let of = unsafe { Box::from_raw(at.cast::<CInstance>()) };
    if let Some(destroy) = of.adopted.plugin.destroy {
        // SAFETY: see above.
        unsafe { destroy(of.own) };
    }
}
