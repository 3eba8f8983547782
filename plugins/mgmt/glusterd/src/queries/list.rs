//! `volume list`: the names of all volumes.

use crate::daemon::Daemon;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

/// Answers `volume list`.
#[must_use]
pub fn answer(daemon: &Daemon) -> CliRsp {
    let names: Vec<String> = daemon.state().volumes.keys().cloned().collect();
    let mut dict = Dict::new();
    for (n, name) in names.iter().enumerate() {
        dict.push(format!("volume{n}"), name.as_str());
    }
    dict.push("count", u64::try_from(names.len()).unwrap_or(u64::MAX));
    CliRsp { dict, ..CliRsp::default() }
}
