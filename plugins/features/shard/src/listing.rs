//! Directories, as users see them: without the one that holds blocks, and files as long as they are.

use gluster_cache::now;
use plugin_api::prelude::*;

use crate::call::{Call, strip};
use crate::extent::ask;
use crate::guard::is_folder;

/// Takes the directory of blocks out. Who reads expects an entry before the end: reads on when there is none.
macro_rules! read {
    ($call:ident, $args:ident, $fop:ident) => {{
        let directory = $args.fd.inode().gfid();
        loop {
            let mut read = $call.frame.child().$fop($args.clone()).await?;
            let last = read.entries.last().map(|entry| entry.offset);
            read.entries.retain(|entry| !is_folder(directory, &entry.name));
            match last {
                Some(last) if read.entries.is_empty() && !read.at_end => $args.offset = last,
                _ => break read,
            }
        }
    }};
}

impl Call<'_> {
    pub(crate) async fn readdir(&self, mut args: Readdir) -> FopResult<Entries> {
        Ok(read!(self, args, readdir))
    }

    pub(crate) async fn readdirp(&self, mut args: Readdirp) -> FopResult<Entries> {
        let asked = args.xdata.clone();
        ask(&mut args.xdata);
        let began = now();
        let mut read = read!(self, args, readdirp);
        for entry in &mut read.entries {
            self.told(None, began, &mut entry.iatt, &entry.xattrs);
            strip(&mut entry.xattrs, &asked);
        }
        Ok(read)
    }
}
