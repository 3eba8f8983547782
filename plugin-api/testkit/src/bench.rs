//! A graph that runs, and what a test does with it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use plugin_api::abi::graph::{Fault, Graph, GraphHooks, Part, StartError};
use plugin_api::abi::host::Direction;
use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::fop::{FopResult, FopType};
use plugin_api::options::{OptionValues, Options};
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{
    Client, Declaration, Event, EventKind, Fd, FileType, Gfid, Handle, Identity, Inode, InodeTable,
    OwnedFrame, UnknownFops, Xlator, positions,
};

use crate::count::Counted;
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
        let top = Part { name: "top".into(), module: xlator_module::<Top>(), children: vec![test] };
        let top = plan.add(top, OptionValues::default());
        let heard = Arc::new(Heard::default());
        let graph = Graph::link(plan.parts, Box::new(Hooks(heard.clone())), fault_limit)?;
        for (index, values) in plan.values.iter().enumerate().rev() {
            graph.init(index, values).inspect_err(|_| graph.fini())?;
        }
        graph.notify(top, Direction::Down, &EventKind::PARENT_UP.into());
        Ok(Self { graph, module, test, top, fakes: plan.fakes, heard, inodes: InodeTable::new(KEPT_INODES) })
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
        inode.object().ctx_or_insert_with(self.graph.handle(self.top).key(), Counted::new);
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
        fd.object().ctx_or_insert_with(self.graph.handle(self.top).key(), Counted::new);
        fd
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

    /// The place of the translator under test.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.graph.handle(self.test)
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
        let xlator = self.graph.name(self.test).to_owned();
        kit::check(self.module, &owned).map_err(|why| StartError { xlator, why })?;
        self.graph.reconfigure(self.test, &options.iter().copied().collect())
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
