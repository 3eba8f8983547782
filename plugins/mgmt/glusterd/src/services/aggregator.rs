//! The quota daemon: one client of all started volumes with limits, which sums up for bricks and for the CLI what lies on
//! each brick.

use super::runner::{Running, ServiceFault};
use super::service;
use crate::daemon::Daemon;
use crate::options::parse_bool;
use crate::store::atomic;
use crate::volgen;
use crate::volume::Volume;
use plugin_api::log;

/// The service's name.
pub const NAME: &str = "quotad";

/// What is known of the daemon between two settlements.
#[derive(Debug, Default)]
pub struct Aggregator {
    /// Held while it is started or stopped.
    turn: tokio::sync::Mutex<()>,
}

/// Whether the volume's limits are held.
#[must_use]
pub fn is_on(volume: &Volume) -> bool {
    volume.options.get("features.quota").and_then(parse_bool) == Some(true)
}

/// The daemon, if it runs.
#[must_use]
pub fn running(daemon: &Daemon) -> Option<Running> {
    daemon.services.running(&daemon.config.paths.quotad_pidfile())
}

/// Makes the daemon serve all started volumes with limits, and end when there are none.
pub async fn settle(daemon: &Daemon) {
    let _turn = daemon.aggregator.turn.lock().await;
    if let Err(fault) = bring_about(daemon).await {
        log!(Error, "the quota daemon is not as it is to be", why = fault);
    }
}

async fn bring_about(daemon: &Daemon) -> Result<(), ServiceFault> {
    let paths = &daemon.config.paths;
    let (volumes, options) = {
        let state = daemon.state();
        let volumes = state.volumes.values().map(|stored| &stored.volume);
        let served = volumes.filter(|volume| volume.is_started() && is_on(volume));
        (served.cloned().collect::<Vec<_>>(), state.options.clone())
    };
    if volumes.is_empty() {
        return daemon.services.stop(NAME, &paths.quotad_pidfile()).await;
    }
    let path = paths.quotad_volfile();
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let text = volgen::quotad::volfile(&volumes, &options, &*daemon.plugins);
    let failed = |reason: String| ServiceFault::Refused { name: NAME.to_owned(), reason };
    let has_changed =
        atomic::replace_if_changed(&path, text.as_bytes()).map_err(|error| failed(error.to_string()))?;
    if has_changed && running(daemon).is_some() {
        if translators(&before) == translators(&text) {
            daemon.outside.volfiles_changed();
        } else {
            daemon.services.stop(NAME, &paths.quotad_pidfile()).await?;
        }
    }
    let common = daemon.service_options();
    daemon.services.start(service::quotad(&daemon.config, daemon.node, &common)).await
}

/// The translators of a volfile, and whom they speak to: what cannot change under a running graph.
pub(super) fn translators(volfile: &str) -> Vec<&str> {
    let is_fixed = |line: &&str| {
        let option = line.trim_start().strip_prefix("option ");
        option.is_none_or(|option| option.starts_with("remote-"))
    };
    volfile.lines().filter(is_fixed).collect()
}
