//! A graph that evolves in place: what calls, events and instances see of it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use plugin_api::abi::graph::{Fault, Graph, GraphHooks, Next, Origin, Part};
use plugin_api::abi::host::Direction;
use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::options::OptionValues;
use plugin_api::prelude::*;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, EventKind, OwnedFrame, UnknownFops};
use plugin_testkit::block_on;

/// What the translators of one test share: each test's names begin with its own prefix.
#[derive(Debug, Default)]
struct World {
    alive: AtomicI64,
    heard: Mutex<Vec<String>>,
    /// The leaf answers.
    open: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

fn world(name: &str) -> Arc<World> {
    static WORLDS: Mutex<Vec<(String, Arc<World>)>> = Mutex::new(Vec::new());
    let prefix = name.split('-').next().unwrap_or(name);
    let mut worlds = WORLDS.lock().unwrap();
    if let Some((_, world)) = worlds.iter().find(|(known, _)| known == prefix) {
        return world.clone();
    }
    let world = Arc::new(World { open: AtomicBool::new(true), ..World::default() });
    worlds.push((prefix.to_owned(), world.clone()));
    world
}

impl World {
    fn hear(&self, what: String) {
        self.heard.lock().unwrap().push(what);
    }

    fn take_heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn shut(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    async fn passed(&self) {
        std::future::poll_fn(|cx| {
            self.waiting.lock().unwrap().push(cx.waker().clone());
            if self.open.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A translator of build `BUILD`: 0 is the leaf, others say in the answer that they were passed, before and after.
#[derive(Debug, Default)]
struct Build<const BUILD: u64> {
    world: Option<Arc<World>>,
    /// Kept as servers keep theirs: it must not keep the instance.
    me: Option<plugin_api::Handle>,
}

impl<const BUILD: u64> Drop for Build<BUILD> {
    fn drop(&mut self) {
        if let Some(world) = &self.world {
            world.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl<const BUILD: u64> Build<BUILD> {
    fn hear(&self, what: &str) {
        let (world, me) = (self.world.as_ref().unwrap(), self.me.as_ref().unwrap());
        world.hear(format!("{what} {} {BUILD}", me.name()));
    }
}

impl<const BUILD: u64> Xlator for Build<BUILD> {
    fn options() -> Options {
        Options::new().text("start", "")
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let world = world(cx.name());
        world.alive.fetch_add(1, Ordering::SeqCst);
        self.world = Some(world);
        self.me = Some(cx.handle());
        self.hear("init");
        if cx.find("start") == Some("no") { Err(InitError("not today".to_owned())) } else { Ok(()) }
    }

    fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
        let kind = if event.kind == EventKind::PARENT_UP { "parent-up" } else { "child-up" };
        self.hear(kind);
        if BUILD == 0 { cx.me().notify_up(&EventKind::CHILD_UP.into()) } else { cx.pass_on(event) }
    }

    fn fini(&self) {
        self.hear("fini");
    }

    async fn stat(&self, frame: &Frame, args: Stat) -> FopResult<Attr> {
        let world = self.world.as_ref().unwrap();
        if BUILD == 0 {
            world.passed().await;
            return Ok(Attr::default());
        }
        let mut reply = frame.child().stat(args.clone()).await?;
        // Once more: what was suspended below winds again after others have changed the graph.
        reply.xdata.set(frame.name().to_owned(), BUILD);
        let after = frame.child().name().to_owned();
        reply.xdata.set(format!("after {}", frame.name()), after);
        Ok(reply)
    }
}

impl<const BUILD: u64> XlatorInfo for Build<BUILD> {
    const FOPS: &'static [FopSlot] = &[plugin_api::sdk::later::stat::<Self>()];

    fn declaration() -> Declaration {
        Declaration {
            type_name: "test/build".into(),
            doc: "a build".into(),
            options: Self::options(),
            positions: plugin_api::positions::ANY,
            unknown_fops: UnknownFops::PASS,
            ..Declaration::default()
        }
    }
}

struct Hooks;

impl GraphHooks for Hooks {
    fn fault(&self, xlator: &str, fault: &Fault, _: u64) {
        panic!("{xlator} had a fault: {fault:?}");
    }

    fn risen(&self, _: &Event) {}

    fn marked_down(&self, _: &str) {}
}

fn part(name: &str, module: XlatorModuleRef, children: &[usize]) -> Part {
    Part { name: name.to_owned(), module, children: children.to_vec() }
}

fn kept(origin: usize, children: &[usize]) -> Next {
    Next { origin: Origin::Kept(origin), part: part("", xlator_module::<Build<0>>(), children) }
}

/// leaf, then a layer of build 1, then the top: `p-0`, `p-1`, `p-2`.
fn start(prefix: &str) -> (Arc<Graph>, Arc<World>) {
    plugin_testkit::attach();
    let name = |place: u32| format!("{prefix}-{place}");
    let parts = vec![
        part(&name(0), xlator_module::<Build<0>>(), &[]),
        part(&name(1), xlator_module::<Build<1>>(), &[0]),
        part(&name(2), xlator_module::<Build<9>>(), &[1]),
        part("above", xlator_module::<Above>(), &[2]),
    ];
    let graph = Graph::link(parts, Box::new(Hooks), 0).unwrap();
    for index in [3, 2, 1, 0] {
        graph.init(index, &OptionValues::default()).unwrap();
    }
    graph.notify(2, Direction::Down, &EventKind::PARENT_UP.into());
    let world = world(prefix);
    world.take_heard();
    (graph, world)
}

/// Winds calls; stands above what is tried.
#[derive(Debug, Default)]
struct Above;

impl Xlator for Above {}

impl XlatorInfo for Above {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Build::<0>::declaration()
    }
}

fn replace<const BUILD: u64>(graph: &Graph, prefix: &str) -> Vec<Next> {
    let name = format!("{prefix}-1");
    let layer = graph.find(&name).unwrap();
    let fresh =
        Next { origin: Origin::Replaces(layer), part: part(&name, xlator_module::<Build<BUILD>>(), &[0]) };
    vec![kept(0, &[]), fresh, kept(2, &[1]), kept(3, &[2])]
}

fn evolve(graph: &Graph, next: Vec<Next>) {
    let evolution = graph.evolve(next).unwrap();
    for index in evolution.fresh().collect::<Vec<_>>() {
        evolution.init(index, &OptionValues::default()).unwrap();
    }
    drop(evolution.switch());
}

fn frame(graph: &Graph) -> OwnedFrame {
    graph.handle(graph.len() - 1).frame(Identity::default())
}

fn stat() -> Stat {
    Stat { loc: Loc::default(), xdata: Dict::new() }
}

fn call(graph: &Graph) -> FopResult<Attr> {
    block_on(frame(graph).child().stat(stat()))
}

#[test]
fn calls_take_the_new_build_and_those_under_way_end_in_the_old_one() {
    let (graph, world) = start("replace");
    world.shut();
    let old_frame = frame(&graph);
    let mut old = Box::pin(old_frame.child().stat(stat()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut old).poll(&mut cx).is_pending());
    evolve(&graph, replace::<2>(&graph, "replace"));
    assert_eq!(world.alive.load(Ordering::SeqCst), 4, "the old build is there while a call is inside it");
    world.open();
    assert_eq!(call(&graph).unwrap().xdata.uint("replace-1"), Some(2));
    let Poll::Ready(Ok(reply)) = Pin::new(&mut old).poll(&mut cx) else { panic!("it was answered") };
    assert_eq!(reply.xdata.uint("replace-1"), Some(1));
    assert_eq!(world.alive.load(Ordering::SeqCst), 4);
    drop(old);
    drop(old_frame);
    assert_eq!(world.alive.load(Ordering::SeqCst), 3, "its memory is freed with the last call");
    graph.fini();
    assert_eq!(world.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_new_build_hears_what_the_old_one_had_and_nobody_else_hears_anything() {
    let (graph, world) = start("events");
    evolve(&graph, replace::<2>(&graph, "events"));
    let heard = world.take_heard();
    assert_eq!(heard, ["init events-1 2", "parent-up events-1 2", "child-up events-1 2", "fini events-1 1"]);
    graph.handle(0).notify_up(&EventKind::CHILD_UP.into());
    assert_eq!(world.take_heard(), ["child-up events-1 2", "child-up events-2 9"]);
}

#[test]
fn a_translator_is_put_in_and_taken_out_under_calls_that_are_inside() {
    let (graph, world) = start("insert");
    let insert = vec![
        kept(0, &[]),
        Next { origin: Origin::New, part: part("insert-new", xlator_module::<Build<5>>(), &[0]) },
        kept(1, &[1]),
        kept(2, &[2]),
        kept(3, &[3]),
    ];
    evolve(&graph, insert);
    assert_eq!(world.take_heard(), ["init insert-new 5", "parent-up insert-new 5", "child-up insert-new 5"]);
    let reply = call(&graph).unwrap();
    assert_eq!((reply.xdata.uint("insert-new"), reply.xdata.uint("insert-1")), (Some(5), Some(1)));
    assert_eq!(reply.xdata.str("after insert-1"), Some("insert-new"));
    world.shut();
    let inside = frame(&graph);
    let mut suspended = Box::pin(inside.child().stat(stat()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut suspended).poll(&mut cx).is_pending());
    evolve(&graph, vec![kept(0, &[]), kept(2, &[0]), kept(3, &[1]), kept(4, &[2])]);
    // And what stays below it changes, too, while the call is inside what was taken out.
    world.open();
    assert_eq!(call(&graph).unwrap().xdata.uint("insert-new"), None);
    let Poll::Ready(Ok(reply)) = Pin::new(&mut suspended).poll(&mut cx) else { panic!("it was answered") };
    assert_eq!(reply.xdata.uint("insert-new"), Some(5));
    assert_eq!(reply.xdata.str("after insert-1"), Some("insert-0"), "what stayed has the new way already");
    drop(suspended);
    drop(inside);
    graph.fini();
    assert_eq!(world.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn one_that_does_not_start_leaves_the_graph_as_it_was() {
    let (graph, world) = start("refuse");
    let evolution = graph.evolve(replace::<2>(&graph, "refuse")).unwrap();
    let no = [("start", "no")].into_iter().collect();
    assert_eq!(evolution.init(1, &no).unwrap_err().why, "not today");
    drop(evolution);
    assert_eq!(world.alive.load(Ordering::SeqCst), 3);
    assert_eq!(world.take_heard(), ["init refuse-1 2"], "what did not start is not stopped");
    assert_eq!(call(&graph).unwrap().xdata.uint("refuse-1"), Some(1));
}

#[test]
fn what_was_replaced_while_a_call_waits_below_leads_to_what_is_there_then() {
    let (graph, world) = start("chain");
    world.shut();
    let inside = frame(&graph);
    let mut suspended = Box::pin(inside.child().stat(stat()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut suspended).poll(&mut cx).is_pending());
    // The top goes, then what stands below it: the call is inside the old top, whose link is to stay true.
    let name = "chain-2";
    let fresh = Next { origin: Origin::Replaces(2), part: part(name, xlator_module::<Build<8>>(), &[1]) };
    evolve(&graph, vec![kept(0, &[]), kept(1, &[0]), fresh, kept(3, &[2])]);
    let between =
        Next { origin: Origin::Replaces(1), part: part("chain-x", xlator_module::<Build<3>>(), &[0]) };
    evolve(&graph, vec![kept(0, &[]), between, kept(2, &[1]), kept(3, &[2])]);
    world.open();
    let Poll::Ready(Ok(reply)) = Pin::new(&mut suspended).poll(&mut cx) else { panic!("it was answered") };
    assert_eq!(reply.xdata.uint("chain-2"), Some(9), "the call is inside the old one");
    assert_eq!(reply.xdata.str("after chain-2"), Some("chain-x"));
}

#[test]
fn a_hundred_builds_under_load_are_not_noticed_and_leave_nothing() {
    let (graph, world) = start("load");
    // A lock wait of an hour.
    world.shut();
    let waits = frame(&graph);
    let mut waiting = Box::pin(waits.child().stat(stat()));
    assert!(Pin::new(&mut waiting).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    world.open();
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    call(&graph).expect("nobody notices");
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..100 {
            let seen = calls.load(Ordering::SeqCst);
            let next =
                if round % 2 == 0 { replace::<2>(&graph, "load") } else { replace::<1>(&graph, "load") };
            evolve(&graph, next);
            while calls.load(Ordering::SeqCst) == seen {
                std::thread::sleep(Duration::from_micros(10));
            }
        }
        stop.store(true, Ordering::SeqCst);
    });
    drop(waiting);
    drop(waits);
    assert_eq!(world.alive.load(Ordering::SeqCst), 3);
    assert_eq!(graph.calls(), 0);
    graph.fini();
    assert_eq!(world.alive.load(Ordering::SeqCst), 0);
}
