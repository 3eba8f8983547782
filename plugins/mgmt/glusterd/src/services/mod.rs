//! Services: processes beside the bricks, clients of the volumes they serve.
//!
//! * [`service`]: what such a process is: its command line, pid file and socket
//! * [`runner`]: who runs them; [`processes`]: as processes of this machine
//! * [`self_heal`]: one for all volumes that heal
//! * [`rebalance`]: one for each volume whose files move
//! * [`aggregator`]: the quota daemon, one for all volumes with limits; [`quota_walk`]: what is there when they come
//! * [`bitrot`]: signer and scrubber, one each for all volumes with bit-rot detection
//! * [`mount`]: a volume mounted for a moment

pub mod aggregator;
pub mod bitrot;
pub mod mount;
pub mod processes;
pub mod quota_walk;
pub mod rebalance;
pub mod runner;
pub mod self_heal;
pub mod service;
mod walk;

use crate::daemon::Daemon;

/// Makes the services that all volumes share run, and serve, what they are to.
pub async fn settle(daemon: &Daemon) {
    self_heal::settle(daemon).await;
    aggregator::settle(daemon).await;
    bitrot::settle(daemon).await;
}
