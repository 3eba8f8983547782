//! The options of `debug/io-stats`.

use plugin_api::options::Options;

const LEVELS: &[&str] = &["DEBUG", "WARNING", "ERROR", "INFO", "CRITICAL", "NONE", "TRACE"];
const SYS_LEVELS: &[&str] = &["WARNING", "ERROR", "INFO", "CRITICAL"];
const LOGGERS: &[&str] = &["gluster-log", "syslog"];
const FORMATS: &[&str] = &["no-msg-id", "with-msg-id"];

/// What the translator declares.
pub fn declare() -> Options {
    logging(counting(Options::new()))
        .text("unique-id", "the brick's path, which names its dumps")
        .default_value("/no/such/path")
        .text("volume-id", "the volume's id")
        .bool("global-threading", "share one pool of threads between all translators")
        .default_value("off")
        .int("threads", "threads of that pool")
        .int("brick-threads", "threads of that pool, in bricks")
        .range(1.0, 128.0)
        .default_value("16")
        .int("client-threads", "threads of that pool, in clients")
        .range(1.0, 128.0)
        .default_value("16")
}

fn counting(options: Options) -> Options {
    options
        .bool("dump-fd-stats", "log what was read and written through a file when it is closed")
        .default_value("off")
        .reconfigurable()
        .int("ios-dump-interval", "seconds between two dumps of the counters; 0 never")
        .range(0.0, 3600.0)
        .default_value("0")
        .reconfigurable()
        .int("ios-sample-interval", "of how many fops one is sampled; 0 none")
        .range(0.0, 65535.0)
        .default_value("0")
        .reconfigurable()
        .choice("ios-dump-format", &["text", "json", "dict", "samples"], "how counters are dumped")
        .default_value("json")
        .reconfigurable()
        .int("ios-sample-buf-size", "samples kept")
        .range(1024.0, 1_048_576.0)
        .default_value("65535")
        .reconfigurable()
        .int("ios-dnscache-ttl-sec", "seconds a client's name is remembered for samples")
        .range(1.0, 259_200.0)
        .default_value("86400")
        .reconfigurable()
        .bool("latency-measurement", "measure how long each fop takes")
        .default_value("off")
        .reconfigurable()
        .bool("count-fop-hits", "count each fop")
        .default_value("off")
        .reconfigurable()
}

/// The process's logging, which the incumbent sets through this translator. The host reads these.
fn logging(mut options: Options) -> Options {
    for (prefix, level) in [("", None), ("client-", Some("INFO")), ("brick-", Some("INFO"))] {
        let key = |name: &str| format!("{prefix}{name}");
        options = options.choice(&key("log-level"), LEVELS, "lowest level that is logged").reconfigurable();
        if let Some(level) = level {
            options = options.default_value(level);
        }
        options = options.choice(&key("logger"), LOGGERS, "where the log goes").reconfigurable();
        if !prefix.is_empty() {
            options = options.default_value("gluster-log");
        }
        options = options.choice(&key("log-format"), FORMATS, "what a log line holds").reconfigurable();
        if !prefix.is_empty() {
            options = options.default_value("with-msg-id");
        }
        options = options
            .int(&key("log-buf-size"), "log lines held back to find repeated ones; 0 none")
            .range(0.0, 20.0)
            .default_value("5")
            .reconfigurable()
            .time(&key("log-flush-timeout"), "seconds such lines are held back")
            .range(30.0, 300.0)
            .default_value("120")
            .reconfigurable();
    }
    options
        .choice("sys-log-level", SYS_LEVELS, "lowest level that goes to syslog")
        .default_value("CRITICAL")
        .reconfigurable()
}
