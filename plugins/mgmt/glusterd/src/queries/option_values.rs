//! `volume get`: what holds for options, set or not.

use crate::daemon::Daemon;
use crate::ops::{Refusal, Request};
use crate::options::suggest::did_you_mean;
use crate::options::{self, Flags, TABLE, VolumeOption};
use crate::opversion::MAX_OP_VERSION;
use crate::store::cluster_options::ClusterOptions;
use crate::volume::Volume;
use gluster_xdr::cli::CliRsp;
use plugin_api::Dict;

/// The cluster's options as `volume get all all` lists them, with what holds unless they are set.
const CLUSTER: [(&str, &str); 10] = [
    ("cluster.server-quorum-ratio", "51"),
    ("cluster.enable-shared-storage", "disable"),
    ("cluster.op-version", ""),
    ("cluster.max-op-version", ""),
    ("cluster.brick-multiplex", "disable"),
    ("cluster.max-bricks-per-process", "250"),
    ("glusterd.vol_count_per_thread", "100"),
    ("cluster.localtime-logging", "disable"),
    ("cluster.daemon-log-level", "INFO"),
    ("cluster.brick-graceful-cleanup", "disable"),
];

/// Answers `volume get`.
///
/// # Errors
/// There is no such volume or option.
pub fn answer(daemon: &Daemon, request: Dict) -> Result<CliRsp, Refusal> {
    let asked = Request(&request);
    let (name, key) = (asked.volume_name()?, asked.text("key")?.to_owned());
    let (cluster, level) = {
        let state = daemon.state();
        (state.options.clone(), state.node.op_version)
    };
    let pairs = if name == "all" {
        of_cluster(&cluster, level, &key)?
    } else {
        let volume = daemon.volume(&name).map(|stored| stored.volume);
        of_volume(&volume.ok_or_else(|| no_volume(&name))?, &cluster, level, &key)?
    };
    let mut dict = request;
    for (n, (name, value)) in pairs.iter().enumerate() {
        dict.push(format!("key{}", n + 1), name.as_str());
        dict.push(format!("value{}", n + 1), value.as_str());
    }
    dict.push("count", u64::try_from(pairs.len()).unwrap_or(u64::MAX));
    Ok(CliRsp { dict, ..CliRsp::default() })
}

fn no_volume(name: &str) -> Refusal {
    Refusal { errno: 0, ..Refusal::no_volume(name) }
}

type Pairs = Vec<(String, String)>;

fn of_cluster(cluster: &ClusterOptions, level: u32, key: &str) -> Result<Pairs, Refusal> {
    let pair = |name: &str| (name.to_owned(), cluster_value(cluster, level, name));
    if key == "all" {
        return Ok(CLUSTER.iter().map(|(name, _)| pair(name)).collect());
    }
    match options::complete(key) {
        Some(option) if CLUSTER.iter().any(|(name, _)| *name == option.name) => Ok(vec![pair(option.name)]),
        Some(_) => Err(Refusal::at_once("Not a valid option for all volumes")),
        None => Err(unknown(key)),
    }
}

fn unknown(key: &str) -> Refusal {
    Refusal::at_once(did_you_mean(key).unwrap_or_else(|| "there is no such option".to_owned()))
}

fn cluster_value(cluster: &ClusterOptions, level: u32, name: &str) -> String {
    match (name, cluster.values.get(name)) {
        ("cluster.op-version", _) => level.to_string(),
        ("cluster.max-op-version", _) => MAX_OP_VERSION.to_string(),
        (_, Some(value)) => value.to_owned(),
        _ => {
            let standing =
                CLUSTER.iter().find(|(known, _)| *known == name).map_or("(null)", |(_, value)| *value);
            format!("{standing}{DEFAULT}")
        }
    }
}

/// Every option of a volume that is listed, with what holds for it.
#[must_use]
pub fn all_of_volume(daemon: &Daemon, volume: &Volume) -> Vec<(String, String)> {
    let (cluster, level) = {
        let state = daemon.state();
        (state.options.clone(), state.node.op_version)
    };
    of_volume(volume, &cluster, level, "all").unwrap_or_default()
}

fn of_volume(volume: &Volume, cluster: &ClusterOptions, level: u32, key: &str) -> Result<Pairs, Refusal> {
    let pair = |option: &VolumeOption| (option.name.to_owned(), value(volume, cluster, level, option));
    if key == "all" {
        return Ok(TABLE.iter().filter(|option| is_listed(option.name)).map(pair).collect());
    }
    if options::is_free(key) {
        let value = volume.options.get(key).unwrap_or("(null) (DEFAULT)");
        return Ok(vec![(key.to_owned(), value.to_owned())]);
    }
    options::complete(key).map(|option| vec![pair(option)]).ok_or_else(|| unknown(key))
}

fn value(volume: &Volume, cluster: &ClusterOptions, level: u32, option: &VolumeOption) -> String {
    if CLUSTER.iter().any(|(name, _)| *name == option.name) && option.flags.has(Flags::CLUSTER) {
        // Beside a volume's options, the cluster's are shown without saying whether they are set.
        return cluster_value(cluster, level, option.name).trim_end_matches(DEFAULT).to_owned();
    }
    match (volume.options.get(option.name).or(option.value), option.name) {
        (Some(value), _) => value.to_owned(),
        (None, "diagnostics.brick-log-level" | "diagnostics.client-log-level") => "INFO".to_owned(),
        (None, "performance.cache-priority" | "performance.xattr-cache-list" | "delay-gen.enable") => {
            DEFAULT.to_owned()
        }
        _ => format!("{}{DEFAULT}", option.default.unwrap_or("(null)")),
    }
}

/// Behind a value that nobody has set.
const DEFAULT: &str = " (DEFAULT)";

/// Options that can be set and asked for, but have no line when all are listed: no translator declares them.
fn is_listed(name: &str) -> bool {
    const UNLISTED: [&str; 13] = [
        "cluster.nufa",
        "cluster.switch",
        "cluster.strict-readdir",
        "cluster.readdir-failover",
        "client.own-thread",
        "client.ta-brick-port",
        "features.limit-usage",
        "storage.xattr-user-namespace-mode",
        "config.memory-accounting",
        "config.transport",
        "cluster.op-version",
        "cluster.max-op-version",
        "cluster.localtime-logging",
    ];
    let is_of_nfs = name.starts_with("nfs.") && name != "nfs.disable";
    !is_of_nfs && !name.starts_with("features.s3plugin-") && !UNLISTED.contains(&name)
}
