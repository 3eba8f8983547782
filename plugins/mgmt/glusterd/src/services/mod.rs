//! Services: processes beside the bricks, clients of the volumes they serve.
//!
//! * [`service`]: what such a process is: its command line, pid file and socket
//! * [`runner`]: who runs them; [`processes`]: as processes of this machine
//! * [`self_heal`]: one for all volumes that heal
//! * [`rebalance`]: one for each volume whose files move
//! * [`mount`]: a volume mounted for a moment

pub mod mount;
pub mod processes;
pub mod rebalance;
pub mod runner;
pub mod self_heal;
pub mod service;
