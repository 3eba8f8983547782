//! The keeper of a translator that runs apart: starts its process, hands it what the graph asks for, and starts it again
//! when it crashes.
//!
//! Each has a thread of its own, and that is more than convenience: the process is told by the kernel to end with the
//! thread that started it, so neither the host's own crash nor its end leaves one behind.
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use plugin_api::abi::graph::FaultKind;
use plugin_api::abi::host::Direction;
use plugin_api::carry::{NoObjects, Unpack};
use plugin_api::{Client, EventKind, Handle, IoBuf};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::message::{EventNews, Hello, LogNews, Open, Order, Wanted};
use super::mirror::Side;
use super::peer::{Duty, Fallen, Peer, answer_within};
use super::port::{Closed, Inbox, Outbox, bell};
use super::ring::{Lane, MEMORY};
use super::section::{Command, Library, Life, Section};
use super::shm::Map;
use crate::process::bound::TOO_MUCH;
use crate::{logging, process, services};

/// How long a process may take until its translator is open.
const OPEN: Duration = Duration::from_secs(15);
/// How long a translator may take to stop, and then to be freed.
const STOP: Duration = Duration::from_millis(1500);
/// The pause before the second start in a row; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A process that lived so long was no false start.
const LONG_LIFE: Duration = Duration::from_secs(60);
/// Log lines that a translator may write in a second.
const LINES: u32 = 200;
/// The longest line of foreign words.
const LINE: usize = 4096;

/// Starts a process to hear what the translator in a library says of itself.
pub(super) fn describe(library: Arc<Library>) -> Result<Hello, String> {
    let (section, _) = Section::new(library);
    // The process ends with the thread that started it; this one may belong to the event pool.
    let asking = thread::spawn(move || {
        services::pool().block_on(async {
            let (worker, hello) = Worker::start(&section).await.map_err(|why| why.words)?;
            let _ = worker.kill();
            Ok(hello)
        })
    });
    asking.join().unwrap_or_else(|_| Err("it was not heard out".to_owned()))
}

/// Starts keeping.
pub(super) fn keep(section: Arc<Section>, commands: mpsc::UnboundedReceiver<Command>) -> io::Result<()> {
    let keeper = Keeper { section, commands, placed: None };
    thread::Builder::new()
        .name("isolate".to_owned())
        .spawn(move || services::pool().block_on(keeper.run()))
        .map(drop)
}

struct Keeper {
    section: Arc<Section>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// What a graph has asked for: every process is started with it.
    placed: Option<Placed>,
}

/// A translator as its graph has it.
#[derive(Debug, Clone)]
struct Placed {
    name: String,
    children: Vec<String>,
    wanted: Wanted,
}

/// How it came that a process is no more.
enum End {
    /// It was let go.
    Left,
    /// It ended by itself, or was ended for what it did.
    Crashed(Why),
}

/// What went wrong with a process, or with what it was told to do.
#[derive(Debug, PartialEq, Eq)]
struct Why {
    kind: FaultKind,
    words: String,
}

impl Why {
    fn crash(words: impl Into<String>) -> Self {
        Self { kind: FaultKind::Crash, words: words.into() }
    }
}

impl Keeper {
    async fn run(mut self) {
        let mut false_starts = 0;
        loop {
            let started = Instant::now();
            let end = match Worker::start(&self.section).await {
                Ok((worker, _)) => self.attend(worker).await,
                Err(why) => End::Crashed(why),
            };
            let End::Crashed(why) = end else { return self.over() };
            if self.placed.is_none() {
                return self.refuse(&why.words).await;
            }
            self.crashed(&why);
            if self.section.handle().is_some_and(|handle| !handle.serves()) {
                return self.over();
            }
            false_starts = if started.elapsed() > LONG_LIFE { 0 } else { false_starts + 1 };
            if !self.rest(pause(false_starts)).await {
                return self.over();
            }
        }
    }

