//! Fops that change a range of a file: each block of it by its own part, and then how long the file is.

use futures_util::future::join_all;
use gluster_cache::now;
use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use plugin_api::sdk::Child;

use crate::call::Call;
use crate::file::File;
use crate::first::First;
use crate::folder::is_absent;
use crate::parts::{Part, parts};

/// Has a brick answer attributes that nobody else's change comes between: what a block has grown by is their difference.
const ATOMIC: &str = "glusterfs.write-update-atomic";
/// A file has so many blocks at most: each is looked for when it is cut or removed.
const MOST_BLOCKS: u64 = 1 << 22;
/// Blocks that are changed at the same time.
const AT_ONCE: usize = 64;

/// What is done to a range.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Write { data: IoBuf, flags: u32 },
    Allocate,
    Discard,
    Zero,
}

/// A range that is to be changed.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) fd: Fd,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) kind: Kind,
    pub(crate) xdata: Dict,
}

impl Kind {
    /// Whether a hole gets a block, and the file its bytes.
    fn fills(&self) -> bool {
        !matches!(self, Self::Discard)
    }

    async fn wind(&self, child: Child<'_>, fd: Fd, part: Part, xdata: Dict) -> FopResult<Written> {
        let Part { offset, len, before, .. } = part;
        let done = match self {
            Self::Write { data, flags } => {
                let from = usize::try_from(before).map_err(|_| Errno::EFBIG)?;
                let to = usize::try_from(before + len).map_err(|_| Errno::EFBIG)?;
                let data = data.slice(from..to).into();
                return child.writev(Writev { fd, data, offset, flags: *flags, xdata }).await;
            }
            Self::Allocate => child.fallocate(Fallocate { fd, mode: 0, offset, len, xdata }).await?,
            Self::Discard => child.discard(Discard { fd, offset, len, xdata }).await?,
            Self::Zero => child.zerofill(Zerofill { fd, offset, len, xdata }).await?,
        };
        Ok(Written { count: len, pre: done.pre, post: done.post, xdata: done.xdata })
    }
}

/// Fails where a file would be too long.
pub(crate) fn check_length(end: Option<u64>, block_size: u64) -> FopResult<u64> {
    let longest = block_size.saturating_mul(MOST_BLOCKS).min(i64::MAX.unsigned_abs());
    end.filter(|end| *end <= longest).ok_or_else(|| Errno::EFBIG.into())
}

impl Call<'_> {
    /// Changes a range of a file in blocks.
    pub(crate) async fn change(&self, file: &File, block_size: u64, mut range: Range) -> FopResult<Written> {
        let end = check_length(range.offset.checked_add(range.len), block_size)?;
        let first = First::Open(range.fd.clone());
        if end > file.extent().size {
            self.refresh(file, &first).await?;
        }
        if !range.kind.fills() && range.len > 0 {
            // A file does not become longer by it.
            range.len = range.len.min(file.extent().size.saturating_sub(range.offset));
            if range.len == 0 {
                let iatt = file.shown(&file.first());
                return Ok(Written { count: 0, pre: iatt, post: iatt, xdata: Dict::new() });
            }
        }
        let began = now();
        let root = self.root();
        // GlusterFS's clients have the directory of blocks there from the first write on; where it cannot be made, the first
        // block that needs it says so.
        let _there = self.shard.blocks.prepare(&root).await;
        let parts: Vec<_> = parts(range.offset, range.len, block_size).collect();
        let there = file.extent().size.div_ceil(block_size);
        let mut sum = Sum { file, began, units: 0, count: 0, is_whole: true, error: None };
        let mut pre = file.first();
        for some in parts.chunks(AT_ONCE) {
            let changes = some.iter().map(|part| self.change_part(&root, file, &range, *part, there));
            for (part, changed) in some.iter().zip(join_all(changes).await) {
                if let (0, Ok(Some((changed, _)))) = (part.block, &changed) {
                    pre = changed.pre;
                }
                sum.add(part, changed);
            }
        }
        let Sum { units, count, error, .. } = sum;
        let end = range.offset + count;
        let grows = range.kind.fills() && count > 0;
        let change = self.account(file, &first, |mut extent| {
            extent.blocks = extent.blocks.wrapping_add(units);
            extent.size = if grows { extent.size.max(end) } else { extent.size };
            extent
        });
        let change = change.await;
        match error {
            // What a write has done up to there is done; who wants the rest hears why.
            Some(_) if count > 0 && matches!(range.kind, Kind::Write { .. }) => {}
            Some(error) => return Err(error),
            None => {}
        }
        let before = change?.before;
        let mut pre = file.shown(&pre);
        (pre.size, pre.blocks) = (before.size, before.blocks);
        Ok(Written { count, pre, post: file.shown(&file.first()), xdata: Dict::new() })
    }

    /// Changes a part, and says which block it was; `None` for a hole that stays one.
    async fn change_part(
        &self,
        root: &OwnedFrame,
        file: &File,
        range: &Range,
        part: Part,
        there: u64,
    ) -> FopResult<Option<(Written, Option<Inode>)>> {
        if part.block == 0 {
            let xdata = range.xdata.clone().with(ATOMIC, 1);
            let written = range.kind.wind(self.frame.child(), range.fd.clone(), part, xdata).await?;
            return Ok(Some((written, None)));
        }
        let (blocks, block) = (&self.shard.blocks, (file.id(), part.block));
        let mut is_again = false;
        loop {
            // Behind the end there is hardly ever one.
            let found = match part.block < there || is_again {
                true => blocks.find(root, block).await?,
                false => None,
            };
            let inode = match found {
                Some(inode) => inode,
                None if range.kind.fills() => blocks.make(root, block, file.permissions()).await?,
                None => return Ok(None),
            };
            let fd = Fd::anonymous(inode.clone(), libc::O_RDWR);
            match range.kind.wind(root.child(), fd, part, Dict::new().with(ATOMIC, 1)).await {
                // Another client has removed it.
                Err(error) if is_absent(&error) && !is_again => {
                    blocks.forget(block);
                    is_again = true;
                }
                written => return written.map(|written| Some((written, Some(inode)))),
            }
        }
    }
}

/// What the parts of a change come to.
struct Sum<'f> {
    file: &'f File,
    began: u64,
    /// Units of 512 bytes that the file takes more, which wraps around below 0.
    units: u64,
    /// Bytes from the start on without a gap.
    count: u64,
    is_whole: bool,
    error: Option<FopError>,
}

impl Sum<'_> {
    fn add(&mut self, part: &Part, changed: FopResult<Option<(Written, Option<Inode>)>>) {
        let count = match changed {
            Ok(Some((written, inode))) => {
                self.units = self.units.wrapping_add(written.post.blocks).wrapping_sub(written.pre.blocks);
                match inode {
                    Some(inode) => {
                        self.file.touch(&written.post);
                        self.file.wrote(part.block, inode);
                    }
                    None => self.file.seen(self.began, None, &written.post),
                }
                written.count
            }
            Ok(None) => part.len,
            Err(error) => {
                self.error.get_or_insert(error);
                0
            }
        };
        if self.is_whole {
            self.count += count;
            self.is_whole = count >= part.len;
        }
    }
}
