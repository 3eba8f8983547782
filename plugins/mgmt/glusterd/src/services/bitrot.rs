//! Bit-rot detection: one process that signs what lies on this node's bricks, and one that holds it against its signature.

use super::aggregator::translators;
use super::runner::{Running, ServiceFault};
use super::service;
use crate::daemon::Daemon;
use crate::options::parse_bool;
use crate::store::atomic;
use crate::volgen;
use crate::volume::Volume;
use plugin_api::log;

/// One of the two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Signs objects that were let go of.
    Signer,
    /// Looks for objects that are not what was signed.
    Scrubber,
}

impl Part {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Signer, Self::Scrubber];

    /// The service's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signer => "bitd",
            Self::Scrubber => "scrub",
        }
    }
}

/// What is known of the processes between two settlements.
#[derive(Debug, Default)]
pub struct BitRot {
    /// Held while they are started or stopped.
    turn: tokio::sync::Mutex<()>,
}

/// Whether the volume's objects are signed and scrubbed.
#[must_use]
pub fn is_on(volume: &Volume) -> bool {
    volume.options.get("features.bitrot").and_then(parse_bool) == Some(true)
}

/// The process, if it runs.
#[must_use]
pub fn running(daemon: &Daemon, part: Part) -> Option<Running> {
    daemon.services.running(&daemon.config.paths.service_pidfile(part.name()))
}

/// Makes both look after all started volumes that have it, and end when there are none.
pub async fn settle(daemon: &Daemon) {
    let _turn = daemon.bitrot.turn.lock().await;
    for part in Part::ALL {
        if let Err(fault) = bring_about(daemon, part).await {
            log!(Error, "bit-rot detection is not as it is to be", service = part.name(), why = fault);
        }
    }
}

async fn bring_about(daemon: &Daemon, part: Part) -> Result<(), ServiceFault> {
    let paths = &daemon.config.paths;
    let (volumes, options) = {
        let state = daemon.state();
        let volumes = state.volumes.values().map(|stored| &stored.volume);
        let is_here = |volume: &Volume| volume.bricks.iter().any(|brick| brick.node == daemon.node);
        let served = volumes.filter(|volume| volume.is_started() && is_on(volume) && is_here(volume));
        (served.cloned().collect::<Vec<_>>(), state.options.clone())
    };
    let pidfile = paths.service_pidfile(part.name());
    if volumes.is_empty() {
        return daemon.services.stop(part.name(), &pidfile).await;
    }
    let path = paths.service_volfile(part.name());
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let text = volgen::bitrot::volfile(part, &volumes, daemon.node, &options, &*daemon.plugins);
    let failed = |reason: String| ServiceFault::Refused { name: part.name().to_owned(), reason };
    let has_changed =
        atomic::replace_if_changed(&path, text.as_bytes()).map_err(|error| failed(error.to_string()))?;
    if has_changed && running(daemon, part).is_some() {
        if translators(&before) == translators(&text) {
            daemon.outside.volfiles_changed();
        } else {
            daemon.services.stop(part.name(), &pidfile).await?;
        }
    }
    let common = daemon.service_options();
    daemon.services.start(service::bitrot(&daemon.config, daemon.node, part, &common)).await
}
