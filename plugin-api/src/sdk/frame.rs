//! Frames as authors see them: who asks, whom to wind to, and how a child's answer is awaited.

use std::future::Future;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use abi_stable::std_types::{ROption, RResult};

use crate::abi::frame::{FrameHead, Identity};
use crate::abi::future::{PANICKED, PENDING, READY, RawFuture, with_header};
use crate::abi::host::{Direction, host};
use crate::abi::node::{Link, Node};
use crate::abi::object::CtxKey;
use crate::fop::{FopError, FopResult, FopType};
use crate::{Client, Errno, Event, for_each_fop};

/// The state of one fop in one translator: who asks, and the way to the children.
///
/// Lent to the translator for as long as its answer takes.
#[derive(Debug)]
pub struct Frame {
    pub(super) head: *const FrameHead,
    pub(super) node: *const Node,
}

// SAFETY: heads and nodes are read only, but for the arena, which guards itself.
unsafe impl Send for Frame {}
// SAFETY: as above.
unsafe impl Sync for Frame {}

impl Frame {
    pub(super) fn head(&self) -> &FrameHead {
        // SAFETY: the host keeps the head until the root of the call is done, and a `Frame` is lent for less.
        unsafe { &*self.head }
    }

    fn node(&self) -> &Node {
        // SAFETY: the graph is pinned by the root of the call.
        unsafe { &*self.node }
    }

    /// The first child.
    #[must_use]
    pub fn child(&self) -> Child<'_> {
        self.child_at(0)
    }

    /// The child at `index`, in the volfile's order. What is wound to one that is not there fails with `EOPNOTSUPP`.
    #[must_use]
    #[inline]
    pub fn child_at(&self, index: usize) -> Child<'_> {
        Child { head: self.head(), link: self.node().links().get(index), root: false }
    }

    /// How many children there are.
    #[must_use]
    pub fn child_count(&self) -> usize {
        self.node().links().len()
    }

    /// Who asks.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.head().identity
    }

    /// From which client, in a brick.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        match &self.head().client {
            ROption::RSome(client) => Some(client),
            ROption::RNone => None,
        }
    }

    /// The number of the call, for logs.
    #[must_use]
    pub fn unique(&self) -> u64 {
        self.head().unique
    }

    /// The name of this translator in the volfile.
    #[must_use]
    pub fn name(&self) -> &str {
        self.node().name()
    }

    /// Names this translator's context on inodes, descriptors and clients.
    #[must_use]
    pub fn key(&self) -> CtxKey {
        CtxKey(self.node().id)
    }

    /// A counted handle to this translator's place, for what outlives the call.
    #[must_use]
    pub fn handle(&self) -> Handle {
        // SAFETY: a node of a live graph.
        unsafe { Handle::retain(self.node) }
    }

    /// A frame of its own with the same identity and client: for winding as somebody else, from another thread, or
    /// after this call is answered.
    #[must_use]
    pub fn fork(&self) -> OwnedFrame {
        let mut forked = self.handle().frame(self.identity().clone());
        forked.set_client(self.client().cloned());
        forked
    }
}

/// A child to wind to.
#[derive(Debug, Clone, Copy)]
pub struct Child<'f> {
    head: &'f FrameHead,
    link: Option<&'f Link>,
    root: bool,
}

macro_rules! child_fops {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        impl<'f> Child<'f> {
            $(
                $(#[$doc])*
                pub fn $name(self, args: crate::fop::$args) -> Wind<'f, crate::fop::kind::$name> {
                    self.wind(args)
                }
            )*
        }
    };
}

for_each_fop!(child_fops);

impl<'f> Child<'f> {
    /// Whom a link leads to, for a call that is under way.
    pub(crate) fn by(head: &'f FrameHead, link: &'f Link) -> Self {
        Self { head, link: Some(link), root: false }
    }

    /// Winds a fop of any kind: awaiting the answer starts it.
    pub fn wind<F: FopType>(self, args: F::Args) -> Wind<'f, F> {
        Wind { child: self, state: State::Ready(args), kind: PhantomData }
    }

    /// The child's name in the volfile.
    #[must_use]
    pub fn name(&self) -> &'f str {
        // SAFETY: names stay for good, and a child of the call's time is there as long as the call.
        self.link.map_or("", |link| unsafe { name_of(link.child.load(Ordering::Acquire)) })
    }
}

