//! The files and folders that the kernel has open, by the number that it was given.

use std::sync::{PoisonError, RwLock};

use plugin_api::{Errno, Fd, Inode};
use slab::Slab;

/// All of a kind.
#[derive(Debug)]
pub(crate) struct Files<T = Fd> {
    open: RwLock<Slab<T>>,
}

impl<T> Default for Files<T> {
    fn default() -> Self {
        Self { open: RwLock::default() }
    }
}

impl<T: Clone> Files<T> {
    /// Notes one, and gives its number.
    pub(crate) fn add(&self, file: T) -> u64 {
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(file) as u64
    }

    /// The one with this number.
    ///
    /// # Errors
    /// `EBADF` when the kernel was not given it.
    pub(crate) fn find(&self, number: u64) -> Result<T, Errno> {
        let place = usize::try_from(number).map_err(|_| Errno::EBADF)?;
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(place).cloned().ok_or(Errno::EBADF)
    }

    /// Takes it away; it is closed below when its last call has ended.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub(crate) fn take(&self, number: u64) -> Result<T, Errno> {
        let place = usize::try_from(number).map_err(|_| Errno::EBADF)?;
        self.open.write().unwrap_or_else(PoisonError::into_inner).try_remove(place).ok_or(Errno::EBADF)
    }

    /// Takes all of them away.
    pub(crate) fn clear(&self) {
        let open = std::mem::take(&mut *self.open.write().unwrap_or_else(PoisonError::into_inner));
        // Closed outside the lock: that is other people's code.
        drop(open);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.open.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Files {
    /// Any that is open of a file.
    pub(crate) fn of(&self, inode: &Inode) -> Option<Fd> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.iter().map(|(_, fd)| fd).find(|fd| fd.inode() == inode).cloned()
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::{FileType, Gfid};

    use super::*;

    #[test]
    fn a_number_stands_for_a_file_until_it_is_released() {
        let files = Files::default();
        let fd = Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 1);
        let number = files.add(fd.clone());
        assert_eq!(files.find(number), Ok(fd.clone()));
        assert_eq!(files.of(fd.inode()), Some(fd.clone()));
        assert_eq!(files.take(number), Ok(fd));
        assert_eq!(files.find(number), Err(Errno::EBADF));
        assert_eq!(files.take(u64::MAX), Err(Errno::EBADF));
        assert_eq!(files.len(), 0);
    }
}
