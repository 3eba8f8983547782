//! The groups of a user as this machine knows them, for a while: what `manage-gids` puts in place of the caller's list.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Uid, User, getgrouplist};
use plugin_api::rt;

/// Users remembered at most; beyond, all are asked for anew.
const MOST: usize = 16_384;

/// A user's groups, and since when.
type Known = (Instant, Arc<[u32]>);

/// Groups by user.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    known: Mutex<HashMap<u32, Known>>,
}

impl Groups {
    fn known(&self) -> MutexGuard<'_, HashMap<u32, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The groups of a user, not older than `timeout`; `None` for a user that this machine does not know.
    pub(crate) async fn of(self: &Arc<Self>, uid: u32, timeout: Duration) -> Option<Arc<[u32]>> {
        if let Some(groups) = self.fresh(uid, timeout) {
            return Some(groups);
        }
        // The name service may go to the network.
        let groups = rt::offload(async move { ask(uid) }).await??;
        self.remember(uid, groups.clone());
        Some(groups)
    }

    fn fresh(&self, uid: u32, timeout: Duration) -> Option<Arc<[u32]>> {
        let known = self.known();
        let (since, groups) = known.get(&uid)?;
        (since.elapsed() < timeout).then(|| groups.clone())
    }

    fn remember(&self, uid: u32, groups: Arc<[u32]>) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(uid, (Instant::now(), groups));
    }
}

fn ask(uid: u32) -> Option<Arc<[u32]>> {
    let user = User::from_uid(Uid::from_raw(uid)).ok()??;
    let name = CString::new(user.name).ok()?;
    let groups = getgrouplist(&name, user.gid).ok()?;
    Some(groups.into_iter().map(Gid::as_raw).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_its_group_and_a_stranger_none() {
        assert!(ask(0).is_some_and(|groups| groups.contains(&0)));
        assert_eq!(ask(u32::MAX - 7), None);
    }

    #[test]
    fn an_answer_is_kept_for_a_while_only() {
        let groups = Groups::default();
        groups.remember(5, Arc::new([1, 2]));
        assert_eq!(groups.fresh(5, Duration::from_secs(60)).as_deref(), Some(&[1, 2][..]));
        assert_eq!(groups.fresh(5, Duration::ZERO), None);
        assert_eq!(groups.fresh(6, Duration::from_secs(60)), None);
    }
}
