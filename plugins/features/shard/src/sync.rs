//! Brings a file to disk: its first block, and those that were written since the last time.

use futures_util::future::{join, join_all};
use plugin_api::prelude::*;

use crate::call::Call;
use crate::file::File;
use crate::folder::is_absent;

impl Call<'_> {
    pub(crate) async fn sync(&self, file: &File, args: Fsync) -> FopResult<PrePost> {
        let written = file.take_written();
        let (root, data_only) = (self.root(), args.data_only);
        let blocks = written.values().map(|inode| {
            let fd = Fd::anonymous(inode.clone(), libc::O_RDWR);
            root.child().fsync(Fsync { fd, data_only, xdata: Dict::new() })
        });
        let (first, blocks) = join(self.frame.child().fsync(args), join_all(blocks)).await;
        let mut failed = None;
        for ((number, inode), synced) in written.iter().zip(blocks) {
            if let Err(error) = synced
                && !is_absent(&error)
            {
                // It is tried again with the next one.
                file.wrote(*number, inode.clone());
                failed = Some(error);
            }
        }
        let mut synced = first?;
        if let Some(error) = failed {
            return Err(error);
        }
        (synced.pre, synced.post) = (file.shown(&synced.pre), file.shown(&synced.post));
        Ok(synced)
    }
}
