//! Reference-counted objects that several libraries hold at once, with a slot for each translator's own context.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};

use abi_stable::StableAbi;

use super::shared::dropped;
use super::tally::{CONTEXTS, Out};

/// What every object starts with.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct ObjectHeader {
    refs: AtomicUsize,
    vtable: *const ObjectVtable,
}

/// The functions of the library that made the object; any thread may call them.
///
/// Grows at its end, and so do the bodies of objects: both sizes are told, and what lies beyond them is not there.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct ObjectVtable {
    /// Bytes of this table.
    pub size: usize,
    /// Bytes of the objects' body.
    pub body_size: usize,
    /// Frees the object; its last count is gone.
    pub destroy: unsafe extern "C" fn(*const ObjectHeader),
    /// The context under `key`, after `retain` has counted it under the slot's lock; null where there is none.
    pub slot_get: unsafe extern "C" fn(*const ObjectHeader, key: u64, retain: RetainFn) -> *const (),
    /// Puts a context under `key` and answers the one that was there (to be released by who asked), or null. With
    /// `only_if_empty`, a context that is there stays and the new one is answered.
    pub slot_put:
        unsafe extern "C" fn(*const ObjectHeader, key: u64, slot: Slot, only_if_empty: bool) -> *const (),
}

/// Counts a context once more; belongs to the library that made the context.
#[repr(transparent)]
#[derive(StableAbi, Debug, Clone, Copy)]
pub struct RetainFn(pub unsafe extern "C" fn(*const ()));

/// A context as the slot table keeps it: one count, and how to give it up.
#[repr(C)]
#[derive(StableAbi, Debug)]
pub struct Slot {
    /// The context; null empties the slot.
    pub value: *const (),
    /// Gives one count up; runs in the library that made the context.
    pub release: unsafe extern "C" fn(*const ()),
}

// SAFETY: a slot holds an `Arc<dyn Any + Send + Sync>` of its maker.
unsafe impl Send for Slot {}

#[repr(C)]
struct Allocation<T> {
    header: ObjectHeader,
    body: T,
    // Behind the body and reached through the vtable alone, so that only the maker's library needs its layout.
    slots: Mutex<Vec<(u64, Slot)>>,
}

/// A counted pointer to an object whose body every library may read.
#[repr(transparent)]
#[derive(StableAbi)]
pub struct Object<T> {
    header: NonNull<ObjectHeader>,
    body: PhantomData<T>,
}

// SAFETY: the count is atomic and the body is shared only by reference.
unsafe impl<T: Send + Sync> Send for Object<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Object<T> {}

struct VtableOf<T>(PhantomData<T>);

impl<T> VtableOf<T> {
    const VTABLE: &'static ObjectVtable = &ObjectVtable {
        size: size_of::<ObjectVtable>(),
        body_size: size_of::<T>(),
        destroy: destroy::<T>,
        slot_get: slot_get::<T>,
        slot_put: slot_put::<T>,
    };
}

unsafe extern "C" fn destroy<T>(header: *const ObjectHeader) {
    // SAFETY: `header` is the first field of an allocation of this type, and its last count is gone.
    let object = unsafe { Box::from_raw(header.cast_mut().cast::<Allocation<T>>()) };
    let slots = std::mem::take(&mut *object.slots.lock().expect("no panic under it"));
    for (_, slot) in slots {
        // SAFETY: the slot's own count.
        unsafe { (slot.release)(slot.value) };
    }
}

unsafe extern "C" fn slot_get<T>(header: *const ObjectHeader, key: u64, retain: RetainFn) -> *const () {
    // SAFETY: as above, and the caller holds a count.
    let object = unsafe { &*header.cast::<Allocation<T>>() };
    let slots = object.slots.lock().expect("no panic under it");
    match slots.iter().find(|(k, _)| *k == key) {
        Some((_, slot)) => {
            // SAFETY: the key belongs to one library, so the context is of the kind that `retain` counts.
            unsafe { (retain.0)(slot.value) };
            slot.value
        }
        None => std::ptr::null(),
    }
}

unsafe extern "C" fn slot_put<T>(
    header: *const ObjectHeader,
    key: u64,
    slot: Slot,
    only_if_empty: bool,
) -> *const () {
    // SAFETY: as above.
    let object = unsafe { &*header.cast::<Allocation<T>>() };
    let mut slots = object.slots.lock().expect("no panic under it");
    let at = slots.iter().position(|(k, _)| k >> BUILD_BITS == key >> BUILD_BITS);
    let unwanted = match at {
        Some(at) if slots[at].0 == key => {
            return match slot.value {
                value if only_if_empty => value,
                value if value.is_null() => slots.swap_remove(at).1.value,
                _ => std::mem::replace(&mut slots[at].1, slot).value,
            };
        }
        _ if slot.value.is_null() => return std::ptr::null(),
        // Another build stood in this place: neither may see the other's, and the newer one's stays.
        Some(at) if slots[at].0 < key => std::mem::replace(&mut slots[at], (key, slot)).1,
        Some(_) => slot,
        None => {
            slots.push((key, slot));
            return std::ptr::null();
        }
    };
    // Outside the lock: a context's destructor is its maker's code.
    drop(slots);
    // SAFETY: the slot's own count.
    unsafe { (unwanted.release)(unwanted.value) };
    std::ptr::null()
}

