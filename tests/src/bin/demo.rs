//! `make run`: a daemon with a started two-brick volume in a private place, until Ctrl-C.
//!
//! With root everything lives in a sandbox: namespaces, a private state folder, nothing on the machine touched. Without
//! root the daemon runs on private paths and answers the CLI; bricks and mounts need root.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use tests::cluster::Cluster;
use tests::process::run;
use tests::sandbox::{LIMIT, obstacle};
use tests::stack::{Stack, workspace};
use tests::wait::wait_until;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<(), Box<dyn Error>> {
    // Asked for before anything starts: a Ctrl-C during the start is kept, and everything still goes away.
    let mut stop = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stage = Stack::server();
    match Cluster::of(stage.clone(), stage.clone()) {
        Some(cluster) => with_root(&cluster, &mut stop).await,
        None => without_root(&stage, &mut stop).await,
    }
}

async fn stopped((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! { // neither side holds anything that a cancelled wait could lose
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!("\nstopping");
}

async fn with_root(cluster: &Cluster, stop: &mut (Signal, Signal)) -> Result<(), Box<dyn Error>> {
    println!("starting the daemon on volfiles/glusterd.vol, in namespaces of its own");
    let volfile = workspace().join("volfiles/glusterd.vol");
    cluster.start_daemon_with(&["-f", utf8(&volfile)?]);
    cluster.create("demo");
    cluster.gluster("volume start demo").ok();
    cluster.wait_bricks_online("demo", 2);
    print!("\n{}\n{}", cluster.gluster("volume info demo").ok(), cluster.gluster("volume status demo").ok());
    let mounted = Path::new("/dev/fuse").exists().then(mounting_client).flatten();
    println!("the sandbox is that of process {}; type in another terminal, as root:\n", cluster.pid());
    println!("    nsenter -a -t {} {} volume info", cluster.pid(), cluster.program("gluster").display());
    match mounted {
        Some(client) => {
            let view = cluster.mount_by(&client, "demo", "mnt");
            println!(
                "    echo hello > {0}/hello; ls -l {0} /proc/{1}/root/srv/demo-*",
                view.display(),
                cluster.pid()
            );
        }
        None => println!(
            "\nnot mounted: that takes /dev/fuse, and a stage with mount/fuse or Debian's glusterfs-client"
        ),
    }
    println!("\nCtrl-C stops it all and leaves nothing behind");
    stopped(stop).await;
    Ok(())
}

/// The client that mounts: ours when the stage has its FUSE translator, else Debian's.
fn mounting_client() -> Option<Stack> {
    let own = workspace().join("target/stage/lib/mortar/xlator/mount/fuse.so");
    if own.exists() {
        return Some(Stack::server());
    }
    Path::new("/usr/sbin/glusterfs").exists().then(Stack::system)
}

async fn without_root(stage: &Stack, stop: &mut (Signal, Signal)) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::Builder::new().prefix("mortar-demo-").tempdir()?;
    let place = |name: &str| folder.path().join(name);
    let socket = place("glusterd.socket");
    let volfile = workspace().join("volfiles/glusterd.vol");
    let mut daemon = Ended(
        Command::new(stage.program("glusterd"))
            .args(["-N", "-f", utf8(&volfile)?, "-l", utf8(&place("glusterd.log"))?])
            .args(private_places(folder.path())?)
            .spawn()?,
    );
    let cli = |words: &[&str]| {
        let socket = format!("--glusterd-sock={}", socket.display());
        run(Command::new(stage.program("gluster")).args(["--mode=script", &socket]).args(words), LIMIT)
    };
    wait_until("the daemon's answer", || {
        assert!(matches!(daemon.0.try_wait(), Ok(None)), "the daemon has ended; its words are above");
        cli(&["peer", "status"]).code == 0
    });
    println!(
        "the daemon runs in {}; it says:\n\n{}",
        folder.path().display(),
        cli(&["volume", "list"]).said()
    );
    println!(
        "type:\n\n    {} --glusterd-sock={} peer status\n",
        stage.program("gluster").display(),
        socket.display()
    );
    println!(
        "{}: with it, this starts a volume of two bricks and mounts it",
        obstacle().unwrap_or("not in a sandbox")
    );
    println!("Ctrl-C stops it and leaves nothing behind");
    stopped(stop).await;
    Ok(())
}

/// The options that move every place of the daemon below `folder`, and its port to a free one.
fn private_places(folder: &Path) -> std::io::Result<Vec<String>> {
    let place = |name: &str| folder.join(name).display().to_string();
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let own = [
        ("working-directory", place("state")),
        ("run-directory", place("run")),
        ("logging-directory", place("log")),
        ("glusterd-sockfile", place("glusterd.socket")),
        ("transport.socket.listen-port", port.to_string()),
    ];
    Ok(own.iter().map(|(key, value)| format!("--xlator-option=*.{key}={value}")).collect())
}

fn utf8(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{}: not plain text", path.display()))
}

/// A child that ends with its holder.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}
