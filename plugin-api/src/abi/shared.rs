//! Counted objects behind a table of functions: how one library calls another's `Arc<dyn Trait>`.

use std::fmt;
use std::sync::Arc;

use abi_stable::StableAbi;

/// A counted object of any library, with the functions `V` (a reference to a prefix table).
#[repr(C)]
#[derive(StableAbi)]
pub struct Shared<V> {
    state: *const (),
    vtable: V,
    retain: unsafe extern "C" fn(*const ()),
    release: unsafe extern "C" fn(*const ()),
}

// SAFETY: made of an `Arc` of a `Send + Sync` type alone.
unsafe impl<V> Send for Shared<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Shared<V> {}

unsafe extern "C" fn retain<T>(state: *const ()) {
    // SAFETY: `state` is from `Arc::into_raw`, and the caller holds a count.
    unsafe { Arc::increment_strong_count(state.cast::<T>()) }
}

unsafe extern "C" fn release<T>(state: *const ()) {
    // SAFETY: as above, and the caller gives its count up.
    let last = unsafe { Arc::from_raw(state.cast::<T>()) };
    dropped(last);
}

/// Drops what a plugin made. A panic in a destructor must not cross the line, and there is nobody left to tell; what it was
/// about to give back is lost.
pub(crate) fn dropped<T>(last: T) {
    let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(last)));
    // Dropping the payload may panic again.
    gone.unwrap_or_else(std::mem::forget);
}

impl<V: Copy> Shared<V> {
    /// Shares `object` behind `vtable`.
    ///
    /// # Safety
    /// The functions of `vtable` take a `T` as their state.
    pub(crate) unsafe fn from_arc<T: Send + Sync + 'static>(object: Arc<T>, vtable: V) -> Self {
        Self { state: Arc::into_raw(object).cast(), vtable, retain: retain::<T>, release: release::<T> }
    }

    pub(crate) fn state(&self) -> *const () {
        self.state
    }

    pub(crate) fn vtable(&self) -> V {
        self.vtable
    }

    /// Whether two pointers point to one object.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.state == other.state
    }

    /// The address, as an identity among live objects.
    #[must_use]
    pub fn object_id(&self) -> usize {
        self.state as usize
    }
}

impl<V: Copy> Clone for Shared<V> {
    fn clone(&self) -> Self {
        // SAFETY: this value holds a count.
        unsafe { (self.retain)(self.state) };
        Self { ..*self }
    }
}

impl<V> Drop for Shared<V> {
    fn drop(&mut self) {
        // SAFETY: gives up the count that this value holds.
        unsafe { (self.release)(self.state) }
    }
}

impl<V> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({:p})", self.state)
    }
}

/// Declares a table of functions, the trait that implements them, and the calls; a panic ends as the default behind `=`.
macro_rules! vtable {
    (
        $(#[$doc:meta])*
        pub struct $table:ident($table_ref:ident) of trait $imp:ident, made by $module:ident {
            $($(#[$fdoc:meta])* fn $name:ident(&self, $($arg:ident: $ty:ty),*) -> $ret:ty = $on_panic:expr;)*
        }
    ) => {
        /// What a library implements to be called through the table of the same name.
        pub trait $imp: Send + Sync + 'static {
            $($(#[$fdoc])* fn $name(&self, $($arg: $ty),*) -> $ret;)*

            /// Shares an implementation with other libraries.
            fn share(self: std::sync::Arc<Self>) -> crate::abi::shared::Shared<$table_ref> where Self: Sized {
                #[allow(unsafe_code, reason = "the table below takes just this type as its state")]
                // SAFETY: as the reason says.
                unsafe { crate::abi::shared::Shared::from_arc(self, $module::Of::<Self>::TABLE) }
            }
        }

        pub use $module::{$table, $table_ref};

        crate::abi::root::opaque_debug!($table, $table_ref);

        mod $module {
            #![allow(
                unsafe_code,
                missing_debug_implementations,
                reason = "one cast of the state for each function of the table, which has nothing to show"
            )]
            use super::*;

            $(#[$doc])*
            ///
            /// Each takes the state first; grows at its end within 1.x.
            #[repr(C)]
            #[derive(abi_stable::StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = $table_ref)))]
            #[sabi(missing_field(panic))]
            pub struct $table {
                $($(#[$fdoc])* pub $name: unsafe extern "C" fn(state: *const (), $($arg: $ty),*) -> $ret,)*
            }

            pub(super) struct Of<T>(std::marker::PhantomData<T>);

            impl<T: $imp> Of<T> {
                const PREFIXED: &'static abi_stable::prefix_type::WithMetadata<$table> = {
                    &abi_stable::prefix_type::WithMetadata::new($table { $($name: Self::$name,)* })
                };
                pub(super) const TABLE: $table_ref = $table_ref(Self::PREFIXED.static_as_prefix());

                $(unsafe extern "C" fn $name(state: *const (), $($arg: $ty),*) -> $ret {
                    // SAFETY: `share` pairs this table with an `Arc<T>`, and the caller holds a count of it.
                    let this = unsafe { &*state.cast::<T>() };
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| this.$name($($arg),*)))
                        .unwrap_or_else(|cause| { std::mem::forget(cause); $on_panic })
                })*
            }

            #[allow(unsafe_code, reason = "calls through the table, whose state this value holds")]
            impl crate::abi::shared::Shared<$table_ref> {
                $($(#[$fdoc])* pub fn $name(&self, $($arg: $ty),*) -> $ret {
                    // SAFETY: the state belongs to the table, and this value holds a count of it.
                    unsafe { self.vtable().$name()(self.state(), $($arg),*) }
                })*
            }
        }
    };
}
pub(crate) use vtable;
