//! The translator's process: opens the one library, puts it between stand-ins for its children and the calls that come
//! in, and serves until it is told to leave.
use std::collections::HashMap;
use std::future::pending;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use plugin_api::abi::account::Account;
use plugin_api::abi::graph::{Fault, Graph, GraphHooks, Part};
use plugin_api::abi::host::Direction;
use plugin_api::abi::root::XlatorModuleRef;
use plugin_api::carry::{NoObjects, Pack, Unpack};
use plugin_api::fop::FOPS;
use plugin_api::options::OptionValues;
use plugin_api::sdk::module::{StandIn, XlatorInfo, stand_in};
use plugin_api::{Client, CtxKey, Declaration, Event, Handle, IoBuf};

use super::message::{EventNews, Hello, LogNews, Message, Open, Order};
use super::mirror::Side;
use super::peer::{Duty, Fallen, Peer, event_news};
use super::port::{Inbox, Outbox};
use super::remote::{Remote, To};
use super::ring::{Lane, MEMORY, Reader};
use super::shm::Map;
use crate::graph::{Opened, root};
use crate::loader::{LoadError, Loader};
use crate::services::Limits;
use crate::{logging, process, services};

/// What the host hands to the process: numbers of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherited {
    /// The shared memory.
    pub memory: i32,
    /// What wakes this process.
    pub bell: i32,
    /// What wakes the host.
    pub their_bell: i32,
    /// The translator's library.
    pub library: i32,
}

/// Serves. Whatever goes wrong before there is a conversation ends with a sentence on standard error.
#[must_use]
pub fn run(inherited: Inherited) -> ExitCode {
    process::confined::crash_at_once();
    match serve(inherited) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("isolate-worker: {why}");
            ExitCode::FAILURE
        }
    }
}

fn serve(inherited: Inherited) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let [memory, bell, their_bell, library] =
        [inherited.memory, inherited.bell, inherited.their_bell, inherited.library]
            .map(process::confined::inherited);
    let map = Arc::new(Map::open(memory.map_err(words)?.as_fd(), MEMORY).map_err(words)?);
    let mut reader = Reader::new(map.clone(), Lane::Out);
    let (id, open) = first_order(&mut reader)?;
    let peer =
        Peer::new(Side::Worker, CtxKey::fresh(), Outbox::new(map, Lane::Back, their_bell.map_err(words)?));
    let sink = peer.clone();
    logging::divert(open.log_level, move |record| {
        sink.tell(&Message::Log(LogNews {
            level: record.level as u8,
            target: record.target.to_owned(),
            xlator: record.xlator.to_owned(),
            message: record.message.to_owned(),
        }));
    });
    let loader = Arc::new(Loader::new(open.plugin_dirs.iter().map(PathBuf::from).collect()));
    let settings: HashMap<_, _> = open.settings.iter().cloned().collect();
    // The host watches over its calls, and names who does not answer.
    let services = services::start_with(settings, Limits::default(), loader.clone())
        .map_err(|error| error.to_string())?;
    let opened = module(&loader, &open, &library.map_err(words)?);
    peer.done(id, opened.as_ref().map(hello).map_err(Clone::clone));
    let (work, todo) = channel();
    let opened = opened?;
    let memory = Memory { account: opened.account, limit: Mutex::new(None) };
    let duty = Arc::new(Worker { graph: OnceLock::new(), top: OnceLock::new(), work, memory });
    let (worker, talk) = (duty.clone(), peer.clone());
    let module = opened.module;
    thread::Builder::new()
        .name("orders".to_owned())
        .spawn(move || worker.obey(&talk, module, &todo))
        .map_err(words)?;
    services.runtime().block_on(async {
        let inbox = Inbox::with_reader(reader, bell.map_err(words)?).map_err(words)?;
        // The host's end is this process's own.
        let heard = services.runtime().spawn(peer.clone().listen(inbox, duty, pending()));
        // A translator that asks for the end of its process gets it.
        tokio::select! {
            _ = heard => {}
            _ = services.stop_requested() => {}
        }
        Err(peer.fallen().map_or_else(|| "asked to stop".to_owned(), ToString::to_string))
    })
}

