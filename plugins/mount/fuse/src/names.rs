//! The names that the kernel was told of, and the places of the nodes that they lead to.

use std::collections::HashMap;
use std::sync::Arc;

use plugin_api::Gfid;

/// By directory, then by name.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<Gfid, HashMap<Arc<[u8]>, usize>>);

impl Names {
    pub(crate) fn find(&self, parent: Gfid, name: &[u8]) -> Option<usize> {
        self.0.get(&parent)?.get(name).copied()
    }

    pub(crate) fn add(&mut self, parent: Gfid, name: Arc<[u8]>, place: usize) {
        self.0.entry(parent).or_default().insert(name, place);
    }

    /// Takes a name out: where it led.
    pub(crate) fn remove(&mut self, parent: Gfid, name: &[u8]) -> Option<usize> {
        let names = self.0.get_mut(&parent)?;
        let place = names.remove(name);
        if names.is_empty() {
            self.0.remove(&parent);
        }
        place
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
