//! Frames as authors see them: who asks, whom to wind to, and how a child's answer is awaited.

use std::future::Future;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use abi_stable::std_types::ROption;

use crate::abi::frame::{FrameHead, Identity, Wait};
use crate::abi::future::{
    DOWN, FAILED, PANICKED, PENDING, READY, RawFuture, UNKNOWN, WakerHeader, with_header,
};
use crate::abi::host::{Direction, host};
use crate::abi::node::{Link, Node};
use crate::abi::object::CtxKey;
use crate::fop::{FopError, FopResult, FopType, Lookup};
use crate::{Client, Dict, Errno, Event, FileType, Gfid, Inode, Loc, for_each_fop};

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

    pub(crate) fn node(&self) -> &Node {
        // SAFETY: the graph is pinned by the root of the call.
        unsafe { &*self.node }
    }

    /// The first child.
    #[must_use]
    #[inline]
    pub fn child(&self) -> Child<'_> {
        self.child_at(0)
    }

    /// The child at `index`, in the volfile's order. What is wound to one that is not there fails with `EOPNOTSUPP`.
    #[must_use]
    #[inline]
    pub fn child_at(&self, index: usize) -> Child<'_> {
        Child { frame: self, link: self.node().link(index), root: false }
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

    /// When the call has failed, in monotonic nanoseconds; 0 for never.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.head().deadline.load(Ordering::Relaxed)
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

    /// A frame of its own with the same identity, client and deadline: for winding as somebody else, from another thread, or
    /// after this call is answered.
    #[must_use]
    pub fn fork(&self) -> OwnedFrame {
        let mut forked = self.handle().frame(self.identity().clone());
        forked.set_client(self.client().cloned());
        let head = self.head();
        forked.set_deadline(head.deadline.load(Ordering::Relaxed));
        forked.head_mut().depth = head.depth.saturating_add(1);
        forked
    }
}

/// A child to wind to.
#[derive(Debug, Clone, Copy)]
pub struct Child<'f> {
    frame: &'f Frame,
    link: &'f Link,
    root: bool,
}

macro_rules! child_fops {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        impl<'f> Child<'f> {
            $(
                $(#[$doc])*
                #[inline]
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
    pub(crate) fn by(frame: &'f Frame, link: &'f Link) -> Self {
        Self { frame, link, root: false }
    }

    /// The id of the object at a place, which is looked up where the caller does not say it, as one that removes a name may;
    /// null when there is none.
    pub async fn gfid_at(self, loc: &Loc) -> Gfid {
        if !loc.target().is_null() {
            return loc.target();
        }
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        let loc = Loc { inode: Some(fresh).into(), ..loc.clone() };
        let found = self.lookup(Lookup { loc, xdata: Dict::new() }).await;
        found.map_or(Gfid::NULL, |found| found.iatt.gfid)
    }

    /// Winds a fop of any kind: awaiting the answer starts it.
    #[inline]
    pub fn wind<F: FopType>(self, args: F::Args) -> Wind<'f, F> {
        let Self { frame, link, root } = self;
        Wind { slot: Slot { args: ManuallyDrop::new(args) }, frame, link, at: FRESH, root }
    }

    /// Hands fop `code` to this child in place of the translator whose child it is: what the child answers is that
    /// translator's answer.
    ///
    /// # Safety
    /// The others are what the translator's own entry for the fop was called with, arguments included.
    #[inline]
    pub(super) unsafe fn hand_on(
        self,
        code: u32,
        head: *const FrameHead,
        waker: *const WakerHeader,
        args: *mut (),
        out: *mut (),
        later: *mut RawFuture,
    ) -> u8 {
        let Some(route) = self.link.route(code) else { return UNKNOWN };
        // SAFETY: the caller's promise, and the route is one for this fop.
        unsafe {
            (*head).set_current(route.node);
            (route.entry.0)(route.node.cast(), head.cast(), waker, args, out, later)
        }
    }

    /// The child's name in the volfile.
    #[must_use]
    pub fn name(&self) -> &'f str {
        // SAFETY: names stay for good, and a child of the call's time is there as long as the call.
        unsafe { name_of(self.link.child.load(Ordering::Acquire)) }
    }
}

/// The slot of a wind holds the arguments.
const FRESH: u8 = 0;
/// It holds the child's future.
const LATER: u8 = 1;
/// It holds nothing any more.
const ENDED: u8 = 2;

union Slot<A> {
    args: ManuallyDrop<A>,
    waits: ManuallyDrop<Waits>,
}

/// What a wind waits for.
struct Waits {
    later: RawFuture,
    /// How the host watches it: of roots alone, else null.
    watched: Watched,
}

/// What the host has answered to `frame_wait`; given up when it is dropped.
struct Watched(*const Wait);

// SAFETY: the host's side of it is `Sync`.
unsafe impl Send for Watched {}
// SAFETY: as above.
unsafe impl Sync for Watched {}

impl Watched {
    /// For how many nanoseconds an overdue call has waited.
    fn overdue(&self) -> Option<u64> {
        // SAFETY: null, or of the host, which never frees it.
        let age = unsafe { self.0.as_ref() }?.overdue.load(Ordering::Relaxed);
        (age != 0).then_some(age)
    }
}

impl Drop for Watched {
    #[inline]
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: from `frame_wait`, ended once.
            unsafe { host().frame_waited()(self.0) }
        }
    }
}

