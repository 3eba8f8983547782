//! `features/arbiter`: a brick that keeps names, attributes and counters, but no content.
#![forbid(unsafe_code)]

use plugin_api::prelude::*;

const OPEN_COUNT: &str = "glusterfs.open-fd-count";
const IS_APPEND: &str = "glusterfs.write-is-append";

/// Says yes to every change of content and makes none.
#[derive(Debug, Default)]
pub struct Arbiter;

/// The attributes that the last lookup of an inode found.
#[derive(Debug)]
struct Seen(Iatt);

impl Arbiter {
    /// What is answered for a file that does not change: what was last seen of it, or nothing.
    fn seen(frame: &Frame, inode: Option<&Inode>) -> Iatt {
        inode.and_then(|inode| inode.object().ctx::<Seen>(frame.key())).map(|seen| seen.0).unwrap_or_default()
    }

    fn unchanged(frame: &Frame, inode: Option<&Inode>) -> FopResult<PrePost> {
        let seen = Self::seen(frame, inode);
        Ok(PrePost { pre: seen, post: seen, xdata: Dict::new() })
    }
}

#[xlator(
    "features/arbiter",
    positions = "brick",
    unknown_fops = "deny",
    doc = "keeps names, attributes and counters of files, but no content"
)]
impl Xlator for Arbiter {
    async fn lookup(&self, frame: &Frame, args: Lookup) -> FopResult<Looked> {
        let inode = args.loc.inode.clone().into_option();
        let looked = frame.child().lookup(args).await?;
        if let Some(inode) = inode {
            inode.object().ctx_set(frame.key(), Seen(looked.iatt).into());
        }
        Ok(looked)
    }

    fn writev(&self, frame: &Frame, args: Writev) -> FopResult<Written> {
        let seen = Self::seen(frame, Some(args.fd.inode()));
        let mut xdata = Dict::new();
        if args.xdata.contains(OPEN_COUNT) {
            xdata.push(OPEN_COUNT, 1_u32);
        }
        if args.xdata.contains(IS_APPEND) {
            xdata.push(IS_APPEND, 1_u32);
        }
        Ok(Written { count: args.len(), pre: seen, post: seen, xdata })
    }

    fn truncate(&self, frame: &Frame, args: Truncate) -> FopResult<PrePost> {
        Self::unchanged(frame, args.loc.inode.as_ref().into_option())
    }

    fn ftruncate(&self, frame: &Frame, args: Ftruncate) -> FopResult<PrePost> {
        Self::unchanged(frame, Some(args.fd.inode()))
    }

    fn fallocate(&self, frame: &Frame, args: Fallocate) -> FopResult<PrePost> {
        Self::unchanged(frame, Some(args.fd.inode()))
    }

    fn discard(&self, frame: &Frame, args: Discard) -> FopResult<PrePost> {
        Self::unchanged(frame, Some(args.fd.inode()))
    }

    fn zerofill(&self, frame: &Frame, args: Zerofill) -> FopResult<PrePost> {
        Self::unchanged(frame, Some(args.fd.inode()))
    }

    fn readv(&self, _frame: &Frame, _args: Readv) -> FopResult<Data> {
        Err(Errno::ENOSYS.into())
    }

    fn seek(&self, _frame: &Frame, _args: Seek) -> FopResult<Sought> {
        Err(Errno::ENOSYS.into())
    }
}