    /// What never served is not started again: its graph is refused with the reason.
    async fn refuse(&mut self, why: &str) {
        self.over();
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Init { done, .. } | Command::Reconfigure { done, .. } | Command::Dump { done } => {
                    drop(done.send(Err(why.to_owned())));
                }
                Command::Fini { done } => drop(done.send(Ok(IoBuf::new()))),
                Command::Leave => return,
            }
        }
    }

    fn over(&self) {
        self.section.life.send_replace(Life::Over);
    }

    fn crashed(&self, why: &Why) {
        self.section.pid.store(0, Ordering::Relaxed);
        self.section.life.send_replace(Life::Starting);
        match self.section.handle() {
            Some(handle) => handle.fault(0, &format!("{}{}", why.kind.prefix(), why.words)),
            None => tracing::error!(xl = %self.section.name(), why = why.words, "translator's process ended"),
        }
    }

    /// Waits before the next start; whether there is to be one.
    async fn rest(&mut self, pause: Duration) -> bool {
        if pause.is_zero() {
            return true;
        }
        self.section.life.send_replace(Life::Resting);
        let mut over = std::pin::pin!(sleep(pause));
        let rests = loop {
            // A command that is given up is still in the channel.
            tokio::select! {
                () = &mut over => break true,
                command = self.commands.recv() => match command {
                    Some(Command::Reconfigure { wanted, done }) => {
                        if let Some(placed) = &mut self.placed {
                            placed.wanted = wanted;
                        }
                        let _ = done.send(Ok(IoBuf::new()));
                    }
                    Some(Command::Fini { done }) => drop(done.send(Ok(IoBuf::new()))),
                    Some(Command::Dump { done } | Command::Init { done, .. }) => {
                        drop(done.send(Err("its process crashed and rests".to_owned())));
                    }
                    Some(Command::Leave) | None => break false,
                },
            }
        };
        self.section.life.send_replace(Life::Starting);
        rests
    }

    /// Serves the graph with a process until its end.
    async fn attend(&mut self, mut worker: Worker) -> End {
        if let Some(placed) = self.placed.clone() {
            match worker.init(placed).await {
                Ok(_) => self.up(&worker),
                Err(Why { kind, words }) => {
                    let _ = worker.kill();
                    return End::Crashed(Why { kind, words: format!("it does not start again: {words}") });
                }
            }
        }
        loop {
            // A command that is given up is still in the channel; the end of a process stays true.
            tokio::select! {
                () = worker.peer.over() => break,
                command = self.commands.recv() => match command {
                    Some(Command::Leave) | None => {
                        worker.leave().await;
                        return End::Left;
                    }
                    Some(command) => self.pass_on(&mut worker, command).await,
                },
            }
        }
        End::Crashed(worker.kill())
    }

    async fn pass_on(&mut self, worker: &mut Worker, command: Command) {
        let (outcome, done) = match command {
            Command::Init { name, children, wanted, done } => {
                let placed = Placed { name, children, wanted };
                let outcome = worker.init(placed.clone()).await;
                if outcome.is_ok() {
                    self.placed = Some(placed);
                    self.up(worker);
                }
                (outcome, done)
            }
            Command::Reconfigure { wanted, done } => {
                let outcome = worker.reconfigure(wanted.clone()).await;
                if let (Ok(_), Some(placed)) = (&outcome, &mut self.placed) {
                    placed.wanted = wanted;
                }
                (outcome, done)
            }
            Command::Dump { done } => {
                (worker.order_or_end(Order::Dump, answer_within(services::limits())).await, done)
            }
            Command::Fini { done } => (worker.order_within(Order::Fini, STOP).await, done),
            Command::Leave => return,
        };
        // Who asked may have given up.
        let _ = done.send(outcome.map_err(|why| why.words));
    }

    /// The process serves: it hears what the one before it had heard, and then it is called.
    fn up(&self, worker: &Worker) {
        for news in self.section.heard() {
            worker.peer.tell_event(news);
        }
        self.section.life.send_replace(Life::Up(worker.peer.clone()));
    }
}

/// The pause after so many false starts in a row: none after the first.
fn pause(false_starts: u32) -> Duration {
    match false_starts.checked_sub(2) {
        None => Duration::ZERO,
        Some(doubled) => PAUSE.saturating_mul(1 << doubled.min(16)).min(LONGEST_PAUSE),
    }
}

/// Why a process ended that was held to a limit, or to none.
fn why(status: io::Result<ExitStatus>, memory_limit: Option<u64>) -> Why {
    let Ok(status) = status else { return Why::crash("crashed") };
    match (status.signal(), status.code(), memory_limit) {
        (Some(signal), ..) => {
            let name = nix::sys::signal::Signal::try_from(signal).map(|signal| format!(" ({signal})"));
            Why::crash(format!("crashed: signal {signal}{}", name.unwrap_or_default()))
        }
        (None, Some(TOO_MUCH), Some(limit)) => {
            let words = format!("holds more memory than its limit of {limit} bytes: its process has ended");
            Why { kind: FaultKind::Memory, words }
        }
        (None, Some(code), _) => Why::crash(format!("its process ended by itself with status {code}")),
        (None, None, _) => Why::crash("crashed"),
    }
}