/// Room for what a fop answers: the code that it answers with says which.
#[repr(C)]
pub(super) union Out<R> {
    reply: ManuallyDrop<R>,
    error: ManuallyDrop<FopError>,
}

impl<R> Out<R> {
    /// Writes an answer, and says with which code it goes.
    ///
    /// # Safety
    /// `out` is room for it.
    #[inline]
    pub(super) unsafe fn write(out: *mut Self, answer: FopResult<R>) -> u8 {
        // SAFETY: the caller's promise.
        unsafe {
            match answer {
                Ok(reply) => {
                    (&raw mut (*out).reply).write(ManuallyDrop::new(reply));
                    READY
                }
                Err(error) => {
                    (&raw mut (*out).error).write(ManuallyDrop::new(error));
                    FAILED
                }
            }
        }
    }
}

/// A fop on its way down. Nothing happens before it is polled; once it was, it is to be driven to its end.
#[must_use = "a fop starts when its answer is awaited"]
pub struct Wind<'f, F: FopType> {
    slot: Slot<F::Args>,
    frame: &'f Frame,
    link: &'f Link,
    at: u8,
    root: bool,
}

impl<F: FopType> std::fmt::Debug for Wind<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wind({})", F::NAME)
    }
}

// Nothing in it is pinned: the pinned part lies behind the `RawFuture`.
impl<F: FopType> Unpin for Wind<'_, F> {}

impl<F: FopType> Future for Wind<'_, F> {
    type Output = FopResult<F::Reply>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.root { this.step_root(cx) } else { this.step(cx) }
    }
}

