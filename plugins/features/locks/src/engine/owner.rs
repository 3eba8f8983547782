//! Who holds a lock: a client and an owner name within it.

use std::fmt;

use smallvec::SmallVec;

/// The longest lock owner the wire allows, in bytes.
pub const MAX_LK_OWNER: usize = 1024;

/// A connected client, as the server numbers it; never reused while it has locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey(pub u64);

/// An open file of one client, as the host numbers it; never reused while it has locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FdKey(pub u64);

/// The opaque name a client gives to an owner of locks, compared by length and content.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct LkOwner(SmallVec<[u8; 16]>);

impl LkOwner {
    /// Takes the bytes as they came; `None` when there are more than [`MAX_LK_OWNER`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= MAX_LK_OWNER).then(|| Self(SmallVec::from_slice(bytes)))
    }

    /// The bytes, as the client sent them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the null owner: no byte of it is set. An owner without bytes is null as well.
    pub fn is_null(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }
}

impl fmt::Debug for LkOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The owner of a lock: two locks belong together only if client and name are both equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The client that asked.
    pub client: ClientKey,
    /// The owner's name within that client.
    pub name: LkOwner,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_different_length_differ_even_when_both_are_null() {
        let (short, long) = (LkOwner::new(&[0; 4]).unwrap(), LkOwner::new(&[0; 8]).unwrap());
        assert!(short.is_null() && long.is_null() && LkOwner::default().is_null());
        assert_ne!(short, long);
    }

    #[test]
    fn an_owner_longer_than_the_wire_allows_is_refused() {
        assert!(LkOwner::new(&[1; MAX_LK_OWNER]).is_some());
        assert!(LkOwner::new(&[1; MAX_LK_OWNER + 1]).is_none());
    }
}
