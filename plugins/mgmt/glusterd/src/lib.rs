//! `mgmt/glusterd`: keeps volumes, bricks and peers, and answers the CLI and the other nodes about them.
//!
//! * [`volume`] and [`brick`]: what a volume is
//! * [`paths`]: where everything lies on this node
//! * [`store`]: the state folder, in the incumbent's files
//! * [`options`]: every volume option, and what it accepts
//! * [`volgen`]: volumes to volfiles
//! * [`bricks`]: checks on brick folders, and the brick's command line
//! * [`opversion`]: feature levels of the cluster and of volumes
#![forbid(unsafe_code)]

pub mod brick;
pub mod bricks;

pub mod options;
pub mod opversion;
pub mod paths;
pub mod store;
pub mod volgen;
pub mod volume;
