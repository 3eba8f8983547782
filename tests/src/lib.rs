//! Harness: starts hosts in private places and waits for conditions.
//!
//! - [`built`]: what cargo has built beside the test: the host, plugins, plugins with faults
//! - [`builds`]: other builds of one plugin, as if its source had changed
//! - [`stack`]: which programs are under test, and which are the incumbent's
//! - [`sandbox`]: namespaces of their own for a daemon, its bricks and its clients
//! - [`process`]: a program run to its end or its time limit; what runs inside a sandbox
//! - [`cluster`]: one daemon in a sandbox, its CLI and its mounts
//! - [`rpc`]: ONC RPC by hand, so that a test can also speak it wrongly
//! - [`newcomer`]: a translator from an empty folder to a library, each step timed
//! - [`pattern`]: a text compared with what the incumbent prints, but for ports, pids and uuids
//! - [`quiet`]: a graph's hooks, where it has nothing to tell
//! - [`tool`]: a program that a test drives and that need not be there
//! - [`wait`]: a condition awaited until a deadline

#![forbid(unsafe_code)]

pub mod builds;
pub mod built;
pub mod cluster;
pub mod meddler;
pub mod newcomer;
pub mod pattern;
pub mod process;
pub mod quiet;
pub mod rpc;
pub mod sandbox;
pub mod stack;
pub mod tool;
pub mod wait;
