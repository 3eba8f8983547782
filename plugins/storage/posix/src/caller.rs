//! Who asks: what of a fop's credentials matters to the disk.

use crate::mdata::{Time, Which};

/// The identity and the clock of a fop.
///
/// Every system call runs as root: permissions were decided above (access-control, the client's kernel), and new
/// objects are handed to their owner. So nobody switches ids around a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Caller {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Below zero for the cluster's own clients.
    pub(crate) pid: i32,
    /// Which times this fop moves, see [`Which`].
    pub(crate) time_flags: u32,
    /// The client's clock when the fop began; zero when it moves no times.
    pub(crate) time: Time,
    /// The request carried [`INTERNAL_FOP`](plugin_api::fop::INTERNAL_FOP).
    pub(crate) internal: bool,
}

impl Caller {
    /// Whether the cluster itself asks.
    pub(crate) fn is_cluster(&self) -> bool {
        self.pid < 0
    }

    pub(crate) fn may_use_reserve(&self) -> bool {
        self.is_cluster() || self.internal
    }

    pub(crate) fn object_times(&self) -> Which {
        Which::object(self.time_flags)
    }

    pub(crate) fn parent_times(&self) -> Which {
        Which::parent(self.time_flags)
    }
}
