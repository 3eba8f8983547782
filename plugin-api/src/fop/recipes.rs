//! Recipes: what a fop becomes in a translator that has never heard of it and asks for it to be taken apart.
//!
//! Each is wound to that very translator, so that it sees and changes every part. Where no recipe keeps a fop's promise,
//! there is none: allocating space, leases, moving locks, checksums and making inodes without a name are refused with
//! `EOPNOTSUPP`, for which every caller has a way of its own.

use std::sync::OnceLock;

use abi_stable::std_types::ROption;

use super::*;
use crate::abi::decompose::{Older, Recipe, by_parts};
use crate::abi::node::FopEntry;
use crate::{Fd, FileType, Gfid, Inode, IoBuf, Loc, Payload};

/// The entry that does fop `code` by its parts, where there is a recipe.
pub(crate) fn recipe(code: u32) -> Option<FopEntry> {
    Some(match code {
        kind::readdirp::CODE => by_parts::<kind::readdirp>(),
        kind::discard::CODE => by_parts::<kind::discard>(),
        kind::zerofill::CODE => by_parts::<kind::zerofill>(),
        kind::seek::CODE => by_parts::<kind::seek>(),
        kind::put::CODE => by_parts::<kind::put>(),
        kind::copy_file_range::CODE => by_parts::<kind::copy_file_range>(),
        _ => return None,
    })
}

/// Bytes of one read or write.
const CHUNK: usize = 128 << 10;
/// Bytes that one copy moves at most: it may answer short, and its caller goes on. So no fop holds its frame for long.
const LONGEST_COPY: usize = 16 << 20;
/// Bytes that are filled with zeros at most; such a fop cannot answer short, and callers that hear `EOPNOTSUPP` write.
const LONGEST_FILL: u64 = 1 << 30;

/// copy_file_range → readv and writev.
impl Recipe for kind::copy_file_range {
    async fn cook(older: &Older, args: CopyFileRange) -> FopResult<Copied> {
        let CopyFileRange { fd_in, offset_in, fd_out, offset_out, len, .. } = args;
        let end = |offset: u64| offset.checked_add(len as u64).ok_or(Errno::EOVERFLOW);
        let (end_in, end_out) = (end(offset_in)?, end(offset_out)?);
        if fd_in.inode() == fd_out.inode() && offset_in < end_out && offset_out < end_in {
            return Err(Errno::EINVAL.into());
        }
        let len = len.min(LONGEST_COPY);
        let mut copied = Copied::default();
        let mut done = 0;
        while done < len {
            let at = done as u64;
            let size = CHUNK.min(len - done);
            let part = read(older, &fd_in, offset_in + at, size).await;
            // What is done is done: an error is told by who asks for the rest.
            let part = match part {
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
                Ok(part) => part,
            };
            copied.source = part.iatt;
            let bytes = part.data.len();
            if bytes == 0 {
                break;
            }
            let wrote = match write(older, &fd_out, part.data, offset_out + at).await {
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
                Ok(wrote) => wrote,
            };
            if done == 0 {
                copied.pre = wrote.pre;
            }
            copied.post = wrote.post;
            let count = usize::try_from(wrote.count).unwrap_or(bytes).min(bytes);
            done += count;
            if count < bytes || part.at_end {
                break;
            }
        }
        if done == 0 {
            let fd = fd_out.clone();
            copied.pre = older.itself().fstat(Fstat { fd, xdata: Dict::new() }).await?.iatt;
            copied.post = copied.pre;
        }
        copied.count = done as u64;
        Ok(copied)
    }
}

/// zerofill → writev.
impl Recipe for kind::zerofill {
    async fn cook(older: &Older, args: Zerofill) -> FopResult<PrePost> {
        fill(older, &args.fd, args.offset, args.len).await
    }
}

/// discard → fstat and writev: what is punched out reads as zeros, and the file stays as long as it is.
impl Recipe for kind::discard {
    async fn cook(older: &Older, args: Discard) -> FopResult<PrePost> {
        let fd = args.fd.clone();
        let size = older.itself().fstat(Fstat { fd, xdata: Dict::new() }).await?.iatt.size;
        let within = size.saturating_sub(args.offset).min(args.len);
        fill(older, &args.fd, args.offset, within).await
    }
}

/// seek → fstat: a file without holes, as far as this translator can tell.
impl Recipe for kind::seek {
    async fn cook(older: &Older, args: Seek) -> FopResult<Sought> {
        const DATA: i32 = 0;
        const HOLE: i32 = 1;
        let Seek { fd, offset, what, .. } = args;
        let size = older.itself().fstat(Fstat { fd, xdata: Dict::new() }).await?.iatt.size;
        let offset = match what {
            _ if offset >= size => return Err(Errno::ENXIO.into()),
            DATA => offset,
            HOLE => size,
            _ => return Err(Errno::EINVAL.into()),
        };
        Ok(Sought { offset, xdata: Dict::new() })
    }
}

