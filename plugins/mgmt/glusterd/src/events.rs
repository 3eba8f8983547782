//! What happens to bricks and services, told as events on this node. What an operator does, the CLI tells.

use crate::daemon::Daemon;
use crate::volume::Volume;
use gluster_events::Event;
use plugin_api::log;

/// Tells what happened to the brick with this path. The end of one whose volume is not started is nobody's news; one that
/// comes may be ahead of its volume.
pub fn of_brick(daemon: &Daemon, path: &str, event: Event) {
    let concerned = |volume: &&Volume| event != Event::BrickDisconnected || volume.is_started();
    let details = {
        let state = daemon.state();
        let volumes = state.volumes.values().map(|stored| &stored.volume).filter(concerned);
        let mut bricks = volumes.flat_map(|volume| volume.bricks.iter().map(move |brick| (volume, brick)));
        let found = bricks.find(|(_, brick)| brick.node == daemon.node && brick.path == path);
        found.map(|(volume, brick)| format!("peer={};volume={};brick={path}", brick.host, volume.name))
    };
    if let Some(details) = details {
        tell(event, &details);
    }
}

/// Tells what happened to a service.
pub fn of_service(name: &str, event: Event) {
    tell(event, &format!("svc_name={name}"));
}

fn tell(event: Event, details: &str) {
    if let Err(error) = gluster_events::send(event, details) {
        log!(Debug, "event not sent", event = format!("{event:?}"), why = error);
    }
}
