//! POSIX locks and flock from two mounts, a process on each.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use tests::built::file;
use tests::cluster::Cluster;
use tests::wait::{PATIENCE, wait_until};

/// A `lock-peer` on a file.
struct Peer {
    process: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

impl Peer {
    fn new(path: &Path) -> Self {
        let mut command = Command::new(file("lock-peer"));
        let command = command.arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it was built");
        let lines = BufReader::new(process.stdout.take().expect("it was asked for")).lines();
        let (sender, answers) = channel();
        spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = process.stdin.take().expect("it was asked for");
        Self { process, input, answers }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it listens");
    }

    fn answer(&self) -> String {
        self.answers.recv_timeout(PATIENCE).expect("it answers")
    }

    fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.answer()
    }

    fn has_not_answered(&self) -> bool {
        self.answers.try_recv().is_err()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A volume of two bricks, and a peer on each of two mounts.
struct Pair {
    cluster: Cluster,
    one: Peer,
    other: Peer,
}

impl Pair {
    fn new() -> Option<Self> {
        let cluster = Cluster::with_volume()?;
        let [one, other] = ["m", "n"].map(|name| Peer::new(&cluster.mount("v", name).join("locked")));
        Some(Self { cluster, one, other })
    }

    /// Plays a scenario: who is asked (1 or 2), what, and what the answer must be.
    fn play(&mut self, scenario: &[(u8, &str, &str)]) {
        for (step, (who, line, wanted)) in scenario.iter().enumerate() {
            let peer = if *who == 1 { &mut self.one } else { &mut self.other };
            assert_eq!(peer.ask(line), *wanted, "step {}: {who} {line}", step + 1);
        }
    }

    fn wait_until_one_waits(&self) {
        wait_until("a request to wait in the brick", || self.cluster.waiting_locks("v") == 1);
    }
}

#[test]
fn what_two_clients_lock_excludes_each_other_byte_by_byte() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[
        (1, "set w 0 100", "yes"),
        (2, "set w 50 10", "no"),
        (2, "set r 0 1", "no"),
        (2, "get w 0 10", "w 0 100"),
        (2, "set w 100 100", "yes"),
        (1, "set r 150 1", "no"),
        // A part is given back: two locks are left.
        (1, "set u 40 20", "yes"),
        (2, "set w 40 20", "yes"),
        (2, "set w 60 1", "no"),
        (2, "get w 60 1", "w 60 40"),
        // Readers share, and keep writers away.
        (1, "set r 0 40", "yes"),
        (2, "set r 0 40", "yes"),
        (1, "set w 0 40", "no"),
        (1, "get w 0 1", "r 0 40"),
        (2, "set u 0 40", "yes"),
        (1, "set w 0 40", "yes"),
        // To the end of the file, however far.
        (1, "set w 1000 0", "yes"),
        (2, "set w 1000000000000 1", "no"),
        (2, "set w 999 1", "yes"),
        (2, "get r 5000 1", "w 1000 0"),
        (1, "set u 0 0", "yes"),
        (2, "get w 0 40", "free"),
        (2, "set w 0 0", "yes"),
    ]);
}

#[test]
fn who_waits_for_a_lock_gets_it_when_it_is_given_back() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[(1, "set w 1000 0", "yes")]);
    pair.other.tell("wait w 2000 10");
    pair.wait_until_one_waits();
    assert!(pair.other.has_not_answered());
    // What it does not wait for changes nothing.
    pair.play(&[(1, "set u 1000 1000", "yes")]);
    assert_eq!(pair.cluster.waiting_locks("v"), 1);
    assert!(pair.other.has_not_answered());
    pair.play(&[(1, "set u 2000 0", "yes")]);
    assert_eq!(pair.other.answer(), "yes");
    pair.play(&[(1, "set w 2009 1", "no"), (1, "set w 2010 1", "yes")]);
}

#[test]
fn an_administrator_takes_locks_away() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[(1, "set w 0 100", "yes"), (2, "set w 50 10", "no")]);
    let cleared = pair.cluster.gluster("volume clear-locks v /locked kind granted posix");
    let said = cleared.said();
    assert_eq!(cleared.code, 0, "{said}");
    assert!(
        said.starts_with("Volume clear-locks successful\n") && said.contains("granted locks=1"),
        "{said}"
    );
    pair.play(&[(2, "set w 50 10", "yes")]);
    let nothing = pair.cluster.gluster("volume clear-locks v /locked kind blocked inode").said();
    assert!(nothing.contains("No locks cleared."), "{nothing}");
    let missing = pair.cluster.gluster("volume clear-locks v /none kind all inode");
    let why = "clear-locks getxattr command failed. Reason: No such file or directory";
    assert!(missing.code == 1 && missing.said().contains(why), "{}", missing.said());
}

#[test]
fn a_close_gives_every_lock_of_the_process_back() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[(1, "set w 0 10", "yes"), (1, "set r 100 10", "yes"), (2, "set w 5 1", "no")]);
    pair.play(&[(1, "close", "yes"), (2, "set w 0 0", "yes")]);
}

#[test]
fn the_locks_of_a_process_that_died_are_given_back_and_its_wish_is_forgotten() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[(1, "set w 0 10", "yes")]);
    pair.other.tell("wait w 5 1");
    pair.wait_until_one_waits();
    pair.other.process.kill().expect("our own child");
    wait_until("its wish to be forgotten", || pair.cluster.waiting_locks("v") == 0);
    let locked = pair.cluster.view("/srv/n/locked");
    pair.other = Peer::new(&locked);
    pair.play(&[(2, "set w 5 1", "no")]);
    pair.one.process.kill().expect("our own child");
    wait_until("its lock to be given back", || pair.other.ask("set w 0 0") == "yes");
}

#[test]
fn flock_excludes_between_mounts_and_lives_beside_posix_locks() {
    let Some(mut pair) = Pair::new() else { return };
    pair.play(&[
        (1, "flock w", "yes"),
        (2, "flock w", "no"),
        (2, "flock r", "no"),
        (1, "flock r", "yes"),
        (2, "flock r", "yes"),
        (1, "flock w", "no"),
        (2, "flock u", "yes"),
        (1, "flock w", "yes"),
        (1, "close", "yes"),
        (2, "flock w", "yes"),
    ]);
}

#[test]
fn of_four_processes_on_two_mounts_one_is_inside_at_a_time() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let mounts = ["m", "n"].map(|name| cluster.mount("v", name));
    let mut peers: Vec<Peer> = (0..4).map(|number| Peer::new(&mounts[number % 2].join("guarded"))).collect();
    peers.iter_mut().for_each(|peer| peer.tell("alone 50"));
    peers.iter().for_each(|peer| assert_eq!(peer.answer(), "yes"));
}
