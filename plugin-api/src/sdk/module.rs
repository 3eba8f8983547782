//! The SDK's side of a plugin's tables: what `#[xlator]` and the `export_…!` macros expand to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString};

use super::entry::panic_message;
use super::{Handle, InitCx, NotifyCx};
use crate::abi::future::{PENDING, READY, RawFuture, WakerHeader, with_waker};
use crate::abi::host::{self, Direction, HostApiRef};
use crate::abi::root::{
    ABI_VERSION, AbiVersion, FopSlot, ModuleState, PluginRoot, PluginRootRef, SHARED, XlatorModule,
    XlatorModuleRef,
};
use crate::auth::{Applicant, AuthModule, Authenticator, Vote};
use crate::fop::{FOPS, LAYOUTS};
use crate::options::OptionValues;
use crate::rpc_program::{Answer, Call, Observer, ProgramModule, RpcProgram};
use crate::transport::{Acceptor, Handler, Listener, Transport, TransportModule};
use crate::xlator::{Declaration, InitError, Xlator};
use crate::{Client, Dict, Event};

/// Runs what a plugin wrote; a panic becomes its message.
fn guarded<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|cause| {
        let message = format!("it panicked: {}", panic_message(&*cause));
        // Dropping the payload may panic again.
        std::mem::forget(cause);
        message
    })
}

extern "C" fn attach(api: HostApiRef) {
    host::attach(api);
    let _ = guarded(super::log::install);
}

/// A root with nothing in it but what every plugin has.
fn root(version: &'static str, needs: AbiVersion) -> PluginRoot {
    PluginRoot {
        abi: ABI_VERSION,
        needs,
        version: version.into(),
        attach,
        fops: RSlice::from_slice(LAYOUTS),
        shared: RSlice::from_slice(SHARED),
        extension: super::account::extension,
        xlator: ROption::RNone,
        transport: ROption::RNone,
        program: ROption::RNone,
        auth: ROption::RNone,
    }
}

/// What `#[xlator]` knows about a translator beside its `impl`.
pub trait XlatorInfo: Xlator {
    /// The fops that are written.
    const FOPS: &'static [FopSlot];
    /// The oldest host that it runs in.
    const NEEDS: AbiVersion = ABI_VERSION;

    /// The declaration.
    fn declaration() -> Declaration;
}

/// The tables of a translator: for its library's root, and for graphs in a process that links it (a testkit).
#[must_use]
pub fn xlator_module<X: XlatorInfo>() -> XlatorModuleRef {
    tables::<X>().leak_into_prefix()
}

fn tables<X: XlatorInfo>() -> XlatorModule {
    XlatorModule {
        state: ModuleState::NONE,
        declaration: declaration::<X>,
        known_fops: FOPS,
        fops: RSlice::from_slice(X::FOPS),
        create: create::<X>,
        init: init::<X>,
        reconfigure: reconfigure::<X>,
        notify: notify::<X>,
        client_disconnect: client_disconnect::<X>,
        dump: dump::<X>,
        fini: fini::<X>,
        destroy: destroy::<X>,
    }
}

/// What makes translators that stand for another one.
pub trait StandIn<X>: Send + Sync + 'static {
    /// What the other one declares.
    fn declaration(&self) -> Declaration;

    /// An instance, or nothing when there is no other one any more.
    fn make(&self) -> Option<X>;
}

/// The tables of translators `X` that stand for another one, whose declaration and fops are known only while the process
/// runs. `fops` are some of those of `X`. The tables and `maker` stay for good, as a library does.
#[must_use]
pub fn stand_in<X: XlatorInfo, M: StandIn<X>>(
    maker: M,
    known_fops: u32,
    fops: Vec<FopSlot>,
) -> XlatorModuleRef {
    extern "C" fn declaration<X: XlatorInfo, M: StandIn<X>>(state: ModuleState) -> Declaration {
        // SAFETY: the state is the maker that was leaked below.
        let maker = unsafe { &*state.0.cast::<M>() };
        guarded(|| maker.declaration()).unwrap_or_default()
    }
    extern "C" fn create<X: XlatorInfo, M: StandIn<X>>(state: ModuleState) -> *mut () {
        // SAFETY: as above.
        let maker = unsafe { &*state.0.cast::<M>() };
        let made = guarded(|| maker.make()).ok().flatten();
        made.map_or(std::ptr::null_mut(), |made| Box::into_raw(Box::new(made)).cast())
    }
    let maker: &'static M = Box::leak(Box::new(maker));
    XlatorModule {
        state: ModuleState((&raw const *maker).cast()),
        declaration: declaration::<X, M>,
        create: create::<X, M>,
        known_fops,
        fops: RSlice::from_slice(fops.leak()),
        ..tables::<X>()
    }
    .leak_into_prefix()
}

/// The root of a translator's library.
#[must_use]
pub fn xlator_root<X: XlatorInfo>(version: &'static str) -> PluginRootRef {
    PluginRoot { xlator: ROption::RSome(xlator_module::<X>()), ..root(version, X::NEEDS) }.leak_into_prefix()
}

