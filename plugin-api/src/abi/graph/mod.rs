//! A graph in memory: members, the links between them, and for every link the way each fop takes.
//!
//! Who builds it (the host, a testkit) says what a volfile said; here it becomes the tables that frames run over. Each
//! link resolves, per fop, to the first translator below that implements it: a chain costs as many calls as there are
//! implementations. A graph that serves can [evolve](Graph::evolve): translators are put in, taken out and replaced
//! while calls run.
//!
//! `member` is one translator's place, `wiring` where its links lead, `calls` counts what is under way and keeps what has
//! to wait for it, `events` takes notifications through, `evolve` changes the graph, `faults` counts what went wrong.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::host::Direction;
use super::node::Node;
use super::root::XlatorModuleRef;
use crate::options::OptionValues;
use crate::sdk::Handle;
use crate::{Client, Event};

mod calls;
mod events;
mod evolve;
mod faults;
mod member;
mod wiring;

pub use evolve::{Evolution, Next, Origin, Retiring};
pub use faults::{Fault, FaultKind, Record};

use calls::Calls;
use evolve::Retired;
use member::{Member, lock};
use wiring::Plan;
pub(crate) use wiring::UNSUPPORTED;

/// What a graph's builder wants to hear.
pub trait GraphHooks: Send + Sync + 'static {
    /// A translator had a fault, for the `count`th time of this kind.
    fn fault(&self, xlator: &str, fault: &Fault, count: u64);

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

/// A linked graph, held by whoever runs it, who also calls [`fini`](Self::fini) before letting go. A [`Handle`] of one
/// of its translators keeps that one's place, and what stands below it.
pub struct Graph {
    core: Arc<Core>,
}

/// What every member of a graph knows.
struct Core {
    hooks: Box<dyn GraphHooks>,
    fault_limit: u64,
    calls: Calls<Retired>,
    /// Empty once the graph was let go.
    shape: RwLock<Arc<Shape>>,
    /// Members that stand in the graph no more and may still wind: their links are kept true until they are cut. Also held
    /// while links are changed, so that none is cut meanwhile.
    leaving: Mutex<Vec<Arc<Member>>>,
}

