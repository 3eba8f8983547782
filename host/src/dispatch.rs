//! Dispatch: the event pool, and the time between start and signal.
use std::mem::ManuallyDrop;
use std::process::ExitCode;
use std::sync::{Arc, Weak};

use nix::sys::signal::Signal;

use crate::ctx::Ctx;
use crate::loader::Loader;
use crate::logging;
use crate::process::{self, SignalError, Signals};
use crate::report::StartError;
use crate::services::{self, Services};
use crate::volumes::{self, Volumes};

/// The event pool with what runs on it, and the plugins.
#[derive(Debug)]
pub struct Pools {
    // Never shut down: a plugin's task that blocks would hold the process; its end takes every thread along.
    services: ManuallyDrop<Services>,
    loader: Arc<Loader>,
    signals: Signals,
}

/// Why a process that served ends.
enum End {
    /// It was told to by a signal, or by an order that stands for one.
    Signal(Signal),
    /// A plugin asked for it.
    Status(i32),
}

impl Pools {
    /// Starts the event pool, hands it to plugins, and takes signals.
    /// # Errors
    /// The kernel refuses threads, descriptors or handlers.
    pub fn start(ctx: &Ctx) -> Result<Pools, StartError> {
        let loader = Arc::new(Loader::new(ctx.settings.plugin_dirs.clone()));
        let services = ManuallyDrop::new(services::start(&ctx.settings, loader.clone())?);
        let signals = services.runtime().block_on(async { Signals::take() })?;
        Ok(Pools { services, loader, signals })
    }

    /// Makes the graph; a signal that ends the process ends this, too.
    /// # Errors
    /// The graph cannot be had, or a signal came first.
    pub fn init(&mut self, ctx: &Ctx) -> Result<Arc<Volumes>, StartError> {
        let Pools { services, loader, signals } = self;
        services.runtime().block_on(async {
            let mut init = std::pin::pin!(volumes::init(&ctx.settings, loader.clone()));
            loop {
                // What is given up with `init` is dropped, which stops what has started. A start that is done counts as one,
                // since nothing would stop it otherwise.
                tokio::select! {
                    biased;
                    done = &mut init => return Ok(shown(done?)),
                    status = services.stop_requested() => return Err(StartError::Stopped { status }),
                    signal = signals.next() => match signal {
                        Signal::SIGTERM | Signal::SIGINT => {
                            let status = i32::from(process::exit_code(signal));
                            return Err(StartError::Stopped { status });
                        }
                        Signal::SIGHUP => reopen_log(),
                        other => tracing::info!(signal = %other, "no graph serves yet"),
                    }
                }
            }
        })
    }

    /// Serves until a signal, an order or a plugin ends it; then signs out, stops the graph and lets calls end.
    pub fn dispatch(mut self, volumes: Arc<Volumes>) -> ExitCode {
        let Pools { services, signals, .. } = &mut self;
        let code = services.runtime().block_on(async {
            let end = wait(services, signals, &volumes).await;
            let (code, why) = match end {
                End::Signal(signal) => {
                    (process::exit_code(signal), format!("received signum ({})", signal as i32))
                }
                End::Status(status) => {
                    (u8::try_from(status).unwrap_or(1), format!("a plugin asked for status {status}"))
                }
            };
            tracing::warn!("{why}, shutting down");
            volumes.stop().await;
            code
        });
        // Takes the management socket away; the graph is stopped already.
        drop(volumes);
        ExitCode::from(code)
    }
}

/// Translators may show the graphs from now on.
fn shown(volumes: Volumes) -> Arc<Volumes> {
    let volumes = Arc::new(volumes);
    let graphs: Weak<Volumes> = Arc::downgrade(&volumes);
    services::be_inspected(graphs);
    volumes
}

async fn wait(services: &Services, signals: &mut Signals, volumes: &Arc<Volumes>) -> End {
    let keeper = volumes.clone();
    let mut upkeep = tokio::spawn(async move { keeper.keep_up().await });
    let end = loop {
        // Nothing is lost in a branch that is given up: each keeps what it has not handed out.
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::SIGTERM | Signal::SIGINT => break End::Signal(signal),
                Signal::SIGHUP => volumes.hang_up(),
                Signal::SIGUSR1 => {
                    let volumes = volumes.clone();
                    tokio::task::spawn_blocking(move || volumes.statedump());
                }
                other => tracing::info!(signal = %other, "this build keeps no metrics to dump"),
            },
            status = services.stop_requested() => break End::Status(status),
            _ = &mut upkeep => break End::Signal(Signal::SIGTERM),
        }
    };
    upkeep.abort();
    end
}

fn reopen_log() {
    if let Err(error) = logging::reopen() {
        tracing::error!(%error, "the log could not be opened anew");
    }
}

impl From<SignalError> for StartError {
    fn from(error: SignalError) -> StartError {
        StartError::Signals(error)
    }
}
