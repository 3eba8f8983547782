//! One end of the conversation: calls go out and are answered, calls come in and are served.
//!
//! Both processes run the same code here. What differs is their [`Duty`]: where calls that come in go on, and what is to
//! be done about the rest.
use std::fmt;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};
use std::time::Duration;

use plugin_api::carry::{Carry, CarryError, NoObjects, Pack, Parcel, Unpack};
use plugin_api::fop::{FopError, FopResult, FopType};
use plugin_api::{Client, Errno, Event, Frame, Handle, IoBuf};
use tokio::runtime;

use super::message::{Call, EventNews, LogNews, Message, Order, Reply};
use super::mirror::{Mirror, Note, Side, Used};
use super::pending::{Pending, Ticket};
use super::port::{Closed, Inbox, Outbox, SendError};
use super::serve;
use crate::services::{self, Limits};

/// Calls of the other side that are under way at once, at most; more are answered `EBUSY`.
const SERVED_AT_ONCE: usize = 16_384;

/// How often kept objects and calls that wait are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Who holds so many calls that were given up long ago is not going to answer them.
const HELD: usize = 3;

/// Seconds after which a call that was given up is held: as long again as it was waited for, since what it winds below may
/// begin late and has as long, and a little.
fn patience(limits: Limits) -> Option<u32> {
    let seconds = u32::try_from(limits.frame_timeout.as_secs()).unwrap_or(u32::MAX);
    (seconds > 0).then(|| seconds.saturating_mul(2).saturating_add(5))
}

/// How long the other side may be silent while calls wait, or take for an order.
pub(super) fn answer_within(limits: Limits) -> Option<Duration> {
    (!limits.stall_limit.is_zero()).then(|| limits.stall_limit * 10)
}

/// Why a conversation is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fallen {
    /// The other end's ring.
    #[error("{0}")]
    Ring(#[from] super::ring::Broken),
    /// A record that means nothing.
    #[error("a record that {0}")]
    Record(#[from] CarryError),
    /// It does not read, or does not come to say anything.
    #[error("it has been silent for {0} s while calls wait")]
    Silent(u64),
    /// It does not answer calls.
    #[error("it holds {0} calls that were given up")]
    Holds(usize),
    /// It does not do what it is told.
    #[error("it has not done for {0} s what it was told")]
    Late(u64),
    /// What only the host may say, or only the translator's process.
    #[error("it said what is not its to say")]
    Part,
}

/// What one side does about what the other says.
pub(super) trait Duty: Send + Sync + 'static {
    /// Whose children the calls go to; nothing while there is no graph.
    fn place(&self) -> Option<&Handle>;
    /// Does what is ordered, and answers with [`Peer::done`].
    fn order(&self, peer: &Arc<Peer>, id: u64, order: Order) -> Result<(), Fallen>;
    /// Hears of an event.
    fn event(&self, news: EventNews);
    /// Hears that a client is gone.
    fn client_gone(&self, client: Client);
    /// Takes a log record.
    fn log(&self, news: LogNews);
    /// Counts a fault.
    fn fault(&self, fop: u32, what: &str);
}

/// One end.
pub(super) struct Peer {
    out: Arc<Outbox>,
    pending: Arc<Pending>,
    mirror: Arc<Mirror>,
    serving: AtomicUsize,
    closed: AtomicBool,
    /// Whether anything was heard since the last look.
    heard: AtomicBool,
    fallen: OnceLock<Fallen>,
    /// Tells whoever keeps the other side that it is over.
    over: tokio::sync::Notify,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({:?}, {} served)", self.mirror, self.serving.load(Ordering::Relaxed))
    }
}

/// A call that is being served.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

fn record(message: &Message) -> Parcel {
    let mut objects = NoObjects;
    let mut pack = Pack::new(&mut objects);
    pack.put(message);
    pack.done()
}

impl Peer {
    /// An end of `side` that sends through `out`.
    pub(super) fn new(side: Side, key: plugin_api::CtxKey, out: Outbox) -> Arc<Self> {
        let out = Arc::new(out);
        let told = out.clone();
        let tell = move |note| {
            let _ = told.post(record(&match note {
                Note::Gone(id) => Message::Gone { id },
                Note::Released(id, grants) => Message::Released { id, grants },
            }));
        };
        Arc::new(Self {
            out,
            pending: Arc::default(),
            mirror: Mirror::new(side, key, Box::new(tell)),
            serving: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            heard: AtomicBool::new(true),
            fallen: OnceLock::new(),
            over: tokio::sync::Notify::new(),
        })
    }

