//! The incumbent judges us: its CLI and its client drive the daemon and bricks under test.
//!
//! `MORTAR_STACK_SERVER` and `MORTAR_STACK_CLIENT` name the two sides (a folder, or `system` for Debian's programs);
//! by default the stage serves and Debian's programs drive. With `system` on both sides the incumbent is asked to
//! pass its own examination, which is how a test here is known to be right.

#![forbid(unsafe_code)]

mod bitrot;
mod brick_changes;
mod cli;
mod cli_both;
mod events;
mod faults;
mod fsx;
mod gfapi;
mod graph_switch;
mod heal;
mod health;
mod hostile;
mod hostile_brick;
mod isolate;
mod locks;
mod meta;
mod mixed;
mod mount;
mod mount_fuse;
mod mount_helper;
mod multiplex;
mod own_client;
mod pjdfstest;
mod programs;
mod protocol_client;
mod quota;
mod rebalance;
mod reload;
mod restart;
mod services;
mod shard;
mod small_programs;
mod start;
mod state;
mod user_xlator;
