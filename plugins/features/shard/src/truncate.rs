//! Truncates a file: blocks beyond its end go, the one that holds the end is cut, and then the file is so long.

use gluster_cache::now;
use plugin_api::prelude::*;

use crate::call::Call;
use crate::change::check_length;
use crate::file::File;
use crate::first::First;

impl Call<'_> {
    /// Truncates a file in blocks.
    pub(crate) async fn truncate(
        &self,
        file: &File,
        block_size: u64,
        first: &First,
        size: u64,
        xdata: Dict,
    ) -> FopResult<PrePost> {
        check_length(Some(size), block_size)?;
        let _nobody_appends = file.end.lock().await;
        self.measure(file, first).await?;
        let before = file.extent();
        let pre = file.shown(&file.first());
        let freed = match size < before.size {
            true => self.cut(file, block_size, first, size, xdata).await?,
            false => 0,
        };
        self.account(file, first, |mut extent| {
            extent.size = size;
            extent.blocks = extent.blocks.wrapping_sub(freed);
            extent
        })
        .await?;
        Ok(PrePost { pre, post: file.shown(&file.first()), xdata: Dict::new() })
    }

    /// Takes away what lies beyond `size`; the units of 512 bytes that it took.
    async fn cut(
        &self,
        file: &File,
        block_size: u64,
        first: &First,
        size: u64,
        xdata: Dict,
    ) -> FopResult<u64> {
        let (root, blocks) = (self.root(), &self.shard.blocks);
        let gone = size.div_ceil(block_size).max(1)..file.extent().size.div_ceil(block_size);
        let freed = blocks.remove(&root, file.id(), gone).await?;
        let (last, within) = (size / block_size, size % block_size);
        let cut = match (last, within) {
            (0, _) => {
                let began = now();
                let cut = first.truncate(self.frame.child(), size, xdata).await?;
                file.seen(began, None, &cut.post);
                cut
            }
            (_, 0) => return Ok(freed),
            _ => {
                let Some(inode) = blocks.find(&root, (file.id(), last)).await? else { return Ok(freed) };
                let at = First::At(Loc::of(inode.clone()));
                let cut = at.truncate(root.child(), within, Dict::new()).await?;
                file.touch(&cut.post);
                file.wrote(last, inode);
                cut
            }
        };
        Ok(freed.wrapping_add(cut.pre.blocks).wrapping_sub(cut.post.blocks))
    }
}