    /// Sends a fop to the other side, and waits for its answer.
    pub(super) async fn call<F: FopType>(
        &self,
        frame: &Frame,
        child: u32,
        args: F::Args,
    ) -> FopResult<F::Reply> {
        // Nobody gives up a call that may wait for a lock; one with a deadline of its own is its owner's to judge.
        let is_bounded = !F::PATIENT && frame.deadline() == 0;
        let patience = if is_bounded { patience(services::limits()) } else { None };
        let ticket = self.pending.open(patience).map_err(|Closed| Errno::EIO)?;
        let head = Call { id: ticket.id(), code: F::CODE, child, deadline: frame.deadline() };
        let mut asked = Asked { peer: self, ticket, sent: false };
        let record = {
            let mut names = self.mirror.lending();
            let mut pack = Pack::new(&mut names);
            pack.put(&Message::Call(head));
            pack.put(frame.identity());
            pack.put(&frame.client().is_some());
            if let Some(client) = frame.client() {
                pack.put(client);
            }
            pack.put(&args);
            let record = pack.done();
            self.pending.lend(&asked.ticket, names.leases);
            record
        };
        drop(args);
        match self.out.send(&record).await {
            Ok(()) => asked.sent = true,
            Err(SendError::TooLong) => return Err(Errno::E2BIG.into()),
            Err(SendError::Closed) => return Err(Errno::EIO.into()),
        }
        drop(record);
        let answer = (&mut asked.ticket).await.map_err(|Closed| Errno::EIO)?;
        match self.read::<Result<F::Reply, FopError>>(answer) {
            Ok(result) => result,
            Err(error) => {
                self.condemn(error.into());
                Err(Errno::EIO.into())
            }
        }
    }

    fn read<T: Carry>(&self, answer: IoBuf) -> Result<T, CarryError> {
        let mut objects = self.mirror.taking();
        let mut from = Unpack::new(answer, &mut objects);
        let value = from.take()?;
        from.done()?;
        Ok(value)
    }

    /// Answers a call.
    pub(super) async fn answer<T: Carry>(&self, id: u64, result: FopResult<T>, used: Used) {
        let packed = |result: &FopResult<T>| {
            let mut names = self.mirror.granting();
            let mut pack = Pack::new(&mut names);
            pack.put(result);
            pack.done()
        };
        let mut body = packed(&result);
        drop(result);
        if body.len() > super::ring::LONGEST / 2 {
            body = packed(&Err(Errno::EOVERFLOW.into()));
        }
        let (kept, linked) = self.mirror.settle(used);
        let mut reply = record(&Message::Reply(Reply { id, kept, linked }));
        reply.append(body);
        // Nobody is left to tell when it cannot be sent.
        let _ = self.out.send(&reply).await;
    }

    /// Gives an order, and waits for what comes of it.
    pub(super) async fn order(&self, order: Order) -> Result<Result<IoBuf, String>, Closed> {
        let ticket = self.pending.open(None)?;
        self.send(&Message::Order { id: ticket.id(), order }).await.map_err(|_| Closed)?;
        let answer = ticket.await?;
        self.read(answer).map_err(|error| {
            self.condemn(error.into());
            Closed
        })
    }

    /// Answers an order.
    pub(super) fn done(&self, id: u64, outcome: Result<IoBuf, String>) {
        let _ = self.out.post(record(&Message::Done { id, outcome }));
    }

    async fn send(&self, message: &Message) -> Result<(), SendError> {
        self.out.send(&record(message)).await
    }

    /// Says something that needs no answer.
    pub(super) fn tell(&self, message: &Message) {
        let _ = self.out.post(record(message));
    }

    /// Tells of an event.
    pub(super) fn tell_event(&self, news: EventNews) {
        self.tell(&Message::Event(news));
    }

    /// Tells that a client is gone.
    pub(super) fn tell_client_gone(&self, client: &Client) {
        let mut names = self.mirror.lending();
        let mut pack = Pack::new(&mut names);
        pack.put(&Message::ClientGone);
        pack.put(client);
        let record = pack.done();
        let leases = names.leases;
        let _ = self.out.post(record);
        self.mirror.give_back(&leases);
    }

    /// The other side broke the rules: this is over.
    pub(super) fn condemn(&self, why: Fallen) {
        let _ = self.fallen.set(why);
        self.close();
    }

    /// Why it is over, when the other side broke the rules.
    pub(super) fn fallen(&self) -> Option<&Fallen> {
        self.fallen.get()
    }

    /// Waits until it is over; one task may.
    pub(super) async fn over(&self) {
        while !self.is_closed() {
            self.over.notified().await;
        }
    }

    /// Whether it is over.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Nothing is sent any more, and no answer comes.
    pub(super) fn close(&self) {
        // First: whoever hears that its call failed must not come again and be sent here.
        self.closed.store(true, Ordering::SeqCst);
        self.out.close();
        self.pending.close();
        self.mirror.clear();
        self.over.notify_one();
    }