enum State<A> {
    Ready(A),
    Later(RawFuture),
    Done,
}

/// A fop on its way down. Nothing happens before it is polled; once it was, it is to be driven to its end.
#[must_use = "a fop starts when its answer is awaited"]
pub struct Wind<'f, F: FopType> {
    child: Child<'f>,
    state: State<F::Args>,
    kind: PhantomData<fn() -> F>,
}

impl<F: FopType> std::fmt::Debug for Wind<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wind({})", F::NAME)
    }
}

// Nothing in it is pinned: the pinned part lies behind `Later`.
impl<F: FopType> Unpin for Wind<'_, F> {}

impl<F: FopType> Future for Wind<'_, F> {
    type Output = FopResult<F::Reply>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let entered = this.child.root && this.child.head.arena.enter();
        let polled = this.step(cx);
        if entered {
            this.child.head.arena.leave();
        }
        polled
    }
}

impl<F: FopType> Wind<'_, F> {
    #[inline]
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<FopResult<F::Reply>> {
        let mut out = MaybeUninit::<RResult<F::Reply, FopError>>::uninit();
        let done = match &mut self.state {
            State::Ready(args) => {
                let Some(route) = self.child.link.and_then(|link| link.route(F::CODE)) else {
                    self.state = State::Done;
                    return Poll::Ready(Err(Errno::EOPNOTSUPP.into()));
                };
                let args: *mut F::Args = args;
                let mut later = MaybeUninit::<RawFuture>::uninit();
                let head: *const FrameHead = self.child.head;
                let done = with_header(cx, |waker| {
                    // SAFETY: the route is one for fop `F`, whose types these are; graph and frame outlive the call. The
                    // entry moves out of `args`, which the state below is overwritten for without being dropped.
                    unsafe {
                        let out = out.as_mut_ptr().cast();
                        (route.entry.0)(
                            route.node.cast(),
                            head.cast(),
                            waker,
                            args.cast(),
                            out,
                            later.as_mut_ptr(),
                        )
                    }
                });
                let next = if done == PENDING {
                    // SAFETY: PENDING means that `later` was written.
                    State::Later(unsafe { later.assume_init() })
                } else {
                    State::Done
                };
                // SAFETY: the arguments are gone: writing over them without a drop is right.
                unsafe { std::ptr::write(&raw mut self.state, next) };
                done
            }
            State::Later(raw) => with_header(cx, |waker| {
                // SAFETY: the future came from an entry for fop `F`, so `out` is room for its output.
                unsafe { (raw.poll)(raw.state, waker, out.as_mut_ptr().cast()) }
            }),
            State::Done => panic!("a fop was polled after its answer"),
        };
        match done {
            READY => {
                self.state = State::Done;
                // SAFETY: READY means that `out` was written.
                match unsafe { out.assume_init() } {
                    RResult::ROk(reply) => Poll::Ready(Ok(reply)),
                    RResult::RErr(error) => Poll::Ready(Err(error)),
                }
            }
            PENDING => Poll::Pending,
            _ => {
                debug_assert_eq!(done, PANICKED);
                self.state = State::Done;
                Poll::Ready(Err(Errno::EIO.into()))
            }
        }
    }
}

/// The name of a node, or nothing where there is none.
///
/// # Safety
/// `node` is null or live; its name stays for good.
unsafe fn name_of<'a>(node: *const Node) -> &'a str {
    // SAFETY: the caller's promise.
    unsafe { node.as_ref() }.map_or("", Node::name)
}

/// A counted handle to a translator's place in its graph: for tasks, and for what outlives a call.
#[derive(Debug)]
pub struct Handle {
    node: *const Node,
}

