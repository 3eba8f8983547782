//! Futures and wakers in a shape that two libraries can share.
//!
//! A waker is a pointer to a [`WakerHeader`] whose functions are C functions. Each library has one static
//! `RawWakerVTable` whose data word is that pointer, so nothing is allocated on the way down, `will_wake` works, and a
//! child future gets the very pointer its parent got. A future is a pointer with two functions.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use abi_stable::StableAbi;

use super::shared::dropped;

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
            dropped(boxed);
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

// ---- std waker → header: counted, in memory that is never freed

/// A waker behind a header.
///
/// Its memory is used again and never freed. A plugin may break the contract and wake a handle that it has given up: it finds
/// nothing there, or wakes another task once for nothing.
#[repr(C)]
struct Shared {
    header: WakerHeader,
    count: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

// SAFETY: a waker is both, and the header points to a static.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static SHARED: WakerVtable = WakerVtable {
    clone: shared_clone,
    wake: shared_wake,
    wake_by_ref: shared_wake_by_ref,
    release: shared_release,
};

/// Headers that are not used: each rests behind this many others before it is used again, so that a stale handle mostly finds
/// nothing.
const REST: usize = 64;
/// Headers that no thread keeps.
static SPARE: Mutex<VecDeque<&'static Shared>> = Mutex::new(VecDeque::new());

struct Kept(VecDeque<&'static Shared>);

impl Drop for Kept {
    fn drop(&mut self) {
        lock(&SPARE).extend(self.0.drain(..));
    }
}

thread_local! {
    static KEPT_HERE: RefCell<Kept> = const { RefCell::new(Kept(VecDeque::new())) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn rested(spare: &mut VecDeque<&'static Shared>) -> Option<&'static Shared> {
    if spare.len() > REST { spare.pop_front() } else { None }
}

/// A header for a waker, counted once.
fn share(waker: &Waker) -> *const WakerHeader {
    let kept = KEPT_HERE.try_with(|kept| rested(&mut kept.borrow_mut().0)).ok().flatten();
    let shared = kept.or_else(|| rested(&mut lock(&SPARE))).unwrap_or_else(|| {
        let header = WakerHeader { vtable: &raw const SHARED };
        Box::leak(Box::new(Shared { header, count: AtomicUsize::new(0), waker: Mutex::new(None) }))
    });
    *lock(&shared.waker) = Some(waker.clone());
    shared.count.store(1, Ordering::Release);
    (&raw const *shared).cast()
}

/// Puts a header by that nobody counts any more.
fn put_by(shared: &'static Shared) {
    let full = KEPT_HERE.try_with(|kept| {
        let kept = &mut kept.borrow_mut().0;
        kept.push_back(shared);
        if kept.len() > 2 * REST { kept.pop_front() } else { None }
    });
    if let Some(shared) = full.unwrap_or(Some(shared)) {
        lock(&SPARE).push_back(shared);
    }
}

/// The header's memory, whoever asks.
fn shared_of(header: *const WakerHeader) -> &'static Shared {
    // SAFETY: the header is the first field of a `Shared`, none of which is ever freed.
    unsafe { &*header.cast::<Shared>() }
}

impl Shared {
    fn wake(&self) {
        // Not under the lock: a waker may do anything, such as give this very header up.
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn release(&'static self) {
        let before =
            self.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
        if before == Ok(1) {
            let waker = lock(&self.waker).take();
            drop(waker);
            put_by(self);
        }
    }
}

unsafe extern "C" fn shared_clone(header: *const WakerHeader) -> *const WakerHeader {
    let count = |count: usize| (count != 0).then_some(count + 1);
    // A handle that was given up has no clones that count.
    let _ = shared_of(header).count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    header
}

unsafe extern "C" fn shared_wake(header: *const WakerHeader) {
    shared_of(header).wake();
    shared_of(header).release();
}

unsafe extern "C" fn shared_wake_by_ref(header: *const WakerHeader) {
    shared_of(header).wake();
}

unsafe extern "C" fn shared_release(header: *const WakerHeader) {
    shared_of(header).release();
}

/// The header of who polls once and does not wait.
static NOBODY: WakerHeader = WakerHeader { vtable: &raw const NOBODYS };
static NOBODYS: WakerVtable =
    WakerVtable { clone: nobodys_clone, wake: nothing, wake_by_ref: nothing, release: nothing };

unsafe extern "C" fn nobodys_clone(header: *const WakerHeader) -> *const WakerHeader {
    header
}

unsafe extern "C" fn nothing(_: *const WakerHeader) {}

// SAFETY: points to a static whose functions any thread may call.
unsafe impl Sync for WakerHeader {}

/// Runs `f` with the header of the context's waker: the one it is made of, or one of this library's.
#[inline]
pub(crate) fn with_header<R>(cx: &mut Context<'_>, f: impl FnOnce(*const WakerHeader) -> R) -> R {
    let waker = cx.waker();
    if std::ptr::eq(waker.vtable(), &raw const OF_HEADER) {
        return f(waker.data().cast());
    }
    let lent = lend(waker);
    f(lent.0)
}

#[inline(never)]
fn lend(waker: &Waker) -> Lent {
    Lent(if waker.will_wake(Waker::noop()) { &raw const NOBODY } else { share(waker) })
}

/// A header for the time of one poll.
struct Lent(*const WakerHeader);

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: counted by `lend`, given up once.
        unsafe { ((*(*self.0).vtable).release)(self.0) }
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
            // Made from `share` below.
            let known = lock(&shared_of(shared.data().cast()).waker);
            known.as_ref().is_some_and(|known| known.will_wake(cx.waker()))
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
    use std::sync::Arc;

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
    fn a_handle_that_was_given_up_wakes_nobody_and_takes_nothing_from_who_has_its_memory_now() {
        let (first, second) =
            (Arc::new(Counted(AtomicUsize::new(0))), Arc::new(Counted(AtomicUsize::new(0))));
        let stale = share(&Waker::from(first.clone()));
        // SAFETY: the contract is broken on purpose from the second line on.
        unsafe {
            shared_release(stale);
            shared_wake_by_ref(stale);
            shared_release(shared_clone(stale));
            shared_wake(stale);
        }
        assert_eq!((first.0.load(Ordering::SeqCst), Arc::strong_count(&first)), (0, 1));
        // Until the memory is used again: then a stale handle wakes whom it belongs to, for nothing.
        let other = (0..=REST).find_map(|_| {
            let header = share(&Waker::from(second.clone()));
            if header == stale {
                return Some(header);
            }
            // SAFETY: counted once.
            unsafe { shared_release(header) };
            None
        });
        let other = other.expect("each header has its turn");
        // SAFETY: the contract is broken on purpose.
        unsafe {
            shared_wake_by_ref(stale);
            shared_release(other);
        }
        assert_eq!((second.0.load(Ordering::SeqCst), Arc::strong_count(&second)), (1, 1));
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
