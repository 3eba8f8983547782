//! A brick's process, and the folders inside and outside of its brick.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;
use tests::built::{file, host, place};
use tests::wait::{wait_for, wait_until};

use crate::client::Client;

/// The translators from the bottom up, with lines of their sections; `@` is the brick's folder.
const CHAIN: [(&str, &str); 17] = [
    ("storage/posix", "option directory @\noption volume-id 1f28040f-b4a8-4733-91ee-d3f215c329bf"),
    ("features/trash", "option trash-dir .trashcan\noption brick-path @\noption trash-internal-op off"),
    ("features/changelog", "option changelog-brick @\noption changelog-dir @/.glusterfs/changelogs"),
    ("features/bitrot-stub", "option export @\noption bitrot disable"),
    ("features/access-control", ""),
    ("features/locks", "option enforce-mandatory-lock off"),
    ("features/worm", "option worm off\noption worm-file-level off"),
    ("features/read-only", "option read-only off"),
    ("features/leases", "option leases off"),
    ("features/upcall", "option cache-invalidation on"),
    ("performance/io-threads", ""),
    ("features/selinux", "option selinux on"),
    (
        "features/marker",
        "option volume-uuid 1f28040f-b4a8-4733-91ee-d3f215c329bf\noption timestamp-file @.tstamp",
    ),
    ("features/barrier", "option barrier disable"),
    (
        "features/index",
        "option index-base @/.glusterfs/indices\noption xattrop-dirty-watchlist trusted.afr.dirty",
    ),
    ("features/quota", "option volume-uuid v\noption server-quota off"),
    ("debug/io-stats", "option unique-id @"),
];
const BESIDE: [&str; 4] = ["protocol/server", "rpc-transport/socket", "auth/addr", "auth/login"];
const VOLUME_ID: [u8; 16] =
    [0x1f, 0x28, 0x04, 0x0f, 0xb4, 0xa8, 0x47, 0x33, 0x91, 0xee, 0xd3, 0xf2, 0x15, 0xc3, 0x29, 0xbf];

/// How much a brick may grow over claims of a thousand times as much.
const SLACK_KIB: u64 = 64 << 10;

/// A brick that runs.
pub(crate) struct Brick {
    folder: TempDir,
    process: Child,
    port: u16,
    before: Vec<String>,
    /// How much it may grow under attack.
    pub(crate) slack_kib: u64,
}

impl Brick {
    /// Starts one that lets everybody in.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Starts one; the server's section has these options too, where `@` is the brick's name.
    pub(crate) fn with(server: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("the temporary folder takes a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["brick", "outside", "outside/dir", "plugins", "run"] {
            fs::create_dir(path(name)).expect("scratch");
        }
        fs::write(path("outside/secret"), "secret").expect("scratch");
        fs::write(path("outside/dir/inner"), "inner").expect("scratch");
        for name in CHAIN.iter().map(|(name, _)| *name).chain(BESIDE) {
            let built = file(&format!("lib{}.so", name.replace(['/', '-'], "_")));
            fs::hard_link(&built, place(&path("plugins"), name))
                .or_else(|_| fs::copy(&built, place(&path("plugins"), name)).map(drop))
                .expect("a plugin can be laid out");
        }
        rustix::fs::setxattr(
            path("brick"),
            "trusted.glusterfs.volume-id",
            &VOLUME_ID,
            rustix::fs::XattrFlags::empty(),
        )
        .expect("root may set trusted xattrs");
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
        let port = free.expect("a free port").port();
        fs::write(path("brick.vol"), volfile(&path("brick"), port, server)).expect("scratch");
        let process = host("glusterfsd")
            .arg("-N")
            .arg("-f")
            .arg(path("brick.vol"))
            .arg("-l")
            .arg(path("log"))
            .arg("-p")
            .arg(path("run/pid"))
            .arg("-S")
            .arg(path("run/socket"))
            .arg("--plugin-dir")
            .arg(path("plugins"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(path("err")).expect("scratch"))
            .spawn()
            .expect("the host was built");
        let mut brick = Self { folder, process, port, before: Vec::new(), slack_kib: SLACK_KIB };
        wait_for("the brick lets a client in", || {
            let ended = brick.process.try_wait().expect("it is our child");
            assert!(ended.is_none(), "{}{}", brick.text("err"), brick.text("log"));
            let mut client = Client::connect(brick.port)?;
            client.ask_in(&brick.request())?.op_ret.eq(&0).then_some(())
        });
        brick.before = listing(&brick.path("outside"));
        brick.forget_peak();
        brick
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What the brick has logged.
    pub(crate) fn log(&self) -> String {
        self.text("log")
    }

    /// The brick's name for clients.
    pub(crate) fn name(&self) -> String {
        self.path("brick").display().to_string()
    }

    /// What a client says who wants to get in.
    pub(crate) fn request(&self) -> plugin_api::Dict {
        plugin_api::Dict::new()
            .with("remote-subvolume", self.name())
            .with("process-uuid", "CTX_ID:1-GRAPH_ID:0-PID:7-HOST:h-PC_NAME:v-client-0-RECON_NO:-0")
            .with("fops-version", "1298437")
            .with("process-name", "fuse")
            .with("client-version", "10.3")
            // For the bricks that ask for them.
            .with("username", "user")
            .with("password", "pass-word")
    }

    /// A connection that has not signed in.
    pub(crate) fn stranger(&self) -> Client {
        wait_for("a connection", || Client::connect(self.port))
    }

    /// A client that is in.
    pub(crate) fn client(&self) -> Client {
        let mut client = self.stranger();
        let answer = client.ask_in(&self.request()).expect("an answer");
        assert_eq!(answer.op_ret, 0, "{:?}", answer.dict);
        client
    }

    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).expect("the brick has ended")
    }

    fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").expect("our own child");
    }

    /// Runs `attack`; the brick must live, serve, not have grown, and have left alone what is outside.
    pub(crate) fn withstands(&mut self, attack: impl FnOnce(&Self)) {
        self.client().is_served();
        let grown_from = self.status("VmHWM");
        attack(self);
        let ended = self.process.try_wait().expect("it is our child");
        assert!(ended.is_none(), "the brick has ended: {}{}", self.text("err"), self.log());
        self.client().is_served();
        let grown = self.status("VmHWM").saturating_sub(grown_from);
        assert!(grown < self.slack_kib, "the brick grew by {grown} KiB");
        assert_eq!(listing(&self.path("outside")), self.before, "something outside was touched");
        let log = self.log();
        assert!(!log.contains("panicked"), "a translator had a fault: {log}");
    }

    /// Waits until nobody but the tests' own folders are left in the brick's root.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("brick")).expect("it is ours");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("a name").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Brick {
    fn drop(&mut self) {
        let _ = self.process.kill();
        wait_until("the brick ends", || self.process.try_wait().is_ok_and(|ended| ended.is_some()));
    }
}

fn volfile(brick: &Path, port: u16, server: &[(&str, &str)]) -> String {
    let brick = brick.display().to_string();
    let (mut text, mut below) = (String::new(), None::<String>);
    for (kind, options) in CHAIN {
        let last = kind == "debug/io-stats";
        let name =
            if last { brick.clone() } else { format!("v-{}", kind.rsplit('/').next().unwrap_or(kind)) };
        text += &format!("volume {name}\ntype {kind}\n{}\n", options.replace('@', &brick));
        if let Some(below) = below.replace(name) {
            text += &format!("subvolumes {below}\n");
        }
        text += "end-volume\n";
    }
    text += &format!(
        "volume v-server\ntype protocol/server\noption transport-type tcp\noption listen-port {port}\n"
    );
    text += "option transport.socket.bind-address 127.0.0.1\n";
    if !server.iter().any(|(key, _)| key.ends_with("allow")) {
        text += &format!("option auth.addr.{brick}.allow *\n");
    }
    for (key, value) in server {
        text += &format!("option {} {value}\n", key.replace('@', &brick));
    }
    text + &format!("subvolumes {brick}\nend-volume\n")
}

/// Everything below a folder: what it is, when it was changed, what is in it.
fn listing(folder: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("it is ours") {
        let path = entry.expect("a name").path();
        let meta = path.symlink_metadata().expect("nobody removes it");
        let content = if meta.is_file() { fs::read(&path).expect("it is ours") } else { Vec::new() };
        all.push(format!(
            "{} {:o} {} {} {}.{} {content:?}",
            path.display(),
            meta.mode(),
            meta.uid(),
            meta.nlink(),
            meta.ctime(),
            meta.ctime_nsec()
        ));
        if meta.is_dir() {
            all.extend(listing(&path));
        }
    }
    all.sort();
    all
}
