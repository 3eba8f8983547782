//! One file while its lock is held: plain bytes in, sealed blocks out.

use plugin_api::prelude::*;

use crate::NOT_BELOW;
use crate::seal::{BLOCK, SLOT, SealError, Sealer};
use crate::sizes::on_disk;

/// The most that one write to the child carries, plain bytes.
const CHUNK: usize = 64 * BLOCK;
static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// A file, reached as the fop of `frame` reaches it.
pub(crate) struct File<'a> {
    frame: &'a Frame,
    sealer: &'a Sealer,
    gfid: Gfid,
    /// Blocks that are changed in part are read first, also by who opened the file only for writing.
    reader: Fd,
    writer: Fd,
}

impl<'a> File<'a> {
    /// The file that is open as `fd`.
    pub(crate) fn open(frame: &'a Frame, sealer: &'a Sealer, fd: &Fd) -> Self {
        let reader = Fd::anonymous(fd.inode().clone(), libc::O_RDWR);
        // What is below may go by the flags that the descriptor was made with.
        let writer = if fd.flags() & NOT_BELOW == 0 { fd.clone() } else { reader.clone() };
        Self { frame, sealer, gfid: fd.inode().gfid(), reader, writer }
    }

    /// The file `inode`, which nobody opened.
    pub(crate) fn of(frame: &'a Frame, sealer: &'a Sealer, inode: &Inode) -> Self {
        Self::open(frame, sealer, &Fd::anonymous(inode.clone(), libc::O_RDWR))
    }

    /// Its attributes, as they are on disk.
    pub(crate) async fn attributes(&self) -> FopResult<Iatt> {
        let asked = Fstat { fd: self.reader.clone(), xdata: Dict::new() };
        Ok(self.frame.child().fstat(asked).await?.iatt)
    }

    /// The first `len` bytes of a block that has as many.
    async fn load(&self, block: u64, len: usize) -> FopResult<Vec<u8>> {
        let (fd, offset) = (self.reader.clone(), block * SLOT as u64);
        let asked = Readv { fd, size: SLOT, offset, flags: 0, xdata: Dict::new() };
        let sealed = self.fetch(asked).await?.data.to_iobuf();
        let mut content = self.opened(block, &sealed)?;
        // A block that is shorter than the file says is one that somebody cut.
        if content.len() < len {
            return Err(self.refused(&SealError::Broken { gfid: self.gfid, block }));
        }
        content.truncate(len);
        Ok(content)
    }

    /// Reads to the end of what is asked for or of the file: a child may answer less than that at once.
    pub(crate) async fn fetch(&self, asked: Readv) -> FopResult<Data> {
        let mut all = self.frame.child().readv(asked.clone()).await?;
        loop {
            let done = all.data.len();
            let offset = asked.offset + done as u64;
            if done >= asked.size || offset >= all.iatt.size {
                return Ok(all);
            }
            let rest = Readv { offset, size: asked.size - done, ..asked.clone() };
            let more = self.frame.child().readv(rest).await?;
            if more.data.is_empty() {
                return Ok(all);
            }
            more.data.buffers().for_each(|buffer| all.data.push(buffer.clone()));
            all.iatt = more.iatt;
        }
    }

    /// The content of sealed blocks.
    pub(crate) fn opened(&self, first: u64, sealed: &[u8]) -> FopResult<Vec<u8>> {
        self.sealer.open(self.gfid, first, sealed).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &SealError) -> FopError {
        log!(Error, xl: self.frame.name(), error.to_string());
        Errno::EIO.into()
    }

