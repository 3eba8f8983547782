//! A graph in this process on the real event pool, with plugins as they are built.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use host::loader::Loader;
use host::services::Services;
use plugin_api::abi::graph::{self, Graph, GraphHooks, Part};
use plugin_api::abi::host::PluginKind;
use plugin_api::fop::Stat;
use plugin_api::options::OptionValues;
use plugin_api::{Dict, Event, Gfid, Identity, Loc, OwnedFrame};
use tempfile::TempDir;
use tests::built::{add_plugin, place};
use tokio::task::JoinHandle;

/// What every test of this file's process shares: a host, of which there is one.
struct House {
    loader: Arc<Loader>,
    services: Services,
    _folder: TempDir,
}

static HOUSE: OnceLock<House> = OnceLock::new();

fn house() -> &'static House {
    HOUSE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bad/never-answers", "bad/late-waker", "performance/io-threads", "hop/leaf", "hop/skip"]
        {
            add_plugin(folder.path(), name);
        }
        for name in ["leaf", "skip"] {
            let from = place(folder.path(), &format!("hop/{name}"));
            std::fs::rename(from, place(folder.path(), &format!("bench/{name}"))).unwrap();
        }
        start(folder)
    })
}

/// The host's services, with limits of a second.
pub(crate) fn services() -> &'static Services {
    &house().services
}

fn start(folder: TempDir) -> House {
    let loader = Arc::new(Loader::new(vec![Path::to_path_buf(folder.path())]));
    let asked = ["glusterd", "--frame-timeout=1", "--stall-limit=1"].map(Into::into);
    let Ok(host::cmdline::Request::Serve(settings)) = host::cmdline::parse(asked) else {
        panic!("a command line that serves");
    };
    let services = host::services::start(&settings, loader.clone()).unwrap();
    House { loader, services, _folder: folder }
}

/// A fault as a graph tells it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) xlator: String,
    pub(crate) fop: u32,
    pub(crate) what: String,
}

#[derive(Debug, Default)]
struct Told(Arc<Mutex<Vec<Fault>>>);

impl GraphHooks for Told {
    fn fault(&self, xlator: &str, fault: &graph::Fault, _: u64) {
        let fault = Fault { xlator: xlator.to_owned(), fop: fault.fop, what: fault.what.clone() };
        self.0.lock().unwrap().push(fault);
    }

    fn risen(&self, _: &Event) {}

    fn marked_down(&self, _: &str) {}
}

/// A chain of translators, the first of `types` at the bottom, under a top to wind from.
pub(crate) struct Chain {
    pub(crate) graph: Arc<Graph>,
    top: usize,
    faults: Arc<Mutex<Vec<Fault>>>,
}

impl Chain {
    pub(crate) fn new(types: &[&str]) -> Self {
        let faults = Arc::default();
        let part = |at: usize, name: &str| {
            let module =
                house().loader.plugin(PluginKind::XLATOR, name).unwrap().xlator().into_option().unwrap();
            let children = at.checked_sub(1).into_iter().collect();
            Part { name: name.rsplit('/').next().unwrap().to_owned(), module, children }
        };
        let parts: Vec<Part> =
            types.iter().chain(&["bench/skip"]).enumerate().map(|(at, name)| part(at, name)).collect();
        let top = parts.len() - 1;
        let graph = Graph::link(parts, Box::new(Told(Arc::clone(&faults))), 0).unwrap();
        for index in (0..=top).rev() {
            graph.init(index, &OptionValues::default()).unwrap();
        }
        Self { graph, top, faults }
    }

    pub(crate) fn frame(&self) -> OwnedFrame {
        self.graph.handle(self.top).frame(Identity::default())
    }

    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.faults.lock().unwrap().clone()
    }

    /// Runs a task on the event pool to its end.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = house().services.runtime();
        runtime.block_on(runtime.spawn(work)).unwrap()
    }

    /// Starts a task on the event pool.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        house().services.runtime().spawn(work)
    }

    /// Asks for attributes on several tasks until the load is ended.
    pub(crate) fn load(&self, tasks: usize) -> Load {
        let load = Load { stop: Arc::default(), answered: Arc::default(), tasks: Mutex::default() };
        for _ in 0..tasks {
            let (stop, answered, frame) = (load.stop.clone(), load.answered.clone(), self.frame());
            load.tasks.lock().unwrap().push(self.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    frame.child().stat(stat()).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }));
        }
        load
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.graph.fini();
    }
}

pub(crate) fn stat() -> Stat {
    Stat { loc: Loc { gfid: Gfid::ROOT, ..Loc::default() }, xdata: Dict::new() }
}

/// Calls that go on beside what a test does.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Load {
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends the load; fails where a call of it did.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        let runtime = house().services.runtime();
        tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    }
}
