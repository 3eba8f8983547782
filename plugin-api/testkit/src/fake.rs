//! A child that answers as a test says, fails when a test says, and keeps what it saw.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::options::OptionValues;
use plugin_api::prelude::*;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, UnknownFops, positions};

use crate::count::Counts;
use crate::fault::{Fault, Faults};
use crate::memory::{Answers, Memory};
use crate::recorder::{Recorded, Recorder};
use crate::script::Script;

/// A child for the translator under test; clones are the same child.
///
/// What it was told by [`on`](Self::on) goes before what its maker says about all other fops. It answers PARENT_UP with
/// CHILD_UP, as a leaf does.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    otherwise: Otherwise,
    keeps: AtomicBool,
    notes: AtomicBool,
    answers: Mutex<HashMap<&'static str, Box<dyn Any + Send + Sync>>>,
    seen: Mutex<Vec<Seen>>,
    faults: Arc<Faults>,
    recorder: Mutex<Option<Recorder>>,
}

/// What becomes of a fop that has no answer of its own.
#[derive(Debug, Clone)]
enum Otherwise {
    Refused,
    Default,
    Memory(Memory),
}

struct Seen {
    fop: &'static str,
    identity: Identity,
    args: Option<Box<dyn Any + Send>>,
}

type Answer<F> = Arc<dyn Fn(<F as FopType>::Args) -> FopResult<<F as FopType>::Reply> + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    fn make(otherwise: Otherwise, keeps: bool) -> Self {
        let (answers, seen, faults, recorder) = Default::default();
        let (keeps, notes) = (AtomicBool::new(keeps), AtomicBool::new(true));
        Self(Arc::new(Inner { otherwise, keeps, notes, answers, seen, faults, recorder }))
    }

    /// Answers `ENOSYS` to what it was not told.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "the default is the Fake that a graph makes of itself")]
    pub fn new() -> Self {
        Self::make(Otherwise::Refused, false)
    }

    /// Answers with an empty reply to what it was not told; an open gets the descriptor it came with.
    #[must_use]
    pub fn answering() -> Self {
        Self::make(Otherwise::Default, false)
    }

    /// As [`answering`](Self::answering), and keeps the arguments of every fop, and with them its descriptors.
    #[must_use]
    pub fn recorder() -> Self {
        Self::make(Otherwise::Default, true)
    }

    /// Remembers: a brick in memory, which is empty but for its root. It has all that `storage/posix` has but checksums,
    /// leases and messages: names and links of both kinds, content with holes, times, attributes, locks (nobody waits: what
    /// would have to is answered `EAGAIN`). What is open stays when its last name goes. Permissions are not looked at,
    /// but by `access`.
    #[must_use]
    pub fn memory() -> Self {
        Self::make(Otherwise::Memory(Memory::new()), false)
    }

    /// Lets reads of a [`memory`](Self::memory) now and then answer half of what was asked for, by this seed.
    ///
    /// # Panics
    /// When it is of another kind.
    #[must_use]
    pub fn with_short_reads(self, seed: u64) -> Self {
        let Otherwise::Memory(memory) = &self.0.otherwise else { panic!("only `Fake::memory()` reads") };
        memory.shorten_reads(seed);
        self
    }

    /// How many objects a [`memory`](Self::memory) holds, its root among them.
    ///
    /// # Panics
    /// When it is of another kind.
    #[must_use]
    pub fn objects(&self) -> usize {
        let Otherwise::Memory(memory) = &self.0.otherwise else {
            panic!("only `Fake::memory()` holds objects")
        };
        memory.store().len()
    }

    /// Says what to answer to a fop from now on.
    pub fn on<F: FopType>(&self, answer: impl Fn(F::Args) -> FopResult<F::Reply> + Send + Sync + 'static) {
        let answer: Answer<F> = Arc::new(answer);
        lock(&self.0.answers).insert(F::NAME, Box::new(answer));
    }

    /// As [`on`](Self::on), while it is being made.
    #[must_use]
    pub fn with<F: FopType>(
        self,
        answer: impl Fn(F::Args) -> FopResult<F::Reply> + Send + Sync + 'static,
    ) -> Self {
        self.on::<F>(answer);
        self
    }

    /// Fails the `n`th call from now, 0 for the next one, and only that.
    pub fn fail_call(&self, n: u64, errno: Errno) {
        self.fault(n, Fault::Fail(errno));
    }

    /// What becomes of the `n`th call from now, 0 for the next one.
    ///
    /// ```
    /// # use plugin_api::prelude::*;
    /// # use plugin_testkit::{Fake, Fault, Testkit, poll};
    /// # #[derive(Debug, Default)]
    /// # struct Pass;
    /// # #[xlator("debug/pass", unknown_fops = "pass")]
    /// # impl Xlator for Pass {}
    /// # fn main() {
    /// let bench = Testkit::<Pass>::new().child(Fake::answering()).start();
    /// bench.fake().fault(0, Fault::Hold);
    /// let frame = bench.frame(Identity::default(), None);
    /// let mut first = frame.child().stat(Stat { loc: Loc::default(), xdata: Dict::new() });
    /// assert!(poll(&mut first).is_none(), "the child keeps it");
    /// bench.call::<kind::stat>(Stat { loc: Loc::default(), xdata: Dict::new() }).expect("others go on");
    /// bench.fake().release();
    /// poll(&mut first).expect("it was let go").expect("and answered");
    /// # }
    /// ```
    pub fn fault(&self, n: u64, fault: Fault) {
        self.0.faults.add(n, fault);
    }

    /// What becomes of every call from now on that has no fault of its own.
    pub fn always(&self, fault: Option<Fault>) {
        self.0.faults.always(fault);
    }

    /// No more faults; calls that are held stay so.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// Lets the calls go that [`Fault::Hold`] keeps.
    pub fn release(&self) {
        self.0.faults.release();
    }

    /// How many calls are kept from being answered.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.faults.held()
    }

    /// Whether a call that was to have a fault has not come yet.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.0.faults.is_one_to_come()
    }

    /// The names of the fops that came.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        lock(&self.0.seen).iter().map(|seen| seen.fop).collect()
    }

    /// Who asked, for each of [`calls`](Self::calls).
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        lock(&self.0.seen).iter().map(|seen| seen.identity.clone()).collect()
    }

    /// The arguments of every fop of a kind.
    ///
    /// # Panics
    /// When it is no [`recorder`](Self::recorder) and was not told to [keep](Self::keep_args) them.
    #[must_use]
    pub fn args<F: FopType<Args: Clone>>(&self) -> Vec<F::Args> {
        assert!(
            self.0.keeps.load(Ordering::Relaxed),
            "call `Fake::keep_args` before arguments are asked for"
        );
        let seen = lock(&self.0.seen);
        let kept = seen.iter().filter(|seen| seen.fop == F::NAME).filter_map(|seen| seen.args.as_ref());
        kept.map(|args| args.downcast_ref::<F::Args>().expect("kept under its fop").clone()).collect()
    }

    /// Keeps the arguments of what comes from now on, as a [`recorder`](Self::recorder) does.
    pub fn keep_args(&self) {
        self.0.keeps.store(true, Ordering::Relaxed);
    }

    /// Keeps no notes of what comes from now on: for very many fops.
    pub fn stop_noting(&self) {
        self.0.notes.store(false, Ordering::Relaxed);
        self.forget();
    }

    /// Writes down from now on what comes, as a [script](Self::script).
    pub fn record(&self) {
        *lock(&self.0.recorder) = Some(Recorder::default());
    }

    /// What was [recorded](Self::record): each fop with what it was about. What a script cannot do again is a comment.
    #[must_use]
    pub fn script(&self) -> Script {
        lock(&self.0.recorder).as_ref().map(|recorder| recorder.script.clone()).unwrap_or_default()
    }

    /// Forgets what came.
    pub fn forget(&self) {
        lock(&self.0.seen).clear();
    }

    pub(crate) fn counts(&self) -> Option<Arc<Counts>> {
        match &self.0.otherwise {
            Otherwise::Memory(memory) => Some(memory.counts.clone()),
            _ => None,
        }
    }

    pub(crate) fn module() -> XlatorModuleRef {
        // Made once: tables of functions are never freed.
        static MODULE: OnceLock<XlatorModuleRef> = OnceLock::new();
        *MODULE.get_or_init(xlator_module::<Child>)
    }

    /// Options by which the instance that a graph makes finds out which fake it is.
    pub(crate) fn options(&self) -> OptionValues {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        lock(&STARTING).get_or_insert_default().insert(id.clone(), self.clone());
        [(ID, id.as_str())].into_iter().collect()
    }

    /// Notes the call; the fault whose turn it is.
    fn begin<F: FopType<Args: Clone>>(&self, frame: &Frame, args: &F::Args) -> Option<Fault> {
        let args: Option<Box<dyn Any + Send>> = match self.0.keeps.load(Ordering::Relaxed) {
            true => Some(Box::new(args.clone())),
            false => None,
        };
        if self.0.notes.load(Ordering::Relaxed) {
            lock(&self.0.seen).push(Seen { fop: F::NAME, identity: frame.identity().clone(), args });
        }
        self.0.faults.next()
    }

    /// Writes a call down; the name that its answer may belong to.
    fn write_down<F: Recorded>(&self, args: &F::Args) -> Option<Loc> {
        let mut recorder = lock(&self.0.recorder);
        recorder.as_mut()?.write::<F>(args);
        F::names(args).map(|(loc, _)| loc)
    }

    /// Learns what a name stands for.
    fn learn<F: Recorded>(&self, named: Option<&Loc>, reply: &F::Reply) {
        if let (Some(recorder), true) = (&mut *lock(&self.0.recorder), named.is_some()) {
            recorder.answered::<F>(named, reply);
        }
    }

    /// The answer that it was told for a kind of fop.
    fn told<F: FopType>(&self) -> Option<Answer<F>> {
        let answers = lock(&self.0.answers);
        answers
            .get(F::NAME)
            .map(|answer| answer.downcast_ref::<Answer<F>>().expect("kept under its fop").clone())
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fake").field(&self.calls()).finish()
    }
}

