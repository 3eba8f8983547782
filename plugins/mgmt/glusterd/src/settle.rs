//! After a start: bricks and services are made to be what the store says.

use crate::brick::Brick;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::services::{self, rebalance};
use crate::store::folder::StoredVolume;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use plugin_api::{log, rt};
use std::sync::Arc;
use std::time::Duration;

/// Starts the bricks of started volumes that do not run, takes over those that do, and ends the bricks that a crash
/// has left of volumes that are not started; then the same for services.
pub async fn all(daemon: &Daemon) {
    let names: Vec<String> = daemon.state().volumes.keys().cloned().collect();
    stream::iter(names.clone()).for_each_concurrent(VOLUMES_AT_ONCE, |name| volume(daemon, name)).await;
    services::settle(daemon).await;
    for name in &names {
        rebalance::resume(daemon, name).await;
    }
    daemon.settled.send_replace(true);
}

/// How many volumes are settled at once: their bricks all begin with the same disk and processors.
const VOLUMES_AT_ONCE: usize = 4;

async fn volume(daemon: &Daemon, name: String) {
    // An operation that is quicker than this has settled the volume itself.
    let target = Target::Volume(name.clone());
    let Ok(_lock) = daemon.locks.take(&target, daemon.config.lock_timer) else { return };
    match daemon.volume(&name) {
        Some(stored) if stored.volume.is_started() => start(daemon, stored).await,
        Some(stored) => end(daemon, &stored).await,
        None => {}
    }
}

/// A brick has signed in: ends it when its volume is not started. Such a brick was on its way up when the daemon that
/// wanted it ended.
pub async fn newcomer(daemon: Arc<Daemon>, path: String) {
    let Some(name) = not_started(&daemon, &path) else { return };
    for _ in 0..PATIENCE.as_secs() {
        // Who starts the volume right now has its lock, and the volume is started when it is given back.
        rt::sleep(Duration::from_secs(1)).await;
        let lock = daemon.locks.take(&Target::Volume(name.clone()), daemon.config.lock_timer);
        let Ok(_lock) = lock else { continue };
        if let Some(stored) = daemon.volume(&name).filter(|stored| !stored.volume.is_started()) {
            end(&daemon, &stored).await;
        }
        return;
    }
}

/// How long an operation may take whose brick has signed in.
const PATIENCE: Duration = Duration::from_secs(300);

/// The volume of a brick of this node, if it is not started.
fn not_started(daemon: &Daemon, path: &str) -> Option<String> {
    let state = daemon.state();
    let is_ours = |brick: &Brick| brick.node == daemon.node && brick.path == path;
    let stored = state.volumes.values().find(|stored| stored.volume.bricks.iter().any(is_ours))?;
    (!stored.volume.is_started()).then(|| stored.volume.name.clone())
}

async fn start(daemon: &Daemon, mut stored: StoredVolume) {
    let before = stored.volume.clone();
    let own = before.bricks.iter().enumerate().filter(|(_, brick)| brick.node == daemon.node);
    let starts = own.map(|(at, brick)| {
        let able = crate::bricks::check::check_start(&before, brick).map_err(|error| error.to_string());
        let order = daemon.order(&before, brick);
        async move {
            let started = match able {
                Ok(()) => daemon.bricks.start(order).await.map_err(|fault| fault.to_string()),
                Err(why) => Err(why),
            };
            (at, started)
        }
    });
    for (at, started) in join_all(starts).await {
        match started {
            Ok(port) => stored.volume.bricks[at].port = port,
            Err(why) => {
                log!(Error, "brick does not start", volume = before.name, why = why);
            }
        }
    }
    if stored.volume == before {
        return;
    }
    // Ports alone have changed, which peers do not count as a change.
    if let Err(error) = daemon.store_uncounted(stored) {
        log!(Error, "ports of bricks cannot be stored", volume = before.name, why = error);
    }
}

async fn end(daemon: &Daemon, stored: &StoredVolume) {
    let name = &stored.volume.name;
    let left = stored
        .volume
        .bricks
        .iter()
        .filter(|brick| brick.node == daemon.node && daemon.bricks.standing(name, brick).is_online());
    for brick in left {
        log!(Warn, "brick of a volume that is not started is ended", volume = name, brick = brick.path);
        if let Err(fault) = daemon.bricks.stop(name, brick).await {
            log!(Error, "brick does not stop", volume = name, why = fault);
        }
    }
}
