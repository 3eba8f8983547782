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
    Made: iatt iatt;
}

/// Where answers without a field for attributes have them: the ones after the fop first, which bricks always tell.
const IN_XDATA: [&str; 3] = ["dht-get-iatt-in-xattr", "virt-gf-prestat", "virt-gf-poststat"];

macro_rules! shows_in_xdata {
    ($($reply:ident)*) => {$(
        impl Shows for $reply {
            fn after(&self) -> Option<Iatt> {
                iatt_in(&self.xdata, IN_XDATA[0])
            }

            fn clean(&mut self) {
                for key in IN_XDATA {
                    if let Some(iatt) = iatt_in(&self.xdata, key) {
                        self.xdata.set(key, unmarked(iatt));
                    }
                }
            }
        }
    )*};
}

shows_in_xdata! { Done Xattrs }

fn iatt_in(xdata: &Dict, key: &str) -> Option<Iatt> {
    match xdata.get(key) {
        Some(Value::Iatt(iatt)) => Some(**iatt),
        _ => None,
    }
}

impl Shows for Opened {}
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
        if let Some(fd) = fd.filter(|fd| is_unknown(&answer) && !fd.is_anonymous()) {
            // It was opened where the file was before.
            Box::pin(self.open_once(at, fd)).await?;
            answer = self.child(at).wind::<F>(args.clone()).await;
            if is_unknown(&answer) {
                Box::pin(self.open_on(at, fd)).await?;
                answer = self.child(at).wind::<F>(args.clone()).await;
            }
        }
        match self.whereabouts(at, inode, &answer, changes).await {
            Whereabouts::Here => {}
            Whereabouts::Moved => {
                let now = Box::pin(self.find_again(inode)).await.unwrap_or(at);
                if now != at {
                    answer = Box::pin(self.on_other::<F>(now, fd, args)).await;
                }
            }
            Whereabouts::Moving(to) => {
                answer = Box::pin(self.on_other::<F>(to, fd, on_copy::<F>(args))).await
            }
        }
        answer.map(|mut reply| {
            reply.clean();
            reply
        })
    }

    async fn on_other<F>(&self, to: usize, fd: Option<&Fd>, args: F::Args) -> FopResult<F::Reply>
    where
        F: FopType,
    {
        if let Some(fd) = fd {
            self.open_once(to, fd).await?;
        }
        self.child(to).wind::<F>(args).await
    }

    /// Where a file is, as the answer of the child that had it shows.
    pub(crate) async fn whereabouts<R: Shows>(
        &self,
        at: usize,
        inode: &Inode,
        answer: &FopResult<R>,
        changes: bool,
    ) -> Whereabouts {
        let after = match answer {
            Err(e) if is_gone(e) => return Whereabouts::Moved,
            Err(_) => return Whereabouts::Here,
            Ok(reply) => reply.after(),
        };
        match after {
            Some(iatt) if iatt.mode & (libc::S_IFMT | 0o7777) == POINTER_MODE => Whereabouts::Moved,
            Some(iatt) if changes && is_moving(&iatt) => Box::pin(self.destination(at, inode)).await,
            _ => Whereabouts::Here,
        }
    }

    /// Where a file on child `at` is being moved to.
    async fn destination(&self, at: usize, inode: &Inode) -> Whereabouts {
        let asked = Getxattr { loc: Loc::of(inode.clone()), name: IoBuf::from(LINKTO), xdata: Dict::new() };
        match self.root().child_at(at).getxattr(asked).await {
            Ok(told) => match self.pointed(&told.xattrs).filter(|to| *to != at) {
                Some(to) => Whereabouts::Moving(to),
                None => Whereabouts::Here,
            },
            // The move came to its end meanwhile.
            Err(e) if is_gone(&e) => Whereabouts::Moved,
            // It is no move: the bits are the user's.
            Err(_) => Whereabouts::Here,
        }
    }

    /// Opens a file on another child for a descriptor that callers have, unless it was done before: one that is opened
    /// anew is another for its brick, and fops that are on their way with the one before would fail.
    async fn open_once(&self, at: usize, fd: &Fd) -> FopResult<()> {
        let opened = fd.object().ctx_or_insert_with(self.frame.key(), OpenedOn::default);
        let mut children = opened.0.lock().await;
        if !children.contains(&at) {
            self.open_on(at, fd).await?;
            children.push(at);
        }
        Ok(())
    }

    async fn open_on(&self, at: usize, fd: &Fd) -> FopResult<()> {
        if fd.is_anonymous() {
            return Ok(());
        }
        let flags = fd.flags() & !(libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC);
        let open = Open { loc: Loc::of(fd.inode().clone()), flags, fd: fd.clone(), xdata: Dict::new() };
        self.root().child_at(at).open(open).await.map(drop)
    }
}

/// Where a file is that a fop was sent to a child for.
pub(crate) enum Whereabouts {
    Here,
    /// On another child by now.
    Moved,
    /// On its way to this one: both copies are to be changed.
    Moving(usize),
}

/// The children that a descriptor was opened on beside the one that had the file at its open.
#[derive(Debug, Default)]
struct OpenedOn(tokio::sync::Mutex<Vec<usize>>);

fn is_gone(error: &FopError) -> bool {
    matches!(error.errno, Errno::ENOENT | Errno::ESTALE)
}

/// Whether a child does not know a descriptor.
fn is_unknown<R>(answer: &FopResult<R>) -> bool {
    matches!(answer, Err(e) if matches!(e.errno, Errno::EBADFD | Errno::EBADF))
}
