//! The client graph: what a mount runs.

use super::cluster::{self, Trust};
use super::graph::{VolGraph, Xlator};
use super::settings::Settings;
use crate::options::words::parse_size;
use crate::user_xlators::places::Side;
use crate::volume::Volume;

/// The graph of a mount.
pub(super) fn graph(volume: &Volume, settings: &Settings<'_>, trust: Trust) -> VolGraph {
    stacked(volume, settings, trust, &volume.name, PERFORMANCE)
}

/// A client graph over all bricks, with these performance translators and a top of that name.
pub(super) fn stacked(
    volume: &Volume,
    settings: &Settings<'_>,
    trust: Trust,
    top: &str,
    performance: &[&str],
) -> VolGraph {
    let mut graph = VolGraph::default();
    let clients = cluster::clients(&mut graph, volume, settings, trust);
    let sets = cluster::sets(&mut graph, volume, clients);
    let children = parallel_readdir(&mut graph, volume, settings, sets);
    cluster::distribute(&mut graph, volume, settings, children);
    user_over(&mut graph, volume, settings, "distribute");
    features(&mut graph, volume, settings);
    stack_performance(&mut graph, volume, settings, performance);
    finish(&mut graph, volume, settings, trust, top);
    graph
}

/// The performance translators a mount may have, bottom to top.
const PERFORMANCE: &[&str] = &[
    "performance.write-behind",
    "performance.read-ahead",
    "performance.readdir-ahead",
    "performance.io-cache",
    "performance.open-behind",
    "performance.quick-read",
    "performance.nl-cache",
    "performance.stat-prefetch",
    "performance.client-io-threads",
];

/// With parallel readdir, each of distribute's children reads ahead by itself.
pub(super) fn parallel_readdir(
    graph: &mut VolGraph,
    volume: &Volume,
    settings: &Settings<'_>,
    sets: Vec<String>,
) -> Vec<String> {
    if !settings.is_on("performance.parallel-readdir") {
        return sets;
    }
    let over = |(n, child): (usize, String)| {
        let name = format!("{}-readdir-ahead-{n}", volume.name);
        graph
            .add("performance/readdir-ahead", name.as_str(), vec![child])
            .set("performance.readdir-ahead", "on");
        name
    };
    sets.into_iter().enumerate().map(over).collect()
}

/// Those that read ahead side by side share what one would have.
pub(super) fn share_readdir_cache(graph: &mut VolGraph, settings: &Settings<'_>) {
    if !settings.is_on("performance.parallel-readdir") || !settings.is_on("performance.readdir-ahead") {
        return;
    }
    let sharers = graph.of_kind_mut("performance/readdir-ahead").count() as u64;
    let limit = settings.value("performance.rda-cache-limit").and_then(parse_size);
    if let Some(share) = limit.and_then(|limit| limit.checked_div(sharers)) {
        for xlator in graph.of_kind_mut("performance/readdir-ahead") {
            xlator.set("rda-cache-limit", format!("{share}B"));
        }
    }
}

/// Translators between distribute and the performance ones.
pub(super) fn features(graph: &mut VolGraph, volume: &Volume, settings: &Settings<'_>) {
    for (option, short) in FEATURES {
        if settings.is_on(option) {
            let xlator = graph.stack(&format!("features/{short}"), format!("{}-{short}", volume.name));
            if short == "cdc" {
                xlator.set("mode", "client");
            }
        }
        user_over(graph, volume, settings, short);
    }
}

/// What switches each of them on, bottom to top.
const FEATURES: [(&str, &str); 4] = [
    ("features.cloudsync", "cloudsync"),
    ("features.shard", "shard"),
    ("features.ctime", "utime"),
    ("network.compression", "cdc"),
];

fn user_over(graph: &mut VolGraph, volume: &Volume, settings: &Settings<'_>, place: &str) {
    super::user::over(graph, volume, settings, Side::Client, place);
}