/// put → create, writev, fsetxattr; and unlink where one of them fails.
impl Recipe for kind::put {
    async fn cook(older: &Older, args: Put) -> FopResult<Made> {
        let inode = match &args.loc.inode {
            ROption::RSome(inode) => inode.clone(),
            ROption::RNone => nameless(),
        };
        let flags = args.flags & !libc::O_ACCMODE | libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
        let fd = Fd::new(inode, flags, older.pid());
        let Put { loc, mode, umask, data, offset, xattrs, xdata, .. } = args;
        let create = Create { loc: loc.clone(), flags, mode, umask, fd: fd.clone(), xdata };
        let Created { iatt, pre_parent, post_parent, xdata, .. } = older.itself().create(create).await?;
        match content(older, fd, data, offset, xattrs, iatt).await {
            Ok(iatt) => Ok(Made { iatt, pre_parent, post_parent, xdata }),
            Err(error) => {
                // The first error is the one to tell.
                let _ = older.itself().unlink(Unlink { loc, flags: 0, xdata: Dict::new() }).await;
                Err(error)
            }
        }
    }
}

async fn content(
    older: &Older,
    fd: Fd,
    data: Payload,
    mut offset: u64,
    xattrs: Dict,
    mut iatt: crate::Iatt,
) -> FopResult<crate::Iatt> {
    let mut rest = data.to_iobuf();
    while !rest.is_empty() {
        let wrote = write(older, &fd, rest.clone().into(), offset).await?;
        let count = usize::try_from(wrote.count).unwrap_or(rest.len()).min(rest.len());
        if count == 0 {
            return Err(Errno::EIO.into());
        }
        rest.split_to(count);
        offset += count as u64;
        iatt = wrote.post;
    }
    if !xattrs.is_empty() {
        older.itself().fsetxattr(Fsetxattr { fd, xattrs, flags: 0, xdata: Dict::new() }).await?;
    }
    Ok(iatt)
}

/// readdirp → readdir and a lookup of each name.
impl Recipe for kind::readdirp {
    async fn cook(older: &Older, args: Readdirp) -> FopResult<Entries> {
        let Readdirp { fd, size, offset, xdata: wanted } = args;
        let readdir = Readdir { fd: fd.clone(), size, offset, xdata: Dict::new() };
        let mut entries = older.itself().readdir(readdir).await?;
        for entry in &mut entries.entries {
            if matches!(&entry.name[..], b"." | b"..") {
                continue;
            }
            let mut loc = Loc::entry(fd.inode().clone(), entry.name.clone());
            loc.inode = ROption::RSome(nameless());
            // A name that went meanwhile has no attributes; who wants them asks for it by name.
            if let Ok(looked) = older.itself().lookup(Lookup { loc, xdata: wanted.clone() }).await {
                entry.iatt = looked.iatt;
                entry.xattrs = looked.xdata;
            }
        }
        Ok(entries)
    }
}

fn nameless() -> Inode {
    Inode::new(Gfid::default(), FileType::Invalid)
}

async fn read(older: &Older, fd: &Fd, offset: u64, size: usize) -> FopResult<Data> {
    older.itself().readv(Readv { fd: fd.clone(), size, offset, flags: 0, xdata: Dict::new() }).await
}

async fn write(older: &Older, fd: &Fd, data: Payload, offset: u64) -> FopResult<Written> {
    older.itself().writev(Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() }).await
}

/// Writes zeros.
async fn fill(older: &Older, fd: &Fd, offset: u64, len: u64) -> FopResult<PrePost> {
    static ZEROS: OnceLock<IoBuf> = OnceLock::new();
    if len > LONGEST_FILL {
        return Err(Errno::EOPNOTSUPP.into());
    }
    offset.checked_add(len).ok_or(Errno::EFBIG)?;
    let zeros = ZEROS.get_or_init(|| vec![0; CHUNK].into());
    let mut filled = PrePost::default();
    let mut done = 0;
    while done < len {
        let size = usize::try_from(len - done).unwrap_or(CHUNK).min(CHUNK);
        let wrote = write(older, fd, zeros.slice(..size).into(), offset + done).await?;
        if wrote.count == 0 {
            return Err(Errno::EIO.into());
        }
        if done == 0 {
            filled.pre = wrote.pre;
        }
        filled.post = wrote.post;
        done += wrote.count.min(size as u64);
    }
    if len == 0 {
        let iatt = older.itself().fstat(Fstat { fd: fd.clone(), xdata: Dict::new() }).await?.iatt;
        (filled.pre, filled.post) = (iatt, iatt);
    }
    Ok(filled)
}
