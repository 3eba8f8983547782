//! A graph that runs, and what a test does with it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::abi::graph::{Fault, Graph, GraphHooks, Part, StartError};
use plugin_api::abi::host::Direction;
use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::fop::{FopResult, FopType};
use plugin_api::options::{OptionValues, Options};
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{
    Client, Declaration, Event, EventKind, Fd, FileType, Gfid, Handle, Identity, Inode, InodeTable, IoBuf,
    OwnedFrame, UnknownFops, Xlator, positions,
};

use crate::count::Counts;
use crate::{Fake, block_on, drive, kit};

/// The parts of a graph, children before parents, with their options.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    parts: Vec<Part>,
    values: Vec<OptionValues>,
    fakes: Vec<Fake>,
}

impl Planned {
    pub(crate) fn add(&mut self, part: Part, values: OptionValues) -> usize {
        self.parts.push(part);
        self.values.push(values);
        self.parts.len() - 1
    }

    pub(crate) fn add_fake(&mut self, name: String, fake: Fake) -> usize {
        let values = fake.options();
        self.fakes.push(fake);
        self.add(Part { name, module: Fake::module(), children: Vec::new() }, values)
    }
}

/// A graph of a translator over its children. When it is dropped it is stopped, and a panic of a translator that nobody
/// [took](Self::take_faults) fails the test.
pub struct Bench {
    graph: Arc<Graph>,
    module: XlatorModuleRef,
    test: usize,
    top: usize,
    fakes: Vec<Fake>,
    heard: Arc<Heard>,
    inodes: InodeTable,
    counts: Arc<Counts>,
}

/// Inodes that a bench keeps when nobody uses them: few, so that translators meet files that they have forgotten.
const KEPT_INODES: usize = 64;

/// What the graph told its host.
#[derive(Debug, Default)]
struct Heard {
    events: Mutex<Vec<Event>>,
    more: Condvar,
    faults: Mutex<Vec<String>>,
}

impl Bench {
    pub(crate) fn start(mut plan: Planned, test: usize, fault_limit: u64) -> Result<Self, StartError> {
        let module = plan.parts[test].module;
        let top = Part { name: "top".into(), module: top_module(), children: vec![test] };
        let top = plan.add(top, OptionValues::default());
        let heard = Arc::new(Heard::default());
        let graph = Graph::link(plan.parts, Box::new(Hooks(heard.clone())), fault_limit)?;
        for (index, values) in plan.values.iter().enumerate().rev() {
            graph.init(index, values).inspect_err(|_| graph.fini())?;
        }
        graph.notify(top, Direction::Down, &EventKind::PARENT_UP.into());
        Ok(Self {
            graph,
            module,
            test,
            top,
            fakes: plan.fakes,
            heard,
            inodes: InodeTable::new(KEPT_INODES),
            counts: Arc::default(),
        })
    }

    /// A frame that winds to the translator under test.
    #[must_use]
    pub fn frame(&self, identity: Identity, client: Option<&Client>) -> OwnedFrame {
        let mut frame = self.graph.handle(self.top).frame(identity);
        frame.set_client(client.cloned());
        frame
    }

    /// Winds a fop as root, from nowhere, and waits for the answer.
    ///
    /// # Errors
    /// As the fop fails.
    pub fn call<F: FopType>(&self, args: F::Args) -> FopResult<F::Reply> {
        block_on(self.frame(Identity::default(), None).child().wind::<F>(args))
    }

    /// As [`call`](Self::call), for fops that may never be answered: `None` after `patience`. Such a call and its frame
    /// stay for good, since a fop on its way is not taken back.
    pub fn ask<F: FopType>(&self, args: F::Args, patience: Duration) -> Option<FopResult<F::Reply>> {
        self.ask_as::<F>(Identity::default(), None, args, patience)
    }

