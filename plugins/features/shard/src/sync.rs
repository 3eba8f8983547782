//! Brings a file to disk: its first block, those that were written since the last time, and when that was.

use futures_util::future::{join, join_all};
use gluster_cache::now;
use plugin_api::prelude::*;

use crate::call::Call;
use crate::file::File;
use crate::folder::is_absent;

impl Call<'_> {
    /// Has the first block know when a later one was written, so that other clients see that there is something new.
    pub(crate) async fn save_time(&self, file: &File, fd: &Fd) {
        let Some((mtime, mtime_nsec)) = file.unsaved_time() else { return };
        let iatt = Iatt { mtime, mtime_nsec, ..Iatt::default() };
        let (fd, valid, xdata) = (fd.clone(), set_attr::MTIME, Dict::new());
        let began = now();
        match self.root().child().fsetattr(Fsetattr { fd, iatt, valid, xdata }).await {
            Ok(set) => file.seen(began, None, &set.post),
            // The next one tries again; what was written is there.
            Err(why) => log!(Debug, xl: self.frame.name(), "a file's time is not saved", errno = why.errno),
        }
    }

    pub(crate) async fn sync(&self, file: &File, args: Fsync) -> FopResult<PrePost> {
        self.save_time(file, &args.fd).await;
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
