//! Sends a fop on a file to the child that has it, and after the file when it moves.

use std::any::Any;

use plugin_api::prelude::*;

use crate::call::{Call, LINKTO, POINTER_MODE, is_moving, unmarked};
use crate::migrate::WRITTEN;

/// A reply that may show the file's attributes.
pub(crate) trait Shows {
    /// The attributes after the fop.
    fn after(&self) -> Option<Iatt> {
        None
    }

    /// Takes the marks of moving out.
    fn clean(&mut self) {}
}

macro_rules! shows {
    ($($reply:ident: $after:ident $($field:ident)*;)*) => {$(
        impl Shows for $reply {
            fn after(&self) -> Option<Iatt> {
                Some(self.$after)
            }

            fn clean(&mut self) {
                $(self.$field = unmarked(self.$field);)*
            }
        }
    )*};
}

shows! {
    Attr: iatt iatt;
    Target: iatt iatt;
    PrePost: post pre post;
    Written: post pre post;
    Data: iatt iatt;
}

impl Shows for Done {}
impl Shows for Opened {}
impl Shows for Xattrs {}
impl Shows for Locked {}
impl Shows for Checksum {}
impl Shows for Sought {}
impl Shows for Leased {}
impl Shows for ActiveLocks {}

/// A fop for the new copy of a file that is being moved: what a write brings, whoever copies must not write over.
fn on_copy<F: FopType>(mut args: F::Args) -> F::Args {
    if let Some(write) = (&mut args as &mut dyn Any).downcast_mut::<Writev>() {
        write.xdata.set(WRITTEN, 1);
    }
    args
}

impl Call<'_> {
    /// A fop on one file; `changes` says that it changes the file, and so both copies while it is being moved.
    pub(crate) async fn on_file<F>(
        &self,
        inode: &Inode,
        fd: Option<&Fd>,
        args: F::Args,
        changes: bool,
    ) -> FopResult<F::Reply>
    where
        F: FopType<Args: Clone, Reply: Shows>,
    {
        let at = self.cached(inode).await?;
        let mut answer = self.child(at).wind::<F>(args.clone()).await;
        if let (Err(e), Some(fd)) = (&answer, fd)
            && matches!(e.errno, Errno::EBADFD | Errno::EBADF)
            && !fd.is_anonymous()
        {
            // It was opened where the file was before.
            self.open_again(at, fd).await?;
            answer = self.child(at).wind::<F>(args.clone()).await;
        }
        let after = answer.as_ref().ok().and_then(Shows::after);
        let moved = match &answer {
            Err(e) => matches!(e.errno, Errno::ENOENT | Errno::ESTALE),
            Ok(_) => after.is_some_and(|iatt| iatt.mode & (libc::S_IFMT | 0o7777) == POINTER_MODE),
        };
        if moved {
            let now = self.find_again(inode).await.unwrap_or(at);
            if now != at {
                if let Some(fd) = fd {
                    self.open_again(now, fd).await?;
                }
                answer = self.child(now).wind::<F>(args).await;
            }
        } else if changes
            && after.as_ref().is_some_and(is_moving)
            && let Some(to) = self.destination(at, inode).await
        {
            if let Some(fd) = fd {
                self.open_again(to, fd).await?;
            }
            answer = self.child(to).wind::<F>(on_copy::<F>(args)).await;
        }
        answer.map(|mut reply| {
            reply.clean();
            reply
        })
    }

    /// Where a file on child `at` is being moved to.
    async fn destination(&self, at: usize, inode: &Inode) -> Option<usize> {
        let asked = Getxattr { loc: Loc::of(inode.clone()), name: IoBuf::from(LINKTO), xdata: Dict::new() };
        let told = self.root().child_at(at).getxattr(asked).await.ok()?;
        self.pointed(&told.xattrs).filter(|to| *to != at)
    }

    /// Opens a file on another child for a descriptor that callers have.
    async fn open_again(&self, at: usize, fd: &Fd) -> FopResult<()> {
        if fd.is_anonymous() {
            return Ok(());
        }
        let flags = fd.flags() & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC);
        let open = Open { loc: Loc::of(fd.inode().clone()), flags, fd: fd.clone(), xdata: Dict::new() };
        self.root().child_at(at).open(open).await.map(drop)
    }
}