/// The members in order, children before parents, the top last.
#[derive(Default)]
struct Shape {
    members: Vec<Arc<Member>>,
    children: Vec<Vec<usize>>,
    parents: Vec<Vec<usize>>,
}

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
        let (calls, shape, leaving) = (Calls::new(), RwLock::default(), Mutex::default());
        let core = Arc::new(Core { hooks, fault_limit, calls, shape, leaving });
        // Before its members: where one cannot be made, those that were are let go with it.
        let graph = Arc::new(Self { core: core.clone() });
        let members =
            parts.iter().map(|part| Member::new(part, core.clone(), None)).collect::<Result<_, _>>()?;
        let shape = Shape::new(members, parts.into_iter().map(|part| part.children).collect());
        for (member, children) in shape.members.iter().zip(&shape.children) {
            // Nothing can be using what was there before: links that lead nowhere.
            drop(member.links.set(shape.plan().wiring(children)));
        }
        core.put(shape);
        Ok(graph)
    }

    /// How many translators there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.shape().members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The translator called `name`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.core.shape().members.iter().position(|member| member.name == name)
    }

    /// The name of a translator.
    #[must_use]
    pub fn name(&self, index: usize) -> &'static str {
        self.member(index).name
    }

    /// The volfile type of a translator.
    #[must_use]
    pub fn type_name(&self, index: usize) -> String {
        self.member(index).module.declare().type_name.into()
    }

    /// The translators without a parent.
    pub fn tops(&self) -> impl Iterator<Item = usize> + use<> {
        let shape = self.core.shape();
        (0..shape.members.len()).filter(move |index| shape.parents[*index].is_empty())
    }

    /// The children of a translator, in the volfile's order.
    #[must_use]
    pub fn children(&self, index: usize) -> Vec<usize> {
        self.core.shape().children[index].clone()
    }

    /// How often a translator panicked.
    #[must_use]
    pub fn faults(&self, index: usize) -> u64 {
        self.member(index).faults.count(FaultKind::Panic)
    }

    /// What is known of a translator's faults.
    #[must_use]
    pub fn record(&self, index: usize) -> Record {
        self.member(index).record()
    }

    /// Counts a fault of a translator that the host has seen. One of memory marks it down at once.
    pub fn blame(&self, index: usize, fault: Fault) {
        self.member(index).blame_here(fault);
    }

    /// As [`blame`](Self::blame), for the translator of a node, which need not be there any more: the answer is its name
    /// if it is.
    pub fn blame_node(&self, node: *const Node, fault: Fault) -> Option<&'static str> {
        let is_it = |member: &&Arc<Member>| std::ptr::eq(member.as_node(), node);
        let member = self.core.shape().members.iter().find(is_it).cloned();
        let member = member.or_else(|| lock(&self.core.leaving).iter().find(is_it).cloned())?;
        member.blame_here(fault);
        Some(member.name)
    }

    /// Whether this is the node of the translator at `index`; it is compared, not followed.
    #[must_use]
    pub fn is_node(&self, index: usize, node: *const Node) -> bool {
        std::ptr::eq(self.member(index).as_node(), node)
    }

    /// Changes after how many faults a translator is marked down; without a limit of its own, the graph's holds.
    pub fn set_fault_limit(&self, index: usize, limit: Option<u64>) {
        let limit = limit.unwrap_or(self.core.fault_limit);
        self.member(index).fault_limit.store(limit, Ordering::Relaxed);
    }

    /// A counted handle to a translator's place: winds to its children.
    #[must_use]
    pub fn handle(&self, index: usize) -> Handle {
        let member = self.member(index);
        // SAFETY: a node of a live member.
        unsafe { Handle::retain(member.as_node()) }
    }

    /// Runs a translator's `init`. Once for each, from the top down.
    ///
    /// # Errors
    /// What the translator said.
    pub fn init(&self, index: usize, options: &OptionValues) -> Result<(), StartError> {
        self.member(index).init(options)
    }

    /// Hands a running translator new options.
    ///
    /// # Errors
    /// What the translator said; it goes on with its old ones.
    pub fn reconfigure(&self, index: usize, options: &OptionValues) -> Result<(), StartError> {
        let (member, mut done) = (self.member(index), Ok(()));
        member.while_started(|| done = member.reconfigure(options));
        done
    }

    /// Gives an event to one translator, as if from itself: how a graph is started (PARENT_UP at the top).
    pub fn notify(&self, index: usize, direction: Direction, event: &Event) {
        let member = self.member(index);
        member.deliver(member.as_node(), direction, event);
    }

    /// Tells every translator below (and with) `index` that a client is gone.
    pub fn client_disconnect(&self, index: usize, client: &Client) {
        self.core.shape().client_disconnect(index, client);
    }

    /// A translator's lines for a statedump.
    #[must_use]
    pub fn dump(&self, index: usize) -> String {
        let (member, mut text) = (self.member(index), String::new());
        member.while_started(|| {
            // SAFETY: a live instance of this module.
            text = unsafe { member.module.dump()(member.node.instance, member.as_node().cast()) }.into();
        });
        text
    }

    /// Stops every translator that was initialised, the top first: new fops are refused, `fini` runs. The instances go
    /// when the last call has ended.
    pub fn fini(&self) {
        let shape = self.core.shape();
        shape.members.iter().rev().for_each(|member| member.fini(true));
        self.core.retire_members(shape.members.iter().cloned());
    }

    /// How many besides whoever runs the graph hold a place in it: calls under way, and handles that translators keep.
    #[must_use]
    pub fn users(&self) -> usize {
        let shape = self.core.shape();
        // Our own counts: the shape's, and those of the links above.
        let pointed = |member| shape.members.iter().map(|other| other.links.count(member)).sum::<usize>();
        let users =
            shape.members.iter().map(|member| Arc::strong_count(member).saturating_sub(1 + pointed(member)));
        users.sum()
    }

    /// How many calls are under way, events and `dump` among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.core.calls.under_way()
    }

    fn member(&self, index: usize) -> Arc<Member> {
        self.core.shape().members[index].clone()
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // Members count the core: what the core holds of them goes now. Those that somebody has a handle of stay.
        self.core.put(Shape::default());
    }
}

impl Core {
    fn shape(&self) -> Arc<Shape> {
        self.shape.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, shape: Shape) {
        let before = std::mem::replace(
            &mut *self.shape.write().unwrap_or_else(PoisonError::into_inner),
            Arc::new(shape),
        );
        // Outside the lock: the last count of a member frees its instance.
        drop(before);
    }

    fn begin(&self) -> usize {
        self.calls.begin(|| self.dispose())
    }

    fn end(&self, call: usize) {
        if self.calls.end(call) {
            self.dispose();
        }
    }

    /// Frees what no call can be using any more.
    #[cold]
    fn dispose(&self) {
        while let Some(done) = self.calls.ripe() {
            self.free(done);
        }
    }
}

impl Shape {
    fn new(members: Vec<Arc<Member>>, children: Vec<Vec<usize>>) -> Self {
        let mut parents = vec![Vec::new(); members.len()];
        for (index, children) in children.iter().enumerate() {
            for child in children {
                assert!(*child < index, "children come before parents");
                parents[*child].push(index);
            }
        }
        Self { members, children, parents }
    }

    fn plan(&self) -> Plan<'_> {
        Plan { members: &self.members, children: &self.children }
    }

    fn find(&self, member: &Member) -> Option<usize> {
        self.members.iter().position(|other| std::ptr::eq(Arc::as_ptr(other), member))
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.core.shape().members.iter().map(|member| member.name)).finish()
    }
}
