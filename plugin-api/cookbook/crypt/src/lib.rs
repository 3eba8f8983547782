//! `features/crypt`: what files hold is sealed, block by block, before it reaches the disk.
//!
//! README.md has the format and what it protects from. Names, sizes, times and xattrs are not hidden.

mod file;
mod key;
mod seal;
mod sizes;
#[cfg(test)]
mod tests;

use std::path::Path;

use plugin_api::prelude::*;
use tokio::sync::RwLock;

use file::{File, How};
use seal::{BLOCK, SLOT, Sealer};
use sizes::{LONGEST, Shown, on_disk, without_shortcuts};

/// Reads are cut here: 16 MiB is more than any client asks for.
const LONGEST_READ: usize = 16 << 20;
/// The child sees offsets and lengths of its own, so it must neither append nor ask for alignment.
const NOT_BELOW: i32 = libc::O_APPEND | libc::O_DIRECT;

/// Seals and opens; each file's content is under one of the locks.
#[derive(Debug, Default)]
struct Crypt {
    sealer: Option<Sealer>,
    holes: bool,
    locks: Locks,
}

/// Locks that may be held across awaits, for files by their gfid. Two files may share one; no fop holds two.
///
/// They do not lie in contexts of inodes: a file that is just being made may have two inodes for a moment.
#[derive(Debug, Default)]
struct Locks([RwLock<()>; 32]);

impl Crypt {
    fn sealer(&self) -> &Sealer {
        self.sealer.as_ref().expect("init comes before fops")
    }

    fn lock(&self, gfid: Gfid) -> &RwLock<()> {
        &self.locks.0[usize::from(gfid.0[15] % 32)]
    }
}

#[xlator(
    "features/crypt",
    positions = "brick",
    unknown_fops = "deny",
    replace = "restart",
    doc = "seals the content of files before it reaches the disk"
)]
impl Xlator for Crypt {
    fn options() -> Options {
        Options::new()
            .path("key-file", "32 random bytes, mode 0600, owned by the user of the brick")
            .required()
            .bool(
                "sparse",
                "leave holes as holes: who can write to the disk can then turn blocks into zeros unnoticed",
            )
            .default_value("on")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.holes = cx.bool("sparse")?;
        let key = key::read(Path::new(cx.text("key-file")?))?;
        self.sealer = Some(Sealer::new(&key, self.holes));
        Ok(())
    }

    async fn readv(&self, frame: &Frame, args: Readv) -> FopResult<Data> {
        if args.offset > LONGEST {
            return Err(Errno::EINVAL.into());
        }
        let _held = self.lock(args.fd.inode().gfid()).read().await;
        let (first, skip) = (args.offset / BLOCK as u64, args.offset % BLOCK as u64);
        let skip = usize::try_from(skip).expect("less than a block");
        let wanted = args.size.min(LONGEST_READ);
        let file = File::open(frame, self.sealer(), &args.fd);
        let size = (skip + wanted).div_ceil(BLOCK) * SLOT;
        let offset = first * SLOT as u64;
        let mut data = file.fetch(Readv { size, offset, flags: 0, ..args }).await?;
        let sealed = data.data.to_iobuf();
        let content = IoBuf::from(file.opened(first, &sealed)?);
        let content = content.slice(skip.min(content.len())..(skip + wanted).min(content.len()));
        data.iatt = data.iatt.shown();
        data.at_end = first * BLOCK as u64 + (skip + content.len()) as u64 >= data.iatt.size;
        data.data = content.into();
        Ok(data)
    }

