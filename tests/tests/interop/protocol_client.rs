//! protocol/client between the incumbent's client and a brick: a process whose graph is a server over a client.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, XattrFlags, fcntl_lock, getxattr, setxattr};
use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::sandbox::HOST;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

/// Where the process in between listens.
const PORT: u16 = 45_100;

/// A volume of one brick by `server`, and the incumbent's mount of it that goes through a client of ours; `None` without
/// root, or where nothing of ours is under test.
fn between(server: Stack) -> Option<(Cluster, PathBuf)> {
    let ours = Stack::server();
    if ours.is_system() {
        eprintln!("SKIPPED: the incumbent's server is under test");
        return None;
    }
    let cluster = Cluster::of(server, Stack::system())?;
    cluster.start_daemon();
    cluster.gluster(&format!("volume create v {} force", cluster.brick_name("v", 1))).ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 1);
    let brick = cluster.brick("v", 1);
    // The port is not said: the daemon is asked for it.
    let proxy = format!(
        "volume up\n type protocol/client\n option remote-host {HOST}\n option remote-subvolume {}\n \
         option transport-type tcp\n option transport.address-family inet\nend-volume\n\
         volume down\n type protocol/server\n option transport-type tcp\n option transport.address-family inet\n \
         option transport.socket.listen-port {PORT}\n option auth.addr.up.allow *\n subvolumes up\nend-volume\n",
        brick.display()
    );
    let client = format!(
        "volume c\n type protocol/client\n option remote-host {HOST}\n option remote-port {PORT}\n \
         option remote-subvolume up\n option transport-type tcp\n option transport.address-family inet\nend-volume\n"
    );
    fs::write(cluster.view("/srv/proxy.vol"), proxy).expect("the scratch folder takes a file");
    fs::write(cluster.view("/srv/client.vol"), client).expect("the scratch folder takes a file");
    cluster
        .run(
            ours.program("glusterfsd"),
            ["-f", "/srv/proxy.vol", "-l", "/srv/proxy.log", "-p", "/srv/proxy.pid"],
        )
        .ok();
    let mount = cluster.view("/srv/m");
    fs::create_dir(&mount).expect("the scratch folder takes a folder");
    cluster
        .run(
            Stack::system().program("glusterfs"),
            ["-f", "/srv/client.vol", "-l", "/srv/client.log", "/srv/m"],
        )
        .ok();
    wait_result("the mount", || File::create(mount.join("up")).map(drop));
    fs::remove_file(mount.join("up")).expect("ours");
    Some((cluster, mount))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder lists");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("plain names")).collect()
}

fn everyday_work(m: &Path, brick: &Path) {
    let content: Vec<u8> = (0..1_500_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::create_dir_all(m.join("a/b")).expect("folders");
    fs::write(m.join("a/b/f"), &content).expect("write");
    assert!(fs::read(m.join("a/b/f")).expect("read") == content);
    assert!(fs::read(brick.join("a/b/f")).expect("on the brick") == content);
    setxattr(m.join("a/b/f"), "user.k", b"value", XattrFlags::empty()).expect("setxattr");
    let mut value = [0; 16];
    let length = getxattr(m.join("a/b/f"), "user.k", &mut value[..]).expect("getxattr");
    assert_eq!(&value[..length], b"value");
    fs::rename(m.join("a/b/f"), m.join("g")).expect("rename");
    fs::hard_link(m.join("g"), m.join("h")).expect("link");
    std::os::unix::fs::symlink("g", m.join("s")).expect("symlink");
    assert_eq!(fs::read_link(m.join("s")).expect("readlink"), Path::new("g"));
    assert_eq!(fs::metadata(m.join("h")).expect("stat").nlink(), 2);
    let file = OpenOptions::new().write(true).open(m.join("h")).expect("open");
    file.set_len(1000).expect("ftruncate");
    file.sync_all().expect("fsync");
    assert_eq!(fs::metadata(m.join("g")).expect("stat").len(), 1000);
    ["g", "h", "s"].iter().for_each(|name| fs::remove_file(m.join(name)).expect("unlink"));
    fs::remove_dir(m.join("a/b")).expect("rmdir");
    assert_eq!(names(&m.join("a")), BTreeSet::new());
}

fn a_large_folder(m: &Path) {
    let folder = m.join("many");
    fs::create_dir(&folder).expect("mkdir");
    let wanted: BTreeSet<String> = (0..1500).map(|n| format!("a-name-of-some-length-{n:05}")).collect();
    wanted.iter().for_each(|name| drop(File::create(folder.join(name)).expect("create")));
    assert_eq!(names(&folder), wanted);
}

fn locks_exclude_each_other(m: &Path) {
    let first = File::create(m.join("locked")).expect("create");
    fcntl_lock(&first, FlockOperation::NonBlockingLockExclusive).expect("nobody has it");
    // Another process: a lock of one's own process never stands in the way.
    let script = "import fcntl,sys\nfcntl.lockf(open(sys.argv[1],'r+'),fcntl.LOCK_EX|fcntl.LOCK_NB)";
    let locks = || {
        let mut python = std::process::Command::new("python3");
        python.arg("-c").arg(script).arg(m.join("locked")).stderr(std::process::Stdio::null());
        python.status().expect("python3 runs").success()
    };
    assert!(!locks(), "somebody has it");
    fcntl_lock(&first, FlockOperation::NonBlockingUnlock).expect("unlock");
    assert!(locks(), "nobody has it");
}

/// Kills the brick and has the daemon start it again, on whatever port: a file that is open stays so.
fn a_file_stays_open_over_the_death_of_a_brick(cluster: &Cluster, m: &Path) {
    let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(m.join("kept"));
    let file = file.expect("create");
    file.write_all_at(b"before ", 0).expect("write");
    file.sync_all().expect("fsync");
    let brick = cluster.bricks().into_iter().find(|process| process.option("--brick-name").is_some());
    let brick = brick.expect("the brick runs");
    brick.signal(Signal::KILL);
    wait_until("the end of the brick", || !brick.is_alive());
    let error = wait_result("the loss", || match fs::metadata(m.join("other")) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Ok(e),
        _ => Err("not noticed yet"),
    });
    assert_eq!(error.raw_os_error(), Some(107), "calls fail and do not hang");
    cluster.gluster("volume start v force").ok();
    wait_result("the return", || fs::metadata(m.join("kept")));
    wait_result("the descriptor", || file.write_all_at(b"after", 7));
    file.sync_all().expect("fsync");
    assert_eq!(fs::read_to_string(m.join("kept")).expect("read"), "before after");
}

fn examine(server: Stack) {
    let Some((cluster, m)) = between(server) else { return };
    let brick = cluster.view(cluster.brick("v", 1));
    everyday_work(&m, &brick);
    a_large_folder(&m);
    locks_exclude_each_other(&m);
    a_file_stays_open_over_the_death_of_a_brick(&cluster, &m);
}

#[test]
fn the_incumbents_client_works_through_ours_on_a_brick_of_ours() {
    examine(Stack::server());
}

#[test]
fn the_incumbents_client_works_through_ours_on_the_incumbents_brick() {
    examine(Stack::system());
}
