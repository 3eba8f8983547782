//! Fake translators for the tests of the graph, linked into the test itself.
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use plugin_api::abi::root::FopSlot;
use plugin_api::fop::{Done, FopResult, Ipc};
use plugin_api::options::Options;
use plugin_api::sdk::module::{XlatorInfo, xlator_module};
use plugin_api::{
    Declaration, Dict, Errno, Event, Frame, InitCx, InitError, NotifyCx, UnknownFops, Xlator, positions,
};

use super::{Draft, Modules, Opened, construct};
use crate::loader::Build;
use crate::volfile;

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether `test/waits` may go on, and who waits for it.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Lets every `test/waits` end its `init`.
pub(crate) fn open_gate() {
    *GATE.0.lock().unwrap() = true;
    GATE.1.notify_all();
}

/// What translators whose names begin with `prefix` heard so far.
pub(crate) fn heard(prefix: &str) -> Vec<String> {
    let heard = HEARD.lock().unwrap();
    heard.iter().filter(|line| line.rsplit(' ').next().unwrap().starts_with(prefix)).cloned().collect()
}

fn hear(what: String) {
    HEARD.lock().unwrap().push(what);
}

/// A draft of a volfile with fake translators.
pub(crate) fn draft(text: &str) -> Draft {
    construct(volfile::from_bytes("test.vol", text.as_bytes()).unwrap(), &Fakes)
}

/// The fake translators, by type.
pub(crate) struct Fakes;

impl Modules for Fakes {
    fn xlator(&self, type_name: &str) -> Result<Opened, String> {
        let module = match type_name {
            "test/leaf" => xlator_module::<Fake<0>>(),
            "test/pass" => xlator_module::<Fake<1>>(),
            "test/needy" => xlator_module::<Fake<2>>(),
            "test/brick-only" => xlator_module::<Fake<3>>(),
            "test/client-only" => xlator_module::<Fake<4>>(),
            "test/refuses" => xlator_module::<Fake<5>>(),
            "test/panics" => xlator_module::<Fake<6>>(),
            "test/hangs" => xlator_module::<Fake<7>>(),
            "protocol/server" => xlator_module::<Fake<8>>(),
            "test/holds" => xlator_module::<Fake<9>>(),
            "test/late" => xlator_module::<Fake<10>>(),
            "test/waits" => xlator_module::<Fake<11>>(),
            "test/answers" => xlator_module::<Answers>(),
            "meta" | "features/worm" | "features/mac-compat" | "features/gfid-access" => {
                xlator_module::<Fake<1>>()
            }
            other => return Err(format!("there is no translator `{other}`")),
        };
        Ok(Opened { module, declaration: module.declare(), build: Build::default(), account: None })
    }
}

/// The fake translators, all of them of another build.
pub(crate) struct Rebuilt(pub(crate) &'static str);

impl Modules for Rebuilt {
    fn xlator(&self, type_name: &str) -> Result<Opened, String> {
        let opened = Fakes.xlator(type_name)?;
        Ok(Opened { build: Build { id: self.0.to_owned(), ..opened.build.clone() }, ..opened })
    }
}

/// A draft of a volfile whose translators are all of another build.
pub(crate) fn rebuilt(text: &str, build: &'static str) -> Draft {
    construct(volfile::from_bytes("test.vol", text.as_bytes()).unwrap(), &Rebuilt(build))
}

const NAMES: [&str; 12] = [
    "test/leaf",
    "test/pass",
    "test/needy",
    "test/brick-only",
    "test/client-only",
    "test/refuses",
    "test/panics",
    "test/hangs",
    "protocol/server",
    "test/holds",
    "test/late",
    "test/waits",
];

#[derive(Debug, Default)]
struct Fake<const KIND: usize> {
    name: String,
}

impl<const KIND: usize> Xlator for Fake<KIND> {
    fn options() -> Options {
        match KIND {
            0 => Options::new()
                .size("size", "how much")
                .range(1.0, 1_048_576.0)
                .default_value("4KB")
                .reconfigurable()
                .text("fixed", "cannot change"),
            2 => Options::new().text("must", "what it lives on").required(),
            8 => Options::new()
                .text("auth-path", "the brick")
                .text("auth.addr.*.allow", "who")
                .int("other", ""),
            10 => Options::new().bool("pass-through", "holds nothing back").reconfigurable(),
            _ => Options::new(),
        }
    }

    fn init(&mut self, cx: &InitCx<'_>) -> Result<(), InitError> {
        self.name = cx.name().to_owned();
        hear(format!("init {}", self.name));
        match KIND {
            5 => Err(InitError("not today".to_owned())),
            6 => panic!("oh no"),
            7 => loop {
                std::thread::park_timeout(Duration::from_secs(60));
            },
            11 => {
                drop(GATE.1.wait_while(GATE.0.lock().unwrap(), |open| !*open).unwrap());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        if let Some(passes) = cx.find("pass-through") {
            hear(format!("pass-through {passes} {}", self.name));
            return Ok(());
        }
        let size = cx.find("size").unwrap_or("-");
        hear(format!("reconfigure {size} {}", self.name));
        if size == "13" { Err(InitError("13 brings bad luck".to_owned())) } else { Ok(()) }
    }

    fn notify(&self, _cx: &NotifyCx<'_>, event: &Event) {
        hear(format!("event {} {}", event.kind.0, self.name));
    }

    fn dump(&self, out: &mut String) {
        out.push_str(&format!("kind={KIND}\n"));
    }

    fn fini(&self) {
        hear(format!("fini {}", self.name));
    }
}

/// Answers an `ipc` with its own name and the operation's number.
#[derive(Debug, Default)]
struct Answers;

impl Xlator for Answers {
    async fn ipc(&self, frame: &Frame, args: Ipc) -> FopResult<Done> {
        match args.xdata.int("op") {
            Some(3) => Ok(Done { xdata: Dict::new().with(frame.name().to_owned(), args.op) }),
            _ => Err(Errno::EINVAL.into()),
        }
    }
}

impl XlatorInfo for Answers {
    const FOPS: &'static [FopSlot] = &[plugin_api::sdk::later::ipc::<Answers>()];

    fn declaration() -> Declaration {
        Declaration { type_name: "test/answers".into(), ..Fake::<0>::declaration() }
    }
}

impl<const KIND: usize> XlatorInfo for Fake<KIND> {
    const FOPS: &'static [FopSlot] = &[];

    fn declaration() -> Declaration {
        Declaration {
            type_name: NAMES[KIND].into(),
            doc: "a fake".into(),
            options: Self::options(),
            positions: match KIND {
                3 => positions::BRICK,
                4 => positions::CLIENT,
                _ => positions::ANY,
            },
            unknown_fops: UnknownFops::PASS,
            more: if KIND == 9 { Dict::new().with("replace", "restart") } else { Dict::new() },
        }
    }
}
