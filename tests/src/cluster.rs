//! One daemon in a sandbox, the CLI that commands it and the clients that mount from it.

use crate::process::{Answer, Process};
use crate::sandbox::{HOST, Sandbox};
use crate::stack::Stack;
use crate::wait::{wait_for, wait_result, wait_until};
use rustix::process::Signal;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The state folder inside every sandbox.
pub const STATE: &str = "/var/lib/glusterd";

/// The folder inside every sandbox where bricks and mount points lie.
pub const DATA: &str = "/srv";

/// The folder inside a sandbox in which a daemon finds plugins beside the installed ones.
const PLUGINS: &str = "/srv/plugins";

/// A sandbox in which daemons of one stack run, driven by the programs of another.
#[derive(Debug)]
pub struct Cluster {
    sandbox: Sandbox,
    server: Stack,
    client: Stack,
}

impl Deref for Cluster {
    type Target = Sandbox;
    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Cluster {
    /// A sandbox for the stacks under test, with nothing started in it; `None` without root.
    pub fn new() -> Option<Self> {
        Self::of(Stack::server(), Stack::client())
    }

    /// A sandbox for the stacks named; `None` without root.
    pub fn of(server: Stack, client: Stack) -> Option<Self> {
        Some(Self { sandbox: Sandbox::new()?, server, client })
    }

    /// The path of a server's program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.server.program(name)
    }

    /// The same with the daemon up; `None` without root.
    pub fn up() -> Option<Self> {
        let cluster = Self::new()?;
        cluster.start_daemon();
        Some(cluster)
    }

    /// The same with a started volume `v` of two bricks; `None` without root.
    pub fn with_volume() -> Option<Self> {
        let cluster = Self::up()?;
        cluster.create("v");
        cluster.gluster("volume start v").ok();
        Some(cluster)
    }

    /// The daemon with a [folder of plugins](Self::plugins) of its own, filled by `fill`, and a volume `v` of one brick that
    /// is not started; `None`, and why is said, without root or where the daemon opens no plugins of ours.
    ///
    /// # Panics
    /// When the scratch folder takes no folder, or the daemon does not start.
    #[track_caller]
    pub fn with_plugins(fill: impl FnOnce(&Path)) -> Option<Self> {
        if Stack::server().is_system() {
            eprintln!("SKIPPED: the incumbent opens no plugins of ours");
            return None;
        }
        let cluster = Self::new()?;
        let folder = cluster.plugins();
        fs::create_dir(&folder).expect("the scratch folder takes a folder");
        fill(&folder);
        cluster.start_daemon_with(&["--plugin-dir", PLUGINS]);
        cluster.gluster(&format!("volume create v {} force", cluster.brick_name("v", 1))).ok();
        Some(cluster)
    }

    /// The daemon's own folder of plugins, seen from outside.
    pub fn plugins(&self) -> PathBuf {
        self.view(PLUGINS)
    }

    /// The stack whose daemon and bricks run here.
    pub fn server(&self) -> &Stack {
        &self.server
    }

    /// Stops the daemon and its bricks; whatever is started next is `server`'s.
    pub fn hand_over_to(&mut self, server: Stack) {
        self.end_all("glusterd", Signal::TERM);
        self.end_all("glusterfsd", Signal::TERM);
        self.server = server;
    }

    /// Starts the daemon as a packager's unit does, and waits until it answers the CLI.
    ///
    /// # Panics
    /// When its exit code is not 0, or it never answers.
    #[track_caller]
    pub fn start_daemon(&self) {
        self.start_daemon_with(&[]);
    }

    /// The same with options of its own.
    ///
    /// # Panics
    /// When its exit code is not 0, or it never answers.
    #[track_caller]
    pub fn start_daemon_with(&self, args: &[&str]) {
        self.glusterd(&[&["-p", "/run/glusterd.pid"], args].concat()).ok();
        wait_until("the daemon's answer", || self.gluster("peer status").code == 0);
    }

    /// Runs the server's `glusterd`, and comes back when the call does.
    #[track_caller]
    pub fn glusterd(&self, args: &[&str]) -> Answer {
        self.run(self.server.program("glusterd"), args)
    }

    /// Gives the client's CLI one command, its words separated by blanks.
    #[track_caller]
    pub fn gluster(&self, words: &str) -> Answer {
        let fixed = ["--mode=script", "--wignore"];
        self.run(self.client.program("gluster"), fixed.into_iter().chain(words.split_whitespace()))
    }

    /// The path of a brick inside.
    pub fn brick(&self, volume: &str, number: u32) -> PathBuf {
        Path::new(DATA).join(format!("{volume}-{number}"))
    }

    /// A brick as the CLI names it.
    pub fn brick_name(&self, volume: &str, number: u32) -> String {
        format!("{HOST}:{}", self.brick(volume, number).display())
    }