    /// As [`ask`](Self::ask), as somebody, from a client.
    pub fn ask_as<F: FopType>(
        &self,
        identity: Identity,
        client: Option<&Client>,
        args: F::Args,
        patience: Duration,
    ) -> Option<FopResult<F::Reply>> {
        let frame = ManuallyDrop::new(Box::new(self.frame(identity, client)));
        let mut asked = ManuallyDrop::new(Box::pin(frame.child().wind::<F>(args)));
        let answer = drive::within(asked.as_mut(), patience)?;
        drop(ManuallyDrop::into_inner(asked));
        drop(ManuallyDrop::into_inner(frame));
        Some(answer)
    }

    /// The one inode of a file, as a brick's table has it; a fresh one for no file. It counts as
    /// [alive](crate::Alive) while anybody holds it.
    #[must_use]
    pub fn inode(&self, gfid: Gfid, file_type: FileType) -> Inode {
        let inode = match gfid.is_null() {
            true => Inode::new(gfid, file_type),
            false => self.inodes.link(gfid, file_type),
        };
        inode.object().ctx_or_insert_with(self.graph.handle(self.top).key(), || self.counts.object());
        inode
    }

    /// The one inode of a file that a fop has just made or found as `inode`: this very one, unless the file was known.
    pub fn adopt(&self, inode: &Inode, gfid: Gfid, file_type: FileType) -> Inode {
        self.inodes.adopt(inode, gfid, file_type)
    }

    /// A descriptor that counts likewise.
    #[must_use]
    pub fn fd(&self, inode: Inode, flags: i32) -> Fd {
        let fd = Fd::new(inode, flags, 1);
        fd.object().ctx_or_insert_with(self.graph.handle(self.top).key(), || self.counts.object());
        fd
    }

    /// Bytes in a buffer that counts likewise.
    #[must_use]
    pub fn buffer(&self, bytes: &[u8]) -> IoBuf {
        self.counts.buffer(bytes.to_vec())
    }

    /// Ends the bench, and fails the test when anything of it stays: a frame or a handle, an inode or a descriptor of
    /// [`inode`](Self::inode) and [`fd`](Self::fd), bytes that a memory child or [`buffer`](Self::buffer) gave out. The
    /// test itself must have let go of its own.
    ///
    /// ```should_panic
    /// # use plugin_api::prelude::*;
    /// # use plugin_testkit::{Fake, Testkit};
    /// # #[derive(Debug, Default)]
    /// # struct Pass;
    /// # #[xlator("debug/pass", unknown_fops = "pass")]
    /// # impl Xlator for Pass {}
    /// # fn main() {
    /// let bench = Testkit::<Pass>::new().child(Fake::memory()).start();
    /// let kept = bench.inode(Gfid([7; 16]), FileType::Regular);
    /// bench.close();
    /// # drop(kept);
    /// # }
    /// ```
    ///
    /// # Panics
    /// When something stays.
    #[track_caller]
    pub fn close(self) {
        let left = self.end();
        assert!(left.is_empty(), "after its end {}", left.join("; "));
    }

