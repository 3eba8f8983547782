//! A graph in memory: nodes, the links between them, and for every link the way each fop takes.
//!
//! Who builds it (the host, a testkit) says what a volfile said; here it becomes the tables that frames run over. Each
//! link resolves, per fop, to the first translator below that implements it: a chain costs as many calls as there are
//! implementations.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use abi_stable::std_types::RResult;

use super::decompose;
use super::host::Direction;
use super::node::{FAULTED, FINISHED, FopEntry, Link, Node, Route, UP};
use super::root::XlatorModuleRef;
use crate::fop::{FOPS, FopError, FopType};
use crate::options::OptionValues;
use crate::sdk::Handle;
use crate::xlator::UnknownFops;
use crate::{Client, Errno, Event, for_each_fop};

/// What a graph's builder wants to hear.
pub trait GraphHooks: Send + Sync + 'static {
    /// A translator panicked: in fop number `fop` (0 outside of fops), for the `count`th time.
    fn fault(&self, xlator: &str, fop: u32, what: &str, count: u64);

    /// An event went up past the top.
    fn risen(&self, event: &Event);

    /// A translator had its last fault and was marked down.
    fn marked_down(&self, xlator: &str);
}

/// A translator before it is linked.
#[derive(Debug)]
pub struct Part {
    /// The name in the volfile.
    pub name: String,
    /// Its functions.
    pub module: XlatorModuleRef,
    /// Its children, as indices of earlier parts.
    pub children: Vec<usize>,
}

#[repr(C)]
struct Member {
    // First, so that a pointer to it is a pointer to the member.
    node: Node,
    name: String,
    module: XlatorModuleRef,
    children: Vec<usize>,
    parents: Vec<usize>,
    links: Vec<Link>,
    routes: Vec<Vec<Route>>,
    faults: AtomicU64,
    fault_limit: AtomicU64,
    initialised: AtomicU8,
    graph: OnceLock<*const Graph>,
}

#[allow(clippy::vec_box, reason = "links point to members while the list still grows")]
type Members = Vec<Box<Member>>;

/// A linked graph, counted by every [`Handle`] of its translators and by whoever runs it, who also calls
/// [`fini`](Self::fini) before letting go.
pub struct Graph {
    members: Members,
    hooks: Box<dyn GraphHooks>,
    fault_limit: u64,
    /// Calls, events and `fini` that are under way.
    running: AtomicU64,
    /// 0 while it serves, 1 from `fini` on, 2 once the instances are gone.
    stage: AtomicU8,
}

// SAFETY: members are fixed once linked but for atomics; instances are `Send + Sync` by the trait `Xlator`.
unsafe impl Send for Graph {}
// SAFETY: as above.
unsafe impl Sync for Graph {}

/// A member's `init` is running: nothing else of it may.
const STARTING: u8 = 1;
/// A member's `init` is done, and its `fini` has not begun.
const STARTED: u8 = 2;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A translator could not be made or started: which, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{xlator}: {why}")]
pub struct StartError {
    /// Its name in the volfile.
    pub xlator: String,
    /// What it said.
    pub why: String,
}

impl Graph {
    /// Makes an instance of each part and links them; `parts` has children before parents, the top last. After
    /// `fault_limit` faults a translator is marked down; 0 for never.
    ///
    /// # Errors
    /// A translator that could not be made.
    ///
    /// # Panics
    /// When a child's index is not below its parent's.
    pub fn link(
        parts: Vec<Part>,
        hooks: Box<dyn GraphHooks>,
        fault_limit: u64,
    ) -> Result<Arc<Self>, StartError> {
        let mut members: Members = Vec::with_capacity(parts.len());
        for (index, part) in parts.into_iter().enumerate() {
            for child in &part.children {
                assert!(*child < index, "children come before parents");
                members[*child].parents.push(index);
            }
            members.push(member(part, fault_limit)?);
        }
        for index in 0..members.len() {
            let links = link_children(&members, index);
            let member = &mut members[index];
            (member.links, member.routes) = links;
            for (link, routes) in member.links.iter_mut().zip(&member.routes) {
                link.routes = routes.as_ptr();
            }
            member.node.links = member.links.as_ptr();
            member.node.link_count = member.links.len();
        }
        let running = AtomicU64::new(0);
        let graph = Arc::new(Self { members, hooks, fault_limit, running, stage: AtomicU8::new(0) });
        for member in &graph.members {
            member.graph.set(Arc::as_ptr(&graph)).expect("set once");
        }
        Ok(graph)
    }