/// The low bits of a key, in which the builds of one place count up.
const BUILD_BITS: u32 = 16;

/// A key for a place of its own.
pub(crate) fn new_key() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) << BUILD_BITS
}

/// The key of the next build in the place of `key`; none when there were too many.
pub(crate) fn next_build(key: u64) -> Option<u64> {
    key.checked_add(1).filter(|next| next >> BUILD_BITS == key >> BUILD_BITS)
}

impl<T> Object<T> {
    /// A new object, counted once.
    pub fn new(body: T) -> Self {
        let header = ObjectHeader { refs: AtomicUsize::new(1), vtable: VtableOf::<T>::VTABLE };
        let allocation = Box::new(Allocation { header, body, slots: Mutex::new(Vec::new()) });
        let header = NonNull::from(Box::leak(allocation)).cast();
        Self { header, body: PhantomData }
    }

    fn header(&self) -> &ObjectHeader {
        // SAFETY: live while this count is held.
        unsafe { self.header.as_ref() }
    }

    fn vtable(&self) -> &ObjectVtable {
        // SAFETY: static in a library that is never unloaded.
        unsafe { &*self.header().vtable }
    }

    /// How many counts there are: for eviction, where a stale answer does no harm.
    #[must_use]
    pub fn count(&self) -> usize {
        self.header().refs.load(Ordering::Relaxed)
    }

    /// Whether two pointers point to one object.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.header == other.header
    }

    /// The address, as an identity among live objects.
    #[must_use]
    pub fn address(&self) -> usize {
        self.header.as_ptr() as usize
    }

    /// The context of type `C` that the translator with `key` has here.
    #[must_use]
    pub fn ctx<C: Any + Send + Sync>(&self, key: CtxKey) -> Option<Arc<C>> {
        // SAFETY: `key` is this library's alone, so whatever lies under it is a `Context` of this library.
        let value =
            unsafe { (self.vtable().slot_get)(self.header.as_ptr(), key.0, RetainFn(retain_context)) };
        take_context(value)?.downcast().ok()
    }

    /// The context of type `C`, made by `make` when there is none.
    ///
    /// # Panics
    /// When this translator has put a context of another type here.
    pub fn ctx_or_insert_with<C: Any + Send + Sync>(&self, key: CtxKey, make: impl FnOnce() -> C) -> Arc<C> {
        if let Some(there) = self.ctx(key) {
            return there;
        }
        let made = Arc::new(make());
        let value = into_context(made.clone());
        let slot = Slot { value, release: release_context };
        // SAFETY: as above; the slot hands one count over.
        let back = unsafe { (self.vtable().slot_put)(self.header.as_ptr(), key.0, slot, true) };
        if back.is_null() {
            return made;
        }
        // Somebody else was first: what came back is ours again.
        drop(take_context(back));
        self.ctx(key).expect("a translator keeps one type of context on an object")
    }

    /// Puts a context, answering the one that was there.
    pub fn ctx_set<C: Any + Send + Sync>(&self, key: CtxKey, value: Arc<C>) -> Option<Arc<C>> {
        let slot = Slot { value: into_context(value), release: release_context };
        // SAFETY: as above.
        let old = unsafe { (self.vtable().slot_put)(self.header.as_ptr(), key.0, slot, false) };
        take_context(old)?.downcast().ok()
    }

    /// The context as C has it, counted by `retain`; null where there is none.
    ///
    /// # Safety
    /// `key` is the caller's own, and what it put under it is what `retain` counts.
    pub(crate) unsafe fn raw_ctx(&self, key: CtxKey, retain: RetainFn) -> *const () {
        // SAFETY: the caller's promise.
        unsafe { (self.vtable().slot_get)(self.header.as_ptr(), key.0, retain) }
    }

    /// Puts a context as C has it, answering as [`ObjectVtable::slot_put`] does.
    ///
    /// # Safety
    /// As above, and `value` brings one count, which `release` gives up.
    pub(crate) unsafe fn raw_ctx_put(
        &self,
        key: CtxKey,
        value: *const (),
        release: unsafe extern "C" fn(*const ()),
        only_if_empty: bool,
    ) -> *const () {
        // SAFETY: the caller's promise.
        unsafe {
            (self.vtable().slot_put)(self.header.as_ptr(), key.0, Slot { value, release }, only_if_empty)
        }
    }

    /// Takes the context out.
    pub fn ctx_take<C: Any + Send + Sync>(&self, key: CtxKey) -> Option<Arc<C>> {
        let slot = Slot { value: std::ptr::null(), release: release_context };
        // SAFETY: as above; a null value empties the slot.
        let old = unsafe { (self.vtable().slot_put)(self.header.as_ptr(), key.0, slot, false) };
        take_context(old)?.downcast().ok()
    }
}

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the body follows the header in every `Allocation<T>`; `repr(C)` and the layout check fix where.
        unsafe { &(*self.header.as_ptr().cast::<Allocation<T>>()).body }
    }
}

