//! Other plugins of this process, opened by name: transports, RPC programs, authenticators, and what translators declare.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use abi_stable::std_types::{ROption, RStr, RString};

use crate::Dict;
use crate::abi::future::{Later, PENDING, READY, RawFuture, with_header};
use crate::abi::host::{PluginKind, try_host};
use crate::abi::root::{PluginRootRef, XlatorModuleRef};
use crate::auth::AuthModuleRef;
use crate::options::Options;
use crate::rpc_program::{Answer, Call, Observer, ProgramModuleRef};
use crate::transport::TransportModuleRef;

fn plugin(kind: PluginKind, name: &str) -> Result<PluginRootRef, String> {
    let host = try_host().ok_or("no host is attached to this library")?;
    host.open_plugin()(kind, RStr::from(name)).into_result().map_err(String::from)
}

fn of_kind<T>(part: ROption<T>, name: &str) -> Result<T, String> {
    part.into_option().ok_or_else(|| format!("{name} is a plugin of another kind"))
}

/// Opens a transport: `socket`.
///
/// # Errors
/// A sentence that names the plugin.
pub fn transport(name: &str) -> Result<TransportModuleRef, String> {
    of_kind(plugin(PluginKind::TRANSPORT, name)?.transport(), name)
}

/// Opens a translator by its type, for those who want to know what it declares.
///
/// # Errors
/// A sentence that names the plugin.
pub fn xlator(type_name: &str) -> Result<XlatorModuleRef, String> {
    of_kind(plugin(PluginKind::XLATOR, type_name)?.xlator(), type_name)
}

/// The types of the translators that are installed; none before a host is attached.
#[must_use]
pub fn xlators() -> Vec<String> {
    let names = try_host().map(|host| host.plugin_names()(PluginKind::XLATOR));
    names.unwrap_or_default().into_iter().map(String::from).collect()
}

/// The options that the host takes for every volume of a volfile; none before a host is attached.
#[must_use]
pub fn host_options() -> Options {
    try_host().map(|host| host.volume_options()()).unwrap_or_default()
}

/// Opens an authenticator: `addr`, `login`.
///
/// # Errors
/// A sentence that names the plugin.
pub fn authenticator(name: &str) -> Result<AuthModuleRef, String> {
    of_kind(plugin(PluginKind::AUTH, name)?.auth(), name)
}

/// Opens an RPC program and makes an instance of it; `observer` hears what the program's documentation says.
///
/// # Errors
/// A sentence that names the plugin, or the program's own.
pub fn program(name: &str, settings: &Dict, observer: Observer) -> Result<ProgramInstance, String> {
    let module = of_kind(plugin(PluginKind::PROGRAM, name)?.program(), name)?;
    ProgramInstance::new(module, settings, observer)
}

/// An instance of an RPC program, counted.
#[derive(Debug, Clone)]
pub struct ProgramInstance(Arc<Instance>);

#[derive(Debug)]
struct Instance {
    module: ProgramModuleRef,
    state: *const (),
}

// SAFETY: the state is that of an `RpcProgram`, which is `Send` and `Sync`.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: from `create`, destroyed once.
        unsafe { self.module.destroy()(self.state) }
    }
}

impl ProgramInstance {
    /// An instance of a program that is open already.
    ///
    /// # Errors
    /// The program's own sentence.
    pub fn new(module: ProgramModuleRef, settings: &Dict, observer: Observer) -> Result<Self, String> {
        let mut why_not = RString::new();
        let state = module.create()(settings, observer, &mut why_not);
        if state.is_null() {
            return Err(why_not.into());
        }
        Ok(Self(Arc::new(Instance { module, state })))
    }

    /// The program's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.module.name().as_str()
    }

    /// The program number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.0.module.number()
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.0.module.version()
    }

    /// Answers a call; a panic in the program is a system error.
    pub async fn call(&self, call: Call) -> Answer {
        let (mut call, mut later) = (Some(call), None::<Later<Answer>>);
        std::future::poll_fn(move |cx| {
            if let Some(later) = &mut later {
                return Pin::new(later).poll(cx).map(|answer| answer.unwrap_or(Answer::SystemError));
            }
            let Some(call) = call.take() else { return Poll::Ready(Answer::SystemError) };
            let mut out = std::mem::MaybeUninit::<Answer>::uninit();
            let mut raw = std::mem::MaybeUninit::<RawFuture>::uninit();
            let started = with_header(cx, |waker| {
                // SAFETY: the state is live; `out` and `raw` are room for what the table says; the header lives
                // through the call.
                unsafe { self.0.module.call()(self.0.state, call, waker, out.as_mut_ptr(), raw.as_mut_ptr()) }
            });
            match started {
                // SAFETY: READY means that the answer was written.
                READY => Poll::Ready(unsafe { out.assume_init() }),
                PENDING => {
                    // SAFETY: PENDING means that the future was written; its output is an answer by the table.
                    later = Some(unsafe { Later::new(raw.assume_init()) });
                    Poll::Pending
                }
                _ => Poll::Ready(Answer::SystemError),
            }
        })
        .await
    }

    /// Tells the program that a connection is over.
    pub fn disconnected(&self, connection: u64) {
        // SAFETY: the state is live.
        unsafe { self.0.module.disconnected()(self.0.state, connection) }
    }

    /// Asks the program for something beside calls; which verbs there are, it documents.
    ///
    /// # Errors
    /// The program's own sentence.
    pub fn control(&self, verb: &str, request: &Dict) -> Result<Dict, String> {
        // SAFETY: the state is live.
        unsafe { self.0.module.control()(self.0.state, RStr::from(verb), request) }
            .into_result()
            .map_err(String::from)
    }
}
