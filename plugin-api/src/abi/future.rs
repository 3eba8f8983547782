//! Futures and wakers in a shape that two libraries can share.
//!
//! A waker is a pointer to a [`WakerHeader`] whose functions are C functions. Each library has one static
//! `RawWakerVTable` whose data word is that pointer, so nothing is allocated on the way down, `will_wake` works, and a
//! child future gets the very pointer its parent got. A future is a pointer with two functions.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use abi_stable::StableAbi;

/// The functions behind a [`WakerHeader`]; any thread may call them.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct WakerVtable {
    /// One more handle to the same task; the answer may be another header.
    pub clone: unsafe extern "C" fn(*const WakerHeader) -> *const WakerHeader,
    /// Wakes and gives the handle up.
    pub wake: unsafe extern "C" fn(*const WakerHeader),
    /// Wakes and keeps the handle.
    pub wake_by_ref: unsafe extern "C" fn(*const WakerHeader),
    /// Gives the handle up.
    pub release: unsafe extern "C" fn(*const WakerHeader),
}

/// What a waker points to: the first word of something its maker counts.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct WakerHeader {
    /// Static in the maker's library.
    pub vtable: *const WakerVtable,
}

/// The future is done, its output is written.
pub const READY: u8 = 0;
/// The future will wake the header it was polled with.
pub const PENDING: u8 = 1;
/// The future panicked; there is no output, and it must not be polled again.
pub const PANICKED: u8 = 2;
/// A fop is done and failed: a `FopError` is written where the reply would be.
pub const FAILED: u8 = 3;
/// A fop was not taken, since nobody below knows it: the arguments are still the caller's.
pub const UNKNOWN: u8 = 4;
/// A fop was not taken, since the translator does not serve: the arguments are still the caller's.
pub const DOWN: u8 = 5;

/// A future that another library may drive: owned by who holds it, freed by `drop`.
///
/// `poll` writes the output, whose type both sides know from the place the future came from, and answers [`READY`],
/// [`PENDING`] or [`PANICKED`]. It is polled by one thread at a time, not always the same one.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct RawFuture {
    /// The state; meaningful to `poll` and `drop` alone.
    pub state: *mut (),
    /// Drives it one step.
    pub poll: unsafe extern "C" fn(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8,
    /// Frees the state, done or not.
    pub drop: unsafe extern "C" fn(state: *mut ()),
}

// SAFETY: every maker of a `RawFuture` puts a `Send` future behind it.
unsafe impl Send for RawFuture {}

impl RawFuture {
    /// Puts a future on the heap.
    pub fn boxed<F>(future: F) -> Self
    where
        F: Future + Send + 'static,
    {
        unsafe extern "C" fn poll<F: Future>(state: *mut (), waker: *const WakerHeader, out: *mut ()) -> u8 {
            // SAFETY: `state` is the box below, pinned by never moving; `out` is room for `F::Output` by contract.
            unsafe { poll_in_place(state.cast::<F>(), waker, out.cast::<F::Output>()) }
        }
        unsafe extern "C" fn free<F>(state: *mut ()) {
            // SAFETY: `state` came from `Box::into_raw` and is dropped once.
            let boxed = unsafe { Box::from_raw(state.cast::<F>()) };
            // A panic in a destructor must not cross the line; there is nobody left to tell.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(boxed)));
        }
        Self { state: Box::into_raw(Box::new(future)).cast(), poll: poll::<F>, drop: free::<F> }
    }

    /// Polls once with a waker of this library.
    ///
    /// # Safety
    /// `T` is the output type of the future.
    pub unsafe fn poll_as<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Panicked>> {
        let mut out = std::mem::MaybeUninit::<T>::uninit();
        let done = with_header(cx, |waker| {
            // SAFETY: `out` is room for the output; the header lives through the call.
            unsafe { (self.poll)(self.state, waker, out.as_mut_ptr().cast()) }
        });
        match done {
            // SAFETY: READY means that the output was written.
            READY => Poll::Ready(Ok(unsafe { out.assume_init() })),
            PENDING => Poll::Pending,
            _ => Poll::Ready(Err(Panicked)),
        }
    }
}

impl Drop for RawFuture {
    fn drop(&mut self) {
        // SAFETY: the state is freed here and nowhere else.
        unsafe { (self.drop)(self.state) }
    }
}

/// A plugin's future panicked; its own library has logged where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the plugin's future panicked")]
pub struct Panicked;