/// A process, and the conversation with it.
struct Worker {
    child: Child,
    peer: Arc<Peer>,
    listener: AbortHandle,
    /// What it is held to.
    memory_limit: Option<u64>,
}

impl Worker {
    /// Starts a process that opens the translator.
    async fn start(section: &Arc<Section>) -> Result<(Self, Hello), Why> {
        let start = || -> io::Result<Self> {
            let library = &section.library;
            let (memory, map) = Map::create(MEMORY)?;
            let (my_bell, their_bell, map) = (bell()?, bell()?, Arc::new(map));
            let confined = process::confined::spawn(
                &library.program,
                &library.type_name,
                [memory.as_fd(), their_bell.as_fd(), my_bell.as_fd(), library.file.as_fd()],
            )?;
            let pidfd = process::confined::watched(confined.pidfd)?;
            // It stays readable; an error means that nobody can tell any more.
            let ended = async move { drop(pidfd.readable().await) };
            let peer = Peer::new(Side::Host, section.key, Outbox::new(map.clone(), Lane::Out, their_bell));
            let inbox = Inbox::new(map, Lane::Back, my_bell)?;
            let duty = Arc::new(Host::new(section.clone()));
            let listener = services::pool().spawn(peer.clone().listen(inbox, duty, ended)).abort_handle();
            Ok(Self { child: confined.child, peer, listener, memory_limit: None })
        };
        let mut worker =
            start().map_err(|error| Why::crash(format!("no process can be started: {error}")))?;
        section.pid.store(worker.child.id(), Ordering::Relaxed);
        section.starts.fetch_add(1, Ordering::Relaxed);
        match worker.order_within(Order::Open(open(section)), OPEN).await.and_then(read) {
            Ok(hello) => Ok((worker, hello)),
            Err(why) => {
                let _ = worker.kill();
                Err(why)
            }
        }
    }

    /// Gives an order, and waits for its answer or for the end of the process.
    async fn order(&mut self, order: Order) -> Result<IoBuf, Why> {
        match self.peer.order(order).await {
            Ok(outcome) => outcome.map_err(Why::crash),
            Err(Closed) => Err(self.end()),
        }
    }

    async fn init(&mut self, placed: Placed) -> Result<IoBuf, Why> {
        let Placed { name, children, wanted } = placed;
        self.memory_limit = wanted.memory_limit;
        let limit = Some(services::limits().init_timeout).filter(|limit| !limit.is_zero());
        self.order_or_end(Order::Init { name, children, wanted }, limit).await
    }

    async fn reconfigure(&mut self, wanted: Wanted) -> Result<IoBuf, Why> {
        let limit = wanted.memory_limit;
        // The process lowers its limit by itself; only who started it may let it have more.
        if limit.unwrap_or(u64::MAX) > self.memory_limit.unwrap_or(u64::MAX) {
            // Where that is refused, too, the process says so.
            let _ = process::bound::loosen(self.child.id());
        }
        self.memory_limit = limit;
        self.order_or_end(Order::Reconfigure { wanted }, answer_within(services::limits())).await
    }

    /// Gives an order; who does not do it in time hangs, and is ended.
    async fn order_or_end(&mut self, order: Order, limit: Option<Duration>) -> Result<IoBuf, Why> {
        let Some(limit) = limit else { return self.order(order).await };
        let Ok(outcome) = timeout(limit, self.order(order)).await else {
            self.peer.condemn(Fallen::Late(limit.as_secs()));
            return Err(self.end());
        };
        outcome
    }

    async fn order_within(&mut self, order: Order, limit: Duration) -> Result<IoBuf, Why> {
        let late = |_| Err(Why::crash(format!("no answer after {} ms", limit.as_millis())));
        timeout(limit, self.order(order)).await.unwrap_or_else(late)
    }

    /// Tells the process to end, waits a little, and ends it.
    async fn leave(mut self) {
        let told = self.order_within(Order::Leave, STOP).await;
        if told.is_ok() {
            let _ = timeout(STOP, self.peer.over()).await;
        }
        let _ = self.kill();
    }