    /// How many translators there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The translator called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// The name of a translator.
    #[must_use]
    pub fn name(&self, index: usize) -> &str {
        &self.members[index].name
    }

    /// The volfile type of a translator.
    #[must_use]
    pub fn type_name(&self, index: usize) -> String {
        self.members[index].module.declare().type_name.into()
    }

    /// The translators without a parent.
    pub fn tops(&self) -> impl Iterator<Item = usize> {
        (0..self.members.len()).filter(|index| self.members[*index].parents.is_empty())
    }

    /// The children of a translator, in the volfile's order.
    #[must_use]
    pub fn children(&self, index: usize) -> &[usize] {
        &self.members[index].children
    }

    /// How often a translator panicked.
    #[must_use]
    pub fn faults(&self, index: usize) -> u64 {
        self.members[index].faults.load(Ordering::Relaxed)
    }

    /// Changes after how many faults a translator is marked down; without a limit of its own, the graph's holds.
    pub fn set_fault_limit(&self, index: usize, limit: Option<u64>) {
        self.members[index].fault_limit.store(limit.unwrap_or(self.fault_limit), Ordering::Relaxed);
    }

    /// A counted handle to a translator's place: winds to its children.
    #[must_use]
    pub fn handle(self: &Arc<Self>, index: usize) -> Handle {
        // SAFETY: a node of this graph, which the caller holds.
        unsafe { Handle::retain(&raw const self.members[index].node) }
    }

    /// Runs a translator's `init`. Once for each, from the top down.
    ///
    /// # Errors
    /// What the translator said.
    pub fn init(&self, index: usize, options: &OptionValues) -> Result<(), StartError> {
        let member = &*self.members[index];
        assert_eq!(
            member.initialised.swap(STARTING, Ordering::AcqRel),
            0,
            "a translator is initialised once"
        );
        // SAFETY: the instance is from this module's `create`, and until now nothing else has used it: fops reach a
        // translator only after every `init` of its graph is done.
        let done = unsafe {
            member.module.init()(member.node.instance.cast_mut(), (&raw const member.node).cast(), options)
        };
        // One that did not start is not stopped, and hears nothing.
        let started = if done.is_ok() { STARTED } else { 0 };
        member.initialised.store(started, Ordering::Release);
        self.told(index, done)?;
        member.node.state.store(UP, Ordering::Release);
        Ok(())
    }

    /// Hands a running translator new options.
    ///
    /// # Errors
    /// What the translator said; it goes on with its old ones.
    pub fn reconfigure(&self, index: usize, options: &OptionValues) -> Result<(), StartError> {
        let member = &*self.members[index];
        // SAFETY: a live instance of this module.
        let done = unsafe {
            member.module.reconfigure()(member.node.instance, (&raw const member.node).cast(), options)
        };
        self.told(index, done)
    }

    fn told(
        &self,
        index: usize,
        done: RResult<(), abi_stable::std_types::RString>,
    ) -> Result<(), StartError> {
        let xlator = self.members[index].name.clone();
        done.into_result().map_err(|why| StartError { xlator, why: why.into() })
    }

    /// Gives an event to one translator, as if from itself: how a graph is started (PARENT_UP at the top).
    pub fn notify(&self, index: usize, direction: Direction, event: &Event) {
        self.deliver(index, &raw const self.members[index].node, direction, event);
    }

    /// Runs `work` unless the instances are gone, which they cannot be before it is done.
    fn while_running(&self, work: impl FnOnce()) {
        self.running.fetch_add(1, Ordering::AcqRel);
        if self.stage.load(Ordering::Acquire) < 2 {
            work();
        }
        self.end();
    }

    /// Ends what counted as running; the last to end after `fini` frees the instances, so that handles which
    /// translators keep of themselves do not keep the graph alive.
    fn end(&self) {
        let last = self.running.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && self.stage.compare_exchange(1, 2, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.destroy_instances();
        }
    }

    fn destroy_instances(&self) {
        for member in self.members.iter().rev() {
            // SAFETY: from this module's `create`, freed once: the stage went to 2 just now, nothing runs, and from
            // here on nothing starts.
            unsafe { member.module.destroy()(member.node.instance.cast_mut()) };
        }
    }

    fn deliver(&self, index: usize, source: *const Node, direction: Direction, event: &Event) {
        let member = &*self.members[index];
        if member.initialised.load(Ordering::Acquire) == STARTED {
            self.while_running(|| self.deliver_to(member, source, direction, event));
        }
    }

