//! The two listeners: TCP for clients, bricks and peers, a unix socket for the CLI.

use crate::config::Config;
use crate::daemon::{Daemon, Outside};
use crate::hooks::{Hook, Side};
use crate::paths::Paths;
use crate::programs::cli::Cli;
use crate::programs::handshake::Handshake;
use crate::programs::mgmt::{MgmtV2, MgmtV3};
use crate::programs::mgmt_handshake::MgmtHandshake;
use crate::programs::on_blocking_thread;
use crate::programs::peer::Peers;
use gluster_rpc::{Limits, PluginProgram, Service, Unobserved};
use gluster_xdr::callback::{CALLBACK, CallbackProc};
use plugin_api::open::ProgramInstance;
use plugin_api::transport::{Listener, TransportModuleRef};
use plugin_api::{Dict, log, rt};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc;

/// What is served, and where.
#[derive(Debug)]
pub struct Services {
    tcp: Service,
    unix: Service,
    listeners: Mutex<Vec<Listener>>,
    hooks: mpsc::Sender<Hook>,
}

/// Scripts that may wait for their turn; beyond, one that is handed over is not run, which is logged.
const WAITING_HOOKS: usize = 256;

impl Services {
    /// Services without programs, on which nobody can call yet, and the worker that runs hook scripts.
    #[must_use]
    pub fn new(config: &Config) -> Arc<Self> {
        let limits = Limits { allow_insecure: config.allow_insecure, ..Limits::default() };
        let (hooks, waiting) = mpsc::channel(WAITING_HOOKS);
        rt::spawn(run_hooks(waiting, config.paths.clone()));
        Arc::new(Self {
            tcp: Service::new(limits, Unobserved),
            unix: Service::new(Limits::default(), Unobserved),
            listeners: Mutex::default(),
            hooks,
        })
    }

    /// Registers every program, in the order in which they are listed.
    pub fn register(&self, daemon: &Arc<Daemon>, ports: ProgramInstance) {
        self.tcp.register(Arc::new(Peers(daemon.clone())));
        self.tcp.register(Arc::new(Cli::read_only(daemon.clone())));
        self.tcp.register(Arc::new(MgmtV2(daemon.clone())));
        self.tcp.register(Arc::new(MgmtV3(daemon.clone())));
        self.tcp.register(Arc::new(PluginProgram(ports)));
        self.tcp.register(Arc::new(Handshake::remote(daemon.clone())));
        self.tcp.register(Arc::new(MgmtHandshake(daemon.clone())));
        self.unix.register(Arc::new(Cli::full(daemon.clone())));
        self.unix.register(Arc::new(Handshake::local(daemon.clone())));
    }

    /// Listens on both. Whoever connects is answered at once, from the whole state.
    ///
    /// # Errors
    /// A sentence: what could not be listened on, and why. Neither is listened on then.
    pub fn listen(&self, config: &Config, transport: TransportModuleRef) -> Result<(), String> {
        // A socket file of a daemon that is gone is replaced; one that somebody answers on is theirs.
        if UnixStream::connect(&config.socket_file).is_ok() {
            let path = config.socket_file.display();
            return Err(format!(
                "{path}: in use by another daemon; give this one a glusterd-sockfile of its own"
            ));
        }
        let unix = Dict::new()
            .with("transport.address-family", "unix")
            .with("transport.socket.listen-path", config.socket_file.display().to_string())
            .with("transport.socket.read-fail-log", "off");
        let mut listeners = Vec::new();
        for (options, service) in [(&config.transport, &self.tcp), (&unix, &self.unix)] {
            match transport.listen_on(options, service.acceptor()) {
                Ok(listener) => {
                    log!(Info, "listening", at = listener.address());
                    listeners.push(listener);
                }
                Err(why) => {
                    listeners.iter().for_each(Listener::close);
                    return Err(why);
                }
            }
        }
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).extend(listeners);
        Ok(())
    }

    /// Stops listening and ends every connection.
    pub fn close(&self) {
        for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            listener.close();
        }
        self.tcp.close();
        self.unix.close();
    }
}

/// What the daemon knows of its services: programs hold the daemon, so it may not hold them. Once they are gone there is
/// nobody to tell.
impl Outside for Weak<Services> {
    fn volfiles_changed(&self) {
        let Some(services) = self.upgrade() else { return };
        for peer in services.tcp.peers().iter().chain(&services.unix.peers()) {
            // A client that does not read, or has just gone, asks again when it connects the next time.
            let _ = peer.call_back(CALLBACK, CallbackProc::Fetchspec.number(), &Nothing);
        }
    }

    fn run_later(&self, hook: Hook) {
        let Some(services) = self.upgrade() else {
            return log!(Error, "hook scripts are not run, the daemon ends", operation = hook.operation);
        };
        if let Err(error) = services.hooks.try_send(hook) {
            log!(Error, "hook scripts are not run, too many wait", why = error);
        }
    }
}

/// Runs hook scripts one after the other until the services are gone.
async fn run_hooks(mut waiting: mpsc::Receiver<Hook>, paths: Paths) {
    while let Some(hook) = waiting.recv().await {
        let paths = paths.clone();
        on_blocking_thread(async move {
            for failure in hook.run(Side::Post, &paths) {
                log!(Warn, "hook script failed", operation = hook.operation, why = failure);
            }
        })
        .await;
    }
}

/// The arguments of a call that has none.
#[derive(Debug)]
struct Nothing;

impl gluster_xdr::Xdr for Nothing {
    fn get(_: &mut gluster_xdr::Reader<'_>) -> Result<Self, gluster_xdr::XdrError> {
        Ok(Self)
    }

    fn put(&self, _: &mut gluster_xdr::Writer) {}
}
