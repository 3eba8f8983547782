//! A server from its library, on the host's services, above a brick in memory; and a client that speaks to it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use gluster_rpc::{Client, Events, PendingReply, Settings};
use gluster_xdr::fop::{FOP, Proc};
use gluster_xdr::handshake::{HANDSHAKE_BRICK, HandshakeProc, SetvolumeReq, SetvolumeRsp};
use gluster_xdr::rpc::{Caller, Credential};
use gluster_xdr::{Writer, Xdr};
use host::cmdline::Request;
use host::loader::Loader;
use host::services::{self, Services};
use plugin_api::abi::graph::{Fault, Graph, GraphHooks, Part};
use plugin_api::abi::host::Direction;
use plugin_api::fop::Ipc;
use plugin_api::options::OptionValues;
use plugin_api::sdk::module::xlator_module;
use plugin_api::{Dict, Errno, Event, EventKind, Identity, IoBuf, Payload, open, rt};

use crate::fake::{Above, Fake, Seen, seen};

struct World {
    services: Services,
    loader: Arc<Loader>,
}

/// The host's services, once for this process; plugins are where cargo put them.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let words = ["glusterfsd", "-N", "-f", "/dev/null"].map(std::ffi::OsString::from);
        let Ok(Request::Serve(settings)) = host::cmdline::parse(words) else {
            panic!("a plain command line")
        };
        let exe = std::env::current_exe().unwrap();
        let loader = Arc::new(Loader::new(vec![exe.parent().unwrap().to_owned()]));
        World { services: services::start(&settings, loader.clone()).unwrap(), loader }
    })
}

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = world().services.runtime();
    runtime.block_on(async { rt::timeout(Duration::from_secs(30), test).await }).expect("in time")
}

/// Looks again whenever others ran.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        rt::sleep(Duration::from_millis(1)).await;
    }
}

#[derive(Default)]
struct Hooks {
    port: Arc<AtomicU64>,
}

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, fault: &Fault, _: u64) {
        panic!("{xlator} had a fault: {fault:?}");
    }

    fn risen(&self, event: &Event) {
        if let Some(port) = event.data.uint("listen-port") {
            self.port.store(port, Ordering::SeqCst);
        }
    }

    fn marked_down(&self, _: &str) {}
}

/// A running server above the brick `name`.
pub(crate) struct Brick {
    pub(crate) name: String,
    pub(crate) seen: Arc<Seen>,
    pub(crate) graph: Arc<Graph>,
    port: Arc<AtomicU64>,
}

const CHILD: usize = 0;
const SERVER: usize = 1;
const ABOVE: usize = 2;

impl Brick {
    /// Starts it; everybody may connect unless `options` say otherwise.
    pub(crate) fn start(name: &str, options: &[(&str, &str)]) -> Self {
        let module = world().loader.xlator("protocol/server").unwrap();
        let parts = vec![
            Part { name: name.to_owned(), module: xlator_module::<Fake>(), children: vec![] },
            Part { name: "v-server".to_owned(), module, children: vec![CHILD] },
            Part { name: "above".to_owned(), module: xlator_module::<Above>(), children: vec![SERVER] },
        ];
        let hooks = Hooks::default();
        let port = hooks.port.clone();
        let graph = Graph::link(parts, Box::new(hooks), 0).unwrap();
        let allow = format!("auth.addr.{name}.allow");
        let defaults = [("transport.socket.bind-address", "127.0.0.1"), (allow.as_str(), "*")];
        let values: OptionValues = defaults.iter().chain(options).copied().collect();
        graph.init(SERVER, &values).unwrap();
        graph.init(CHILD, &OptionValues::default()).unwrap();
        Self { name: name.to_owned(), seen: seen(name), graph, port }
    }

    /// Starts it and brings it up.
    pub(crate) fn up(name: &str, options: &[(&str, &str)]) -> Self {
        let brick = Self::start(name, options);
        brick.tell(EventKind::PARENT_UP);
        brick
    }

    pub(crate) fn tell(&self, kind: EventKind) {
        self.graph.notify(SERVER, Direction::Down, &kind.into());
    }