/// Runs `scenario` over a child from `make` whose call 0 fails, then over one whose call 1 fails, and so on, until a run
/// goes through without reaching its fault. Answers how many runs met theirs.
pub fn fail_each_call(errno: Errno, make: impl Fn() -> Fake, mut scenario: impl FnMut(Fake)) -> u64 {
    let mut n = 0;
    loop {
        let fake = make();
        fake.fail_call(n, errno);
        scenario(fake.clone());
        if fake.is_failing() {
            return n;
        }
        n += 1;
    }
}

const ID: &str = "fake";

/// Fakes whose graphs have not started yet.
static STARTING: Mutex<Option<HashMap<String, Fake>>> = Mutex::new(None);

/// The translator that a graph makes of a [`Fake`].
struct Child {
    fake: Fake,
}

impl Default for Child {
    fn default() -> Self {
        Self { fake: Fake::new() }
    }
}

/// The reply to a fop that nobody scripted.
macro_rules! empty {
    (Opened, $args:ident) => {
        Opened { fd: $args.fd, xdata: Dict::new() }
    };
    (Created, $args:ident) => {
        Created {
            fd: $args.fd,
            iatt: Iatt::default(),
            pre_parent: Iatt::default(),
            post_parent: Iatt::default(),
            xdata: Dict::new(),
        }
    };
    ($reply:ident, $args:ident) => {{
        drop($args);
        $reply::default()
    }};
}