    /// Reads what the other side says until it breaks the rules, or until its process has come to its `end`.
    pub(super) async fn listen(
        self: Arc<Self>,
        mut inbox: Inbox,
        duty: Arc<dyn Duty>,
        end: impl Future<Output = ()>,
    ) {
        let looker = tokio::spawn(self.clone().look());
        let (mut end, mut ended) = (pin!(end), false);
        loop {
            // The last words of a process are heard before its end is.
            let heard = tokio::select! {
                biased;
                next = inbox.next(&self.out) => match next {
                    Ok((record, more)) => self.hear(record, more, &duty),
                    Err(broken) => Err(broken.into()),
                },
                () = &mut end, if !ended => {
                    ended = true;
                    continue;
                }
                () = ready(()), if ended => break self.close(),
            };
            if let Err(why) = heard {
                break self.condemn(why);
            }
        }
        looker.abort();
    }

    /// Gives up what is kept no longer, also while nothing is called, and the other side when it hangs.
    async fn look(self: Arc<Self>) {
        let mut every = tokio::time::interval(LOOK);
        let mut silence = Duration::ZERO;
        loop {
            every.tick().await;
            if self.mirror.kept() > 0 {
                self.mirror.look(usize::MAX);
            }
            if let Err(why) = self.is_well(&mut silence) {
                return self.condemn(why);
            }
        }
    }

    /// Whether the other side answers: its calls, or where it has none to answer yet, at least a ping.
    fn is_well(&self, silence: &mut Duration) -> Result<(), Fallen> {
        let waiting = self.pending.tick();
        if waiting.overdue >= HELD {
            return Err(Fallen::Holds(waiting.overdue));
        }
        if self.heard.swap(false, Ordering::Relaxed) || waiting.calls == 0 {
            *silence = Duration::ZERO;
            return Ok(());
        }
        let Some(limit) = answer_within(services::limits()) else { return Ok(()) };
        if silence.is_zero() {
            self.tell(&Message::Ping);
        }
        *silence += LOOK;
        if *silence > limit { Err(Fallen::Silent(limit.as_secs())) } else { Ok(()) }
    }

    fn hear(self: &Arc<Self>, record: IoBuf, more: bool, duty: &Arc<dyn Duty>) -> Result<(), Fallen> {
        self.heard.store(true, Ordering::Relaxed);
        let mut objects = self.mirror.borrowing();
        let whole = record.clone();
        let mut from = Unpack::new(record, &mut objects);
        match from.take()? {
            Message::Call(call) => {
                let (id, code) = (call.id, call.code);
                match duty.place().filter(|_| self.serving.load(Ordering::Relaxed) < SERVED_AT_ONCE) {
                    Some(place) => {
                        let start = serve::serving(self, place, call, &mut from)?;
                        from.done()?;
                        self.serve(start(objects.used), more);
                    }
                    None => {
                        let errno = if duty.place().is_some() { Errno::EBUSY } else { Errno::ENOTCONN };
                        self.serve(serve::refusal(self, id, code, errno)?, more);
                    }
                }
                return Ok(());
            }
            Message::Reply(Reply { id, kept, linked }) => {
                let rest = whole.slice(whole.len() - from.left()..);
                self.mirror.keep(&kept)?;
                self.mirror.link(&linked);
                let unclaimed = self.pending.answer(id, rest);
                self.mirror.give_back(&unclaimed);
                return Ok(());
            }
            Message::Order { id, order } => duty.order(self, id, order)?,
            Message::Done { id, outcome } => {
                let mut objects = NoObjects;
                let mut pack = Pack::new(&mut objects);
                pack.put(&outcome);
                self.pending.answer(id, pack.done().to_iobuf());
            }
            Message::Event(news) => duty.event(news),
            Message::ClientGone => {
                let client = from.take()?;
                duty.client_gone(client);
            }
            Message::Gone { id } => self.mirror.gone(id),
            Message::Released { id, grants } => self.mirror.released(id, grants)?,
            Message::Log(news) => duty.log(news),
            Message::Ping => self.tell(&Message::Pong),
            Message::Pong => {}
            Message::Fault { fop, what } => duty.fault(fop, &what),
        }
        from.done()?;
        Ok(())
    }

    /// Serves a call: here and now when nothing else waits to be read, else beside it.
    fn serve(self: &Arc<Self>, mut serving: Serving, more: bool) {
        self.serving.fetch_add(1, Ordering::Relaxed);
        if !more && serving.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.serving.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let peer = self.clone();
        // The owner is the call: it ends with its answer, which the graph below owes it.
        runtime::Handle::current().spawn(async move {
            serving.await;
            peer.serving.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// A call with what it has named: that comes back once its answer is read, or when it is never sent.
struct Asked<'p> {
    peer: &'p Peer,
    ticket: Ticket,
    sent: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let leases = self.peer.pending.take_back(&self.ticket, self.sent);
        self.peer.mirror.give_back(&leases);
    }
}

/// An event and where it comes from.
pub(super) fn event_news(
    child: Option<u32>,
    direction: plugin_api::abi::host::Direction,
    event: &Event,
) -> EventNews {
    EventNews { child, direction, event: event.clone() }
}