/// Polls a future where it lies, behind the panic barrier.
///
/// # Safety
/// `future` is valid, pinned where it lies and not being polled elsewhere; `out` is room for its output; `waker` lives
/// through the call.
pub(crate) unsafe fn poll_in_place<F: Future>(
    future: *mut F,
    waker: *const WakerHeader,
    out: *mut F::Output,
) -> u8 {
    let polled = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the caller's promise.
        with_waker(waker, |cx| unsafe { Pin::new_unchecked(&mut *future) }.poll(cx))
    }));
    match polled {
        Ok(Poll::Ready(value)) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(value) };
            READY
        }
        Ok(Poll::Pending) => PENDING,
        Err(cause) => {
            // Dropping the payload may panic again.
            std::mem::forget(cause);
            PANICKED
        }
    }
}

// ---- header → std waker: one static table a library, the data word is the header

static OF_HEADER: RawWakerVTable = RawWakerVTable::new(of_clone, of_wake, of_wake_by_ref, of_release);

fn functions(data: *const ()) -> (&'static WakerVtable, *const WakerHeader) {
    let header = data.cast::<WakerHeader>();
    // SAFETY: the data word of `OF_HEADER` is always a live header, whose table is static in a library never unloaded.
    (unsafe { &*(*header).vtable }, header)
}

fn of_clone(data: *const ()) -> RawWaker {
    let (vtable, header) = functions(data);
    // SAFETY: `header` is live.
    RawWaker::new(unsafe { (vtable.clone)(header) }.cast(), &OF_HEADER)
}

fn of_wake(data: *const ()) {
    let (vtable, header) = functions(data);
    // SAFETY: `header` is live and this handle is given up.
    unsafe { (vtable.wake)(header) }
}

fn of_wake_by_ref(data: *const ()) {
    let (vtable, header) = functions(data);
    // SAFETY: `header` is live.
    unsafe { (vtable.wake_by_ref)(header) }
}

fn of_release(data: *const ()) {
    let (vtable, header) = functions(data);
    // SAFETY: `header` is live and this handle is given up.
    unsafe { (vtable.release)(header) }
}

/// Runs `f` with a context whose waker is the borrowed `header`.
#[inline]
pub fn with_waker<R>(header: *const WakerHeader, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
    // SAFETY: the table keeps the contract of `RawWaker`; the handle is borrowed, so it must not be dropped.
    let waker =
        std::mem::ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(header.cast(), &OF_HEADER)) });
    f(&mut Context::from_waker(&waker))
}

// ---- std waker → header: borrowed on the stack, or shared and counted

#[repr(C)]
struct Borrowed<'a> {
    header: WakerHeader,
    waker: &'a Waker,
}

#[repr(C)]
struct Shared {
    header: WakerHeader,
    waker: Waker,
}

// SAFETY: a waker is both, and the header points to a static.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static BORROWED: WakerVtable = WakerVtable {
    clone: borrowed_clone,
    wake: borrowed_misuse,
    wake_by_ref: borrowed_wake,
    release: borrowed_misuse,
};
static SHARED: WakerVtable = WakerVtable {
    clone: shared_clone,
    wake: shared_wake,
    wake_by_ref: shared_wake_by_ref,
    release: shared_release,
};

fn share(waker: &Waker) -> *const WakerHeader {
    let shared = Shared { header: WakerHeader { vtable: &raw const SHARED }, waker: waker.clone() };
    Arc::into_raw(Arc::new(shared)).cast()
}