    fn deliver_to(&self, member: &Member, source: *const Node, direction: Direction, event: &Event) {
        // SAFETY: a live instance of this module, and nodes of this graph.
        unsafe {
            member.module.notify()(
                member.node.instance,
                (&raw const member.node).cast(),
                source.cast(),
                direction,
                event,
            );
        }
    }

    /// Sends an event on from a translator: to its children or to its parents, or past the top.
    ///
    /// # Safety
    /// `from` is a node of a live graph that [`link`](Self::link) made.
    pub unsafe fn route(from: *const Node, direction: Direction, event: &Event) {
        // SAFETY: the caller's promise; the graph set itself before anything could run.
        let (member, graph) = unsafe {
            let member = &*from.cast::<Member>();
            (member, &**member.graph.get().expect("set when linked"))
        };
        let next = match direction {
            Direction::Down => &member.children,
            Direction::Up => &member.parents,
        };
        if next.is_empty() && direction == Direction::Up {
            graph.hooks.risen(event);
        }
        for index in next {
            graph.deliver(*index, from, direction, event);
        }
    }

    /// Tells every translator below (and with) `index` that a client is gone.
    pub fn client_disconnect(&self, index: usize, client: &Client) {
        let member = &*self.members[index];
        if member.initialised.load(Ordering::Acquire) == STARTED {
            self.while_running(|| {
                let node = (&raw const member.node).cast();
                // SAFETY: a live instance of this module.
                unsafe { member.module.client_disconnect()(member.node.instance, node, client) };
            });
        }
        for child in &member.children {
            self.client_disconnect(*child, client);
        }
    }

    /// As [`client_disconnect`](Self::client_disconnect), for all below a node.
    ///
    /// # Safety
    /// `node` is a node of a live graph that [`link`](Self::link) made.
    pub unsafe fn client_gone_below(node: *const Node, client: &Client) {
        // SAFETY: the caller's promise.
        let (member, graph) = unsafe {
            let member = &*node.cast::<Member>();
            (member, &**member.graph.get().expect("set when linked"))
        };
        for child in &member.children {
            graph.client_disconnect(*child, client);
        }
    }

    /// A translator's lines for a statedump.
    #[must_use]
    pub fn dump(&self, index: usize) -> String {
        let member = &*self.members[index];
        let mut text = String::new();
        if member.initialised.load(Ordering::Acquire) == STARTED {
            self.while_running(|| {
                // SAFETY: a live instance of this module.
                text = unsafe { member.module.dump()(member.node.instance, (&raw const member.node).cast()) }
                    .into();
            });
        }
        text
    }