// SAFETY: nodes are `Sync`, and the count behind retain and release is atomic.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// # Safety
    /// `node` is a node of a live graph.
    pub(crate) unsafe fn retain(node: *const Node) -> Self {
        // SAFETY: the caller's promise.
        unsafe { ((*node).retain)(node) };
        Self { node }
    }

    fn node(&self) -> &Node {
        // SAFETY: this handle counts.
        unsafe { &*self.node }
    }

    /// The name of this translator in the volfile.
    #[must_use]
    pub fn name(&self) -> &str {
        self.node().name()
    }

    /// Names this translator's context on inodes, descriptors and clients.
    #[must_use]
    pub fn key(&self) -> CtxKey {
        CtxKey(self.node().id)
    }

    /// How many children there are.
    #[must_use]
    pub fn child_count(&self) -> usize {
        self.node().links().len()
    }

    /// The name of the child at `index`, in the volfile's order.
    #[must_use]
    pub fn child_name(&self, index: usize) -> Option<&str> {
        let link = self.node().links().get(index)?;
        // SAFETY: this handle counts the node, and as long as a call runs the child that the link leads to stays.
        unsafe {
            let call = (self.node().begin)(self.node);
            let name = name_of(link.child.load(Ordering::Acquire));
            (self.node().end)(self.node, call);
            Some(name)
        }
    }

    /// A frame of this translator's own, asking as `identity`.
    #[must_use]
    pub fn frame(&self, identity: Identity) -> OwnedFrame {
        let head: *mut FrameHead = host().frame_take()().cast();
        // SAFETY: a fresh frame is this caller's alone; the handle counts the graph, whose call this begins.
        let call = unsafe {
            (*head).identity = identity;
            (*head).client = ROption::RNone;
            (self.node().begin)(self.node)
        };
        OwnedFrame { head, call, handle: self.clone() }
    }

    /// Tells the parents.
    pub fn notify_up(&self, event: &Event) {
        self.notify(Direction::Up, event);
    }

    /// Tells the children.
    pub fn notify_down(&self, event: &Event) {
        self.notify(Direction::Down, event);
    }

    fn notify(&self, direction: Direction, event: &Event) {
        // SAFETY: a node of a live graph.
        unsafe { host().notify()(self.node.cast(), direction, event) }
    }

    /// Tells every translator below that a client is gone: each gives back what the client held.
    pub fn client_gone(&self, client: &Client) {
        // SAFETY: a node of a live graph.
        unsafe { host().client_gone()(self.node.cast(), client) }
    }

    pub(crate) fn raw(&self) -> *const Node {
        self.node
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        // SAFETY: this handle counts, so the graph lives.
        unsafe { Self::retain(self.node) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: gives up what `retain` counted.
        unsafe { (self.node().release)(self.node) }
    }
}

/// A frame that a translator made: the root of calls of its own.
#[derive(Debug)]
pub struct OwnedFrame {
    head: *mut FrameHead,
    /// What the graph counted it as.
    call: usize,
    handle: Handle,
}

// SAFETY: the head is this frame's alone but for what calls read, which borrow the frame.
unsafe impl Send for OwnedFrame {}
// SAFETY: shared access reads, and the arena guards itself.
unsafe impl Sync for OwnedFrame {}

impl OwnedFrame {
    fn head(&self) -> &FrameHead {
        // SAFETY: taken from the host and not given back yet.
        unsafe { &*self.head }
    }

    fn head_mut(&mut self) -> &mut FrameHead {
        // SAFETY: as above, and no call is under way: each borrows the frame.
        unsafe { &mut *self.head }
    }

    /// Who asks.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.head().identity
    }

    /// Changes who asks.
    pub fn identity_mut(&mut self) -> &mut Identity {
        &mut self.head_mut().identity
    }

    /// Sets from which client.
    pub fn set_client(&mut self, client: Option<Client>) {
        self.head_mut().client = client.into();
    }

    /// Sets when the call has failed, in monotonic nanoseconds; 0 for never.
    pub fn set_deadline(&mut self, deadline: u64) {
        self.head_mut().deadline = deadline;
    }

    /// The number of the call, for logs.
    #[must_use]
    pub fn unique(&self) -> u64 {
        self.head().unique
    }

    /// The first child of the translator that made the frame.
    #[must_use]
    pub fn child(&self) -> Child<'_> {
        self.child_at(0)
    }

    /// The child at `index`, in the volfile's order.
    #[must_use]
    pub fn child_at(&self, index: usize) -> Child<'_> {
        Child { head: self.head(), link: self.handle.node().links().get(index), root: true }
    }
}

impl Drop for OwnedFrame {
    fn drop(&mut self) {
        // SAFETY: the futures of the frame's calls borrow it, so they are gone; it is given back once, and the handle
        // still counts the graph whose call this ends.
        unsafe {
            host().frame_give()(self.head.cast());
            (self.handle.node().end)(self.handle.node, self.call);
        }
    }
}
