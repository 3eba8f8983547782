//! The host: reads a volfile, opens its translators, serves the graph.
//!
//! - [`globals`], [`ctx`], [`settings`], [`install`]: the process, what it was asked to do, where things lie
//! - [`cmdline`]: the command line
//! - [`loader`]: plugins: search, open, check
//! - [`services`]: what plugins get from the host
//! - [`logging`]: log lines, ours and the plugins'
//! - [`process`]: leaving the terminal, pid file, limits, signals
//! - [`mount`]: what a client does before it leaves the terminal
//! - [`volfile`]: the text: grammar, AST, check
//! - [`graph`]: from the volfile's plan to translators that serve
//! - [`isolate`]: a translator in a process of its own
//! - [`rpc`]: the host's own calls: volfile, port map, brick operations
//! - [`volumes`]: volfile and graph put together, and kept up to date
//! - [`dispatch`]: the time between start and signal
//! - [`report`], [`tools`], [`suggest`]: the edge to people
//! - [`glob`]: shell patterns
pub mod cmdline;
pub mod ctx;
pub mod dispatch;
pub mod glob;
pub mod globals;
pub mod graph;
pub mod install;
pub mod isolate;
pub mod loader;
pub mod logging;
pub mod mount;
pub mod process;
pub mod report;
pub mod rpc;
pub mod services;
pub mod settings;
pub mod suggest;
pub mod tools;
pub mod volfile;
pub mod volumes;
