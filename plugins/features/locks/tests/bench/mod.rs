//! A translator on a bench: a graph of it above a fake child, in a host that has just what fops need.
#![allow(unsafe_code, reason = "the host's side of the line")]
#![allow(dead_code, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a bench for tests")]

use std::alloc::{Layout, alloc, dealloc};
use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{ROption, RResult, RStr, RString};
use plugin_api::abi::frame::{Arena, FrameHead};
use plugin_api::abi::future::{Later, RawFuture, WakerHeader};
use plugin_api::abi::graph::{Graph, GraphHooks, Part};
use plugin_api::abi::host::{self, Direction, HostApi, IoStep, PluginKind, RawFd};
use plugin_api::abi::root::{FopSlot, PluginRootRef};
use plugin_api::fop::FopType;
use plugin_api::options::OptionValues;
use plugin_api::prelude::*;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Client, Declaration, OwnedFrame, UnknownFops, positions};

/// A graph of the translator under test: `top` above `test` above `fake`.
pub(crate) struct Bench {
    graph: Arc<Graph>,
    fake: Arc<Script>,
    events: Arc<Mutex<Vec<Event>>>,
}

const TOP: usize = 2;
const TEST: usize = 1;

impl Bench {
    /// Starts the translator with these options.
    pub(crate) fn start<X: XlatorInfo>(options: &[(&str, &str)]) -> Self {
        attach();
        let name = format!("fake-{:?}", thread::current().id());
        let fake = Arc::new(Script::default());
        SCRIPTS.lock().unwrap().get_or_insert_default().insert(name.clone(), Arc::clone(&fake));
        let events = Arc::new(Mutex::new(Vec::new()));
        let part = |name: String, module, children| Part { name, module, children };
        let parts = vec![
            part(name, xlator_module::<Fake>(), vec![]),
            part("test".into(), xlator_module::<X>(), vec![0]),
            part("top".into(), xlator_module::<Fake>(), vec![TEST]),
        ];
        let graph = Graph::link(parts, Box::new(Hooks(Arc::clone(&events))), 0).unwrap();
        let values: OptionValues = options.iter().copied().collect();
        graph.init(TOP, &OptionValues::default()).unwrap();
        graph.init(TEST, &values).unwrap();
        graph.init(0, &OptionValues::default()).unwrap();
        Self { graph, fake, events }
    }

    /// Says what the fake child answers to a fop. Without a script it answers ENOSYS.
    pub(crate) fn on<F: FopType>(&self, answer: impl Fn(F::Args) -> FopResult<F::Reply> + Send + 'static) {
        let script: Scripted = Box::new(move |args: Box<dyn Any>| {
            let args = *args.downcast::<F::Args>().expect("scripts are kept by fop");
            Box::new(answer(args))
        });
        self.fake.answers.lock().unwrap().insert(F::NAME, script);
    }

    /// A frame that winds to the translator under test.
    pub(crate) fn frame(&self, identity: Identity, client: Option<&Client>) -> OwnedFrame {
        let mut frame = self.graph.handle(TOP).frame(identity);
        frame.set_client(client.cloned());
        frame
    }

    /// The fops that reached the fake child.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.fake.calls.lock().unwrap().clone()
    }

    /// The events that rose past the top.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// New options for the running translator.
    pub(crate) fn reconfigure(&self, options: &[(&str, &str)]) {
        self.graph.reconfigure(TEST, &options.iter().copied().collect()).unwrap();
    }

    /// A client is gone.
    pub(crate) fn disconnect(&self, client: &Client) {
        self.graph.client_disconnect(TEST, client);
    }

    /// The translator's part of a statedump.
    pub(crate) fn dump(&self) -> String {
        self.graph.dump(TEST)
    }

    /// Stops the graph.
    pub(crate) fn stop(&self) {
        self.graph.fini();
    }
}

/// Polls once: `None` while it waits.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a future to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

type Scripted = Box<dyn Fn(Box<dyn Any>) -> Box<dyn Any> + Send>;

#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<&'static str, Scripted>>,
    calls: Mutex<Vec<&'static str>>,
}

static SCRIPTS: Mutex<Option<HashMap<String, Arc<Script>>>> = Mutex::new(None);

/// The child: answers by script.
#[derive(Default)]
struct Fake {
    script: Arc<Script>,
}

impl Fake {
    fn answer<F: FopType>(&self, args: F::Args) -> FopResult<F::Reply> {
        self.script.calls.lock().unwrap().push(F::NAME);
        match self.script.answers.lock().unwrap().get(F::NAME) {
            None => Err(Errno::ENOSYS.into()),
            Some(script) => *script(Box::new(args)).downcast().expect("scripts are kept by fop"),
        }
    }
}

