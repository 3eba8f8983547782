//! Who owns a lock.

use std::fmt;

use abi_stable::StableAbi;

use crate::IoBuf;
use crate::carry::{Carry, CarryError};

/// Up to 1024 bytes that a client makes up for each owner of locks; usually 8.
#[repr(transparent)]
#[derive(StableAbi, Carry, Clone, PartialEq, Eq, Default)]
#[carry(check = LkOwner::sound)]
pub struct LkOwner(IoBuf);

impl LkOwner {
    /// The longest there is, bytes.
    pub const MAX: usize = 1024;

    fn sound(&self) -> Result<(), CarryError> {
        if self.0.len() > Self::MAX { Err(CarryError::Text { what: "lock owner" }) } else { Ok(()) }
    }

    /// The owner with these bytes, which stay shared; keep a [`detached`](Self::detached) copy for long.
    #[must_use]
    pub fn new(bytes: IoBuf) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is no owner.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy that does not keep the message alive which it came in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(IoBuf::copy_from_slice(&self.0))
    }
}

impl std::hash::Hash for LkOwner {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for LkOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LkOwner(")?;
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str(")")
    }
}
