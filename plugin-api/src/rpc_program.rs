//! RPC programs as plugins: a number, a version, and an answer for each call.

use std::future::Future;

use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RStr, RString};

use crate::abi::future::{RawFuture, WakerHeader};
use crate::abi::shared::{Shared, vtable};
use crate::transport::Message;
use crate::{Dict, Identity, IoBuf};

/// A call as a program sees it: RPC headers are off. Frozen but for [`more`](Self::more).
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct Call {
    /// Which procedure.
    pub procedure: u32,
    /// Its arguments, as XDR.
    pub body: IoBuf,
    /// Who calls, by credential.
    pub identity: Identity,
    /// Where from: `host:port`, or the path of a unix socket.
    pub peer: RString,
    /// Names the connection among those that are open.
    pub connection: u64,
    /// Whether the call came over a unix socket, so from this machine's root.
    pub is_local: bool,
    /// What later versions of plugin-api tell, by key; empty in 1.0.
    pub more: Dict,
}

/// How a program answers.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone)]
pub enum Answer {
    /// The results, as XDR, with what follows them.
    Reply(Message),
    /// There is no such procedure.
    NoSuchProcedure,
    /// The arguments are no XDR of this procedure.
    GarbageArguments,
    /// Something went wrong inside.
    SystemError,
}

/// What an RPC-program plugin implements; `export_program!` makes it the library's root.
pub trait RpcProgram: Send + Sync + Sized + 'static {
    /// The name that volfiles and DUMP know it by.
    const NAME: &'static str;
    /// The program number.
    const NUMBER: u32;
    /// The version.
    const VERSION: u32;

    /// A new instance with its settings, which tells `observer` of what its maker wants to know.
    ///
    /// # Errors
    /// A sentence.
    fn new(settings: &Dict, observer: Observer) -> Result<Self, String>;

    /// Answers a call.
    fn call(&self, call: Call) -> impl Future<Output = Answer> + Send;

    /// The connection with this number is over.
    fn disconnected(&self, _connection: u64) {}

    /// Does what its maker asks beside calls; which verbs there are, the program documents.
    ///
    /// # Errors
    /// A sentence.
    fn control(&self, verb: &str, _request: &Dict) -> Result<Dict, String> {
        Err(format!("the program {} has no `{verb}`", Self::NAME))
    }
}

vtable! {
    /// The functions of who watches a program.
    pub struct ObserverVtable(ObserverVtableRef) of trait ObserverImpl, made by observer_vtable {
        /// Something happened; which things do, the program documents.
        fn observed(&self, what: RStr<'_>, data: &Dict) -> () = ();
    }
}

/// Who watches a program, counted.
pub type Observer = Shared<ObserverVtableRef>;

/// The functions of an RPC-program plugin.
#[repr(C)]
#[derive(StableAbi, Debug)]
#[sabi(kind(Prefix(prefix_ref = ProgramModuleRef)))]
#[sabi(missing_field(panic))]
pub struct ProgramModule {
    /// The program's name.
    pub name: RStr<'static>,
    /// The program number.
    pub number: u32,
    /// The version.
    pub version: u32,
    /// A new instance, or null and a sentence.
    pub create: extern "C" fn(settings: &Dict, observer: Observer, why_not: &mut RString) -> *const (),
    /// Starts a call: `READY` with `out` written, or `PENDING` with `later` written, whose output is an [`Answer`].
    pub call: unsafe extern "C" fn(
        instance: *const (),
        call: Call,
        waker: *const WakerHeader,
        out: *mut Answer,
        later: *mut RawFuture,
    ) -> u8,
    /// Does what the instance's maker asks beside calls.
    pub control:
        unsafe extern "C" fn(instance: *const (), verb: RStr<'_>, request: &Dict) -> RResult<Dict, RString>,
    /// A connection is over.
    pub disconnected: unsafe extern "C" fn(instance: *const (), connection: u64),
    /// Frees the instance.
    #[sabi(last_prefix_field)]
    pub destroy: unsafe extern "C" fn(instance: *const ()),
}