extern "C" fn declaration<X: XlatorInfo>(_: ModuleState) -> Declaration {
    // A declaration is text: a panic in it is told as one that no host can place.
    guarded(X::declaration).unwrap_or_else(|message| Declaration {
        doc: message.into(),
        positions: 0,
        ..Declaration::default()
    })
}

extern "C" fn create<X: Xlator>(_: ModuleState) -> *mut () {
    guarded(|| Box::into_raw(Box::new(X::default())).cast()).unwrap_or(std::ptr::null_mut())
}

unsafe extern "C" fn init<X: Xlator>(
    instance: *mut (),
    node: *const (),
    values: &OptionValues,
) -> RResult<(), RString> {
    // SAFETY: `instance` is from `create`, and nobody else has it yet; `node` is one of a live graph.
    let (xlator, handle) = unsafe { (&mut *instance.cast::<X>(), Handle::retain(node.cast())) };
    let declared = X::options();
    told(guarded(|| xlator.init(&InitCx::new(handle, &declared, values))))
}

unsafe extern "C" fn reconfigure<X: Xlator>(
    instance: *const (),
    node: *const (),
    values: &OptionValues,
) -> RResult<(), RString> {
    // SAFETY: `instance` is live and shared from `init` on; `node` is one of a live graph.
    let (xlator, handle) = unsafe { (&*instance.cast::<X>(), Handle::retain(node.cast())) };
    let declared = X::options();
    told(guarded(|| xlator.reconfigure(&InitCx::new(handle, &declared, values))))
}

fn told(done: Result<Result<(), InitError>, String>) -> RResult<(), RString> {
    match done {
        Ok(Ok(())) => RResult::ROk(()),
        Ok(Err(InitError(sentence))) | Err(sentence) => RResult::RErr(sentence.into()),
    }
}

/// Runs a method that has no way to fail; a panic is a fault of the node.
unsafe fn on_instance<X: Xlator>(instance: *const (), node: *const (), work: impl FnOnce(&X, &Handle)) {
    // SAFETY: the caller's: `instance` is live and shared; `node` is one of a live graph.
    let (xlator, handle) = unsafe { (&*instance.cast::<X>(), Handle::retain(node.cast())) };
    if let Err(message) = guarded(|| work(xlator, &handle)) {
        let node = handle.raw();
        // SAFETY: the handle counts the graph.
        unsafe { ((*node).fault)(node, 0, message.as_ptr(), message.len()) };
    }
}

unsafe extern "C" fn notify<X: Xlator>(
    instance: *const (),
    node: *const (),
    source: *const (),
    direction: Direction,
    event: &Event,
) {
    // SAFETY: by the table's contract.
    unsafe {
        on_instance::<X>(instance, node, |xlator, handle| {
            xlator.notify(&NotifyCx::new(handle, source.cast(), direction), event);
        });
    }
}

unsafe extern "C" fn client_disconnect<X: Xlator>(instance: *const (), node: *const (), client: &Client) {
    // SAFETY: by the table's contract.
    unsafe { on_instance::<X>(instance, node, |xlator, handle| xlator.client_disconnect(handle, client)) }
}

unsafe extern "C" fn dump<X: Xlator>(instance: *const (), node: *const ()) -> RString {
    let mut text = String::new();
    // SAFETY: by the table's contract.
    unsafe { on_instance::<X>(instance, node, |xlator, _| xlator.dump(&mut text)) };
    text.into()
}

unsafe extern "C" fn fini<X: Xlator>(instance: *const (), node: *const ()) {
    // SAFETY: by the table's contract.
    unsafe { on_instance::<X>(instance, node, |xlator, _| xlator.fini()) }
}

unsafe extern "C" fn destroy<X: Xlator>(instance: *mut ()) {
    // SAFETY: from `create`, freed once, and nothing of it runs any more.
    let boxed = unsafe { Box::from_raw(instance.cast::<X>()) };
    let _ = guarded(|| drop(boxed));
}

/// The root of a transport's library.
#[must_use]
pub fn transport_root<T: Transport>(version: &'static str) -> PluginRootRef {
    extern "C" fn name<T: Transport>() -> RString {
        T::NAME.into()
    }
    extern "C" fn listen<T: Transport>(options: &Dict, acceptor: Acceptor) -> RResult<Listener, RString> {
        let listening = guarded(|| T::listen(options, acceptor));
        listening.and_then(|done| done).map_err(RString::from).into()
    }
    extern "C" fn connect<T: Transport>(options: &Dict, handler: Handler) -> RawFuture {
        match guarded(|| T::connect(options.clone(), handler)) {
            Ok(connecting) => {
                RawFuture::boxed(async move { RResult::from(connecting.await.map_err(crate::Errno::raw)) })
            }
            Err(_) => RawFuture::boxed(std::future::ready(
                RResult::<crate::transport::Connection, i32>::RErr(libc::EIO),
            )),
        }
    }
    let module = TransportModule { name: name::<T>, listen: listen::<T>, connect: connect::<T> };
    PluginRoot { transport: ROption::RSome(module.leak_into_prefix()), ..root(version, ABI_VERSION) }
        .leak_into_prefix()
}

