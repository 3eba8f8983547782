//! What a read or a write carries: one shared buffer, or several in a row.

use abi_stable::StableAbi;
use abi_stable::std_types::RVec;

use crate::IoBuf;
use crate::carry::Carry;

/// The bytes of a read or a write, in order. One buffer, the usual case, costs no allocation.
#[repr(C)]
#[derive(StableAbi, Carry, Debug, Clone, Default, PartialEq)]
pub struct Payload {
    first: IoBuf,
    rest: RVec<IoBuf>,
}

impl Payload {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffers().map(|buffer| buffer.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffers, in order.
    pub fn buffers(&self) -> impl Iterator<Item = &IoBuf> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, buffer: IoBuf) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = buffer;
        } else {
            self.rest.push(buffer);
        }
    }

    /// All bytes in one buffer: shared when they are in one already, else copied.
    #[must_use]
    pub fn to_iobuf(&self) -> IoBuf {
        if self.rest.is_empty() {
            return self.first.clone();
        }
        let mut all = Vec::with_capacity(self.len());
        self.buffers().for_each(|buffer| all.extend_from_slice(buffer));
        IoBuf::from(all)
    }
}

impl From<IoBuf> for Payload {
    fn from(buffer: IoBuf) -> Self {
        Self { first: buffer, rest: RVec::new() }
    }
}