macro_rules! child {
    ($($(#[$doc:meta])* $code:literal $name:ident $args:ident $reply:ident,)*) => {
        impl Xlator for Child {
            fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
                let id = cx.find(ID).unwrap_or_default();
                let fake = lock(&STARTING).as_mut().and_then(|starting| starting.remove(id));
                self.fake = fake.ok_or_else(|| InitError("a fake is started once".to_owned()))?;
                Ok(())
            }

            fn notify(&self, cx: &NotifyCx<'_>, event: &Event) {
                if event.kind == EventKind::PARENT_UP {
                    cx.me().notify_up(&EventKind::CHILD_UP.into());
                }
            }

            fn client_disconnect(&self, _me: &Handle, client: &Client) {
                if let Otherwise::Memory(memory) = &self.fake.0.otherwise {
                    memory.disconnect(client);
                }
            }

            fn fini(&self) {
                self.fake.0.faults.finished();
            }

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    let fault = self.fake.begin::<kind::$name>(frame, &args);
                    let named = self.fake.write_down::<kind::$name>(&args);
                    if let Some(fault) = fault {
                        self.fake.0.faults.before(fault).await?;
                    }
                    let answer = match (self.fake.told::<kind::$name>(), &self.fake.0.otherwise) {
                        (Some(answer), _) => answer(args),
                        (None, Otherwise::Refused) => Err(Errno::ENOSYS.into()),
                        (None, Otherwise::Default) => Ok(empty!($reply, args)),
                        (None, Otherwise::Memory(memory)) => {
                            Answers::<kind::$name>::answer(memory, frame, args).map_err(FopError::from)
                        }
                    };
                    if let Ok(reply) = &answer {
                        self.fake.learn::<kind::$name>(named.as_ref(), reply);
                    }
                    match fault {
                        Some(Fault::Lose(errno)) => Err(errno.into()),
                        _ => answer,
                    }
                }
            )*
        }

        impl XlatorInfo for Child {
            const FOPS: &'static [FopSlot] = &[$(plugin_api::sdk::later::$name::<Child>()),*];

            fn declaration() -> Declaration {
                Declaration {
                    type_name: "debug/fake".into(),
                    doc: "answers as a test says".into(),
                    options: Options::new().text(ID, "which fake this is"),
                    positions: positions::ANY,
                    unknown_fops: UnknownFops::PASS,
                    ..Declaration::default()
                }
            }
        }
    };
}

plugin_api::for_each_fop!(child);