/// The root of an RPC program's library.
#[must_use]
pub fn program_root<P: RpcProgram>(version: &'static str) -> PluginRootRef {
    extern "C" fn create<P: RpcProgram>(
        settings: &Dict,
        observer: Observer,
        why_not: &mut RString,
    ) -> *const () {
        match guarded(|| P::new(settings, observer)).and_then(|made| made) {
            Ok(program) => Arc::into_raw(Arc::new(program)).cast(),
            Err(sentence) => {
                *why_not = sentence.into();
                std::ptr::null()
            }
        }
    }
    fn instance<P>(instance: *const ()) -> Arc<P> {
        // SAFETY: from `create` and not destroyed yet, by the table's contract.
        unsafe {
            Arc::increment_strong_count(instance.cast::<P>());
            Arc::from_raw(instance.cast::<P>())
        }
    }
    unsafe extern "C" fn call<P: RpcProgram>(
        state: *const (),
        call: Call,
        waker: *const WakerHeader,
        out: *mut Answer,
        later: *mut RawFuture,
    ) -> u8 {
        let program = instance::<P>(state);
        let mut answering = Box::pin(async move { program.call(call).await });
        let polled = guarded(|| with_waker(waker, |cx| answering.as_mut().poll(cx)));
        // SAFETY: by the table's contract `out` and `later` are room for an answer and a future.
        unsafe {
            match polled {
                Ok(std::task::Poll::Ready(answer)) => out.write(answer),
                Ok(std::task::Poll::Pending) => {
                    later.write(RawFuture::boxed(answering));
                    return PENDING;
                }
                Err(_) => out.write(Answer::SystemError),
            }
        }
        READY
    }
    unsafe extern "C" fn control<P: RpcProgram>(
        state: *const (),
        verb: RStr<'_>,
        request: &Dict,
    ) -> RResult<Dict, RString> {
        let program = instance::<P>(state);
        guarded(|| program.control(verb.as_str(), request))
            .and_then(|done| done)
            .map_err(RString::from)
            .into()
    }
    unsafe extern "C" fn disconnected<P: RpcProgram>(state: *const (), connection: u64) {
        let program = instance::<P>(state);
        let _ = guarded(|| program.disconnected(connection));
    }
    unsafe extern "C" fn destroy<P: RpcProgram>(state: *const ()) {
        // SAFETY: gives up what `create` counted, once, by the table's contract.
        let last = unsafe { Arc::from_raw(state.cast::<P>()) };
        let _ = guarded(|| drop(last));
    }
    let module = ProgramModule {
        name: P::NAME.into(),
        number: P::NUMBER,
        version: P::VERSION,
        create: create::<P>,
        call: call::<P>,
        control: control::<P>,
        disconnected: disconnected::<P>,
        destroy: destroy::<P>,
    };
    PluginRoot { program: ROption::RSome(module.leak_into_prefix()), ..root(version, ABI_VERSION) }
        .leak_into_prefix()
}

/// The root of an authenticator's library.
#[must_use]
pub fn auth_root<A: Authenticator>(version: &'static str) -> PluginRootRef {
    extern "C" fn vote<A: Authenticator>(options: &OptionValues, who: &Applicant) -> Vote {
        guarded(|| A::vote(options, who)).unwrap_or(Vote::Reject)
    }
    let module = AuthModule { name: A::NAME.into(), vote: vote::<A> };
    PluginRoot { auth: ROption::RSome(module.leak_into_prefix()), ..root(version, ABI_VERSION) }
        .leak_into_prefix()
}

/// Installs the allocator that counts, unless the plugin says that it has one of its `own`.
#[macro_export]
#[doc(hidden)]
macro_rules! count_allocations {
    () => {
        #[global_allocator]
        static ALLOCATOR: $crate::sdk::Counting = $crate::sdk::Counting;
    };
    (own) => {};
}

/// Makes a type the root of its library: `export_root!(xlator_root, Type)` and its siblings.
#[macro_export]
#[doc(hidden)]
macro_rules! export_root {
    ($root:ident, $ty:ty $(, allocator = $allocator:ident)?) => {
        const _: () = {
            extern "C" fn root() -> $crate::__private::RootModuleResult {
                $crate::__private::call_root(|| $crate::sdk::module::$root::<$ty>(env!("CARGO_PKG_VERSION")))
            }
            $crate::count_allocations!($($allocator)?);
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::__private::LibHeader = $crate::__private::header(root);
        };
    };
}

/// Makes a [`Transport`] its library's root.
#[macro_export]
macro_rules! export_transport {
    ($ty:ty) => {
        $crate::export_root!(transport_root, $ty);
    };
}

/// Makes an [`RpcProgram`] its library's root.
#[macro_export]
macro_rules! export_program {
    ($ty:ty) => {
        $crate::export_root!(program_root, $ty);
    };
}

/// Makes an [`Authenticator`] its library's root.
#[macro_export]
macro_rules! export_auth {
    ($ty:ty) => {
        $crate::export_root!(auth_root, $ty);
    };
}
