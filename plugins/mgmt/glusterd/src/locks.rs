//! Locks that operations hold: by name, by owner, and for so long only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who holds what: names such as `v_vol` and `All_global`.
#[derive(Debug, Clone, Default)]
pub struct LockTable(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    by_name: HashMap<String, Holder>,
    count: u64,
}

#[derive(Debug)]
struct Holder {
    number: u64,
    until: Instant,
}

/// Somebody else holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Another transaction is in progress for {0}. Please try again after some time.")]
pub struct Busy(pub String);

/// What an operation locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One volume.
    Volume(String),
    /// Everything: cluster-wide options.
    Cluster,
    /// Nothing: it only looks.
    Nothing,
}

impl Target {
    /// What the lock is called, and what people are told is busy.
    fn names(&self) -> Option<(String, String)> {
        match self {
            Self::Volume(name) => Some((format!("{name}_vol"), name.clone())),
            Self::Cluster => Some(("All_global".to_owned(), "All".to_owned())),
            Self::Nothing => None,
        }
    }
}

impl LockTable {
    /// Takes the lock at once or not at all. It is lost after `limit`, so that an operation that hangs does not close
    /// its volume for good.
    ///
    /// # Errors
    /// Somebody holds it.
    pub fn take(&self, target: &Target, limit: Duration) -> Result<Lock, Busy> {
        let Some((name, shown)) = target.names() else { return Ok(Lock(None)) };
        let now = Instant::now();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_name.get(&name).is_some_and(|holder| holder.until > now) {
            return Err(Busy(shown));
        }
        held.count += 1;
        let number = held.count;
        held.by_name.insert(name.clone(), Holder { number, until: now + limit });
        Ok(Lock(Some(Taken { table: self.clone(), name, number })))
    }
}

/// A lock, given back when dropped.
#[derive(Debug)]
#[must_use = "the lock is given back at once"]
pub struct Lock(#[allow(dead_code, reason = "held for its drop")] Option<Taken>);

#[derive(Debug)]
struct Taken {
    table: LockTable,
    name: String,
    number: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.table.0.lock().unwrap_or_else(PoisonError::into_inner);
        // After its time somebody else may have it.
        if held.by_name.get(&self.name).is_some_and(|holder| holder.number == self.number) {
            held.by_name.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(180);

    #[test]
    fn one_volume_is_one_operations_and_the_other_volume_is_free() {
        let table = LockTable::default();
        let volume = |name: &str| Target::Volume(name.to_owned());
        let first = table.take(&volume("v"), LIMIT).unwrap();
        let busy = table.take(&volume("v"), LIMIT).unwrap_err();
        assert_eq!(
            busy.to_string(),
            "Another transaction is in progress for v. Please try again after some time."
        );
        let _other = table.take(&volume("w"), LIMIT).unwrap();
        let _looks = table.take(&Target::Nothing, LIMIT).unwrap();
        drop(first);
        let _again = table.take(&volume("v"), LIMIT).unwrap();
    }

    #[test]
    fn a_lock_that_was_lost_is_not_given_back_for_its_next_holder() {
        let table = LockTable::default();
        let late = table.take(&Target::Cluster, Duration::ZERO).unwrap();
        let _next = table.take(&Target::Cluster, LIMIT).unwrap();
        drop(late);
        table.take(&Target::Cluster, LIMIT).unwrap_err();
    }
}