macro_rules! fake {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        impl Xlator for Fake {
            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                let scripts = SCRIPTS.lock().unwrap();
                if let Some(script) = scripts.as_ref().and_then(|scripts| scripts.get(cx.name())) {
                    self.script = Arc::clone(script);
                }
                Ok(())
            }

            $(
                async fn $name(&self, _frame: &Frame, args: $args) -> FopResult<$reply> {
                    self.answer::<kind::$name>(args)
                }
            )*
        }

        impl XlatorInfo for Fake {
            const FOPS: &'static [FopSlot] = &[$(plugin_api::sdk::later::$name::<Fake>()),*];

            fn declaration() -> Declaration {
                Declaration {
                    type_name: "debug/fake".into(),
                    doc: "answers by script".into(),
                    options: Options::new(),
                    positions: positions::ANY,
                    unknown_fops: UnknownFops::Pass,
                }
            }
        }
    };
}

plugin_api::for_each_fop!(fake);

struct Hooks(Arc<Mutex<Vec<Event>>>);

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, fop: u32, what: &str, _count: u64) {
        panic!("{xlator} panicked in fop {fop}: {what}");
    }

    fn risen(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn marked_down(&self, _xlator: &str) {}
}

fn attach() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        host::attach(
            HostApi {
                log,
                log_level,
                spawn: run,
                spawn_blocking: run,
                sleep,
                fd_watch,
                fd_unwatch,
                fd_poll,
                frame_take,
                frame_give,
                notify,
                client_gone,
                open_plugin,
                setting,
                stop,
                extension,
            }
            .leak_into_prefix(),
        );
    });
}

const FRAME: usize = 16 * 1024;

fn layout() -> Layout {
    Layout::from_size_align(FRAME, 64).unwrap()
}

extern "C" fn log(_level: u8, _target: RStr<'_>, _xlator: RStr<'_>, message: RStr<'_>) {
    println!("{message}");
}

extern "C" fn log_level(_target: RStr<'_>) -> u8 {
    3
}

unsafe extern "C" fn run(task: RawFuture) {
    // SAFETY: the table asks for futures with output `()`.
    let task = unsafe { Later::<()>::new(task) };
    thread::spawn(move || {
        let _ = block_on(task);
    });
}

extern "C" fn sleep(nanos: u64) -> RawFuture {
    RawFuture::boxed(async move { thread::sleep(std::time::Duration::from_nanos(nanos)) })
}

extern "C" fn fd_watch(_fd: i32) -> RResult<RawFd, i32> {
    RResult::RErr(libc::ENOSYS)
}

unsafe extern "C" fn fd_unwatch(_fd: RawFd) {}

unsafe extern "C" fn fd_poll(_: RawFd, _: u8, _: *const WakerHeader, _: IoStep, _: *mut ()) -> isize {
    -1
}

extern "C" fn frame_take() -> *mut () {
    // SAFETY: the size is not zero, and the memory holds a head with its arena behind it.
    unsafe {
        let frame = alloc(layout()).cast::<FrameHead>();
        let start = frame.expose_provenance() + size_of::<FrameHead>();
        frame.write(FrameHead {
            arena: Arena::new(start, FRAME - size_of::<FrameHead>()),
            unique: 1,
            deadline: 0,
            identity: Identity::default(),
            client: ROption::RNone,
        });
        frame.cast()
    }
}

unsafe extern "C" fn frame_give(frame: *mut ()) {
    // SAFETY: from `frame_take`, given back once.
    unsafe {
        frame.cast::<FrameHead>().drop_in_place();
        dealloc(frame.cast(), layout());
    }
}

unsafe extern "C" fn notify(from: *const (), direction: Direction, event: &Event) {
    // SAFETY: the only graphs here are those that `Graph::link` made.
    unsafe { Graph::route(from.cast(), direction, event) }
}

unsafe extern "C" fn client_gone(_node: *const (), _client: &Client) {}

extern "C" fn open_plugin(_kind: PluginKind, _name: RStr<'_>) -> RResult<PluginRootRef, RString> {
    RResult::RErr("there are no other plugins on the bench".into())
}

extern "C" fn setting(_name: RStr<'_>) -> RString {
    RString::new()
}

extern "C" fn stop(_status: i32) {}

extern "C" fn extension(_id: RStr<'_>) -> *const () {
    std::ptr::null()
}
