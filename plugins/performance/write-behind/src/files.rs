//! The files that hold something back, and the way of what they hold to the child.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;

use crate::options::Settings;
use crate::queue::{Job, Lost, Queue, Scope, Sending, Span, Wanted, rest};
use crate::recent::Recent;

const SHARDS: usize = 16;

/// One file that holds something back. It is forgotten when it does not any more.
#[derive(Debug)]
pub(crate) struct File {
    gfid: Gfid,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// Who waits for something to end.
    wakers: Vec<Waker>,
    /// Writes that wait for room in the window, first come first served.
    line: VecDeque<u64>,
    tickets: u64,
    /// It is forgotten: who still has it looks again.
    gone: bool,
}

impl File {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error that the next write, fsync or flush of a descriptor is told.
#[derive(Debug, Default)]
struct Untold(AtomicI32);

/// All files that hold something back.
#[derive(Debug, Default)]
pub(crate) struct Files {
    place: OnceLock<(CtxKey, String)>,
    shards: [Mutex<HashMap<Gfid, Arc<File>>>; SHARDS],
    /// How many there are.
    count: AtomicUsize,
    settings: RwLock<Settings>,
    /// Nothing more is held back.
    away: AtomicBool,
    ended: Mutex<()>,
    none_left: Condvar,
    pub(crate) recent: Recent,
}

/// What a write that waits for the window comes to.
enum Turn {
    Taken(Arc<File>, Vec<Sending>),
    Told(Errno),
    /// Writes have failed, and are to be tried once more before this one is taken.
    Stuck,
    /// The file was forgotten meanwhile.
    Again,
    /// Nothing is held back any more.
    Away,
}

/// Keeps the place of a write in the line.
struct Place<'f> {
    file: &'f File,
    ticket: Option<u64>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut state = self.file.state();
            state.line.retain(|waiting| *waiting != ticket);
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

impl Files {
    /// Says whose they are.
    pub(crate) fn name(&self, cx: &InitCx<'_>) {
        self.place.get_or_init(|| (cx.key(), cx.name().to_owned()));
    }

    fn place(&self) -> (CtxKey, &str) {
        let (key, name) = self.place.get().expect("init comes before fops");
        (*key, name)
    }

    pub(crate) fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.away.store(settings.pass_through, Ordering::SeqCst);
    }

