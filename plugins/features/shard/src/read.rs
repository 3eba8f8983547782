//! Reads: every block that a range touches is asked at once; what no block holds is zeros.

use futures_util::future::join_all;
use gluster_cache::now;
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::call::Call;
use crate::file::File;
use crate::first::First;
use crate::folder::is_absent;
use crate::parts::{Part, parts};

/// Bytes of a read at most: holes are made up of memory. Who wants more asks again.
const LONGEST: u64 = 64 << 20;

impl Call<'_> {
    /// Reads a file in blocks.
    pub(crate) async fn read(&self, file: &File, block_size: u64, args: Readv) -> FopResult<Data> {
        let wanted = args.offset.saturating_add(args.size as u64);
        if wanted > file.extent().size {
            self.refresh(file, &First::Open(args.fd.clone())).await?;
        }
        let size = file.extent().size;
        let len = size.min(wanted).saturating_sub(args.offset).min(LONGEST);
        let mut read = Data { at_end: args.offset.saturating_add(len) >= size, ..Data::default() };
        let began = now();
        if len > 0 {
            let root = self.root();
            let parts = parts(args.offset, len, block_size);
            let blocks = parts.map(|part| self.read_part(&root, file, &args, part));
            for (block, first) in join_all(blocks).await.into_iter().collect::<FopResult<Vec<_>>>()? {
                block.buffers().for_each(|buffer| read.data.push(buffer.clone()));
                if let Some(first) = first {
                    file.seen(began, None, &first);
                }
            }
        }
        read.iatt = file.shown(&file.first());
        Ok(read)
    }

    /// All bytes of a part; what is asked of the first block tells its attributes as well.
    async fn read_part(
        &self,
        root: &OwnedFrame,
        file: &File,
        args: &Readv,
        part: Part,
    ) -> FopResult<(Payload, Option<Iatt>)> {
        let (mut payload, mut first) = (Payload::default(), None);
        let mut done = 0;
        while done < part.len {
            let rest = Part { offset: part.offset + done, len: part.len - done, ..part };
            let read = self.read_some(root, file, args, rest).await?;
            if part.block == 0 {
                first = Some(read.iatt);
            }
            if read.data.is_empty() {
                break;
            }
            done += read.data.len() as u64;
            read.data.buffers().for_each(|buffer| payload.push(buffer.clone()));
            if read.at_end {
                break;
            }
        }
        if done < part.len {
            // The block is shorter than it could be.
            payload.push(vec![0; small(part.len - done)?].into());
        }
        Ok((payload, first))
    }

    async fn read_some(&self, root: &OwnedFrame, file: &File, args: &Readv, part: Part) -> FopResult<Data> {
        let readv = |fd| -> FopResult<Readv> {
            let (size, flags, xdata) = (small(part.len)?, args.flags, args.xdata.clone());
            Ok(Readv { fd, size, offset: part.offset, flags, xdata })
        };
        if part.block == 0 {
            return self.frame.child().readv(readv(args.fd.clone())?).await;
        }
        let (blocks, block) = (&self.shard.blocks, (file.id(), part.block));
        for _ in 0..2 {
            let Some(inode) = blocks.find(root, block).await? else { break };
            match root.child().readv(readv(Fd::anonymous(inode, libc::O_RDONLY))?).await {
                // Another client has removed it, and may have made another one.
                Err(error) if is_absent(&error) => blocks.forget(block),
                read => return read,
            }
        }
        Ok(Data { at_end: true, ..Data::default() })
    }
}

fn small(len: u64) -> FopResult<usize> {
    usize::try_from(len).map_err(|_| Errno::EINVAL.into())
}