/// Stacks those of the performance translators that are on.
pub(super) fn stack_performance(
    graph: &mut VolGraph,
    volume: &Volume,
    settings: &Settings<'_>,
    performance: &[&str],
) {
    for name in PERFORMANCE {
        let parallel = *name == "performance.readdir-ahead" && settings.is_on("performance.parallel-readdir");
        let option = crate::options::find(name).expect("every switch is in the table");
        let short = option.xlator.rsplit('/').next().unwrap_or(option.xlator);
        if performance.contains(name) && settings.is_on(name) && !parallel {
            let xlator = graph.stack(option.xlator, format!("{}-{short}", volume.name));
            if short == "open-behind" && settings.is_on("server.root-squash") {
                // A file opened late would be read as another user.
                xlator.set("read-after-open", "yes");
            }
        }
        user_over(graph, volume, settings, short);
    }
}

/// Snapshots, debugging and the top; then every option of the table.
pub(super) fn finish(
    graph: &mut VolGraph,
    volume: &Volume,
    settings: &Settings<'_>,
    trust: Trust,
    top: &str,
) {
    if settings.is_on("features.uss") {
        snapshots(graph, volume, settings, trust);
    }
    debug_over(graph, settings, &volume.name, "client");
    log_options(graph.stack("debug/io-stats", top), settings, "client");
    // Whoever mounts does not know who resolves groups: the bricks' setting decides.
    let groups = if settings.is_on("server.manage-gids") { "false" } else { "true" };
    settings.apply_with(graph, |name| (name == "client.send-gids").then_some(groups));
    share_readdir_cache(graph, settings);
}

fn snapshots(graph: &mut VolGraph, volume: &Volume, settings: &Settings<'_>, trust: Trust) {
    let (name, below) = (&volume.name, graph.top().map(str::to_owned));
    let daemon = format!("{name}-snapd-client");
    let client = graph.add("protocol/client", daemon.as_str(), Vec::new());
    cluster::connection(client, volume, settings, trust, None, &format!("snapd-{name}"));
    let children = below.into_iter().chain([daemon]).collect();
    graph.add("features/snapview-client", format!("{name}-snapview-client"), children);
}

/// Options of an io-stats top that the process takes its log settings from; `side` is `client` or `brick`.
pub(super) fn log_options(stats: &mut Xlator, settings: &Settings<'_>, side: &str) {
    let diagnostics = |what: &str| settings.set(&format!("diagnostics.{side}-{what}"));
    stats
        .set("log-level", diagnostics("log-level").unwrap_or("INFO"))
        .set_some("sys-log-level", diagnostics("sys-log-level"))
        .set_some("logger", diagnostics("logger"))
        .set_some("log-format", diagnostics("log-format"))
        .set_some("log-buf-size", diagnostics("log-buf-size"))
        .set_some("log-flush-timeout", diagnostics("log-flush-timeout"))
        .set("threads", settings.value(&format!("config.{side}-threads")).unwrap_or("16"));
}

/// TLS settings of a transport.
pub(super) fn tls_options(xlator: &mut Xlator, settings: &Settings<'_>) {
    for (name, key) in TLS {
        xlator.set_some(&format!("transport.socket.{key}"), settings.set(name));
    }
}

const TLS: [(&str, &str); 8] = [
    ("ssl.own-cert", "ssl-own-cert"),
    ("ssl.private-key", "ssl-private-key"),
    ("ssl.ca-list", "ssl-ca-list"),
    ("ssl.crl-path", "ssl-crl-path"),
    ("ssl.certificate-depth", "ssl-cert-depth"),
    ("ssl.cipher-list", "ssl-cipher-list"),
    ("ssl.dh-param", "ssl-dh-param"),
    ("ssl.ec-curve", "ssl-ec-curve"),
];

/// Stacks the debug translators whose option names the translator below, by its short name.
pub(super) fn debug_over(graph: &mut VolGraph, settings: &Settings<'_>, volume: &str, short: &str) {
    for (option, kind) in
        [("debug.trace", "trace"), ("debug.error-gen", "error-gen"), ("debug.delay-gen", "delay-gen")]
    {
        if settings.set(option) == Some(short) {
            graph.stack(&format!("debug/{kind}"), format!("{volume}-{kind}"));
        }
    }
}
