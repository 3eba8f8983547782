//! A child that answers as a test says, fails when a test says, and keeps what it saw.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugin_api::abi::root::{FopSlot, XlatorModuleRef};
use plugin_api::options::OptionValues;
use plugin_api::prelude::*;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{Declaration, UnknownFops, positions};

/// A child for the translator under test; clones are the same child.
///
/// What it was told by [`on`](Self::on) goes before what its maker says about all other fops. It answers PARENT_UP with
/// CHILD_UP, as a leaf does.
#[derive(Clone)]
pub struct Fake(Arc<Inner>);

struct Inner {
    otherwise: Otherwise,
    keeps: bool,
    answers: Mutex<HashMap<&'static str, Box<dyn Any + Send + Sync>>>,
    seen: Mutex<Vec<Seen>>,
    fault: Mutex<Option<(u64, Errno)>>,
}

/// What becomes of a fop that has no answer of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    Refused,
    Default,
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
        let (answers, seen, fault) = Default::default();
        Self(Arc::new(Inner { otherwise, keeps, answers, seen, fault }))
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

    /// Remembers: a file system that is empty but for its root, with names, content and attributes. Links of both kinds,
    /// locks and what is asked more rarely have to be [told](Self::on); who asks makes no difference.
    #[must_use]
    pub fn memory() -> Self {
        crate::memory::mount(Self::new())
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
        *lock(&self.0.fault) = Some((n, errno));
    }

    /// Whether a call that was to fail has not come yet.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        lock(&self.0.fault).is_some()
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
    /// When it is no [`recorder`](Self::recorder).
    #[must_use]
    pub fn args<F: FopType<Args: Clone>>(&self) -> Vec<F::Args> {
        assert!(self.0.keeps, "only `Fake::recorder()` keeps arguments");
        let seen = lock(&self.0.seen);
        let kept = seen.iter().filter(|seen| seen.fop == F::NAME).filter_map(|seen| seen.args.as_ref());
        kept.map(|args| args.downcast_ref::<F::Args>().expect("kept under its fop").clone()).collect()
    }

    /// Forgets what came.
    pub fn forget(&self) {
        lock(&self.0.seen).clear();
    }

    pub(crate) fn module() -> XlatorModuleRef {
        xlator_module::<Child>()
    }

    /// Options by which the instance that a graph makes finds out which fake it is.
    pub(crate) fn options(&self) -> OptionValues {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        lock(&STARTING).get_or_insert_default().insert(id.clone(), self.clone());
        [(ID, id.as_str())].into_iter().collect()
    }

    /// Notes the call; the answer that it was told, or the fault whose turn it is.
    fn begin<F: FopType<Args: Clone>>(&self, frame: &Frame, args: &F::Args) -> FopResult<Option<Answer<F>>> {
        let args: Option<Box<dyn Any + Send>> = match self.0.keeps {
            true => Some(Box::new(args.clone())),
            false => None,
        };
        lock(&self.0.seen).push(Seen { fop: F::NAME, identity: frame.identity().clone(), args });
        self.countdown()?;
        let answers = lock(&self.0.answers);
        Ok(answers
            .get(F::NAME)
            .map(|answer| answer.downcast_ref::<Answer<F>>().expect("kept under its fop").clone()))
    }

    fn countdown(&self) -> FopResult<()> {
        let mut fault = lock(&self.0.fault);
        match *fault {
            Some((0, errno)) => {
                *fault = None;
                Err(errno.into())
            }
            Some((n, errno)) => {
                *fault = Some((n - 1, errno));
                Ok(())
            }
            None => Ok(()),
        }
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

            $(
                async fn $name(&self, frame: &Frame, args: $args) -> FopResult<$reply> {
                    match self.fake.begin::<kind::$name>(frame, &args)? {
                        Some(answer) => answer(args),
                        None if self.fake.0.otherwise == Otherwise::Refused => Err(Errno::ENOSYS.into()),
                        None => Ok(empty!($reply, args)),
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