    /// Ends the process, if it has not ended, and what waits for it. Says why it is over.
    fn kill(mut self) -> Why {
        self.listener.abort();
        self.peer.close();
        self.end()
    }

    /// Waits for the end of a process that is not talked to any more, and says why that is so.
    fn end(&mut self) -> Why {
        // A process that has ended but is not waited for takes the signal and keeps its status.
        let _ = self.child.kill();
        let status = self.child.wait();
        let ended = |fallen: &Fallen| Why::crash(format!("it was ended: {fallen}"));
        self.peer.fallen().map_or_else(|| why(status, self.memory_limit), ended)
    }
}

fn open(section: &Section) -> Open {
    let library = &section.library;
    let settings = services::settings().iter().map(|(key, value)| (key.clone(), value.clone()));
    Open {
        type_name: library.type_name.clone(),
        path: library.path.display().to_string(),
        plugin_dirs: library.plugin_dirs.iter().map(|dir| dir.display().to_string()).collect(),
        settings: settings.collect(),
        log_level: logging::level() as u8,
    }
}

fn read(hello: IoBuf) -> Result<Hello, Why> {
    let mut objects = NoObjects;
    let mut from = Unpack::new(hello, &mut objects);
    from.take().map_err(|error| Why::crash(format!("it describes itself by bytes of which one {error}")))
}

/// What the host does about what the translator says.
struct Host {
    section: Arc<Section>,
    lines: Mutex<Lines>,
}

/// How many lines were written in the second that began then.
struct Lines {
    since: Instant,
    count: u32,
}

impl Host {
    fn new(section: Arc<Section>) -> Self {
        Self { section, lines: Mutex::new(Lines { since: Instant::now(), count: 0 }) }
    }

    fn may_log(&self) -> bool {
        let mut lines = self.lines.lock().expect("no panic under it");
        if lines.since.elapsed() > Duration::from_secs(1) {
            *lines = Lines { since: Instant::now(), count: 0 };
        }
        lines.count += 1;
        lines.count <= LINES
    }
}

impl Duty for Host {
    fn place(&self) -> Option<&Handle> {
        self.section.handle()
    }

    fn order(&self, _: &Arc<Peer>, _: u64, _: Order) -> Result<(), Fallen> {
        Err(Fallen::Part)
    }

    fn event(&self, news: EventNews) {
        let Some(handle) = self.section.handle() else { return };
        let again = self.section.starts.load(Ordering::Relaxed) > 1;
        match news.direction {
            Direction::Up => handle.notify_up(&news.event),
            // The children have heard that from the first process.
            Direction::Down if again && news.event.kind == EventKind::PARENT_UP => {}
            Direction::Down => handle.notify_down(&news.event),
        }
    }

    fn client_gone(&self, client: Client) {
        if let Some(handle) = self.section.handle() {
            handle.client_gone(&client);
        }
    }

    fn log(&self, news: LogNews) {
        if !self.may_log() {
            return;
        }
        let (target, message) = (clean(&news.target), clean(&news.message));
        // It speaks for nobody else.
        logging::forward(news.level, &target, self.section.name(), &message);
    }

    fn fault(&self, fop: u32, what: &str) {
        if let Some(handle) = self.section.handle() {
            handle.fault(fop, &clean(what));
        }
    }
}

/// Foreign words as a log takes them.
fn clean(text: &str) -> String {
    text.chars().take(LINE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_made_at_once_and_the_next_ones_later_and_later() {
        let pauses: Vec<_> = [1, 2, 3, 4, 30].map(|n| pause(n).as_millis()).into();
        assert_eq!(pauses, [0, 100, 200, 400, 5000]);
    }

    #[test]
    fn the_signal_that_ended_a_process_has_its_name() {
        assert_eq!(why(Ok(ExitStatus::from_raw(11)), None), Why::crash("crashed: signal 11 (SIGSEGV)"));
        let by_itself = Why::crash("its process ended by itself with status 3");
        assert_eq!(why(Ok(ExitStatus::from_raw(3 << 8)), None), by_itself);
    }

    #[test]
    fn a_status_tells_of_memory_where_there_is_a_limit() {
        let status = || Ok(ExitStatus::from_raw(TOO_MUCH << 8));
        assert_eq!(why(status(), Some(1)).kind, FaultKind::Memory);
        assert_eq!(why(status(), None), Why::crash("its process ended by itself with status 86"));
    }
}
