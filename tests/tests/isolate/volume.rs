//! A volume with a translator in a process of its own, on the host's own event pool.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use host::cmdline::{self, Request};
use host::graph::activate::{Start, activate};
use host::graph::evolve::Changed;
use host::graph::{self, Running, Unknown, Wishes, faults};
use host::loader::Loader;
use host::services::{self, Services};
use host::settings::Insertions;
use host::volfile;
use plugin_api::Identity;
use plugin_api::abi::graph::{FaultKind, Record};
use plugin_api::abi::host::try_host;
use plugin_api::prelude::*;
use tempfile::TempDir;
use tests::built::{add_plugin, file, place, plugin_folder};
use tests::wait::wait_until;
use tokio::task::JoinHandle;

/// The place of the translator in the graph.
const APART: usize = 1;

/// A translator above a leaf: what it does not implement goes by it.
pub(crate) struct Volume {
    pub(crate) folder: TempDir,
    type_name: String,
    loader: Loader,
    running: Arc<Running>,
}

/// The host's services, with limits of a second.
pub(crate) fn services() -> &'static Services {
    static SERVICES: OnceLock<Services> = OnceLock::new();
    SERVICES.get_or_init(|| {
        let words = ["glusterd", "--frame-timeout=1", "--stall-limit=1"].map(Into::into);
        let Ok(Request::Serve(settings)) = cmdline::parse(words) else { panic!("a plain command line") };
        services::start(&settings, Arc::new(Loader::new(Vec::new()))).expect("one host a process")
    })
}

impl Volume {
    /// Starts it; `options` are lines of its section.
    pub(crate) fn start(type_name: &str, options: &str) -> Self {
        Self::try_start(type_name, options).unwrap_or_else(|why| panic!("{why}"))
    }

    pub(crate) fn try_start(type_name: &str, options: &str) -> Result<Self, String> {
        let services = services();
        let folder = plugin_folder(&["hop/leaf"]);
        fs::rename(place(folder.path(), "hop/leaf"), place(folder.path(), "bench/leaf")).unwrap();
        add_plugin(folder.path(), type_name);
        let loader = Loader::new(vec![folder.path().to_owned()]).with_worker(file("mortar"));
        loader.attach(try_host().unwrap());
        let start = Start { init_timeout: Duration::from_secs(30), fault_limit: 0 };
        let draft = draft(&loader, type_name, options)?;
        let running =
            services.runtime().block_on(activate(draft, start)).map_err(|error| error.to_string())?;
        Ok(Self { folder, type_name: type_name.to_owned(), loader, running: Arc::new(running) })
    }

    /// Gives the running graph another section, or what lies in the plugin folder now.
    pub(crate) fn take(&self, options: &str) -> Result<Changed, String> {
        let draft = draft(&self.loader, &self.type_name, options)?;
        self.running.take(draft).map_err(|error| error.to_string())
    }

    /// The place above the volume, to wind from.
    pub(crate) fn top(&self) -> Handle {
        let graph = self.running.graph();
        graph.handle(graph.len() - 1)
    }

    /// Winds a fop on an event thread, as the server does.
    pub(crate) fn spawn<F: FopType>(&self, args: F::Args) -> JoinHandle<FopResult<F::Reply>> {
        let frame = self.top().frame(Identity::default());
        services().runtime().spawn(async move { frame.child().wind::<F>(args).await })
    }

    /// Winds a fop on an event thread and waits for its answer.
    pub(crate) fn call<F: FopType>(&self, args: F::Args) -> FopResult<F::Reply> {
        services().runtime().block_on(self.spawn::<F>(args)).unwrap()
    }

    pub(crate) fn stat(&self) -> FopResult<Attr> {
        self.call::<kind::stat>(stat())
    }

    /// The translator does not implement it: the volume serves.
    pub(crate) fn serves(&self) {
        let flush = Flush { fd: Fd::new(inode(7), 0, 0), xdata: Dict::new() };
        self.call::<kind::flush>(flush).expect("the volume keeps serving");
    }

    /// What is known of the translator.
    pub(crate) fn record(&self) -> Record {
        self.running.graph().record(APART)
    }

    /// How many faults of a kind it had.
    pub(crate) fn count(&self, kind: FaultKind) -> u64 {
        self.record().counts[kind as usize]
    }

    /// How many faults it had.
    pub(crate) fn faults(&self) -> u64 {
        self.record().counts.iter().sum()
    }

    /// The words of its last fault.
    pub(crate) fn last(&self) -> String {
        self.record().last.expect("it had one").what
    }

    /// What `mortar plugin faults` prints.
    pub(crate) fn report(&self) -> String {
        faults::report(&self.running).join("\n")
    }

    /// A number that it has in a statedump.
    pub(crate) fn dumped(&self, key: &str) -> Option<u64> {
        let dump = self.running.graph().dump(APART);
        dump.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
    }

    /// Its process, once it has one.
    pub(crate) fn pid(&self) -> u64 {
        let mut pid = 0;
        wait_until("it has a process", || {
            pid = self.dumped("isolate.pid").unwrap_or(0);
            pid != 0
        });
        pid
    }

    pub(crate) fn stop(&self) {
        self.running.stop();
    }
}

pub(crate) fn stat() -> Stat {
    Stat { loc: Loc { gfid: Gfid::ROOT, ..Loc::default() }, xdata: Dict::new() }
}

pub(crate) fn inode(number: u8) -> Inode {
    Inode::new(Gfid([number; 16]), FileType::Regular)
}

pub(crate) fn lives(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn draft(loader: &Loader, type_name: &str, options: &str) -> Result<graph::Draft, String> {
    let text = format!(
        "volume leaf\n type bench/leaf\nend-volume\nvolume apart\n type {type_name}\n{options} subvolumes \
         leaf\nend-volume\n"
    );
    let plan = volfile::from_bytes("test.vol", text.as_bytes()).unwrap();
    let wishes =
        Wishes { top: None, insert: &Insertions::default(), options: &[], mount: None, process: None };
    graph::draft(plan, wishes, Unknown::Refused, loader).map_err(|error| error.to_string())
}
