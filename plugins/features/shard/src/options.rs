//! What a volfile may say to `features/shard`.

use plugin_api::prelude::*;

/// How files are cut, as the volume's options say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Bytes of a block of files that are made from now on.
    pub(crate) block_size: u64,
    /// Inodes of blocks that are kept at most.
    pub(crate) kept: usize,
    /// How many blocks are removed at the same time.
    pub(crate) removed_at_once: usize,
}

/// The options that GlusterFS 10 writes, so that its volfiles are read as they are.
pub(crate) fn declare() -> Options {
    Options::new()
        .size("shard-block-size", "bytes of a block, a multiple of 4MB; files that are there keep theirs")
        .default_value("64MB")
        .range(4_194_304.0, 4_398_046_511_104.0)
        .reconfigurable()
        .int("shard-lru-limit", "inodes of blocks that are kept at most")
        .default_value("16384")
        .range(20.0, 2_147_483_647.0)
        .reconfigurable()
        .int("shard-deletion-rate", "how many blocks of a file are removed at the same time")
        .default_value("100")
        .range(100.0, 2_147_483_647.0)
        .reconfigurable()
        .bool("pass-through", "leave files as they are: those in blocks show their first one only")
        .default_value("off")
}

impl Settings {
    pub(crate) fn read(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let count = |key| cx.int(key).map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let block_size = cx.size("shard-block-size")?;
        if !block_size.is_multiple_of(4 << 20) {
            return Err(InitError(format!("`shard-block-size` is {block_size}: expected a multiple of 4MB")));
        }
        let (kept, removed_at_once) = (count("shard-lru-limit")?, count("shard-deletion-rate")?);
        Ok(Self { block_size, kept, removed_at_once })
    }
}
