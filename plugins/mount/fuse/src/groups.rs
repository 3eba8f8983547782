//! The further groups of a caller: those of its process, or those that this machine knows its user by, for a while.

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abi_stable::std_types::RVec;
use nix::unistd::{Gid, Uid, User, getgrouplist};

/// Callers remembered at most; beyond, all are asked for anew.
const MOST: usize = 8192;

/// Who asks: process, user, group.
pub(crate) type Caller = (u32, u32, u32);

/// Groups by caller.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    known: Mutex<HashMap<Caller, (Instant, RVec<u32>)>>,
}

impl Groups {
    fn known(&self) -> MutexGuard<'_, HashMap<Caller, (Instant, RVec<u32>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The groups of a caller, not older than `timeout`.
    pub(crate) fn of(&self, caller: Caller, timeout: Duration, resolve: bool) -> RVec<u32> {
        if let Some((since, groups)) = self.known().get(&caller)
            && since.elapsed() < timeout
        {
            return groups.clone();
        }
        let (pid, uid, gid) = caller;
        let groups = if resolve { of_user(uid) } else { of_process(pid) };
        let groups = groups.unwrap_or_else(|| vec![gid]).into_iter().collect::<RVec<u32>>();
        if !timeout.is_zero() {
            let mut known = self.known();
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(caller, (Instant::now(), groups.clone()));
        }
        groups
    }
}

/// Of a process that this one sees.
fn of_process(pid: u32) -> Option<Vec<u32>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"))?;
    Some(line.split_whitespace().filter_map(|group| group.parse().ok()).collect())
}

fn of_user(uid: u32) -> Option<Vec<u32>> {
    let user = User::from_uid(Uid::from_raw(uid)).ok()??;
    let name = CString::new(user.name).ok()?;
    let groups = getgrouplist(&name, user.gid).ok()?;
    Some(groups.into_iter().map(Gid::as_raw).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_gone_has_its_own_group_only() {
        let groups = Groups::default();
        assert_eq!(groups.of((u32::MAX, 5, 7), Duration::ZERO, false)[..], [7]);
        assert!(of_process(std::process::id()).is_some());
        assert!(groups.of((1, 0, 0), Duration::ZERO, true).contains(&0));
    }

    #[test]
    fn an_answer_is_kept_for_a_while_only() {
        let groups = Groups::default();
        let caller = (u32::MAX, 5, 7);
        groups.known().insert(caller, (Instant::now(), [1, 2].into_iter().collect()));
        assert_eq!(groups.of(caller, Duration::from_secs(60), false)[..], [1, 2]);
        assert_eq!(groups.of(caller, Duration::ZERO, false)[..], [7]);
    }
}