impl<T> std::fmt::Debug for Object<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object({:p})", self.header)
    }
}

impl<T> Clone for Object<T> {
    fn clone(&self) -> Self {
        self.header().refs.fetch_add(1, Ordering::Relaxed);
        Self { header: self.header, body: PhantomData }
    }
}

impl<T> Drop for Object<T> {
    fn drop(&mut self) {
        if self.header().refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let destroy = self.vtable().destroy;
            // SAFETY: the last count is gone.
            unsafe { destroy(self.header.as_ptr()) }
        }
    }
}

/// Names the slot of one translator instance; got from its [`Frame`](crate::Frame) or [`Handle`](crate::Handle), and
/// never shared with another library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtxKey(pub(crate) u64);

impl CtxKey {
    /// A slot that no translator has: for who builds graphs.
    #[must_use]
    pub fn fresh() -> Self {
        Self(new_key())
    }
}

type Context = Arc<dyn Any + Send + Sync>;

// A context crosses as a pointer to a boxed, counted trait object: thin, typed, and made and dropped in one library.
struct Boxed {
    context: Context,
    _out: Out,
}

fn into_context<C: Any + Send + Sync>(value: Arc<C>) -> *const () {
    let context: Context = value;
    Arc::into_raw(Arc::new(Boxed { context, _out: Out::new(&CONTEXTS, 1) })).cast()
}

fn take_context(value: *const ()) -> Option<Context> {
    if value.is_null() {
        return None;
    }
    // SAFETY: a non-null value is from `into_context` and hands one count over.
    let boxed = unsafe { Arc::from_raw(value.cast::<Boxed>()) };
    Some(boxed.context.clone())
}

unsafe extern "C" fn retain_context(value: *const ()) {
    // SAFETY: from `into_context`, live under the slot's lock.
    unsafe { Arc::increment_strong_count(value.cast::<Boxed>()) }
}

unsafe extern "C" fn release_context(value: *const ()) {
    dropped(take_context(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_translator_finds_its_own_context_and_it_is_dropped_with_the_object() {
        let object = Object::new(5_u32);
        let (one, two) = (CtxKey(new_key()), CtxKey(new_key()));
        let held = object.ctx_or_insert_with(one, || String::from("mine"));
        assert_eq!(object.ctx::<String>(one).as_deref().map(String::as_str), Some("mine"));
        assert!(object.ctx::<String>(two).is_none());
        assert!(object.ctx::<u8>(one).is_none(), "another type is not the same context");
        assert_eq!(*object, 5);
        let other = object.clone();
        drop(object);
        assert_eq!(Arc::strong_count(&held), 2);
        drop(other);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_context_that_was_set_gives_way_and_can_be_taken() {
        let object = Object::new(());
        let key = CtxKey(new_key());
        assert!(object.ctx_set(key, Arc::new(1_u8)).is_none());
        assert_eq!(object.ctx_set(key, Arc::new(2_u8)).as_deref(), Some(&1));
        assert_eq!(object.ctx_take::<u8>(key).as_deref(), Some(&2));
        assert!(object.ctx::<u8>(key).is_none());
    }

    #[test]
    fn the_context_of_another_build_gives_way_unseen_and_never_the_other_way_round() {
        let object = Object::new(());
        let old = CtxKey(new_key());
        let new = CtxKey(next_build(old.0).unwrap());
        let of_old = object.ctx_or_insert_with(old, || 1_u32);
        assert!(object.ctx::<u32>(new).is_none());
        let of_new = object.ctx_or_insert_with(new, || 2_u32);
        assert_eq!((Arc::strong_count(&of_old), Arc::strong_count(&of_new)), (1, 2), "one of them is kept");
        assert_eq!(*object.ctx_or_insert_with(old, || 3_u32), 3, "a call that is still inside has its own");
        assert_eq!(object.ctx::<u32>(new).as_deref(), Some(&2));
        assert!(object.ctx_take::<u32>(old).is_none());
        assert_eq!(object.ctx_take::<u32>(new).as_deref(), Some(&2));
    }
}