unsafe extern "C" fn borrowed_clone(header: *const WakerHeader) -> *const WakerHeader {
    // SAFETY: the header is the first field of a `Borrowed` that lives on a caller's stack.
    share(unsafe { (*header.cast::<Borrowed<'_>>()).waker })
}

unsafe extern "C" fn borrowed_wake(header: *const WakerHeader) {
    // SAFETY: as above.
    unsafe { (*header.cast::<Borrowed<'_>>()).waker }.wake_by_ref();
}

unsafe extern "C" fn borrowed_misuse(_: *const WakerHeader) {
    // A borrowed handle cannot be given up: who does so has broken the contract and would free a stack.
    std::process::abort()
}

unsafe extern "C" fn shared_clone(header: *const WakerHeader) -> *const WakerHeader {
    // SAFETY: the header is the first field of a counted `Shared`.
    unsafe { Arc::increment_strong_count(header.cast::<Shared>()) };
    header
}

unsafe extern "C" fn shared_wake(header: *const WakerHeader) {
    // SAFETY: as above; the handle is given up.
    unsafe { Arc::from_raw(header.cast::<Shared>()) }.waker.wake_by_ref();
}

unsafe extern "C" fn shared_wake_by_ref(header: *const WakerHeader) {
    // SAFETY: as above; the caller keeps its handle through the call.
    unsafe { &*header.cast::<Shared>() }.waker.wake_by_ref();
}

unsafe extern "C" fn shared_release(header: *const WakerHeader) {
    // SAFETY: as above; the handle is given up.
    drop(unsafe { Arc::from_raw(header.cast::<Shared>()) });
}

/// Runs `f` with the header of the context's waker: the one it is made of, or one on the stack.
#[inline]
pub(crate) fn with_header<R>(cx: &mut Context<'_>, f: impl FnOnce(*const WakerHeader) -> R) -> R {
    let waker = cx.waker();
    if std::ptr::eq(waker.vtable(), &raw const OF_HEADER) {
        f(waker.data().cast())
    } else {
        let borrowed = Borrowed { header: WakerHeader { vtable: &raw const BORROWED }, waker };
        f((&raw const borrowed).cast())
    }
}

/// A [`RawFuture`] whose output type is known: what a caller awaits.
///
/// Driven from a foreign runtime it shares one header from its second poll on, so that leaves which keep their waker
/// need not clone it again.
#[derive(Debug)]
pub struct Later<T> {
    raw: RawFuture,
    shared: Option<Waker>,
    polled: bool,
    output: std::marker::PhantomData<fn() -> T>,
}

impl<T> Later<T> {
    /// # Safety
    /// `T` is the output type of `raw`.
    pub unsafe fn new(raw: RawFuture) -> Self {
        Self { raw, shared: None, polled: false, output: std::marker::PhantomData }
    }
}

impl<T> Future for Later<T> {
    type Output = Result<T, Panicked>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let foreign = !std::ptr::eq(cx.waker().vtable(), &raw const OF_HEADER);
        if !foreign || !std::mem::replace(&mut this.polled, true) {
            // SAFETY: `new` promised the type.
            return unsafe { this.raw.poll_as(cx) };
        }
        let fits = this.shared.as_ref().is_some_and(|shared| {
            let header = shared.data().cast::<Shared>();
            // SAFETY: `shared` was made from `share` below, so its header is the first field of a live `Shared`.
            unsafe { &(*header).waker }.will_wake(cx.waker())
        });
        if !fits {
            // SAFETY: `share` hands one counted handle over, which the waker's drop releases.
            this.shared =
                Some(unsafe { Waker::from_raw(RawWaker::new(share(cx.waker()).cast(), &OF_HEADER)) });
        }
        let waker = this.shared.as_ref().expect("made above");
        // SAFETY: `new` promised the type.
        unsafe { this.raw.poll_as(&mut Context::from_waker(waker)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(AtomicUsize);

    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Pending `left` times; keeps its waker as real leaves do and counts how often it had to clone it.
    struct Repoll {
        left: u8,
        waker: Option<Waker>,
        clones: Arc<AtomicUsize>,
    }

    impl Future for Repoll {
        type Output = u64;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
            if self.left == 0 {
                return Poll::Ready(7);
            }
            self.left -= 1;
            if !self.waker.as_ref().is_some_and(|w| w.will_wake(cx.waker())) {
                self.waker = Some(cx.waker().clone());
                self.clones.fetch_add(1, Ordering::SeqCst);
            }
            self.waker.as_ref().unwrap().wake_by_ref();
            Poll::Pending
        }
    }

    #[test]
    fn a_leaf_that_keeps_its_waker_clones_it_once_for_the_stack_and_once_for_good() {
        let clones = Arc::new(AtomicUsize::new(0));
        let leaf = Repoll { left: 8, waker: None, clones: clones.clone() };
        // SAFETY: the output is the leaf's.
        let mut later = unsafe { Later::<u64>::new(RawFuture::boxed(leaf)) };
        let woken = Arc::new(Counted(AtomicUsize::new(0)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        for _ in 0..8 {
            assert!(Pin::new(&mut later).poll(&mut cx).is_pending());
        }
        assert_eq!(Pin::new(&mut later).poll(&mut cx), Poll::Ready(Ok(7)));
        assert_eq!(clones.load(Ordering::SeqCst), 2);
        assert_eq!(woken.0.load(Ordering::SeqCst), 8);
        drop(later);
        drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1, "every handle was given up");
    }

    #[test]
    fn a_panic_is_an_answer_and_not_an_unwind() {
        let raw = RawFuture::boxed(async { panic!("on purpose") });
        // SAFETY: the output type of a block that never returns is `()`.
        let mut later = unsafe { Later::<()>::new(raw) };
        let polled = Pin::new(&mut later).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(Err(Panicked)));
    }
}
