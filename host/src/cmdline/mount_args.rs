//! The options of a mount, and how they become options of `mount/fuse`.
use std::path::PathBuf;

use clap::Args;

use super::values::{on_off, on_off_auto, seconds};

/// The mount point and the options of `mount/fuse`, under the incumbent's names.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mount options")]
pub(super) struct MountArgs {
    /// Where to mount
    #[arg(value_name = "MOUNT-POINT")]
    pub mount_point: Option<PathBuf>,
    /// Mount read-only
    #[arg(long)]
    pub read_only: bool,
    /// Serve SELinux labels
    #[arg(long)]
    pub selinux: bool,
    /// Serve file capabilities
    #[arg(long)]
    pub capability: bool,
    /// Mount a folder of the volume
    #[arg(long, value_name = "SUBDIR-PATH")]
    pub subdir_mount: Option<String>,
    /// Show 32-bit inode numbers
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub enable_ino32: Option<bool>,
    /// Keep cached pages when a file is opened
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub fopen_keep_cache: Option<bool>,
    /// Bypass the page cache: on, off or auto
    #[arg(long, value_name = "BOOL|auto", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off_auto)]
    pub direct_io_mode: Option<String>,
    /// How long the kernel may keep names
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub entry_timeout: Option<String>,
    /// How long the kernel may keep the absence of names
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub negative_timeout: Option<String>,
    /// How long the kernel may keep attributes
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub attribute_timeout: Option<String>,
    /// How long a caller's groups are kept
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub gid_timeout: Option<i32>,
    /// Look up all groups of a caller
    #[arg(long)]
    pub resolve_gids: bool,
    /// Inodes kept before the kernel is asked to forget some
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub lru_limit: Option<i32>,
    /// Invalidations in flight
    #[arg(long, value_name = "N")]
    pub invalidate_limit: Option<u32>,
    /// Length of the kernel's background queue
    #[arg(long, value_name = "N")]
    pub background_qlen: Option<u32>,
    /// Background requests at which the kernel counts the mount as congested
    #[arg(long, value_name = "N")]
    pub congestion_threshold: Option<u32>,
    /// Threads that read requests
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub reader_thread_count: Option<u32>,
    /// Read folders together with attributes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub use_readdirp: Option<bool>,
    /// Let the kernel drop caches by what it sees of times and sizes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub auto_invalidation: Option<bool>,
    /// Keep a history of requests
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub event_history: Option<bool>,
    /// Let the kernel collect writes
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub kernel_writeback_cache: Option<bool>,
    /// Granularity of file times, in nanoseconds
    #[arg(long, value_name = "NS", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub attr_times_granularity: Option<u32>,
    /// Act as a client whom root squashing does not touch
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub no_root_squash: Option<bool>,
    /// Record the traffic with the kernel
    #[arg(long, value_name = "PATH")]
    pub dump_fuse: Option<String>,
    /// Adjustment of this process for the kernel's out-of-memory killer
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    pub oom_score_adj: Option<i32>,
    #[arg(long, hide = true)]
    pub fuse_mountopts: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "on",
          value_parser = on_off)]
    pub fuse_flush_handle_interrupt: Option<bool>,
    #[arg(long, hide = true)]
    pub fuse_dev_eperm_ratelimit_ns: Option<u32>,
}

impl MountArgs {
    /// The options of `mount/fuse` that were asked for, in its own names.
    pub(super) fn options(&self) -> Vec<(String, String)> {
        let word = |on: bool| if on { "on" } else { "off" }.to_owned();
        let flag = |on: bool| on.then(|| word(true));
        let given = [
            ("read-only", flag(self.read_only)),
            ("selinux", flag(self.selinux)),
            ("capability", flag(self.capability)),
            ("resolve-gids", flag(self.resolve_gids)),
            ("subdir-mount", self.subdir_mount.clone()),
            ("enable-ino32", self.enable_ino32.map(word)),
            ("fopen-keep-cache", self.fopen_keep_cache.map(word)),
            ("direct-io-mode", self.direct_io_mode.clone()),
            ("entry-timeout", self.entry_timeout.clone()),
            ("negative-timeout", self.negative_timeout.clone()),
            ("attribute-timeout", self.attribute_timeout.clone()),
            ("gid-timeout", self.gid_timeout.map(|n| n.to_string())),
            ("lru-limit", self.lru_limit.map(|n| n.to_string())),
            ("invalidate-limit", self.invalidate_limit.map(|n| n.to_string())),
            ("background-qlen", self.background_qlen.map(|n| n.to_string())),
            ("congestion-threshold", self.congestion_threshold.map(|n| n.to_string())),
            ("reader-thread-count", self.reader_thread_count.map(|n| n.to_string())),
            ("use-readdirp", self.use_readdirp.map(word)),
            ("auto-invalidation", self.auto_invalidation.map(word)),
            ("event-history", self.event_history.map(word)),
            ("kernel-writeback-cache", self.kernel_writeback_cache.map(word)),
            ("attr-times-granularity", self.attr_times_granularity.map(|n| n.to_string())),
            ("no-root-squash", self.no_root_squash.map(word)),
            ("dump-fuse", self.dump_fuse.clone()),
            ("fuse-mountopts", self.fuse_mountopts.clone()),
            ("flush-handle-interrupt", self.fuse_flush_handle_interrupt.map(word)),
            ("fuse-dev-eperm-ratelimit-ns", self.fuse_dev_eperm_ratelimit_ns.map(|n| n.to_string())),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}
