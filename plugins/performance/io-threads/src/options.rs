//! The options of `performance/io-threads`.

use plugin_api::options::Options;

/// What the translator declares.
pub fn declare() -> Options {
    let threads = |options: Options, key, help| {
        options.int(key, help).range(1.0, 64.0).default_value("16").reconfigurable()
    };
    let options =
        threads(Options::new(), "thread-count", "fops that may block at once, all priorities together");
    let options =
        threads(options, "high-prio-threads", "of these, with high priority: lookups, stats, opens");
    let options =
        threads(options, "normal-prio-threads", "of these, with normal priority: changes of names and locks");
    let options = threads(options, "low-prio-threads", "of these, with low priority: reads, writes, syncs");
    options
        .int("least-prio-threads", "of these, with least priority: the cluster's own work")
        .range(1.0, 64.0)
        .default_value("1")
        .reconfigurable()
        .bool("enable-least-priority", "give the cluster's own work least priority")
        .default_value("on")
        .reconfigurable()
        .int("idle-time", "seconds an unused thread is kept; the host's own pool decides here")
        .range(1.0, f64::from(i32::MAX))
        .default_value("120")
        .int("watchdog-secs", "seconds after which a queue that does not move is logged; 0 never")
        .reconfigurable()
        .bool("cleanup-disconnected-reqs", "drop queued fops of clients that are gone")
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "run every fop where it arrives")
        .default_value("false")
        .reconfigurable()
}
