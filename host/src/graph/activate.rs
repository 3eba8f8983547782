//! Activate: links a draft, starts its translators from the top down, and lets it go.
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, RwLock, mpsc as std_mpsc};
use std::thread;
use std::time::Duration;

use plugin_api::abi::graph::{Graph, Part, StartError};
use plugin_api::abi::host::Direction;
use plugin_api::options::OptionValues;
use plugin_api::{Event, EventKind};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::hooks::Hooks;
use super::section::{Section, is_isolated, values};
use super::{Draft, DraftNode, GraphError, Running, dump, root};
use crate::logging::{self, Level};
use crate::services;

/// How long one who gives up a start waits for the thread to stop what has started.
const GIVEN_UP: Duration = Duration::from_secs(2);

/// How a graph is started.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// How long the `init` of one translator may take.
    pub init_timeout: Duration,
    /// After so many faults a translator is marked down.
    pub fault_limit: u64,
}

/// One step of a start, done on a thread of its own.
enum Step {
    Init(usize, OptionValues),
    Up(usize),
}

/// Links the draft, which has no faults, and starts it: `init` from the top down, then PARENT_UP to the tops.
///
/// Where a translator does not start, those that did are stopped. One that hangs is left alone: its thread is, too.
/// # Errors
/// The translator that did not start, and why.
pub async fn activate(draft: Draft, start: Start) -> Result<Running, GraphError> {
    let nodes = draft.nodes;
    let mut parts = nodes.iter().filter_map(part).collect::<Vec<_>>();
    assert_eq!(parts.len(), nodes.len(), "a draft with faults is not activated");
    let tops = tops(&nodes);
    parts.push(Part { name: root::NAME.to_owned(), module: root::module(), children: tops });
    let hooks = Hooks::default();
    let told = hooks.told();
    let graph =
        Graph::link(parts, Box::new(hooks), start.fault_limit).map_err(|error| not_started(&nodes, error))?;
    services::watch(&graph);
    for (index, node) in nodes.iter().enumerate() {
        graph.set_fault_limit(index, Section::of(node).fault_limit);
        set_budget(&graph, node);
    }
    run_steps(&graph, &nodes, start.init_timeout).await.inspect_err(|error| {
        // Who hangs in `init` still uses its instance: nothing else of the graph may be touched.
        if !matches!(error, GraphError::Hangs { .. }) {
            graph.fini();
        }
    })?;
    logging::block(Level::Info, &dump::for_log(&nodes));
    let (nodes, changing) = (RwLock::new(nodes), Mutex::default());
    Ok(Running { graph, told, nodes, changing, init_timeout: start.init_timeout })
}

/// Holds a translator to the memory that its section allows; one that runs apart is held there.
pub(super) fn set_budget(graph: &Arc<Graph>, node: &DraftNode) {
    let limit = Section::of(node).memory_limit;
    match node.opened.as_ref().and_then(|opened| opened.account) {
        Some(account) => services::set_budget(graph, &node.node.name, account, limit),
        None if limit.is_some() && !is_isolated(&node.node) => {
            tracing::warn!(xl = %node.node.name, "memory-limit does nothing: the plugin does not count its memory");
        }
        None => {}
    }
}

/// The volumes that are nobody's child.
pub(super) fn tops(nodes: &[DraftNode]) -> Vec<usize> {
    let mut has_parent = vec![false; nodes.len()];
    nodes.iter().flat_map(|node| &node.node.children).for_each(|child| has_parent[*child] = true);
    (0..nodes.len()).filter(|index| !has_parent[*index]).collect()
}

pub(super) fn part(node: &DraftNode) -> Option<Part> {
    let module = node.opened.as_ref()?.module;
    Some(Part { name: node.node.name.clone(), module, children: node.node.children.clone() })
}

async fn run_steps(graph: &Arc<Graph>, nodes: &[DraftNode], limit: Duration) -> Result<(), GraphError> {
    let root = nodes.len();
    graph.init(root, &OptionValues::default()).expect("the root takes no options and does nothing");
    let steps = || {
        let inits = nodes.iter().enumerate().rev();
        let inits = inits.map(|(index, node)| Step::Init(index, values(node)));
        inits.chain(graph.children(root).into_iter().map(Step::Up))
    };
    let order: Vec<usize> = steps().map(|step| step.index()).collect();
    let (done, outcomes) = mpsc::channel(1);
    let (alive, thread) = std_mpsc::channel::<()>();
    let (worker, steps) = (graph.clone(), steps().collect::<Vec<_>>());
    thread::Builder::new()
        .name("init".to_owned())
        .spawn(move || {
            let _alive = alive;
            for step in steps {
                let outcome = step.run(&worker);
                let failed = outcome.is_err();
                if done.blocking_send(outcome).is_err() {
                    // Nobody waits any more: the start was given up.
                    return worker.fini();
                }
                if failed {
                    return;
                }
            }
        })
        .map_err(GraphError::Thread)?;
    let mut starting = Starting { graph: graph.clone(), outcomes, thread, awaited: true };
    let outcome = starting.all(&order, nodes, limit).await;
    starting.awaited = false;
    outcome
}

/// The steps that a thread does, as the one who waits for them sees them.
///
/// Who gives up the wait still waits until the thread has stopped what it started, for a while: the process may be about
/// to end, and a mount without a process would stay.
struct Starting {
    graph: Arc<Graph>,
    outcomes: mpsc::Receiver<Result<(), StartError>>,
    /// Hears that the thread has ended.
    thread: std_mpsc::Receiver<()>,
    awaited: bool,
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.outcomes.close();
        // A thread that goes on stops the graph itself, as soon as it has something to tell.
        if self.awaited && self.thread.recv_timeout(GIVEN_UP) == Err(RecvTimeoutError::Disconnected) {
            self.graph.fini();
        }
    }
}