impl<F: FopType> Wind<'_, F> {
    #[inline(never)]
    fn step_root(&mut self, cx: &mut Context<'_>) -> Poll<FopResult<F::Reply>> {
        if self.at == LATER {
            // SAFETY: the slot holds a future.
            if let Some(age) = unsafe { &self.slot.waits }.watched.overdue() {
                return Poll::Ready(Err(self.give_up(age)));
            }
        }
        let head = self.frame.head();
        let entered = head.arena.enter();
        head.waiting.store(std::ptr::null_mut(), Ordering::Relaxed);
        head.fop.store(F::CODE, Ordering::Relaxed);
        let polled = self.step(cx);
        if entered {
            head.arena.leave();
        }
        if polled.is_pending() && !F::PATIENT {
            self.watch(cx);
        }
        polled
    }

    /// Tells the host that this call waits, and by whom it is woken.
    fn watch(&mut self, cx: &mut Context<'_>) {
        // Who polls with it comes back with another, or not at all.
        if cx.waker().will_wake(Waker::noop()) {
            return;
        }
        let frame = self.frame.head;
        with_header(cx, |waker| {
            // SAFETY: the slot holds a future, since the poll was pending; the frame lives until its wait has ended.
            unsafe {
                let watched = &mut (*self.slot.waits).watched;
                watched.0 = host().frame_wait()(frame.cast(), waker, watched.0);
            }
        });
    }

    /// Leaves the call to the host, which drives it to its end, and says who holds it. Translators rely on coming to their
    /// end, so what they began is not dropped; what they answer then is.
    #[cold]
    #[inline(never)]
    fn give_up(&mut self, age: u64) -> FopError {
        self.at = ENDED;
        // SAFETY: the slot holds a future, and from here on it counts as empty.
        let Waits { later, watched } = unsafe { ManuallyDrop::take(&mut self.slot.waits) };
        let head = self.frame.head();
        let waiting = head.waiting.load(Ordering::Relaxed);
        let holder = if waiting.is_null() { self.frame.node } else { waiting };
        let what = format!(
            "deadline: has not answered call {} for {}.{} s; it is given up",
            head.unique,
            age / 1_000_000_000,
            age / 100_000_000 % 10
        );
        // SAFETY: nodes stay as long as a call that came by them; the text lives through the call.
        unsafe { ((*holder).fault)(holder, F::CODE, what.as_ptr(), what.len()) };
        head.users.fetch_add(1, Ordering::Relaxed);
        // SAFETY: a node of a live graph.
        let handle = unsafe { Handle::retain(self.frame.node) };
        let frame = Frame { head: self.frame.head, node: self.frame.node };
        // SAFETY: the handle counts the graph, whose call this begins.
        let call = unsafe { (handle.node().begin)(handle.node) };
        super::rt::spawn(GivenUp::<F> {
            later,
            _watched: watched,
            frame: OwnedFrame { frame, call, handle },
            kind: PhantomData,
        });
        Errno::ETIMEDOUT.into()
    }

    #[inline]
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<FopResult<F::Reply>> {
        let mut out = MaybeUninit::<Out<F::Reply>>::uninit();
        let code = with_header(cx, |waker| match self.at {
            FRESH => self.start(waker, out.as_mut_ptr()),
            LATER => self.resume(waker, out.as_mut_ptr()),
            _ => panic!("a fop was polled after its answer"),
        });
        if code == PENDING {
            return Poll::Pending;
        }
        // Said last, so that the compiler knows of a wind that has answered that there is nothing to drop.
        self.at = ENDED;
        Poll::Ready(match code {
            // SAFETY: READY means that the reply was written.
            READY => Ok(ManuallyDrop::into_inner(unsafe { out.assume_init().reply })),
            // SAFETY: FAILED means that the error was written.
            FAILED => Err(ManuallyDrop::into_inner(unsafe { out.assume_init().error })),
            code => Err(not_taken(code)),
        })
    }

    /// Hands the fop to the translator that answers it.
    #[inline]
    fn start(&mut self, waker: *const WakerHeader, out: *mut Out<F::Reply>) -> u8 {
        let mut later = MaybeUninit::<RawFuture>::uninit();
        let frame = self.frame;
        let head = frame.head();
        let Some(route) = self.link.route(F::CODE) else { return self.refused(UNKNOWN) };
        head.set_current(route.node);
        // SAFETY: the route is one for fop `F`, whose types these are; graph and frame outlive the call. The entry moves
        // out of the arguments, unless it says that it did not.
        let code = unsafe {
            let args = (&raw mut self.slot.args).cast();
            let head: *const FrameHead = head;
            (route.entry.0)(route.node.cast(), head.cast(), waker, args, out.cast(), later.as_mut_ptr())
        };
        head.set_current(frame.node);
        match code {
            READY | FAILED => code,
            PENDING => {
                // SAFETY: PENDING means that `later` was written; the arguments are gone.
                let later = unsafe { later.assume_init() };
                self.slot =
                    Slot { waits: ManuallyDrop::new(Waits { later, watched: Watched(std::ptr::null()) }) };
                self.at = LATER;
                PENDING
            }
            _ => self.refused(code),
        }
    }

    #[cold]
    #[inline(never)]
    fn refused(&mut self, code: u8) -> u8 {
        if matches!(code, UNKNOWN | DOWN) {
            // SAFETY: nobody took the arguments, and the caller ends this wind.
            unsafe { ManuallyDrop::drop(&mut self.slot.args) };
        }
        code
    }

    fn resume(&mut self, waker: *const WakerHeader, out: *mut Out<F::Reply>) -> u8 {
        // SAFETY: the slot holds a future, which came from an entry for fop `F`, so `out` is room for its output.
        let code = unsafe {
            let later = &self.slot.waits.later;
            (later.poll)(later.state, waker, out.cast())
        };
        self.frame.head().set_current(self.frame.node);
        if code != PENDING {
            // SAFETY: as above, and the caller ends this wind.
            unsafe { ManuallyDrop::drop(&mut self.slot.waits) };
        }
        code
    }
}

impl<F: FopType> Drop for Wind<'_, F> {
    #[inline]
    fn drop(&mut self) {
        match self.at {
            // SAFETY: `at` says what the slot holds.
            FRESH => unsafe { ManuallyDrop::drop(&mut self.slot.args) },
            // SAFETY: as above.
            LATER => unsafe { ManuallyDrop::drop(&mut self.slot.waits) },
            _ => {}
        }
    }
}

/// A call that was given up, on its way to its end. The future goes before the frame that it lives in.
struct GivenUp<F: FopType> {
    later: RawFuture,
    _watched: Watched,
    frame: OwnedFrame,
    kind: PhantomData<fn() -> F>,
}

