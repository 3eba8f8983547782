//! What a volfile may say to `performance/write-behind`.

use plugin_api::prelude::*;

/// How it holds back, as the volume's options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Bytes of one file that may be acknowledged and not yet below.
    pub(crate) window: u64,
    /// The largest write that smaller ones are put together to.
    pub(crate) aggregate: u64,
    pub(crate) flush_behind: bool,
    /// Whether a partly filled write goes as soon as nothing else of its file is on its way.
    pub(crate) trickling: bool,
    /// Whether `O_DIRECT` is never behind.
    pub(crate) strict_direct: bool,
    /// Whether all writes of a file keep their order, not only those that overlap.
    pub(crate) strict_order: bool,
    /// Whether writes that failed outlive the fsync that tells so.
    pub(crate) resync: bool,
    pub(crate) pass_through: bool,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .bool("write-behind", "hold writes back at all: off is as `pass-through on`")
        .default_value("on")
        .reconfigurable()
        .bool("flush-behind", "answer a flush at once, and send it after the writes before it")
        .default_value("on")
        .reconfigurable()
        .size("cache-size", "bytes of one file that are acknowledged before a brick has them")
        .alias("window-size")
        .default_value("1MB")
        .range(524_288.0, 1_073_741_824.0)
        .reconfigurable()
        .size("aggregate-size", "the largest write that smaller ones are put together to")
        .default_value("128KB")
        .reconfigurable()
        .bool("trickling-writes", "send a partly filled write when nothing else of its file is on its way")
        .default_value("on")
        .reconfigurable()
        .bool("strict-O_DIRECT", "answer writes of O_DIRECT when the brick has")
        .default_value("off")
        .reconfigurable()
        .bool("strict-write-ordering", "send the writes of a file one after the other")
        .default_value("off")
        .reconfigurable()
        .bool("resync-failed-syncs-after-fsync", "try writes again that an fsync has told to have failed")
        .default_value("off")
        .reconfigurable()
        .bool("pass-through", "hold nothing back")
        .default_value("off")
        .reconfigurable()
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        Ok(Self {
            window: cx.size("cache-size")?,
            aggregate: cx.size("aggregate-size")?,
            flush_behind: cx.bool("flush-behind")?,
            trickling: cx.bool("trickling-writes")?,
            strict_direct: cx.bool("strict-O_DIRECT")?,
            strict_order: cx.bool("strict-write-ordering")?,
            resync: cx.bool("resync-failed-syncs-after-fsync")?,
            pass_through: cx.bool("pass-through")? || !cx.bool("write-behind")?,
        })
    }

    /// Whether a write may be answered before a brick has it.
    pub(crate) fn behind(&self, args: &Writev) -> bool {
        let per_write = i32::try_from(args.flags).unwrap_or(0);
        let flags = args.fd.flags() | per_write;
        // O_SYNC has the bit of O_DSYNC.
        let synchronous = flags & libc::O_DSYNC != 0;
        let direct = self.strict_direct && flags & libc::O_DIRECT != 0;
        // What asks something is answered by who can; a descriptor that nobody opened is not closed, so nobody would ask
        // for its errors.
        !(synchronous || direct || args.is_empty() || !args.xdata.is_empty() || args.fd.is_anonymous())
    }
}