    /// Creates a volume of two bricks.
    #[track_caller]
    pub fn create(&self, volume: &str) {
        let bricks = [self.brick_name(volume, 1), self.brick_name(volume, 2)];
        self.gluster(&format!("volume create {volume} {} force", bricks.join(" "))).ok();
    }

    /// Creates a volume of a kind (`replica 3`), starts it, mounts it as `m-VOLUME` and waits until all its bricks serve.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn serve(&self, volume: &str, kind: &str, bricks: u32) -> PathBuf {
        let names: Vec<String> = (1..=bricks).map(|number| self.brick_name(volume, number)).collect();
        self.gluster(&format!("volume create {volume} {kind} {} force", names.join(" "))).ok();
        self.gluster(&format!("volume start {volume}")).ok();
        self.wait_bricks_online(volume, bricks as usize);
        let mount = self.mount(volume, &format!("m-{volume}"));
        wait_result("all bricks", || {
            std::fs::write(mount.join("up"), "up").and_then(|()| std::fs::remove_file(mount.join("up")))
        });
        mount
    }

    /// Mounts a volume with the client's `glusterfs`; the answer is the mount point for the outside.
    ///
    /// # Panics
    /// When the mount does not come up.
    #[track_caller]
    pub fn mount(&self, volume: &str, name: &str) -> PathBuf {
        self.mount_by(&self.client, volume, name)
    }

    /// Mounts a volume with the `glusterfs` of a stack.
    ///
    /// # Panics
    /// When the mount does not come up.
    #[track_caller]
    pub fn mount_by(&self, client: &Stack, volume: &str, name: &str) -> PathBuf {
        let inside = format!("{DATA}/{name}");
        let view = self.view(&inside);
        std::fs::create_dir_all(&view).expect("the scratch folder takes a folder");
        self.run(client.program("glusterfs"), ["-s", HOST, "--volfile-id", volume, &inside]).ok();
        wait_until("the mount", || self.is_mounted(&inside) && std::fs::read_dir(&view).is_ok());
        view
    }

    /// Takes a mount away again and waits until its client has ended.
    ///
    /// # Panics
    /// When `umount` refuses.
    #[track_caller]
    pub fn unmount(&self, name: &str) {
        let inside = format!("{DATA}/{name}");
        self.run("umount", [&inside]).ok();
        let client = |process: &Process| process.argv.last() == Some(&inside);
        wait_until("the client's end", || !self.processes().iter().any(client));
    }

    fn is_mounted(&self, inside: &str) -> bool {
        let table = std::fs::read_to_string(self.view("/proc/1/mountinfo")).unwrap_or_default();
        table.lines().any(|line| line.contains(" fuse.glusterfs ") && line.split(' ').nth(4) == Some(inside))
    }

    /// The daemon's process.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn daemon(&self) -> Process {
        let found = self.processes().into_iter().find(|process| process.name() == "glusterd");
        found.expect("a glusterd runs here")
    }

    /// The processes of the bricks.
    pub fn bricks(&self) -> Vec<Process> {
        self.processes().into_iter().filter(Process::is_brick).collect()
    }

    /// Waits until `count` bricks run and `volume status` shows each of them online.
    pub fn wait_bricks_online(&self, volume: &str, count: usize) -> Vec<Process> {
        wait_for("bricks shown online", || {
            let status = self.gluster(&format!("volume status {volume} --xml"));
            // A node with a path is a brick; the heal daemon and its like have a host name there.
            let bricks = status.out.split("<node>").filter(|node| node.contains("<path>/"));
            (bricks.filter(|node| node.contains("<status>1</status>")).count() == count).then_some(())
        });
        self.bricks()
    }

    /// How many lock requests wait in the bricks of the only volume, as their statedumps tell.
    ///
    /// # Panics
    /// When there is no dump.
    pub fn waiting_locks(&self, volume: &str) -> usize {
        let folder = self.view("/run/gluster");
        let dumps = || {
            let entries = fs::read_dir(&folder).expect("its folder").flatten().map(|entry| entry.path());
            entries.filter(|path| path.to_string_lossy().contains(".dump.")).collect::<Vec<_>>()
        };
        dumps().iter().for_each(|path| fs::remove_file(path).expect("ours"));
        let bricks = self.bricks().len();
        self.gluster(&format!("volume statedump {volume}")).ok();
        let texts = wait_for("the statedumps", || {
            let texts = dumps().iter().flat_map(fs::read_to_string).collect::<Vec<_>>();
            let whole = texts.iter().filter(|text| text.contains("DUMP-END-TIME")).count();
            (whole == bricks).then_some(texts)
        });
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.filter(|line| line.starts_with("posixlk.") && line.contains("(BLOCKED)")).count()
    }

    /// Ends every process of this name and waits until they are gone.
    pub fn end_all(&self, name: &str, signal: Signal) {
        let running: Vec<Process> = self.processes().into_iter().filter(|p| p.name() == name).collect();
        running.iter().for_each(|process| process.signal(signal));
        wait_until("the end of the signalled", || running.iter().all(|process| !process.is_alive()));
    }
}
