//! The counters as JSON in a file of their own, every few seconds: `diagnostics.stats-dump-interval`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use plugin_api::{log, rt};
use tokio::sync::watch;

use crate::counters::{FopSums, SIZES, Sums};
use crate::opens::{Numbers, Opens};
use crate::profile::{Profile, Report};

/// Where the incumbent's tools look for dumps.
const FOLDER: &str = "/var/lib/glusterd/stats";

/// Filling with zeros takes as long as the range is large, so one of the means leaves it out.
const ZEROFILL: usize = 48;

/// By the fop's number in the counters; numbers that have none here were never a fop of a brick.
const NAMES: [&str; crate::counters::FOPS] = [
    "null",
    "stat",
    "readlink",
    "mknod",
    "mkdir",
    "unlink",
    "rmdir",
    "symlink",
    "rename",
    "link",
    "truncate",
    "open",
    "read",
    "write",
    "statfs",
    "flush",
    "fsync",
    "setxattr",
    "getxattr",
    "removexattr",
    "opendir",
    "fsyncdir",
    "access",
    "create",
    "ftruncate",
    "fstat",
    "lk",
    "lookup",
    "readdir",
    "inodelk",
    "finodelk",
    "entrylk",
    "fentrylk",
    "xattrop",
    "fxattrop",
    "fgetxattr",
    "fsetxattr",
    "rchecksum",
    "setattr",
    "fsetattr",
    "readdirp",
    "forget",
    "release",
    "releasedir",
    "getspec",
    "fremovexattr",
    "fallocate",
    "discard",
    "zerofill",
    "ipc",
    "seek",
    "lease",
    "compound",
    "getactivelk",
    "setactivelk",
    "put",
    "icreate",
    "namelink",
    "copy_file_range",
];

/// Dumps until it is dropped.
#[derive(Debug)]
pub(crate) struct Dumper {
    every: Duration,
    _running: watch::Sender<()>,
}

/// What is dumped, and where to.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) profile: Arc<Profile>,
    pub(crate) opens: Arc<Opens>,
    pub(crate) brick: PathBuf,
}

impl Dumper {
    /// Starts to dump `source` every so often.
    pub(crate) fn start(every: Duration, source: Source) -> Self {
        let (running, mut ended) = watch::channel(());
        rt::spawn(async move {
            let source = Arc::new(source);
            while rt::timeout(every, ended.changed()).await.is_none() {
                let source = Arc::clone(&source);
                let written = rt::offload(async move { source.write(Path::new(FOLDER)) }).await;
                if let Some(Err(error)) = written {
                    log!(Warn, "counters were not dumped", folder = FOLDER, why = error);
                }
            }
        });
        Self { every, _running: running }
    }

    /// How often it dumps.
    pub(crate) fn every(&self) -> Duration {
        self.every
    }
}

impl Source {
    /// Writes the dump; whoever reads meanwhile sees the one before. The running interval ends.
    fn write(&self, folder: &Path) -> io::Result<()> {
        let now = Instant::now();
        let all = self.profile.cumulative(now);
        let interval = self.profile.interval(now, false);
        let brick = self.brick.to_string_lossy().replace('/', "_");
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}_{brick}.dump", program()));
        let fresh = path.with_extension("dump.new");
        fs::write(&fresh, text(&brick, &all, &interval, self.opens.numbers()))?;
        fs::rename(fresh, path)
    }
}

/// The name this process was started by, which names its dumps.
fn program() -> String {
    let name = env::args_os().next().map(PathBuf::from);
    name.as_deref()
        .and_then(Path::file_name)
        .map_or("glusterfsd".into(), |name| name.to_string_lossy().into())
}

/// Both spans, one object each.
fn text(brick: &str, all: &Report, interval: &Report, opens: Numbers) -> String {
    let mut lines = Lines { prefix: format!("gluster.brick.{brick}.aggr"), text: "{\n".to_owned() };
    lines.blocks(&all.sums, |count| count.to_string(), "");
    lines.add("fds.open_count", opens.current);
    lines.add("fds.max_open_count", opens.most);
    lines.fops(&all.sums, |count| count.to_string(), "count");
    lines.add("uptime", all.duration.as_secs());
    lines.add("bytes_read", all.sums.reads.bytes);
    lines.add("bytes_written", all.sums.writes.bytes);
    lines.next(format!("gluster.brick.{brick}.inter"));
    let seconds = interval.duration.as_secs_f64();
    let rate = |count| format!("{:.2}", per_second(count, seconds));
    lines.blocks(&interval.sums, rate, "_per_sec");
    lines.fops(&interval.sums, rate, "per_sec");
    lines.add("sample_interval_sec", format_args!("{seconds:.2}"));
    lines.add("bytes_read_per_sec", rate(interval.sums.reads.bytes));
    lines.add("bytes_written_per_sec", rate(interval.sums.writes.bytes));
    lines.end()
}

#[derive(Debug)]
struct Lines {
    prefix: String,
    text: String,
}

impl Lines {
    fn add(&mut self, key: &str, value: impl std::fmt::Display) {
        writeln!(self.text, "\"{}.{key}\": {value},", self.prefix).expect("a string takes all");
    }

    fn blocks(&mut self, sums: &Sums, show: impl Fn(u64) -> String, unit: &str) {
        // The incumbent lists no larger blocks than one gibibyte.
        for class in 0..SIZES - 1 {
            let size = match class {
                0..10 => format!("{}b", 1 << class),
                10..20 => format!("{}kb", 1 << (class - 10)),
                _ => format!("{}mb", 1 << (class - 20)),
            };
            self.add(&format!("read_{size}{unit}"), show(sums.reads.sizes[class]));
            self.add(&format!("write_{size}{unit}"), show(sums.writes.sizes[class]));
        }
    }