    /// The child tells the server.
    pub(crate) fn child_tells(&self, event: impl Into<Event>) {
        self.graph.handle(CHILD).notify_up(&event.into());
    }

    pub(crate) fn reconfigure(&self, options: &[(&str, &str)]) {
        self.graph.reconfigure(SERVER, &options.iter().copied().collect()).unwrap();
    }

    pub(crate) fn dump(&self) -> String {
        self.graph.dump(SERVER)
    }

    /// What the server answers to the daemon's order, which the host passes on.
    pub(crate) async fn order(&self, cmd: u32) -> Result<Dict, Errno> {
        let frame = self.graph.handle(ABOVE).frame(Identity::default());
        let xdata = Dict::new().with("brick-name", self.name.as_str()).with("cmd", cmd);
        frame.child().ipc(Ipc { op: 13, xdata }).await.map(|done| done.xdata).map_err(|error| error.errno)
    }

    pub(crate) fn port(&self) -> u64 {
        match self.port.load(Ordering::SeqCst) {
            0 => {
                let dump = self.dump();
                let address = dump.lines().find_map(|line| line.strip_prefix("listener0.address="));
                address.unwrap().rsplit_once(':').unwrap().1.parse().unwrap()
            }
            port => port,
        }
    }

    pub(crate) async fn connect(&self) -> Session {
        let events = Heard::default();
        let heard = events.0.clone();
        let options = Dict::new().with("remote-host", "127.0.0.1").with("remote-port", self.port());
        let settings = Settings { reconnect: None, ..Settings::default() };
        let client = Client::open(open::transport("socket").unwrap(), options, settings, events);
        client.ready().await.unwrap();
        Session { client, heard, who: Credential::default() }
    }

    /// What a client of GlusterFS 10 sends, less its own options.
    pub(crate) fn request(&self) -> Dict {
        Dict::new()
            .with("remote-subvolume", self.name.as_str())
            .with("process-uuid", "CTX_ID:1-GRAPH_ID:0-PID:7-HOST:h-PC_NAME:v-client-0-RECON_NO:-0")
            .with("fops-version", "1298437")
            .with("process-name", "fuse")
            .with("client-version", "10.3")
    }

    /// A client that is in.
    pub(crate) async fn client(&self) -> Session {
        let session = self.connect().await;
        let answer = session.set_volume(&self.request()).await;
        assert_eq!((answer.op_ret, answer.dict.str("ERROR")), (0, Some("Success")));
        session
    }
}

impl Drop for Brick {
    fn drop(&mut self) {
        self.graph.fini();
    }
}

/// Callbacks that a client heard: number and arguments.
#[derive(Default)]
struct Heard(Arc<Mutex<Vec<(u32, IoBuf)>>>);

impl Events for Heard {
    fn called_back(&self, _: &Client, _: u32, _: u32, procedure: u32, args: &IoBuf) {
        self.0.lock().unwrap().push((procedure, args.clone()));
    }
}

/// One connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) heard: Arc<Mutex<Vec<(u32, IoBuf)>>>,
    pub(crate) who: Credential,
}

impl Session {
    pub(crate) async fn set_volume(&self, request: &Dict) -> SetvolumeRsp {
        self.set_volume_raw(gluster_xdr::dict::encode(request)).await
    }

    pub(crate) async fn set_volume_raw(&self, dict: Vec<u8>) -> SetvolumeRsp {
        let request = SetvolumeReq { dict: dict.into() };
        self.client.call(HANDSHAKE_BRICK, HandshakeProc::Setvolume.number(), &request).await.unwrap()
    }

    /// Calls a procedure; the results come as they are.
    pub(crate) fn raw(&self, procedure: u32, args: Vec<u8>, payload: Payload) -> PendingReply {
        let put = |w: &mut Writer| w.raw(&args);
        self.client.start(FOP, procedure, Caller::V3(&self.who), put, payload)
    }

    pub(crate) async fn fop<Q: Xdr, R: Xdr>(&self, procedure: Proc, request: &Q) -> R {
        let results = self.raw(procedure.number(), gluster_xdr::encode(request), Payload::default()).await;
        gluster_xdr::decode(&results.unwrap()).unwrap()
    }
}
