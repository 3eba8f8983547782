//! What the management daemon makes of the CLI's requests, and of keys of volfiles.

use mgmt_glusterd::user_xlators::plugins::NoPlugins;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuzz::{Room, within};
use gluster_xdr::brickop::{BrickOpRsp, BrickProc};
use gluster_xdr::{cli::CliReq, decode, encode};
use mgmt_glusterd::brick::Brick;
use mgmt_glusterd::bricks::runner::{BrickFault, Order, Runner, Standing};
use mgmt_glusterd::config::Config;
use mgmt_glusterd::daemon::{Daemon, Outside};
use mgmt_glusterd::hooks::Hook;
use mgmt_glusterd::links::Question;
use mgmt_glusterd::ops::{
    Operation, Refusal, create, delete, log_rotate, reset, run, set, start, status, stop,
};
use mgmt_glusterd::options::edit;
use mgmt_glusterd::paths::Paths;
use mgmt_glusterd::queries::{info, option_values, spec};
use mgmt_glusterd::services::runner::{self as services, ServiceFault};
use mgmt_glusterd::services::service::Service;
use mgmt_glusterd::state::State;
use mgmt_glusterd::store::folder::StoredVolume;
use mgmt_glusterd::store::restore::{make_folders, restore};
use mgmt_glusterd::volgen::files;
use mgmt_glusterd::volume::{Credentials, Volume, VolumeKind};
use plugin_api::rt::BoxFuture;
use plugin_api::{Dict, IoBuf, Value};
use plugin_testkit::{attach, block_on};
use proptest::prelude::*;
use proptest::sample::select;
use rustix::process::Signal;
use uuid::Uuid;

/// Volfiles are generated anew, and the volume's files written; requests may be as large as they are.
const ROOM: Room = Room { fixed: 2 << 20, each_byte: 256 };

/// Bricks and services that always do as they are told.
#[derive(Debug)]
struct Tame;

impl Runner for Tame {
    fn start(&self, _order: Order) -> BoxFuture<Result<u16, BrickFault>> {
        Box::pin(std::future::ready(Ok(49152)))
    }

    fn stop(&self, _volume: &str, _brick: &Brick) -> BoxFuture<Result<(), BrickFault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn standing(&self, _volume: &str, _brick: &Brick) -> Standing {
        Standing { pid: Some(7) }
    }

    fn signal(&self, _volume: &str, _brick: &Brick, _signal: Signal) -> bool {
        true
    }

    fn ask(&self, _: &str, _: &Brick, _: BrickProc, _: Dict) -> BoxFuture<Result<Dict, BrickFault>> {
        Box::pin(std::future::ready(Ok(Dict::new())))
    }
}

impl services::Runner for Tame {
    fn start(&self, _service: Service) -> BoxFuture<Result<(), ServiceFault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn stop(&self, _: &'static str, _pidfile: &Path) -> BoxFuture<Result<(), ServiceFault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn running(&self, _pidfile: &Path) -> Option<services::Running> {
        None
    }

    fn see_off(&self, _: &'static str, _pidfile: &Path) {}

    fn ended(&self, _pidfile: &Path) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }

    fn ask(&self, _: &'static str, _: &Path, _: Question) -> BoxFuture<Result<BrickOpRsp, ServiceFault>> {
        Box::pin(std::future::ready(Ok(BrickOpRsp::default())))
    }

    fn mark(&self, _: Vec<OsString>, _: &'static str, _: String) -> BoxFuture<Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn signal(&self, _: &Path, _: Signal) -> bool {
        false
    }

    fn change(&self, _: Vec<OsString>, _: services::Change) -> BoxFuture<Result<(), services::ChangeFault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn read(
        &self,
        _: Vec<OsString>,
        _: String,
        _: String,
    ) -> BoxFuture<Result<Vec<u8>, services::ChangeFault>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn show(&self, _: Vec<OsString>) -> BoxFuture<Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn walk(&self, _: services::Walk) {}
}

impl Outside for Tame {
    fn volfiles_changed(&self) {}

    fn run_later(&self, _hook: Hook) {}
}

/// A daemon in a private folder, with one volume.
struct Lab {
    daemon: Daemon,
    work: PathBuf,
    _root: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        attach();
        // In memory where that is: every accepted request is written and synced.
        let shm = Path::new("/dev/shm");
        let root = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() }.unwrap();
        let at = |name: &str| root.path().join(name);
        let mut paths = Paths::new(at("work"), at("run"), at("log"));
        paths.sockets = at("run");
        make_folders(&paths).unwrap();
        let mut volume = Volume::new("v", Uuid::new_v4(), VolumeKind::Distribute, Credentials::generate());
        for n in [1, 2] {
            let id = volume.next_brick_id();
            volume.bricks.push(Brick::new(Uuid::new_v4(), "localhost", &format!("/nowhere/{n}"), &id));
        }
        edit::set_created(&mut volume, "inet");
        let volfiles = files::generate(&volume, &restore(&paths).unwrap().options, &paths, &NoPlugins);
        StoredVolume::new(volume).unwrap().create(&paths, &volfiles).unwrap();
        let state = State::from(restore(&paths).unwrap());
        let config = Config { socket_file: at("glusterd.socket"), ..Config::standard(paths) };
        let tame = || Arc::new(Tame);
        let daemon = Daemon::new(config, state, tame(), tame(), tame(), Arc::new(NoPlugins));
        assert!(spec::answer(&daemon, b"v", true, u32::MAX).is_ok(), "a good key has its volfile");
        Self { daemon, work: at("work"), _root: root }
    }

    fn operate<O: Operation>(&self, new: impl FnOnce(&Dict) -> Result<O, Refusal>, request: &Dict) {
        if let Ok(operation) = new(request) {
            let _ = block_on(run(&self.daemon, operation, request.clone()));
        }
    }

    /// One of the commands on this request. What would touch folders of bricks is only read.
    fn ask(&self, command: u8, request: &Dict) {
        let daemon = &self.daemon;
        match command {
            0 => drop(create::Create::new(daemon, &mut request.clone())),
            1 => drop(delete::Delete::new(request)),
            2 => drop(log_rotate::LogRotate::new(&mut request.clone())),
            3 => self.operate(set::Set::new, request),
            4 => self.operate(reset::Reset::new, request),
            5 => self.operate(start::Start::new, request),
            6 => self.operate(status::Status::new, request),
            7 => self.operate(stop::Stop::new, request),
            8 => drop(info::answer(daemon, request)),
            _ => drop(option_values::answer(daemon, request.clone())),
        }
    }
}

