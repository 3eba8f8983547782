//! Volfile generation: a volume becomes typed graphs, the graphs become text.
//!
//! * [`graph`]: translators, their options and children
//! * [`settings`]: what is set, or stands unless it is set
//! * [`brick`], [`client`], [`gfproxy`], [`rebalance`], [`self_heal`]: one kind of graph each
//! * [`quotad`]: that of the quota daemon, in which all volumes stand
//! * [`bitrot`]: those of the processes of bit-rot detection
//! * `user`: translators that the operator adds
//! * [`files`]: all volfiles of a volume, by name

pub mod bitrot;
mod brick;
mod client;
mod cluster;
pub mod files;
mod gfproxy;
pub mod graph;
pub mod quotad;
mod rebalance;
mod self_heal;
mod settings;
mod user;

pub use files::{generate, names_given_twice};
pub use graph::{VolGraph, Xlator};