impl<F: FopType> Future for GivenUp<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let head = self.frame.head();
        let mut out = MaybeUninit::<Out<F::Reply>>::uninit();
        let entered = head.arena.enter();
        let code = with_header(cx, |waker| {
            // SAFETY: the future came from an entry for fop `F`, so `out` is room for its output.
            unsafe { (self.later.poll)(self.later.state, waker, out.as_mut_ptr().cast()) }
        });
        if entered {
            head.arena.leave();
        }
        match code {
            PENDING => return Poll::Pending,
            // SAFETY: READY means that the reply was written, FAILED that the error was.
            READY => drop(ManuallyDrop::into_inner(unsafe { out.assume_init().reply })),
            // SAFETY: as above.
            FAILED => drop(ManuallyDrop::into_inner(unsafe { out.assume_init().error })),
            _ => {}
        }
        Poll::Ready(())
    }
}

/// The error behind a code that no answer was written for.
#[cold]
#[inline(never)]
fn not_taken(code: u8) -> FopError {
    match code {
        UNKNOWN => Errno::EOPNOTSUPP.into(),
        DOWN => Errno::ENOTCONN.into(),
        _ => {
            debug_assert_eq!(code, PANICKED);
            Errno::EIO.into()
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
        OwnedFrame { frame: Frame { head, node: self.node }, call, handle: self.clone() }
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

    /// Whether this translator serves: it was started, it is not being stopped, and it had not too many faults.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.node().state.load(std::sync::atomic::Ordering::Relaxed) == crate::abi::node::UP
    }

    /// Counts a fault of this translator that nobody else saw, in fop number `fop` or in none (0): it crashed where it
    /// runs apart, or broke its own invariant. After too many it is marked down. It is counted as a panic, or as what the
    /// [prefix](crate::abi::graph::FaultKind::prefix) of its words says.
    pub fn fault(&self, fop: u32, what: &str) {
        // SAFETY: the handle counts the graph, and the text lives through the call.
        unsafe { (self.node().fault)(self.node, fop, what.as_ptr(), what.len()) }
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
    frame: Frame,
    /// What the graph counted it as.
    call: usize,
    handle: Handle,
}

impl OwnedFrame {
    fn head(&self) -> &FrameHead {
        self.frame.head()
    }

    fn head_mut(&mut self) -> &mut FrameHead {
        if self.head().users.load(Ordering::Acquire) != 1 {
            self.leave_behind();
        }
        // SAFETY: taken from the host, given back in `drop`, and no call is under way: each borrows the frame, or is one
        // that was given up, to which the frame was left.
        unsafe { &mut *self.frame.head.cast_mut() }
    }

    /// Goes on in another frame, since calls that were given up still run in this one.
    #[cold]
    fn leave_behind(&mut self) {
        let old = self.head();
        let head: *mut FrameHead = host().frame_take()().cast();
        // SAFETY: a fresh frame is this caller's alone.
        unsafe {
            (*head).identity = old.identity.clone();
            (*head).client = old.client.clone();
            (*head).deadline.store(old.deadline.load(Ordering::Relaxed), Ordering::Relaxed);
            (*head).depth = old.depth;
            give_back(std::mem::replace(&mut self.frame.head, head));
        }
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

    /// Sets when calls are given up, in monotonic nanoseconds: they fail with `ETIMEDOUT` then. 0 for the host's default,
    /// `u64::MAX` for never.
    pub fn set_deadline(&mut self, deadline: u64) {
        self.head_mut().deadline.store(deadline, Ordering::Relaxed);
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
        Child { root: true, ..self.frame.child_at(index) }
    }
}

impl Drop for OwnedFrame {
    fn drop(&mut self) {
        // SAFETY: the futures of the frame's calls borrow it, so they are gone; it is given back once, and the handle
        // still counts the graph whose call this ends.
        unsafe {
            give_back(self.frame.head);
            (self.handle.node().end)(self.handle.node, self.call);
        }
    }
}

/// Gives up one use of a frame.
///
/// # Safety
/// The caller counts as a user of it, and uses it no more.
unsafe fn give_back(head: *const FrameHead) {
    // SAFETY: the caller's promise. Nobody but its users makes more of them, so a single one needs no count.
    unsafe {
        let users = &(*head).users;
        if users.load(Ordering::Acquire) == 1 || users.fetch_sub(1, Ordering::AcqRel) == 1 {
            users.store(1, Ordering::Relaxed);
            host().frame_give()(head.cast_mut().cast());
        }
    }
}