thread_local! {
    static LAB: OnceCell<Lab> = const { OnceCell::new() };
}

fn in_lab<R>(work: impl FnOnce(&Lab) -> R) -> R {
    LAB.with(|lab| work(lab.get_or_init(Lab::new)))
}

const KEYS: [&str; 26] = [
    "volname",
    "volname",
    "volname",
    "count",
    "key1",
    "key1",
    "value1",
    "value1",
    "key2",
    "value2",
    "key",
    "type",
    "bricks",
    "transport",
    "force",
    "flags",
    "cmd",
    "cmd-str",
    "brick",
    "replica-count",
    "stripe-count",
    "disperse-count",
    "redundancy-count",
    "arbiter-count",
    "ignore-partition",
    "timeout",
];

const VALUES: [&str; 34] = [
    "v",
    "v",
    "v",
    "v",
    "all",
    "help",
    "",
    "0",
    "1",
    "2",
    "-1",
    "10000",
    "4294967295",
    "99999999999999999999",
    "1e9",
    "on",
    "off",
    "maybe",
    "tcp",
    "..",
    "../../../../tmp/x",
    "/",
    "a/b",
    " localhost:/nowhere/1 localhost:/nowhere/2 ",
    "localhost:",
    ":/",
    "nfs.disable",
    "performance.cache-size",
    "auth.allow",
    "features.read-only",
    "user.note",
    "cluster.*",
    "client.bind-insecure\nvolume x",
    "64KB",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = || select(&VALUES[..]).prop_map(|text| text.as_bytes().to_vec());
    let nul = |mut text: Vec<u8>| {
        text.push(0);
        text
    };
    prop_oneof![
        8 => known().prop_map(nul),
        1 => known(),
        1 => "[ -~é\n]{0,40}".prop_map(String::into_bytes).prop_map(nul),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (0..2000_usize).prop_map(|len| vec![b'x'; len]),
    ]
}

/// A request as it comes from the wire: values without types.
fn request() -> impl Strategy<Value = Dict> {
    let pairs = prop::collection::vec((select(&KEYS[..]), value()), 0..10);
    (pairs, prop::bool::weighted(0.8)).prop_map(|(hostile, is_whole)| {
        // A request with these gets further than others; what comes later under a key goes before it.
        let good = [("volname", "v\0"), ("count", "2\0"), ("cmd", "256\0")];
        let good = good.into_iter().filter(|_| is_whole).map(|(key, value)| (key, value.as_bytes().to_vec()));
        let pairs = good.chain(hostile);
        let pairs = pairs.map(|(key, value)| (key, Value::Untyped(IoBuf::from(value))));
        let sent = encode(&CliReq { dict: pairs.collect() });
        decode::<CliReq>(&IoBuf::from(sent)).unwrap().dict
    })
}

/// Every file below a folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { tree(&path) } else { vec![path] }).collect()
}

proptest! {
    #[test]
    fn any_request(command in 0..10_u8, request in request()) {
        in_lab(|lab| {
            let len = request.iter().map(|(key, value)| key.as_bytes().len() + value.as_bytes().map_or(0, <[u8]>::len));
            let len = len.sum();
            within(ROOM, len, || lab.ask(command, &request));
            prop_assert!(lab.daemon.volume("v").is_some());
            Ok(())
        })?;
    }

    #[test]
    fn any_key_of_a_volfile_leads_nowhere_else(
        key in "(v|/|[.][.]|[.]|gluster|snapd|snaps|rebalance|gfproxyd|client|trusted|-|quotad|glusterd[.]info|vols|[a-z\0é]){0,10}",
        is_trusted in any::<bool>(),
    ) {
        in_lab(|lab| {
            if let Ok(text) = spec::answer(&lab.daemon, key.as_bytes(), is_trusted, u32::MAX) {
                let volfiles = tree(&lab.work).into_iter().filter(|path| path.extension().is_some_and(|e| e == "vol"));
                prop_assert!(volfiles.map(|path| std::fs::read(path).unwrap()).any(|whole| whole == text), "{}", key);
            }
            Ok(())
        })?;
    }
}