    /// Writes `data` at `offset` into a file of `size` bytes that reaches at least to the block of `offset`.
    pub(crate) async fn write(&self, size: u64, offset: u64, data: &[u8], how: How) -> FopResult<Written> {
        const B: u64 = BLOCK as u64;
        let end = offset + data.len() as u64;
        let (first, last) = (offset / B, (end - 1) / B);
        let all = size.max(end).min((last + 1) * B);
        let mut content = vec![0; within(all - first * B)];
        // Of the blocks at both ends, what is not written over is kept.
        for edge in [first].into_iter().chain((first != last).then_some(last)) {
            let (from, to) = (edge * B, (edge * B + B).min(all));
            let covered = offset <= from && to <= end;
            if !covered && from < size {
                let kept = self.load(edge, within(size.min(to) - from)).await?;
                content[within(from - first * B)..][..kept.len()].copy_from_slice(&kept);
            }
        }
        content[within(offset - first * B)..][..data.len()].copy_from_slice(data);
        let sealed = self.sealer.seal(self.gfid, first, &content).map_err(|error| self.refused(&error))?;
        self.put(size, first * SLOT as u64, sealed, how).await
    }

    /// Writes sealed blocks; what a full disk leaves half written behind the end is cut off again.
    async fn put(&self, size: u64, offset: u64, sealed: Vec<u8>, how: How) -> FopResult<Written> {
        let whole = sealed.len() as u64;
        let data = IoBuf::from(sealed).into();
        let asked = Writev { fd: self.writer.clone(), data, offset, flags: how.flags, xdata: how.xdata };
        let failure = match self.frame.child().writev(asked).await {
            Ok(written) if written.count == whole => return Ok(written),
            Ok(_) => Errno::ENOSPC.into(),
            Err(error) => error,
        };
        if offset + whole > on_disk(size) {
            let cut = Ftruncate { fd: self.reader.clone(), offset: on_disk(size), xdata: Dict::new() };
            // The write's own error is what the caller has to know.
            let _ = self.frame.child().ftruncate(cut).await;
        }
        Err(failure)
    }

    /// Makes a file of `size` bytes reach towards `to`: fills its last block with zeros, and where there are to be no
    /// holes, the rest of the way too. Answers how far it reaches.
    pub(crate) async fn extend(&self, size: u64, to: u64, holes: bool) -> FopResult<u64> {
        let goal = if holes { to.min(size.next_multiple_of(BLOCK as u64)) } else { to };
        let mut size = size;
        while size < goal {
            let zeros = &ZEROS[..within((goal - size).min(CHUNK as u64 - size % BLOCK as u64))];
            self.write(size, size, zeros, How::default()).await?;
            size += zeros.len() as u64;
        }
        Ok(size)
    }

    /// Cuts a file of `size` bytes to `to` by `cut`, which winds to the child. The block that holds the new end is sealed
    /// before, in a form that opens at its old and at its new length: there is no moment at which it does not.
    pub(crate) async fn shrink(
        &self,
        size: u64,
        to: u64,
        cut: impl Future<Output = FopResult<PrePost>>,
    ) -> FopResult<PrePost> {
        let (block, kept) = (to / BLOCK as u64, within(to % BLOCK as u64));
        if kept == 0 || to == size {
            return cut.await;
        }
        let len = within((size - block * BLOCK as u64).min(BLOCK as u64));
        let content = self.load(block, len).await?;
        let sealed = self.sealer.seal_for_cut(self.gfid, block, &content[..kept], len);
        let sealed = sealed.map_err(|error| self.refused(&error))?;
        self.put(size, block * SLOT as u64, sealed, How::default()).await?;
        match cut.await {
            Ok(done) => Ok(done),
            Err(error) => {
                // What was refused changes nothing; the refusal is what the caller has to know.
                let _ = self.write(size, block * BLOCK as u64, &content, How::default()).await;
                Err(error)
            }
        }
    }

    /// Takes back what [`extend`](Self::extend) did for a write that was refused then.
    pub(crate) async fn take_back(&self, size: u64, to: u64) {
        let cut = Ftruncate { fd: self.reader.clone(), offset: on_disk(to), xdata: Dict::new() };
        // The write's own error is what the caller has to know.
        let _ = self.shrink(size, to, self.frame.child().ftruncate(cut)).await;
    }
}

/// How a write is done.
#[derive(Debug, Default)]
pub(crate) struct How {
    pub(crate) flags: u32,
    pub(crate) xdata: Dict,
}

/// A length that lies within one request.
fn within(bytes: u64) -> usize {
    usize::try_from(bytes).expect("no longer than a request")
}