    async fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let _held = self.lock(args.fd.inode().gfid()).write().await;
        let file = File::open(frame, self.sealer(), &args.fd);
        let pre = file.attributes().await?.shown();
        let offset = if args.fd.flags() & libc::O_APPEND == 0 { args.offset } else { pre.size };
        let count = args.len();
        if offset.checked_add(count).is_none_or(|end| end > LONGEST) {
            return Err(Errno::EFBIG.into());
        }
        if count == 0 {
            return Ok(Written { pre, post: pre, ..Written::default() });
        }
        let size = file.extend(pre.size, offset - offset % BLOCK as u64, self.holes).await?;
        let sync = args.fd.flags() & (libc::O_SYNC | libc::O_DSYNC);
        let flags = args.flags & !NOT_BELOW.cast_unsigned() | sync.cast_unsigned();
        let how = How { flags, xdata: args.xdata };
        match file.write(size, offset, &args.data.to_iobuf(), how).await {
            Ok(written) => Ok(Written { count, pre, ..written.shown() }),
            Err(error) => {
                file.take_back(size, pre.size).await;
                Err(error)
            }
        }
    }

    async fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        not_too_long(args.offset)?;
        let _held = self.lock(args.loc.target()).write().await;
        let inode = Inode::new(args.loc.target(), FileType::Regular);
        let file = File::of(frame, self.sealer(), &inode);
        let (to, args) = (args.offset, Truncate { offset: on_disk(args.offset), ..args });
        self.resize(&file, to, frame.child().truncate(args)).await
    }

    async fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
        not_too_long(args.offset)?;
        let _held = self.lock(args.fd.inode().gfid()).write().await;
        let file = File::open(frame, self.sealer(), &args.fd);
        let (to, args) = (args.offset, Ftruncate { offset: on_disk(args.offset), ..args });
        self.resize(&file, to, frame.child().ftruncate(args)).await
    }

    async fn open(&self, frame: &Frame, args: Open) -> FopResult<Opened> {
        // It may cut the file.
        let _held = self.lock(args.loc.target()).write().await;
        frame.child().open(Open { flags: args.flags & !NOT_BELOW, ..args }).await
    }

    async fn create(&self, frame: &Frame, args: Create) -> FopResult<Created> {
        frame.child().create(Create { flags: args.flags & !NOT_BELOW, ..args }).await.map(Shown::shown)
    }

    async fn lookup(&self, frame: &Frame, mut args: Lookup) -> FopResult<Looked> {
        args.xdata = without_shortcuts(args.xdata);
        frame.child().lookup(args).await.map(Shown::shown)
    }

    async fn readdirp(&self, frame: &Frame, mut args: Readdirp) -> FopResult<Entries> {
        args.xdata = without_shortcuts(args.xdata);
        frame.child().readdirp(args).await.map(Shown::shown)
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        frame.child().stat(args).await.map(Shown::shown)
    }

    async fn fstat(&self, frame: &Frame, args: Fstat) -> FopResult<Attr> {
        frame.child().fstat(args).await.map(Shown::shown)
    }

    async fn setattr(&self, frame: &Frame, args: Setattr) -> FopResult<PrePost> {
        not_the_size(args.valid)?;
        frame.child().setattr(args).await.map(Shown::shown)
    }

    async fn fsetattr(&self, frame: &Frame, args: Fsetattr) -> FopResult<PrePost> {
        not_the_size(args.valid)?;
        frame.child().fsetattr(args).await.map(Shown::shown)
    }

    async fn fsync(&self, frame: &Frame, args: Fsync) -> FopResult<PrePost> {
        frame.child().fsync(args).await.map(Shown::shown)
    }

    async fn link(&self, frame: &Frame, args: Link) -> FopResult<Made> {
        frame.child().link(args).await.map(Shown::shown)
    }

    async fn rename(&self, frame: &Frame, args: Rename) -> FopResult<Renamed> {
        frame.child().rename(args).await.map(Shown::shown)
    }

    /// Holes on disk are not where they are in the plain file: all of it is data, as where a file system knows no holes.
    async fn seek(&self, frame: &Frame, args: Seek) -> FopResult<Sought> {
        let size = frame.child().fstat(Fstat { fd: args.fd, xdata: args.xdata }).await?.iatt.shown().size;
        match args.what {
            _ if args.offset >= size => Err(Errno::ENXIO.into()),
            0 => Ok(Sought { offset: args.offset, xdata: Dict::new() }),
            _ => Ok(Sought { offset: size, xdata: Dict::new() }),
        }
    }

    // These would reach past the seal: who asks hears that it is not supported here, and does without.

    fn rchecksum(&self, _: &Frame, _: Rchecksum) -> FopResult<Checksum> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn fallocate(&self, _: &Frame, _: Fallocate) -> FopResult<PrePost> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn discard(&self, _: &Frame, _: Discard) -> FopResult<PrePost> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn zerofill(&self, _: &Frame, _: Zerofill) -> FopResult<PrePost> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn put(&self, _: &Frame, _: Put) -> FopResult<Made> {
        Err(Errno::EOPNOTSUPP.into())
    }

    fn copy_file_range(&self, _: &Frame, _: CopyFileRange) -> FopResult<Copied> {
        Err(Errno::EOPNOTSUPP.into())
    }
}

impl Crypt {
    /// Cuts or extends a file to `to` plain bytes; `cut` winds to the child, which sets the length on disk.
    async fn resize(
        &self,
        file: &File<'_>,
        to: u64,
        cut: impl Future<Output = FopResult<PrePost>>,
    ) -> FopResult<PrePost> {
        let pre = file.attributes().await?.shown();
        let done = if to < pre.size {
            file.shrink(pre.size, to, cut).await?
        } else {
            let size = file.extend(pre.size, to, self.holes).await?;
            match cut.await {
                Ok(done) => done,
                Err(error) => {
                    file.take_back(size, pre.size).await;
                    return Err(error);
                }
            }
        };
        Ok(PrePost { pre, ..done.shown() })
    }
}

/// Lengths beyond have none on disk.
fn not_too_long(size: u64) -> FopResult<()> {
    if size > LONGEST { Err(Errno::EFBIG.into()) } else { Ok(()) }
}

/// Sizes are set by `truncate`; a size that came this way would be one on disk.
fn not_the_size(valid: u32) -> FopResult<()> {
    if valid & set_attr::SIZE == 0 { Ok(()) } else { Err(Errno::EOPNOTSUPP.into()) }
}