    /// Whether no file holds anything back.
    pub(crate) fn is_idle(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Whether nothing is held back, and nothing will be.
    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst) && self.is_idle()
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn shard(&self, gfid: Gfid) -> MutexGuard<'_, HashMap<Gfid, Arc<File>>> {
        let shard = &self.shards[usize::from(gfid.0[15]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, gfid: Gfid) -> Option<Arc<File>> {
        if self.is_idle() {
            return None;
        }
        self.shard(gfid).get(&gfid).cloned()
    }

    fn find_or_make(&self, gfid: Gfid) -> Arc<File> {
        let mut shard = self.shard(gfid);
        let file = shard.entry(gfid).or_insert_with(|| {
            // Before the switch is looked at, which who drains has turned before he looks here.
            self.count.fetch_add(1, Ordering::SeqCst);
            Arc::new(File { gfid, state: Mutex::default() })
        });
        file.clone()
    }

    /// Whether a file holds something back.
    pub(crate) fn holds(&self, gfid: Gfid) -> bool {
        !self.is_idle() && self.shard(gfid).contains_key(&gfid)
    }

    /// Forgets a file that holds nothing.
    fn forget_if_done(&self, file: &File, state: &mut State) {
        if state.gone || !state.queue.is_empty() || !state.line.is_empty() {
            return;
        }
        state.gone = true;
        self.recent.note(file.gfid);
        self.shard(file.gfid).remove(&file.gfid);
        if self.count.fetch_sub(1, Ordering::SeqCst) == 1 && self.away.load(Ordering::SeqCst) {
            let _held = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            self.none_left.notify_all();
        }
    }

    /// What may go. Where nothing is to be held back, everything.
    fn pick(&self, state: &mut State) -> Vec<Sending> {
        let hurry = !state.line.is_empty() || self.away.load(Ordering::SeqCst);
        state.queue.pick(&self.settings(), hurry)
    }

    /// Takes a write: `None` when nothing is held back any more, and it has to go by itself.
    ///
    /// # Errors
    /// An earlier write of this descriptor has failed.
    pub(crate) async fn take(self: &Arc<Self>, frame: &Frame, args: &mut Writev) -> FopResult<Option<u64>> {
        let len = args.len();
        loop {
            let file = self.find_or_make(args.fd.inode().gfid());
            let mut place = Place { file: &file, ticket: None };
            let turn = poll_fn(|cx| self.turn(frame, args, len, &file, &mut place, cx.waker())).await;
            drop(place);
            match turn {
                Turn::Taken(file, picked) => {
                    self.launch(&file, picked);
                    return Ok(Some(len));
                }
                Turn::Told(errno) => {
                    self.forget_if_done(&file, &mut file.state());
                    return Err(errno.into());
                }
                Turn::Away => {
                    self.forget_if_done(&file, &mut file.state());
                    return Ok(None);
                }
                Turn::Stuck => {
                    let failed = self.settle(args.fd.inode().gfid(), Scope::Writes, Wanted::Yes).await;
                    if let Some(errno) = told(&args.fd, frame.key()).or(failed) {
                        return Err(errno.into());
                    }
                }
                Turn::Again => {}
            }
        }
    }

    fn turn(
        self: &Arc<Self>,
        frame: &Frame,
        args: &mut Writev,
        len: u64,
        file: &Arc<File>,
        place: &mut Place<'_>,
        waker: &Waker,
    ) -> Poll<Turn> {
        let mut state = file.state();
        if state.gone {
            return Poll::Ready(Turn::Again);
        }
        if self.away.load(Ordering::SeqCst) {
            return Poll::Ready(Turn::Away);
        }
        if let Some(errno) = told(&args.fd, frame.key()) {
            return Poll::Ready(Turn::Told(errno));
        }
        if state.queue.has_stuck() {
            return Poll::Ready(Turn::Stuck);
        }
        let settings = self.settings();
        let is_first = state.line.front().copied() == place.ticket;
        if is_first && state.queue.fits(len, settings.window) {
            if place.ticket.is_some() {
                state.line.pop_front();
            }
            // Whoever is next in the line may fit as well.
            let wakers =
                if place.ticket.take().is_some() { std::mem::take(&mut state.wakers) } else { Vec::new() };
            if !state.queue.join(frame.identity(), args, &settings) {
                let args = Writev { data: std::mem::take(&mut args.data), ..args.clone() };
                state.queue.push(Job::Write(kept(frame), args));
            }
            let picked = self.pick(&mut state);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            return Poll::Ready(Turn::Taken(file.clone(), picked));
        }
        if place.ticket.is_none() {
            place.ticket = Some(state.tickets);
            let ticket = state.tickets;
            state.line.push_back(ticket);
            state.tickets += 1;
        }
        state.queue.want(Scope::Writes, Wanted::Yes);
        state.wakers.push(waker.clone());
        let picked = self.pick(&mut state);
        drop(state);
        self.launch(file, picked);
        Poll::Pending
    }

    /// Takes a flush, which goes after all that its file holds. `None` when the flush has to go by itself: an error is to be
    /// told, or nothing is held back any more.
    pub(crate) fn take_flush(self: &Arc<Self>, frame: &Frame, args: &Flush) -> Option<()> {
        loop {
            let file = self.find_or_make(args.fd.inode().gfid());
            let mut state = file.state();
            if state.gone {
                continue;
            }
            let by_itself = self.away.load(Ordering::SeqCst)
                || state.queue.has_stuck()
                || is_to_be_told(&args.fd, frame.key());
            if by_itself {
                self.forget_if_done(&file, &mut state);
                return None;
            }
            state.queue.want(Scope::All, Wanted::Yes);
            state.queue.push(Job::Flush(kept(frame), args.clone()));
            let picked = self.pick(&mut state);
            drop(state);
            self.launch(&file, picked);
            return Some(());
        }
    }

    /// Waits until all that a file holds of `scope` by now is below. Answers the error of what did not get there.
    pub(crate) async fn settle(self: &Arc<Self>, gfid: Gfid, scope: Scope, wanted: Wanted) -> Option<Errno> {
        let file = self.find(gfid)?;
        let (now, picked) = {
            let mut state = file.state();
            if !state.queue.want(scope, wanted) {
                return None;
            }
            state.queue.begin_wait();
            (state.queue.now(), self.pick(&mut state))
        };
        self.launch(&file, picked);
        poll_fn(|cx| {
            let mut state = file.state();
            if state.queue.waits(scope, now) {
                state.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(state.queue.end_wait(scope, now))
        })
        .await
    }

    /// Whether a file holds writes that end beyond `offset`: a read from there may come short for want of them.
    pub(crate) fn reaches_beyond(&self, gfid: Gfid, offset: u64) -> bool {
        self.find(gfid).is_some_and(|file| file.state().queue.reaches_beyond(offset))
    }

    fn launch(self: &Arc<Self>, file: &Arc<File>, picked: Vec<Sending>) {
        for sending in picked {
            rt::run_inline(send(self.clone(), file.clone(), sending));
        }
    }

    /// A job has ended. Answers what may go after it.
    fn ended(
        &self,
        file: &File,
        seq: u64,
        outcome: Result<(), (Errno, Job)>,
    ) -> (Vec<Sending>, Option<Lost>) {
        let mut state = file.state();
        let away = self.away.load(Ordering::SeqCst);
        let lost = state.queue.ended(seq, outcome, &self.settings(), away);
        if let Some(lost) = &lost {
            // Before anybody who waits looks.
            let untold = lost.fd.object().ctx_or_insert_with(self.place().0, Untold::default);
            untold.0.store(lost.errno.raw(), Ordering::Release);
        }
        let picked = self.pick(&mut state);
        let wakers = std::mem::take(&mut state.wakers);
        self.forget_if_done(file, &mut state);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        (picked, lost)
    }

    /// From now on nothing is held back, and what is goes. What fails is not kept.
    pub(crate) fn go(self: &Arc<Self>) {
        self.away.store(true, Ordering::SeqCst);
        for shard in &self.shards {
            let files: Vec<_> =
                shard.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
            for file in files {
                let mut state = file.state();
                state.queue.want(Scope::All, Wanted::Yes);
                let picked = self.pick(&mut state);
                let wakers = std::mem::take(&mut state.wakers);
                drop(state);
                self.launch(&file, picked);
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Waits until no file holds anything back, no longer than `patience`. Answers how many still do.
    pub(crate) fn wait(&self, patience: Duration) -> usize {
        let end = Instant::now() + patience;
        let mut held = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.is_idle() || left.is_zero() {
                return self.count();
            }
            held = self.none_left.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A frame that outlives the call, as whoever calls.
fn kept(frame: &Frame) -> OwnedFrame {
    let mut kept = frame.fork();
    // The caller has his answer: the call is not late because of him.
    kept.set_deadline(0);
    let who = kept.identity_mut();
    who.lk_owner = who.lk_owner.detached();
    kept
}

/// The error that this descriptor is owed, told by that.
pub(crate) fn told(fd: &Fd, key: CtxKey) -> Option<Errno> {
    let untold = fd.object().ctx::<Untold>(key)?;
    match untold.0.swap(0, Ordering::AcqRel) {
        0 => None,
        errno => Some(Errno::from_raw(errno)),
    }
}

fn is_to_be_told(fd: &Fd, key: CtxKey) -> bool {
    fd.object().ctx::<Untold>(key).is_some_and(|untold| untold.0.load(Ordering::Acquire) != 0)
}

/// Brings a job below, and then what may go after it.
async fn send(files: Arc<Files>, file: Arc<File>, first: Sending) {
    let mut next = Some(first);
    while let Some(Sending { seq, job }) = next.take() {
        let (_, name) = files.place();
        let outcome = match job {
            Job::Write(frame, args) => write(frame, args).await,
            Job::Flush(frame, args) => {
                if let Err(why) = frame.child().flush(args).await {
                    log!(Warn, xl: name, "a flush that was answered has failed", gfid = file.gfid, why = why);
                }
                Ok(())
            }
        };
        let (mut picked, lost) = files.ended(&file, seq, outcome);
        if let Some(lost) = lost {
            let what =
                "acknowledged bytes are lost; the next write, fsync or flush of the descriptor is told";
            log!(Warn, xl: name, what, gfid = file.gfid, why = lost.errno);
        }
        next = picked.pop();
        files.launch(&file, picked);
    }
}

/// Writes all of it, however little the child takes at a time. Answers what is left where it fails.
async fn write(frame: OwnedFrame, mut args: Writev) -> Result<(), (Errno, Job)> {
    loop {
        let len = args.len();
        let errno = match frame.child().writev(args.clone()).await {
            Ok(done) if done.count >= len => return Ok(()),
            Ok(done) if done.count > 0 => {
                let count = usize::try_from(done.count).expect("less than what lies in memory");
                args.data = rest(&args.data, count);
                args.offset += done.count;
                continue;
            }
            Ok(_) => Errno::EIO,
            Err(why) => why.errno,
        };
        return Err((errno, Job::Write(frame, args)));
    }
}

/// Bytes that a fop is about.
pub(crate) fn bytes(offset: u64, len: u64) -> Scope {
    Scope::Bytes(Span::of(offset, len))
}
