//! The fops: which call each one is, and what its answer means.

pub(crate) mod data;
pub(crate) mod dir;
pub(crate) mod entry;
pub(crate) mod inode;
pub(crate) mod lock;
pub(crate) mod xattr;

use gluster_xdr::fop::{CommonRsp, IattRsp, MadeRsp, PrePostRsp};
use plugin_api::fop::{Attr, Done, Made, PrePost};

/// A size or length as it travels; more than that in one call is cut.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn done(told: CommonRsp) -> Done {
    Done { xdata: told.xdata }
}

fn attr(told: IattRsp) -> Attr {
    Attr { iatt: told.stat, xdata: told.xdata }
}

fn pre_post(told: PrePostRsp) -> PrePost {
    PrePost { pre: told.pre, post: told.post, xdata: told.xdata }
}

fn made(told: MadeRsp) -> Made {
    Made { iatt: told.stat, pre_parent: told.pre_parent, post_parent: told.post_parent, xdata: told.xdata }
}
