//! The options: the incumbent's names and defaults, and what became of them.

use std::path::PathBuf;
use std::time::Duration;

use plugin_api::options::Options;
use plugin_api::{InitCx, InitError};

/// The most bytes that one READ or WRITE carries.
pub(crate) const LARGEST: u32 = 1024 * 1024;
/// So many readers at most where nobody says how many.
const READERS: usize = 4;

/// All options. Most are set by the host, from its command line.
pub(crate) fn declared() -> Options {
    caching(Options::new())
        .path("mountpoint", "where to mount")
        .required()
        .text("fsname", "what the list of mounts shows as the device")
        .default_value("glusterfs")
        .text("subdir-mount", "the folder of the volume that is mounted: its bricks show it as their root")
        .bool("read-only", "refuse every change")
        .default_value("off")
        .bool("acl", "access is judged by ACLs, by a translator below")
        .default_value("off")
        .bool("selinux", "serve SELinux labels")
        .default_value("off")
        .bool("capability", "serve file capabilities")
        .default_value("off")
        .bool("enable-ino32", "show 32-bit inode numbers")
        .default_value("off")
        .text("dump-fuse", "a new file in which the traffic with the kernel is recorded")
        .text("fuse-mountopts", "mount options for the kernel, with commas")
        .int("reader-thread-count", "threads that read requests; one for each core, up to 4, without it")
        .range(1.0, 64.0)
        .int("background-qlen", "requests in the background that the kernel may send")
        .default_value("64")
        .range(16.0, 65_535.0)
        .int(
            "congestion-threshold",
            "requests in the background from which the kernel holds back; 75 % without it",
        )
        .range(12.0, 65_535.0)
        .int("attr-times-granularity", "nanoseconds that file times are multiples of; 0 for 1")
        .default_value("0")
        .range(0.0, 1_000_000_000.0)
        .int("gid-timeout", "seconds for which a caller's groups are kept; -1 sends no groups")
        .default_value("300")
        .range(-1.0, 2_147_483_647.0)
        .bool("resolve-gids", "take the groups that this machine knows a user by, not those of the process")
        .default_value("off")
        .bool("no-root-squash", "act as a client whom root squashing does not touch")
        .default_value("off")
        .int(
            "lru-limit",
            "nodes from which the kernel is told to forget those that nobody uses; 0 for no limit",
        )
        .default_value("65536")
        .range(0.0, 4_294_967_295.0)
        .int("invalidate-limit", "names that it is told of at once for that; 0 for no limit")
        .default_value("0")
        .range(0.0, 4_294_967_295.0)
        .bool("event-history", "accepted and not used")
        .default_value("off")
        .bool("flush-handle-interrupt", "accepted and not used")
        .default_value("off")
        .int("fuse-dev-eperm-ratelimit-ns", "accepted and not used")
        .default_value("10000000")
}

fn caching(options: Options) -> Options {
    options
        .double("attribute-timeout", "seconds for which the kernel may keep attributes")
        .default_value("1")
        .range(0.0, 4_294_967_295.0)
        .double("entry-timeout", "seconds for which the kernel may keep names")
        .default_value("1")
        .range(0.0, 4_294_967_295.0)
        .double("negative-timeout", "seconds for which the kernel may keep the absence of names")
        .default_value("0")
        .range(0.0, 4_294_967_295.0)
        .bool("fopen-keep-cache", "keep cached pages when a file is opened")
        .default_value("on")
        .choice("direct-io-mode", &["on", "off", "auto"], "bypass the page cache")
        .default_value("auto")
        .bool("use-readdirp", "read folders together with attributes")
        .default_value("on")
        .bool("auto-invalidation", "let the kernel drop pages by what it sees of times and sizes")
        .default_value("off")
        .bool("kernel-writeback-cache", "let the kernel collect writes")
        .default_value("off")
}

