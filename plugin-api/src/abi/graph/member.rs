//! A member of a graph: one translator's instance, its place, and the functions that its library calls back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use abi_stable::std_types::{RResult, RString};

use super::faults::{Faults, fault};
use super::wiring::Links;
use super::{Core, Part, StartError};
use crate::Event;
use crate::abi::node::{FINISHED, Node, UP};
use crate::abi::object;
use crate::abi::root::XlatorModuleRef;
use crate::options::OptionValues;

#[repr(C)]
pub(super) struct Member {
    // First, so that a pointer to it is a pointer to the member.
    pub(super) node: Node,
    pub(super) name: &'static str,
    pub(super) module: XlatorModuleRef,
    pub(super) core: Arc<Core>,
    pub(super) links: Links,
    pub(super) faults: Faults,
    pub(super) fault_limit: AtomicU64,
    initialised: AtomicU8,
    /// Its instance was given up, or is about to be.
    pub(super) leaves: AtomicBool,
    /// Its instance is freed.
    gone: AtomicBool,
    /// It was put into a running graph and is being told so: what its parents and children know is not repeated.
    pub(super) introduced: AtomicBool,
    /// The last CHILD_UP or CHILD_DOWN that it sent up.
    pub(super) told: Mutex<Option<Event>>,
}

/// `init` is running: nothing else of it may.
const STARTING: u8 = 1;
/// `init` is done, and `fini` has not begun.
const STARTED: u8 = 2;

impl Member {
    /// A new instance with a place of its own, whose links lead nowhere yet. Its contexts take the place of those of the
    /// one it replaces.
    pub(super) fn new(
        part: &Part,
        core: Arc<Core>,
        replaces: Option<&Self>,
    ) -> Result<Arc<Self>, StartError> {
        let instance = part.module.make();
        if instance.is_null() {
            let why = "it panicked while it was made".into();
            return Err(StartError { xlator: part.name.clone(), why });
        }
        let (name, links) = (kept(&part.name), Links::new(part.children.len()));
        let node = Node {
            instance,
            id: replaces.and_then(|old| object::next_build(old.node.id)).unwrap_or_else(object::new_key),
            links: links.as_ptr(),
            link_count: links.len(),
            state: AtomicU8::new(FINISHED),
            name: name.as_ptr(),
            name_len: name.len(),
            fault,
            retain,
            release,
            begin,
            end,
            fops: part.module.fops(),
            known_fops: part.module.known_fops(),
        };
        Ok(Arc::new(Self {
            node,
            name,
            module: part.module,
            fault_limit: AtomicU64::new(core.fault_limit),
            core,
            links,
            faults: Faults::default(),
            initialised: AtomicU8::new(0),
            leaves: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            introduced: AtomicBool::new(false),
            told: Mutex::new(None),
        }))
    }

    /// The member of a node.
    ///
    /// # Safety
    /// `node` is a node of a live member.
    pub(super) unsafe fn of<'a>(node: *const Node) -> &'a Self {
        // SAFETY: the caller's promise: a node is the first field of its member.
        unsafe { &*node.cast::<Self>() }
    }

    pub(super) fn as_node(&self) -> *const Node {
        // From the member and not from its field: the pointer is good for all of it.
        std::ptr::from_ref(self).cast()
    }

    pub(super) fn is_started(&self) -> bool {
        self.initialised.load(Ordering::Acquire) == STARTED
    }

    pub(super) fn init(&self, options: &OptionValues) -> Result<(), StartError> {
        let before = self.initialised.swap(STARTING, Ordering::AcqRel);
        assert_eq!(before, 0, "a translator is initialised once");
        // SAFETY: the instance is from this module's `create`, and until now nothing else has used it: fops reach a
        // translator only after its `init` is done.
        let done =
            unsafe { self.module.init()(self.node.instance.cast_mut(), self.as_node().cast(), options) };
        // One that did not start is not stopped, and hears nothing.
        let started = if done.is_ok() { STARTED } else { 0 };
        self.initialised.store(started, Ordering::Release);
        self.told(done)?;
        self.node.state.store(UP, Ordering::Release);
        Ok(())
    }

    pub(super) fn reconfigure(&self, options: &OptionValues) -> Result<(), StartError> {
        // SAFETY: a live instance of this module.
        let done = unsafe { self.module.reconfigure()(self.node.instance, self.as_node().cast(), options) };
        self.told(done)
    }

    fn told(&self, done: RResult<(), RString>) -> Result<(), StartError> {
        done.into_result().map_err(|why| StartError { xlator: self.name.to_owned(), why: why.into() })
    }

    /// Runs `work` when the translator is started; its instance stays until that is done.
    pub(super) fn while_started(&self, work: impl FnOnce()) {
        let call = self.core.begin();
        if self.is_started() {
            work();
        }
        self.core.end(call);
    }

    /// Runs `fini` of a translator that was started. `refuses` says whether it answers ENOTCONN from now on: where others
    /// may still come, as when the graph ends.
    pub(super) fn fini(&self, refuses: bool) {
        let was_started =
            self.initialised.compare_exchange(STARTED, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if was_started {
            if refuses {
                self.node.state.store(FINISHED, Ordering::Release);
            }
            let call = self.core.begin();
            // SAFETY: a live instance of this module.
            unsafe { self.module.fini()(self.node.instance, self.as_node().cast()) };
            self.core.end(call);
        }
    }

    /// Frees the instance, which nothing uses any more; what a handle that is left winds is refused from now on.
    pub(super) fn destroy(&self) {
        self.node.state.store(FINISHED, Ordering::Release);
        if !self.gone.swap(true, Ordering::AcqRel) {
            // SAFETY: from this module's `create`, freed once.
            unsafe { self.module.destroy()(self.node.instance.cast_mut()) };
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // No handle is left and no link. Without a `fini` before, the instance goes unasked.
        self.destroy();
    }
}

unsafe extern "C" fn retain(node: *const Node) {
    // SAFETY: a node of a live member, which an `Arc` holds.
    unsafe { Arc::increment_strong_count(node.cast::<Member>()) }
}

unsafe extern "C" fn release(node: *const Node) {
    // SAFETY: gives up what `retain` counted.
    unsafe { Arc::decrement_strong_count(node.cast::<Member>()) }
}

unsafe extern "C" fn begin(node: *const Node) -> usize {
    // SAFETY: a node of a live member.
    unsafe { Member::of(node) }.core.begin()
}

unsafe extern "C" fn end(node: *const Node, call: usize) {
    // SAFETY: as above; the caller still counts the member.
    unsafe { Member::of(node) }.core.end(call);
}

/// A name that outlives its translator: whoever asks for a child's name may come when the child has just gone. Names of
/// volumes are few and come again.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = lock(&NAMES);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = String::leak(name.to_owned());
    names.insert(name);
    name
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
