//! Unpacking: bytes that nobody vouches for into values.

use super::{Carry, CarryError, Objects};
use crate::IoBuf;

/// Bytes that are being read. Buffers that are read share them.
pub struct Unpack<'o> {
    bytes: IoBuf,
    at: usize,
    objects: &'o mut dyn Objects,
}

impl<'o> Unpack<'o> {
    /// Reads from the start of `bytes`, which nobody else changes.
    pub fn new(bytes: IoBuf, objects: &'o mut dyn Objects) -> Self {
        Self { bytes, at: 0, objects }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Reads a value.
    ///
    /// # Errors
    /// See [`Carry::unpack`].
    #[inline]
    pub fn take<T: Carry>(&mut self) -> Result<T, CarryError> {
        T::unpack(self)
    }

    /// Reads so many bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn take_raw<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CarryError> {
        let found = self.bytes[self.at..].first_chunk::<N>().ok_or(CarryError::Short { what })?;
        self.at += N;
        Ok(*found)
    }

    /// Reads the number of items of a list, each of which takes at least one byte.
    ///
    /// # Errors
    /// There are fewer bytes than items.
    pub fn take_len(&mut self, what: &'static str) -> Result<usize, CarryError> {
        let len = u32::from_ne_bytes(self.take_raw(what)?);
        usize::try_from(len).ok().filter(|len| *len <= self.left()).ok_or(CarryError::Short { what })
    }

    /// Reads bytes and their number.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take_bytes(&mut self, what: &'static str) -> Result<&[u8], CarryError> {
        let len = self.take_len(what)?;
        self.at += len;
        Ok(&self.bytes[self.at - len..self.at])
    }

    /// As [`take_bytes`](Self::take_bytes), shared.
    ///
    /// # Errors
    /// There are fewer.
    pub fn take_buffer(&mut self, what: &'static str) -> Result<IoBuf, CarryError> {
        let len = self.take_len(what)?;
        self.at += len;
        if len == 0 {
            return Ok(IoBuf::new());
        }
        Ok(self.bytes.slice(self.at - len..self.at))
    }

    /// Who resolves the numbers of objects.
    pub fn objects(&mut self) -> &mut dyn Objects {
        self.objects
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Bytes are left over.
    pub fn done(self) -> Result<(), CarryError> {
        match self.left() {
            0 => Ok(()),
            count => Err(CarryError::Rest { count }),
        }
    }
}

impl std::fmt::Debug for Unpack<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unpack({} of {} bytes left)", self.left(), self.bytes.len())
    }
}