/// What the options say.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) point: PathBuf,
    pub(crate) fsname: String,
    pub(crate) read_only: bool,
    pub(crate) acl: bool,
    pub(crate) selinux: bool,
    pub(crate) capability: bool,
    pub(crate) ino32: bool,
    pub(crate) mount_options: String,
    pub(crate) readers: usize,
    pub(crate) background: u16,
    pub(crate) congestion: u16,
    pub(crate) granularity: u32,
    pub(crate) attribute_timeout: Duration,
    pub(crate) entry_timeout: Duration,
    pub(crate) negative_timeout: Duration,
    pub(crate) keep_cache: bool,
    pub(crate) direct_io: bool,
    pub(crate) readdirp: bool,
    pub(crate) auto_invalidation: bool,
    pub(crate) writeback: bool,
    /// For how long groups are kept; none are sent without.
    pub(crate) groups: Option<Duration>,
    pub(crate) resolve_gids: bool,
    /// Nodes that the kernel is to know at most, and names that it is told of at once; 0 for no limit.
    pub(crate) lru_limit: usize,
    pub(crate) invalidate_limit: usize,
    /// Where the traffic with the kernel is recorded.
    pub(crate) dump: Option<PathBuf>,
    /// The process number that stands for every caller.
    pub(crate) pid: Option<i32>,
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// A sentence about the option that is wrong.
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let background = number(cx, "background-qlen")?;
        let congestion = match cx.find("congestion-threshold") {
            Some(_) => number(cx, "congestion-threshold")?,
            None => background / 4 * 3,
        };
        let readers = match cx.find("reader-thread-count") {
            Some(_) => usize::from(number(cx, "reader-thread-count")?),
            None => std::thread::available_parallelism().map_or(1, usize::from).clamp(1, READERS),
        };
        let no_root_squash = cx.bool("no-root-squash")?.then_some(-4);
        Ok(Self {
            point: cx.text("mountpoint")?.into(),
            fsname: cx.text("fsname")?.to_owned(),
            read_only: cx.bool("read-only")?,
            acl: cx.bool("acl")?,
            selinux: cx.bool("selinux")?,
            capability: cx.bool("capability")?,
            ino32: cx.bool("enable-ino32")?,
            mount_options: cx.find("fuse-mountopts").unwrap_or_default().to_owned(),
            readers,
            background,
            congestion: congestion.min(background),
            granularity: u32::try_from(cx.int("attr-times-granularity")?.max(1)).unwrap_or(1),
            attribute_timeout: seconds(cx, "attribute-timeout")?,
            entry_timeout: seconds(cx, "entry-timeout")?,
            negative_timeout: seconds(cx, "negative-timeout")?,
            keep_cache: cx.bool("fopen-keep-cache")?,
            direct_io: cx.text("direct-io-mode")?.eq_ignore_ascii_case("on"),
            readdirp: cx.bool("use-readdirp")?,
            auto_invalidation: cx.bool("auto-invalidation")?,
            writeback: cx.bool("kernel-writeback-cache")?,
            groups: u64::try_from(cx.int("gid-timeout")?).ok().map(Duration::from_secs),
            resolve_gids: cx.bool("resolve-gids")?,
            lru_limit: usize::try_from(cx.int("lru-limit")?).unwrap_or(0),
            invalidate_limit: usize::try_from(cx.int("invalidate-limit")?).unwrap_or(0),
            dump: cx.find("dump-fuse").map(PathBuf::from),
            pid: cx.setting("client-pid").parse().ok().or(no_root_squash),
        })
    }
}

fn number(cx: &InitCx<'_>, key: &str) -> Result<u16, InitError> {
    let number = cx.int(key)?;
    u16::try_from(number).map_err(|_| InitError(format!("option `{key}` is {number}, expected 0 to 65535")))
}

fn seconds(cx: &InitCx<'_>, key: &str) -> Result<Duration, InitError> {
    let text = cx.text(key)?;
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| InitError(format!("option `{key}` is `{text}`, expected seconds such as 1 or 0.5")))
}
