//! A volume with a bad plugin in it, on the host's own event pool.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::rig::{services, stat};
use host::graph::activate::{Start, activate};
use host::graph::{self, Running, Unknown, Wishes, faults, statedump};
use host::loader::Loader;
use host::settings::Insertions;
use host::volfile;
use plugin_api::abi::graph::{FaultKind, Record};
use plugin_api::abi::host::try_host;
use plugin_api::fop::{Flush, FopResult, FopType, kind};
use plugin_api::{Dict, Fd, FileType, Gfid, Identity, Inode, OwnedFrame};
use tempfile::TempDir;
use tests::built::{add_plugin, place, plugin_folder};

/// A bad plugin above a leaf: what the bad one does not implement goes by it.
pub(crate) struct Volume {
    _folder: TempDir,
    running: Arc<Running>,
}

impl Volume {
    /// Starts it; `options` are lines of the bad one's section.
    pub(crate) fn with(bad: &str, options: &str) -> Volume {
        let services = services();
        let folder = plugin_folder(&["hop/leaf"]);
        fs::rename(place(folder.path(), "hop/leaf"), place(folder.path(), "bench/leaf")).unwrap();
        add_plugin(folder.path(), bad);
        let loader = Loader::new(vec![folder.path().to_owned()]);
        loader.attach(try_host().unwrap());
        let text = format!(
            "volume leaf\n type bench/leaf\nend-volume\nvolume bad\n type {bad}\n{options} subvolumes leaf\nend-volume\n"
        );
        let plan = volfile::from_bytes("test.vol", text.as_bytes()).unwrap();
        let wishes =
            Wishes { top: None, insert: &Insertions::default(), options: &[], mount: None, process: None };
        let draft = graph::draft(plan, wishes, Unknown::Refused, &loader).unwrap();
        let start = Start { init_timeout: Duration::from_secs(30), fault_limit: 0 };
        let running = services.runtime().block_on(activate(draft, start)).unwrap();
        Volume { _folder: folder, running: Arc::new(running) }
    }

    fn frame(&self) -> OwnedFrame {
        let graph = self.running.graph();
        graph.handle(graph.len() - 1).frame(Identity::default())
    }

    /// Winds a fop on an event thread, as the server does.
    pub(crate) fn spawn<F: FopType>(&self, args: F::Args) -> tokio::task::JoinHandle<FopResult<F::Reply>> {
        let frame = self.frame();
        services().runtime().spawn(async move { frame.child().wind::<F>(args).await })
    }

    /// Winds a fop on an event thread and waits for its answer.
    pub(crate) fn call<F: FopType>(&self, args: F::Args) -> FopResult<F::Reply> {
        wait(self.spawn::<F>(args))
    }

    /// The bad one implements it.
    pub(crate) fn stat(&self) -> FopResult<plugin_api::fop::Attr> {
        self.call::<kind::stat>(stat())
    }

    /// The bad one does not implement it: the volume serves.
    pub(crate) fn serves(&self) {
        let inode = Inode::new(Gfid([7; 16]), FileType::Regular);
        let flush = Flush { fd: Fd::new(inode, 0, 0), xdata: Dict::new() };
        self.call::<kind::flush>(flush).expect("the volume keeps serving");
    }

    /// What is known of the bad one.
    pub(crate) fn record(&self) -> Record {
        self.running.graph().record(1)
    }

    /// How many faults of a kind the bad one had.
    pub(crate) fn count(&self, kind: FaultKind) -> u64 {
        self.record().counts[kind as usize]
    }

    /// The statedump, and what `mortar plugin faults` prints.
    pub(crate) fn reports(&self) -> (String, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::remove_file(file.path()).unwrap();
        statedump::write(file.path(), std::slice::from_ref(&self.running), SystemTime::now()).unwrap();
        (fs::read_to_string(file.path()).unwrap(), faults::report(&self.running).join("\n"))
    }
}

pub(crate) fn wait<T>(task: tokio::task::JoinHandle<T>) -> T {
    services().runtime().block_on(task).unwrap()
}
