//! Events: what `glustereventsd` would hear of.

use rustix::process::Signal;
use std::collections::BTreeSet;
use std::net::UdpSocket;
use tests::cluster::Cluster;
use tests::stack::Stack;
use tests::wait::wait_for;

/// A listener where the incumbent's stands.
struct Listener(UdpSocket);

impl Listener {
    fn of(cluster: &Cluster) -> Self {
        let socket = cluster.udp(55555).expect("nobody else listens here");
        socket.set_nonblocking(true).expect("a socket takes that");
        Self(socket)
    }

    /// The events that wait, without their times and without what no two runs share.
    fn heard(&self) -> Vec<String> {
        let mut line = [0; 4096];
        let mut heard = Vec::new();
        while let Ok(length) = self.0.recv(&mut line) {
            let text = String::from_utf8_lossy(&line[..length]).into_owned();
            let (time, event) = text.split_once(' ').expect("SECONDS NUMBER DETAILS");
            time.parse::<u64>().expect("it begins with a time");
            heard.push(event.to_owned());
        }
        heard
    }

    /// Waits until all of `wanted` were heard, in whatever order.
    fn wait(&self, wanted: &[&str]) {
        let mut missing: BTreeSet<&str> = wanted.iter().copied().collect();
        wait_for(&format!("{wanted:?}"), || {
            self.heard().iter().for_each(|event| {
                missing.remove(event.as_str());
            });
            missing.is_empty().then_some(())
        });
    }
}

#[test]
fn what_happens_to_a_volume_is_told_in_glusterfs_10s_words() {
    let server = Stack::server();
    if server.is_system() {
        return;
    }
    let Some(cluster) = Cluster::of(server.clone(), server) else { return };
    cluster.start_daemon();
    let listener = Listener::of(&cluster);
    let names = [cluster.brick_name("v", 1), cluster.brick_name("v", 2)];
    let paths = [1, 2].map(|number| cluster.brick("v", number).display().to_string());
    let host = names[0].split(':').next().expect("HOST:PATH");
    cluster.create("v");
    listener.wait(&[&format!("2 name=v;bricks= {} {} ", names[0], names[1])]);
    cluster.gluster("volume start v").ok();
    let connected = paths.clone().map(|path| format!("77 peer={host};volume=v;brick={path}"));
    listener.wait(&["3 name=v;force=0", &connected[0], &connected[1]]);
    cluster.gluster("volume set v performance.io-cache off").ok();
    cluster.gluster("volume reset v performance.io-cache").ok();
    listener.wait(&["6 name=v;options=,performance.io-cache,off", "7 name=v;option=performance.io-cache"]);
    assert_eq!(cluster.gluster("volume start v").code, 1);
    assert_eq!(listener.heard(), Vec::<String>::new(), "what is refused is no news");
    let bricks = cluster.wait_bricks_online("v", 2);
    let dead = bricks[0].option("--brick-name").expect("a brick has a name").to_owned();
    bricks[0].signal(Signal::KILL);
    listener.wait(&[&format!("76 peer={host};volume=v;brick={dead}")]);
    cluster.gluster("volume stop v").ok();
    cluster.gluster("volume delete v").ok();
    listener.wait(&["4 name=v;force=0", "5 name=v"]);
}

#[test]
fn a_client_that_comes_and_goes_and_a_rebalance_that_ends_are_told() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let listener = Listener::of(&cluster);
    cluster.mount("v", "m");
    let told = |number: &str| {
        let path = cluster.brick("v", 1).display().to_string();
        wait_for("the event of a client", || {
            let heard = listener.heard();
            heard
                .into_iter()
                .find(|event| event.starts_with(number) && event.contains(&format!(";brick_path={path}")))
        })
    };
    let came = told("97 client_uid=CTX_ID:");
    let keys = ["client_identifier=", "server_identifier=", "brick_path=", "subdir_mount="];
    assert!(keys.iter().all(|key| came.contains(&format!(";{key}"))), "{came}");
    cluster.unmount("m");
    told("99 client_uid=CTX_ID:");
    cluster.gluster("volume rebalance v start").ok();
    listener.wait(&["137 volume=v"]);
}