impl Starting {
    async fn all(&mut self, order: &[usize], nodes: &[DraftNode], limit: Duration) -> Result<(), GraphError> {
        for index in order.iter().copied() {
            self.one(index, nodes, limit).await?;
        }
        Ok(())
    }

    async fn one(&mut self, index: usize, nodes: &[DraftNode], limit: Duration) -> Result<(), GraphError> {
        match timeout(limit, self.outcomes.recv()).await {
            Ok(Some(Ok(()))) => {
                tracing::debug!(xl = %nodes[index].node.name, "started");
                Ok(())
            }
            Ok(Some(Err(error))) => Err(not_started(nodes, error)),
            Ok(None) => {
                let why = "its thread ended without a word".to_owned();
                Err(not_started(nodes, StartError { xlator: nodes[index].node.name.clone(), why }))
            }
            Err(_) => {
                let (volume, type_name) = names(nodes, index);
                Err(GraphError::Hangs { volume, type_name, seconds: limit.as_secs() })
            }
        }
    }
}

impl Step {
    fn index(&self) -> usize {
        match self {
            Step::Init(index, _) | Step::Up(index) => *index,
        }
    }

    fn run(&self, graph: &Arc<Graph>) -> Result<(), StartError> {
        match self {
            Step::Init(index, values) => graph.init(*index, values),
            Step::Up(index) => {
                graph.notify(*index, Direction::Down, &Event::from(EventKind::PARENT_UP));
                Ok(())
            }
        }
    }
}

pub(super) fn names(nodes: &[DraftNode], index: usize) -> (String, String) {
    (nodes[index].node.name.clone(), nodes[index].node.type_name.clone())
}

pub(super) fn not_started(nodes: &[DraftNode], error: StartError) -> GraphError {
    let at = nodes.iter().position(|node| node.node.name == error.xlator);
    let type_name = at.map(|index| names(nodes, index).1).unwrap_or_default();
    GraphError::Init { volume: error.xlator, type_name, why: error.why }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;
    use crate::graph::testing::{self, draft};

    const START: Start = Start { init_timeout: Duration::from_secs(10), fault_limit: 3 };

    async fn start(text: &str, start: Start) -> Result<Running, String> {
        let draft = draft(text);
        assert!(draft.faults.is_empty(), "{:?}", draft.faults);
        activate(draft, start).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn translators_start_from_the_top_and_then_hear_that_the_graph_is_there() {
        let text = "volume up1\n type test/leaf\nend-volume\nvolume up2\n type test/pass\n subvolumes up1\nend-volume\n";
        let running = start(text, START).await.unwrap();
        assert_eq!(testing::heard("up"), ["init up2", "init up1", "event 1 up2"]);
        running.stop();
        assert_eq!(testing::heard("up")[3..], ["event 17 up2", "fini up2", "fini up1"]);
    }

    #[tokio::test]
    async fn a_translator_that_says_no_is_named_and_those_that_started_are_stopped() {
        let text = "volume no1\n type test/leaf\nend-volume\nvolume no2\n type test/refuses\n subvolumes no1\nend-volume\n\
                    volume no3\n type test/pass\n subvolumes no2\nend-volume\n";
        let error = start(text, START).await.unwrap_err();
        assert_eq!(error, "volume `no2`, type test/refuses, does not start: not today");
        assert_eq!(testing::heard("no"), ["init no3", "init no2", "fini no3"]);
    }

    #[tokio::test]
    async fn a_panic_in_init_is_told_as_its_own_words() {
        let error = start("volume p\n type test/panics\nend-volume\n", START).await.unwrap_err();
        assert_eq!(error, "volume `p`, type test/panics, does not start: it panicked: oh no");
    }

    #[tokio::test]
    async fn a_translator_that_hangs_is_named() {
        let quick = Start { init_timeout: Duration::from_millis(50), ..START };
        let text = "volume hang1\n type test/hangs\nend-volume\nvolume hang2\n type test/pass\n subvolumes hang1\nend-volume\n";
        let error = start(text, quick).await.unwrap_err();
        assert!(error.starts_with("volume `hang1`, type test/hangs, has been starting for 0 s"), "{error}");
        assert_eq!(testing::heard("hang"), ["init hang2", "init hang1"]);
    }

    #[tokio::test]
    async fn who_gives_up_a_start_leaves_nothing_that_has_started() {
        let text = "volume gone1\n type test/leaf\nend-volume\nvolume gone2\n type test/waits\n subvolumes gone1\nend-volume\n";
        // Polled until the first step has begun, which ends only when nobody polls any more.
        let mut starting = Box::pin(start(text, START));
        while testing::heard("gone").is_empty() {
            let polled = poll_fn(|cx| Poll::Ready(starting.as_mut().poll(cx))).await;
            assert!(polled.is_pending(), "the first step has not ended");
        }
        testing::open_gate();
        drop(starting);
        let heard = testing::heard("gone");
        let count = |what: &str| heard.iter().filter(|line| line.starts_with(what)).count();
        assert_eq!(count("fini"), count("init"), "{heard:?}");
    }

    #[tokio::test]
    async fn every_top_hears_that_the_graph_is_there() {
        let text = "volume two1\n type test/leaf\nend-volume\nvolume two2\n type test/leaf\nend-volume\n";
        let _running = start(text, START).await.unwrap();
        assert_eq!(testing::heard("two")[2..], ["event 1 two1", "event 1 two2"]);
    }
}
