//! Where tests make the disk fail: before every call that reads or changes it on behalf of a namespace operation.

#[cfg(not(test))]
use rustix::io::Result;

/// Fails when a test has counted down to here; otherwise nothing at all.
#[cfg(not(test))]
#[inline(always)]
#[allow(clippy::unnecessary_wraps)] // in tests it fails
pub(crate) const fn seam() -> Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use armed::{fail_at, seam};

#[cfg(test)]
mod armed {
    use std::cell::Cell;

    use rustix::io::{Errno, Result};

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// The `n`th call from here on this thread fails, once. Says afterwards whether it came to that.
    pub(crate) fn fail_at<T>(n: u32, work: impl FnOnce() -> T) -> (T, bool) {
        LEFT.set(Some(n));
        let done = work();
        (done, LEFT.replace(None).is_none())
    }

    pub(crate) fn seam() -> Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => {
                LEFT.set(None);
                Err(Errno::IO)
            }
            Some(n) => {
                LEFT.set(Some(n - 1));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Gfid;
    use rustix::fs::{FileType, OFlags};

    use super::fail_at;
    use crate::make::Kind;
    use crate::remove::UnlinkOnly;
    use crate::testing::{TestBrick, brick, brick_with, user};

    /// Runs `work` on a brick that `prepare` filled, failing each call in turn, until it runs through without one
    /// failing. What failed must have left everything as it was.
    fn all_or_nothing<P, T, E>(
        fresh: impl Fn() -> TestBrick,
        prepare: impl Fn(&TestBrick) -> P,
        work: impl Fn(&TestBrick, &P) -> Result<T, E>,
    ) {
        let mut ready = None;
        for n in 0.. {
            let (brick, prepared) = ready.take().unwrap_or_else(|| {
                let brick = fresh();
                let prepared = prepare(&brick);
                (brick, prepared)
            });
            let before = brick.tree();
            let (done, failed) = fail_at(n, || work(&brick, &prepared).is_ok());
            brick.check_whole();
            if !failed {
                assert!(done && n > 3, "{n}");
                return;
            }
            if !done {
                assert_eq!(brick.tree(), before, "call {n}");
                ready = Some((brick, prepared));
            }
        }
    }

    #[test]
    fn whatever_call_fails_an_object_is_made_whole_or_not_at_all() {
        let fresh = || brick_with(|options| options.parent_link_counts = true);
        for kind in [
            Kind::File(OFlags::RDWR),
            Kind::Node(FileType::RegularFile, 0),
            Kind::Directory,
            Kind::Symlink(b"target"),
        ] {
            all_or_nothing(fresh, |_| (), |brick, ()| brick.make_kind(Gfid::ROOT, "new", kind, 0o4711));
        }
    }

    #[test]
    fn whatever_call_fails_a_link_is_there_or_not() {
        let work =
            |brick: &TestBrick, file: &Gfid| brick.link(&user(), *file, &brick.entry(Gfid::ROOT, b"g")?);
        all_or_nothing(brick, |brick| brick.mkfile(Gfid::ROOT, "f"), work);
    }

    #[test]
    fn whatever_call_fails_a_name_is_removed_or_not() {
        let unlink =
            |brick: &TestBrick| brick.unlink(&user(), &brick.entry(Gfid::ROOT, b"f")?, UnlinkOnly::default());
        all_or_nothing(brick, |brick| brick.mkfile(Gfid::ROOT, "f"), |brick, _| unlink(brick));
        let open = |brick: &TestBrick| brick.open_file(brick.mkfile(Gfid::ROOT, "f"), 0).unwrap();
        all_or_nothing(brick, open, |brick, _| unlink(brick));
        let rmdir =
            |brick: &TestBrick, _: &Gfid| brick.rmdir(&user(), &brick.entry(Gfid::ROOT, b"d")?, false);
        all_or_nothing(brick, |brick| brick.mkdir(Gfid::ROOT, "d"), rmdir);
    }

    #[test]
    fn whatever_call_fails_a_rename_has_happened_or_not() {
        let rename = |brick: &TestBrick, _: &(Gfid, Gfid)| {
            let (old, new) = (brick.entry(Gfid::ROOT, b"one")?, brick.entry(Gfid::ROOT, b"two")?);
            brick.rename(&user(), &old, &new, None)
        };
        all_or_nothing(
            brick,
            |brick| (brick.mkfile(Gfid::ROOT, "one"), brick.mkfile(Gfid::ROOT, "two")),
            rename,
        );
        all_or_nothing(
            brick,
            |brick| (brick.mkdir(Gfid::ROOT, "one"), brick.mkdir(Gfid::ROOT, "two")),
            rename,
        );
        all_or_nothing(brick, |brick| (brick.mkdir(Gfid::ROOT, "one"), Gfid::NULL), rename);
    }
}