    /// Stops every translator that was initialised, the top first: new fops are refused, `fini` runs. The instances go
    /// when the last call has ended, the graph with its last count.
    pub fn fini(&self) {
        self.while_running(|| {
            self.fini_members();
            let _ = self.stage.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed);
        });
    }

    fn fini_members(&self) {
        for member in self.members.iter().rev() {
            let was_started =
                member.initialised.compare_exchange(STARTED, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            if was_started {
                member.node.state.store(FINISHED, Ordering::Release);
                // SAFETY: a live instance of this module.
                unsafe { member.module.fini()(member.node.instance, (&raw const member.node).cast()) };
            }
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // Nothing runs and no handle is left: each holds a count. Without a `fini` before, instances go unasked.
        if self.stage.swap(2, Ordering::AcqRel) < 2 {
            self.destroy_instances();
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members.iter().map(|member| &member.name)).finish()
    }
}

fn member(part: Part, fault_limit: u64) -> Result<Box<Member>, StartError> {
    let instance = part.module.make();
    if instance.is_null() {
        return Err(StartError { xlator: part.name, why: "it panicked while it was made".into() });
    }
    let mut member = Box::new(Member {
        node: Node {
            instance,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            links: std::ptr::null(),
            link_count: 0,
            state: AtomicU8::new(FINISHED),
            name: std::ptr::null(),
            name_len: 0,
            fault,
            retain,
            release,
            begin,
            end,
            fops: part.module.fops(),
            known_fops: part.module.known_fops(),
        },
        name: part.name,
        module: part.module,
        children: part.children,
        parents: Vec::new(),
        links: Vec::new(),
        routes: Vec::new(),
        faults: AtomicU64::new(0),
        fault_limit: AtomicU64::new(fault_limit),
        initialised: AtomicU8::new(0),
        graph: OnceLock::new(),
    });
    member.node.name = member.name.as_ptr();
    member.node.name_len = member.name.len();
    Ok(member)
}

fn link_children(members: &[Box<Member>], index: usize) -> (Vec<Link>, Vec<Vec<Route>>) {
    let children = &members[index].children;
    let routes: Vec<Vec<Route>> =
        children.iter().map(|child| (0..FOPS).map(|code| route(members, *child, code)).collect()).collect();
    let links = children.iter().map(|child| Link {
        child: &raw const members[*child].node,
        routes: std::ptr::null(),
        route_count: routes.first().map_or(0, Vec::len),
    });
    (links.collect(), routes)
}

/// The first translator at or below `index` that implements fop `code`, or one that may not let it pass unseen.
fn route(members: &[Box<Member>], index: usize, code: u32) -> Route {
    let member = &members[index];
    let node = &raw const member.node;
    if let Some(slot) = member.module.fops().iter().find(|slot| slot.code == code) {
        return Route { entry: slot.entry, node };
    }
    let heard_of = code < member.module.known_fops();
    let policy = if heard_of { UnknownFops::PASS } else { member.module.declare().unknown_fops };
    match (policy, member.children.first()) {
        (UnknownFops::PASS, Some(child)) => route(members, *child, code),
        (UnknownFops::DECOMPOSE, _) => Route { entry: decompose::entry(code), node },
        // Denied, or a policy of later versions; a caller that hears EOPNOTSUPP falls back to what everybody knows.
        _ => Route { entry: unsupported(code), node },
    }
}

macro_rules! unsupported_entries {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        pub(crate) fn unsupported(code: u32) -> FopEntry {
            match code {
                $($code => FopEntry(refuse::<crate::fop::kind::$name>),)*
                // No such fop: no caller has a type for it.
                _ => FopEntry(refuse::<crate::fop::kind::stat>),
            }
        }
    };
}

for_each_fop!(unsupported_entries);

unsafe extern "C" fn refuse<F: FopType>(
    _: *const (),
    _: *const (),
    _: *const super::future::WakerHeader,
    args: *mut (),
    out: *mut (),
    _: *mut super::future::RawFuture,
) -> u8 {
    // SAFETY: by the entry's contract these are of fop type `F`, and `args` is moved out of.
    unsafe {
        drop(args.cast::<F::Args>().read());
        out.cast::<RResult<F::Reply, FopError>>().write(RResult::RErr(Errno::EOPNOTSUPP.into()));
    }
    super::future::READY
}

unsafe extern "C" fn fault(node: *const Node, fop: u32, what: *const u8, what_len: usize) {
    // SAFETY: a node of a live graph made here, and a text that lives through the call.
    let (member, graph, what) = unsafe {
        let member = &*node.cast::<Member>();
        let graph = &**member.graph.get().expect("set when linked");
        (member, graph, std::slice::from_raw_parts(what, what_len))
    };
    let count = member.faults.fetch_add(1, Ordering::Relaxed) + 1;
    graph.hooks.fault(&member.name, fop, &String::from_utf8_lossy(what), count);
    let limit = member.fault_limit.load(Ordering::Relaxed);
    if limit != 0 && count >= limit {
        // Only a node that serves is marked: one whose `fini` has begun stays finished.
        if member.node.state.compare_exchange(UP, FAULTED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            graph.hooks.marked_down(&member.name);
        }
    }
}

unsafe extern "C" fn retain(node: *const Node) {
    // SAFETY: a node of a live graph made here, which an `Arc` holds.
    unsafe {
        let graph = (*node.cast::<Member>()).graph.get().expect("set when linked");
        Arc::increment_strong_count(*graph);
    }
}

unsafe extern "C" fn release(node: *const Node) {
    // SAFETY: gives up what `retain` counted.
    unsafe {
        let graph = *(*node.cast::<Member>()).graph.get().expect("set when linked");
        Arc::decrement_strong_count(graph);
    }
}

unsafe extern "C" fn begin(node: *const Node) {
    // SAFETY: a node of a live graph made here.
    let graph = unsafe { &**(*node.cast::<Member>()).graph.get().expect("set when linked") };
    graph.running.fetch_add(1, Ordering::AcqRel);
}

unsafe extern "C" fn end(node: *const Node) {
    // SAFETY: as above; the caller still counts the graph.
    unsafe { &**(*node.cast::<Member>()).graph.get().expect("set when linked") }.end();
}