/// The order that lies in the ring before the process is started, or comes soon after.
fn first_order(reader: &mut Reader) -> Result<(u64, Open), String> {
    let record = loop {
        match reader.pop().map_err(|broken| broken.to_string())? {
            Some(record) => break record,
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let mut objects = NoObjects;
    match Unpack::new(record, &mut objects).take() {
        Ok(Message::Order { id, order: Order::Open(open) }) => Ok((id, open)),
        Ok(_) => Err("was told something else before what to open".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn module(loader: &Loader, open: &Open, library: &OwnedFd) -> Result<Opened, String> {
    let path = Path::new(&open.path);
    // The file is named as this process has it open, which says nothing to people.
    let words = |error: LoadError| {
        error.to_string().replace(&format!("/proc/self/fd/{}", library.as_raw_fd()), &open.path)
    };
    loader.xlator_in(library, &open.type_name, path).map_err(words)
}

fn hello(opened: &Opened) -> IoBuf {
    let Opened { module, build, .. } = opened;
    let fops = module.fops().iter().map(|slot| slot.code).collect();
    let version = build.version.clone();
    let hello =
        Hello { declaration: opened.declaration.clone(), known_fops: module.known_fops(), version, fops };
    let mut objects = NoObjects;
    let mut pack = Pack::new(&mut objects);
    pack.put(&hello);
    pack.done().to_iobuf()
}

/// What the translator's process does about what the host says.
struct Worker {
    graph: OnceLock<Arc<Graph>>,
    top: OnceLock<Handle>,
    work: Sender<Work>,
    memory: Memory,
}

/// What the translator may hold, and who counts it.
struct Memory {
    account: Option<&'static Account>,
    limit: Mutex<Option<u64>>,
}

impl Memory {
    /// Over the limit the process ends, by its own count or when the kernel gives it nothing more.
    fn hold_to(&self, limit: Option<u64>) {
        let mut before = self.limit.lock().expect("no panic under it");
        if std::mem::replace(&mut *before, limit) == limit {
            return;
        }
        if let Some(account) = self.account {
            (account.limit)(limit.unwrap_or(0), process::bound::over);
        }
        if let Err(error) = process::bound::hold_to(limit) {
            tracing::warn!(%error, "memory-limit holds for what the library counts, and for all else when it is started again");
        }
    }
}

/// What the translator's own code does outside of fops, one after the other: it may take its time.
enum Work {
    Order(u64, Order),
    Event(EventNews),
    ClientGone(Client),
}

impl Duty for Worker {
    fn place(&self) -> Option<&Handle> {
        self.top.get()
    }

    fn order(&self, _: &Arc<Peer>, id: u64, order: Order) -> Result<(), Fallen> {
        self.work.send(Work::Order(id, order)).map_err(|_| Fallen::Part)
    }

    fn event(&self, news: EventNews) {
        let _ = self.work.send(Work::Event(news));
    }

    fn client_gone(&self, client: Client) {
        let _ = self.work.send(Work::ClientGone(client));
    }

    fn log(&self, _: LogNews) {}

    fn fault(&self, _: u32, _: &str) {}
}

/// What the graph of this process tells: the host hears of it.
struct Hooks(Arc<Peer>);

impl GraphHooks for Hooks {
    fn fault(&self, _: &str, fault: &Fault, _: u64) {
        let what = format!("{}{}", fault.kind.prefix(), fault.what);
        self.0.tell(&Message::Fault { fop: fault.fop, what });
    }

    fn risen(&self, event: &Event) {
        self.0.tell_event(event_news(None, Direction::Up, event));
    }

    fn marked_down(&self, _: &str) {}
}

impl Worker {
    fn obey(&self, peer: &Arc<Peer>, module: XlatorModuleRef, todo: &Receiver<Work>) {
        for work in todo {
            match work {
                Work::Order(id, Order::Leave) => {
                    if let Some(graph) = self.graph.get() {
                        graph.fini();
                    }
                    peer.done(id, Ok(IoBuf::new()));
                    std::process::exit(0);
                }
                Work::Order(id, order) => {
                    let outcome = self.follow(peer, module, order);
                    peer.done(id, outcome);
                }
                Work::Event(news) => self.hear(&news),
                Work::ClientGone(client) => {
                    if let Some(graph) = self.graph.get() {
                        graph.client_disconnect(translator(graph), &client);
                    }
                }
            }
        }
    }

    fn follow(&self, peer: &Arc<Peer>, module: XlatorModuleRef, order: Order) -> Result<IoBuf, String> {
        let none = || "it was not started".to_owned();
        match order {
            Order::Init { name, children, wanted } => {
                self.memory.hold_to(wanted.memory_limit);
                let graph = start(peer, module, name, &children, &wanted.options)?;
                let _ = self.top.set(graph.handle(translator(&graph) + 1));
                let _ = self.graph.set(graph);
            }
            Order::Reconfigure { wanted } => {
                let graph = self.graph.get().ok_or_else(none)?;
                self.memory.hold_to(wanted.memory_limit);
                graph.reconfigure(translator(graph), &wanted.options).map_err(|error| error.why)?;
            }
            Order::Dump => {
                let graph = self.graph.get().ok_or_else(none)?;
                return Ok(IoBuf::from(graph.dump(translator(graph))));
            }
            Order::Fini => self.graph.get().ok_or_else(none)?.fini(),
            Order::Open(_) | Order::Leave => return Err("once is enough".to_owned()),
        }
        Ok(IoBuf::new())
    }

    fn hear(&self, news: &EventNews) {
        let Some(graph) = self.graph.get() else { return };
        match news.child.and_then(|child| usize::try_from(child).ok()) {
            // As if the child itself had said it.
            Some(child) if child < translator(graph) => graph.handle(child).notify_up(&news.event),
            _ => graph.notify(translator(graph), news.direction, &news.event),
        }
    }
}

/// The translator stands above the stand-ins of its children, and below the top.
fn translator(graph: &Graph) -> usize {
    graph.len() - 2
}

fn start(
    peer: &Arc<Peer>,
    module: XlatorModuleRef,
    name: String,
    children: &[String],
    options: &OptionValues,
) -> Result<Arc<Graph>, String> {
    let mut parts: Vec<Part> = Vec::with_capacity(children.len() + 2);
    for (number, child) in (0..).zip(children) {
        let module = below(Below { peer: peer.clone(), number });
        parts.push(Part { name: child.clone(), module, children: Vec::new() });
    }
    parts.push(Part { name, module, children: (0..children.len()).collect() });
    parts.push(Part { name: root::NAME.to_owned(), module: root::module(), children: vec![children.len()] });
    let graph = Graph::link(parts, Box::new(Hooks(peer.clone())), 0).map_err(|error| error.why)?;
    for index in (0..graph.len()).rev() {
        let values = if index == translator(&graph) { options } else { &OptionValues::default() };
        graph.init(index, values).map_err(|error| error.why)?;
    }
    Ok(graph)
}

/// Makes the stand-in of one child.
struct Below {
    peer: Arc<Peer>,
    number: u32,
}

impl StandIn<Remote> for Below {
    fn declaration(&self) -> Declaration {
        Remote::declaration()
    }

    fn make(&self) -> Option<Remote> {
        Some(Remote::new(To::Child(self.peer.clone(), self.number)))
    }
}

fn below(maker: Below) -> XlatorModuleRef {
    stand_in(maker, FOPS, Remote::FOPS.to_vec())
}