    /// Ends the bench, and says what stays of it.
    pub(crate) fn end(self) -> Vec<String> {
        let (graph, counts) = (self.graph.clone(), self.counts.clone());
        let bytes: Vec<_> = self.fakes.iter().filter_map(Fake::counts).chain([counts.clone()]).collect();
        drop(self);
        let left = || {
            let bytes: i64 = bytes.iter().map(|counts| counts.buffer_bytes()).sum();
            let users = i64::try_from(graph.users()).unwrap_or(i64::MAX);
            let counted = [
                (users, "counts by frames or handles of the graph stay"),
                (counts.objects(), "inodes or descriptors stay"),
                (bytes, "bytes of payload stay"),
            ];
            let some = counted.into_iter().filter(|(count, _)| *count > 0);
            some.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>()
        };
        // Tasks of the translator may be on their way out.
        let end = Instant::now() + drive::SOON;
        loop {
            let left = left();
            if left.is_empty() || Instant::now() > end {
                return left;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The first fake below.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn fake(&self) -> &Fake {
        self.fakes.first().expect("a fake lies below")
    }

    /// Says what the first fake below answers to a fop: [`Fake::on`].
    pub fn on<F: FopType>(&self, answer: impl Fn(F::Args) -> FopResult<F::Reply> + Send + Sync + 'static) {
        self.fake().on::<F>(answer);
    }

    /// The names of the fops that reached the first fake below: [`Fake::calls`].
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.fake().calls()
    }

    /// The events of a kind that rose past the top.
    #[must_use]
    pub fn risen(&self, kind: EventKind) -> Vec<Event> {
        let events = self.heard.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| event.kind == kind).cloned().collect()
    }

    /// Waits for an event of a kind to rise past the top, no longer than `patience`.
    pub fn wait_for(&self, kind: EventKind, patience: Duration) -> Option<Event> {
        let end = Instant::now() + patience;
        let mut events = self.heard.events.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(event) = events.iter().find(|event| event.kind == kind) {
                return Some(event.clone());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            events = self.heard.more.wait_timeout(events, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends an event down from above the translator under test.
    pub fn send_down(&self, event: &Event) {
        self.graph.handle(self.top).notify_down(event);
    }

    /// Sends an event up from the first child of the translator under test, as that child does.
    pub fn send_up(&self, event: &Event) {
        match self.graph.children(self.test).first() {
            Some(child) => self.graph.handle(*child).notify_up(event),
            None => self.handle().notify_up(event),
        }
    }

    /// The place of the translator under test.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.graph.handle(self.test)
    }

    /// The name of the translator under test.
    pub(crate) fn name(&self) -> &str {
        self.graph.name(self.test)
    }

    /// Hands the running translator new options.
    ///
    /// # Panics
    /// When it refuses them.
    #[track_caller]
    pub fn reconfigure(&self, options: &[(&str, &str)]) {
        self.try_reconfigure(options).unwrap_or_else(|error| panic!("{error}"));
    }

    /// As [`reconfigure`](Self::reconfigure), for options that ought to be refused.
    ///
    /// # Errors
    /// What is wrong with them, by the declaration or by the translator.
    pub fn try_reconfigure(&self, options: &[(&str, &str)]) -> Result<(), StartError> {
        let owned: Vec<_> =
            options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let xlator = self.name().to_owned();
        kit::check(self.module, &owned).map_err(|why| StartError { xlator, why })?;
        self.graph.reconfigure(self.test, &options.iter().copied().collect())
    }

    /// Hands the running translator options that nobody has looked at.
    pub(crate) fn change(&self, options: &[(String, String)]) -> Result<(), StartError> {
        self.graph.reconfigure(self.test, &options.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect())
    }

    /// A client is gone.
    pub fn disconnect(&self, client: &Client) {
        self.graph.client_disconnect(self.test, client);
    }

    /// The translator's part of a statedump.
    #[must_use]
    pub fn dump(&self) -> String {
        self.graph.dump(self.test)
    }

    /// The panics of translators so far, in their own words, which from now on are no fault of the test.
    #[must_use]
    pub fn take_faults(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops the graph; dropping it does as well.
    pub fn stop(&self) {
        self.graph.fini();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.graph.fini();
        self.fakes.iter().for_each(Fake::release);
        let faults = self.take_faults();
        assert!(faults.is_empty() || std::thread::panicking(), "translators panicked: {}", faults.join("; "));
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.graph.fmt(f)
    }
}

struct Hooks(Arc<Heard>);

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, fault: &Fault, _count: u64) {
        let what = &fault.what;
        let fop = plugin_api::fop::name(fault.fop).map(|name| format!(" in {name}")).unwrap_or_default();
        let mut faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push(format!("{xlator}{fop}: {what}"));
    }

    fn risen(&self, event: &Event) {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        self.0.more.notify_all();
    }

    fn marked_down(&self, _xlator: &str) {}
}

/// Made once: tables of functions are never freed.
fn top_module() -> XlatorModuleRef {
    static MODULE: OnceLock<XlatorModuleRef> = OnceLock::new();
    *MODULE.get_or_init(xlator_module::<Top>)
}

/// Above everything: only winds.
#[derive(Debug, Default)]
struct Top;

impl Xlator for Top {}

impl XlatorInfo for Top {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "debug/top".into(),
            doc: "the top of a bench".into(),
            options: Options::new(),
            positions: positions::ANY,
            unknown_fops: UnknownFops::PASS,
            ..Declaration::default()
        }
    }
}