    fn fops(&mut self, sums: &Sums, show: impl Fn(u64) -> String, unit: &str) {
        for (name, fop) in NAMES.iter().zip(&sums.fops) {
            self.add(&format!("fop.{name}.{unit}"), show(fop.hits));
            let min = if fop.timed == 0 { 0 } else { fop.min };
            for (which, value) in
                [("ave", fop.mean().unwrap_or(0.0)), ("min", as_float(min)), ("max", as_float(fop.max))]
            {
                self.add(&format!("fop.{name}.latency_{which}_usec"), format_args!("{value:.2}"));
            }
        }
        let but = |left_out| sums.fops.iter().enumerate().filter(move |(at, _)| Some(*at) != left_out);
        let weighted = |left_out| weighted(but(left_out).map(|(_, fop)| fop));
        self.add("fop.weighted_latency_ave_usec_nozerofill", format_args!("{:.4}", weighted(Some(ZEROFILL))));
        self.add("fop.weighted_latency_ave_usec", format_args!("{:.4}", weighted(None)));
        self.add("fop.weighted_fop_count", sums.fops.iter().map(|fop| fop.hits).sum::<u64>());
        self.add("fop.unweighted_latency_ave_usec", format_args!("{:.4}", unweighted(&sums.fops)));
        self.add(&format!("fop.upcall.{unit}"), show(sums.upcalls[1]));
        self.add(&format!("fop.lease_recall.{unit}"), show(sums.upcalls[2]));
    }

    /// Ends an object and begins another.
    fn next(&mut self, prefix: String) {
        self.close();
        self.text.push_str("{\n");
        self.prefix = prefix;
    }

    fn end(mut self) -> String {
        self.close();
        self.text
    }

    fn close(&mut self) {
        // The last member has no comma.
        self.text.truncate(self.text.len() - 2);
        self.text.push_str("\n}\n");
    }
}

/// The mean over all calls.
fn weighted<'a>(fops: impl Iterator<Item = &'a FopSums>) -> f64 {
    let (total, timed) = fops.fold((0, 0), |(total, timed), fop| (total + fop.total, timed + fop.timed));
    ratio(as_float(total), timed)
}

/// The mean of the fops' means, however often each was called.
fn unweighted(fops: &[FopSums]) -> f64 {
    let means: Vec<f64> = fops.iter().filter_map(FopSums::mean).collect();
    ratio(means.iter().sum(), means.len() as u64)
}

fn ratio(total: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { total / as_float(count) }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { as_float(count) / seconds } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "numbers shown to people")]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let profile = Arc::new(Profile::new(Instant::now()));
        Source { profile, opens: Arc::default(), brick: "/d/b1".into() }
    }

    fn dump(source: &Source) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        source.write(&folder.path().join("stats")).unwrap();
        let files: Vec<_> =
            fs::read_dir(folder.path().join("stats")).unwrap().map(|f| f.unwrap().path()).collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].to_str().unwrap().ends_with("__d_b1.dump"), "{files:?}");
        let text = fs::read_to_string(&files[0]).unwrap();
        (folder, text)
    }

    #[test]
    fn a_dump_has_the_totals_and_the_interval_that_it_ends() {
        let source = source();
        let counters = &source.profile.counters;
        counters.fop(27, Some(1000));
        counters.fop(27, Some(3000));
        counters.fop(ZEROFILL, Some(8000));
        counters.write(4096);
        let (_folder, first) = dump(&source);
        let has = |line: &str| {
            assert!(first.contains(&format!("\"gluster.brick._d_b1.{line}\n")), "{line}\n{first}")
        };
        has("aggr.fop.lookup.count\": 2,");
        has("aggr.fop.lookup.latency_ave_usec\": 2000.00,");
        has("inter.fop.lookup.latency_min_usec\": 1000.00,");
        has("inter.fop.weighted_latency_ave_usec\": 4000.0000,");
        has("inter.fop.weighted_latency_ave_usec_nozerofill\": 2000.0000,");
        has("inter.fop.unweighted_latency_ave_usec\": 5000.0000,");
        has("inter.fop.weighted_fop_count\": 3,");
        has("aggr.write_4kb\": 1,");
        has("aggr.bytes_written\": 4096");
        let (_folder, second) = dump(&source);
        assert!(second.contains("aggr.fop.lookup.count\": 2,"));
        assert!(second.contains("inter.fop.weighted_latency_ave_usec\": 0.0000,"), "the interval was ended");
    }

    #[test]
    fn each_object_is_one_of_json() {
        let (_folder, text) = dump(&source());
        let objects: Vec<&str> = text.split_inclusive("}\n").collect();
        assert_eq!(objects.len(), 2);
        for object in objects {
            let inside = object.strip_prefix("{\n").unwrap().strip_suffix("\n}\n").unwrap();
            let lines: Vec<&str> = inside.split(",\n").collect();
            assert!(lines.len() > 250);
            for line in lines {
                let (key, value) = line.split_once(": ").unwrap();
                assert!(key.starts_with('"') && key.ends_with('"') && value.parse::<f64>().is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn names_stand_at_their_fops_numbers() {
        for (code, name) in
            [(12, "read"), (27, "lookup"), (42, "release"), (ZEROFILL, "zerofill"), (58, "copy_file_range")]
        {
            assert_eq!(NAMES[code], name);
        }
    }
}
