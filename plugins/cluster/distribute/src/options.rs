//! What a volfile may say.

use plugin_api::options::Options;
use plugin_api::{InitCx, InitError};

use crate::hash::Munge;

pub(crate) fn declare() -> Options {
    Options::new()
        .choice(
            "lookup-unhashed",
            &["auto", "yes", "no", "enable", "disable", "1", "0", "on", "off"],
            "look on all children for a name that is not where it belongs (without lookup-optimize)",
        )
        .default_value("on")
        .reconfigurable()
        .bool("lookup-optimize", "trust a miss in a directory that the last rebalance has seen")
        .default_value("on")
        .reconfigurable()
        .percent_or_size("min-free-disk", "a child with less free space gets no new files")
        .default_value("10%")
        .reconfigurable()
        .percent("min-free-inodes", "a child with fewer free inodes gets no new files")
        .default_value("5%")
        .reconfigurable()
        .bool("unhashed-sticky-bit", "kept for volfiles that have it; has no effect")
        .default_value("off")
        .bool("use-readdirp", "kept for volfiles that have it; a reader's own choice counts")
        .default_value("on")
        .reconfigurable()
        .bool("assert-no-child-down", "end the process when a child goes down")
        .default_value("off")
        .int("directory-layout-spread", "over how many children a new directory spreads")
        .range(1.0, 9_007_199_254_740_991.0)
        .reconfigurable()
        .text("decommissioned-bricks", "children, with commas between, that are being taken away")
        .reconfigurable()
        .text("rebalance-cmd", "of the rebalance process")
        .text("node-uuid", "of the rebalance process")
        .bool("rebalance-stats", "of the rebalance process")
        .default_value("off")
        .reconfigurable()
        .bool("readdir-optimize", "take the names of directories from one child")
        .default_value("off")
        .reconfigurable()
        .text("rsync-hash-regex", "the first group of a name that matches is hashed; `none` for no pattern")
        .default_value(r"^\.(.+)\.[^.]+$")
        .reconfigurable()
        .text("extra-hash-regex", "as rsync-hash-regex, and tried first")
        .reconfigurable()
        .text("rebalance-filter", "of the rebalance process")
        .text("xattr-name", "xattr of layouts, and what the others' names begin with")
        .default_value("trusted.glusterfs.dht")
        .bool("weighted-rebalance", "larger children hold a larger part of a directory")
        .default_value("on")
        .reconfigurable()
        .bool("randomize-hash-range-by-gfid", "begin a layout at a child chosen by gfid, not by path")
        .default_value("off")
        .reconfigurable()
        .text("rebal-throttle", "of the rebalance process")
        .default_value("normal")
        .reconfigurable()
        .bool("lock-migration", "of the rebalance process")
        .default_value("off")
        .reconfigurable()
        .bool("force-migration", "of the rebalance process")
        .default_value("off")
        .reconfigurable()
        .bool("ensure-durability", "of the rebalance process")
        .default_value("on")
        .reconfigurable()
        .text("commit-hash", "of the rebalance process")
}

/// How much has to be free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Least {
    Percent(f64),
    Bytes(u64),
}

/// The options that count.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) lookup_optimize: bool,
    /// `None` for auto.
    pub(crate) lookup_unhashed: Option<bool>,
    pub(crate) min_free_disk: Least,
    pub(crate) min_free_inodes: f64,
    pub(crate) spread: Option<usize>,
    pub(crate) weighted: bool,
    pub(crate) by_gfid: bool,
    pub(crate) readdir_optimize: bool,
    pub(crate) assert_no_child_down: bool,
    pub(crate) durable: bool,
    pub(crate) leaving: Vec<String>,
    pub(crate) munge: Munge,
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let disk = cx.text("min-free-disk")?.trim();
        let percent = |text: &str| text.trim_end_matches('%').trim().parse::<f64>().ok();
        let min_free_disk = match percent(disk) {
            Some(percent) if percent < 100.0 => Least::Percent(percent),
            _ => Least::Bytes(cx.size("min-free-disk")?),
        };
        let spread = match cx.find("directory-layout-spread") {
            Some(_) => usize::try_from(cx.int("directory-layout-spread")?).ok(),
            None => None,
        };
        let leaving = cx.find("decommissioned-bricks").unwrap_or_default();
        Ok(Self {
            lookup_optimize: cx.bool("lookup-optimize")?,
            lookup_unhashed: cx.bool("lookup-unhashed").ok(),
            min_free_disk,
            min_free_inodes: cx.percent("min-free-inodes")?,
            spread,
            weighted: cx.bool("weighted-rebalance")?,
            by_gfid: cx.bool("randomize-hash-range-by-gfid")?,
            readdir_optimize: cx.bool("readdir-optimize")?,
            durable: cx.bool("ensure-durability")?,
            assert_no_child_down: cx.bool("assert-no-child-down")?,
            leaving: leaving
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|n| !n.is_empty())
                .collect(),
            munge: Munge::new(cx.find("extra-hash-regex"), cx.find("rsync-hash-regex"))?,
        })
    }
}
