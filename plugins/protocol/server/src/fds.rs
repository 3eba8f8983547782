//! The descriptors that a client has open, by the numbers it knows them by.

use std::sync::{Mutex, MutexGuard, PoisonError};

use plugin_api::{Errno, Fd};
use slab::Slab;

/// Descriptors that one client may have open; the process runs out of its own long before.
const MOST: usize = 1 << 20;

/// Numbers and descriptors of one client; files and directories share the numbers.
#[derive(Debug, Default)]
pub(crate) struct FdTable {
    open: Mutex<Slab<Fd>>,
}

/// Figures of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// All open numbers are below.
    pub(crate) size: usize,
    /// The number that the next one gets.
    pub(crate) first_free: usize,
    /// How many are open.
    pub(crate) open: usize,
}

impl FdTable {
    fn open(&self) -> MutexGuard<'_, Slab<Fd>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives `fd` a number; the first one is 0.
    ///
    /// # Errors
    /// `EMFILE` when the client has too many.
    pub(crate) fn insert(&self, fd: Fd) -> Result<i64, Errno> {
        let mut open = self.open();
        if open.len() >= MOST {
            return Err(Errno::EMFILE);
        }
        i64::try_from(open.insert(fd)).map_err(|_| Errno::EMFILE)
    }

    /// The descriptor with this number.
    ///
    /// # Errors
    /// `EBADF` when there is none.
    pub(crate) fn find(&self, number: i64) -> Result<Fd, Errno> {
        let index = usize::try_from(number).map_err(|_| Errno::EBADF)?;
        self.open().get(index).cloned().ok_or(Errno::EBADF)
    }

    /// Takes the descriptor with this number out; who uses it now keeps it until then.
    ///
    /// # Errors
    /// `EBADF` when there is none.
    pub(crate) fn remove(&self, number: i64) -> Result<Fd, Errno> {
        let index = usize::try_from(number).map_err(|_| Errno::EBADF)?;
        self.open().try_remove(index).ok_or(Errno::EBADF)
    }

    /// Takes all of them out.
    pub(crate) fn take(&self) -> Vec<Fd> {
        let mut open = self.open();
        let mut all = std::mem::take(&mut *open);
        drop(open);
        all.drain().collect()
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    /// How large the table is and how full.
    pub(crate) fn shape(&self) -> Shape {
        let open = self.open();
        let size = open.iter().next_back().map_or(0, |(last, _)| last + 1);
        Shape { size, first_free: open.vacant_key(), open: open.len() }
    }

    /// Shows each, for statedumps.
    pub(crate) fn for_each(&self, mut show: impl FnMut(usize, &Fd)) {
        self.open().iter().for_each(|(number, fd)| show(number, fd));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::{FileType, Gfid, Inode};

    fn fd() -> Fd {
        Fd::new(Inode::new(Gfid::ROOT, FileType::Directory), 0, 1)
    }

    #[test]
    fn numbers_begin_at_zero_and_are_used_again() {
        let table = FdTable::default();
        assert_eq!((table.insert(fd()), table.insert(fd())), (Ok(0), Ok(1)));
        table.remove(0).unwrap();
        assert_eq!(table.insert(fd()), Ok(0));
        assert_eq!(table.len(), 2);
        table.remove(0).unwrap();
        assert_eq!(table.shape(), Shape { size: 2, first_free: 0, open: 1 });
    }

    #[test]
    fn a_number_that_nobody_was_given_is_bad() {
        let table = FdTable::default();
        for number in [0, -1, -2, -3, 5, i64::MIN, i64::MAX] {
            assert_eq!(table.find(number), Err(Errno::EBADF), "{number}");
            assert_eq!(table.remove(number), Err(Errno::EBADF), "{number}");
        }
    }

    #[test]
    fn a_released_descriptor_lives_on_with_who_uses_it() {
        let table = FdTable::default();
        let number = table.insert(fd()).unwrap();
        let used = table.find(number).unwrap();
        drop(table.remove(number));
        assert_eq!(table.find(number), Err(Errno::EBADF));
        assert_eq!(used.object().count(), 1);
    }

    #[test]
    fn taking_all_leaves_none() {
        let table = FdTable::default();
        for _ in 0..3 {
            table.insert(fd()).unwrap();
        }
        assert_eq!(table.take().len(), 3);
        assert_eq!((table.len(), table.take().len()), (0, 0));
    }
}
