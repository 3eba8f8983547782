//! Processes beside the bricks: the self-heal daemon, and what heals by it.

use std::fs;
use std::path::Path;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::sandbox::HOST;
use tests::wait::{wait_result, wait_until};

/// Bricks `first` to `last` of a volume, as the CLI names them.
fn bricks(cluster: &Cluster, volume: &str, numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.map(|number| cluster.brick_name(volume, number)).collect::<Vec<_>>().join(" ")
}

fn create(cluster: &Cluster, volume: &str, kind: &str, count: u32) {
    let bricks = bricks(cluster, volume, 1..=count);
    cluster.gluster(&format!("volume create {volume} {kind} {bricks} force")).ok();
    cluster.gluster(&format!("volume start {volume}")).ok();
}

/// The self-heal daemon's processes; while one leaves the terminal there are two.
fn self_heal(cluster: &Cluster) -> Vec<Process> {
    let is_it = |process: &Process| process.argv.iter().any(|word| word == "glustershd");
    cluster.processes().into_iter().filter(is_it).collect()
}

/// The lines of `volume status` about the self-heal daemon.
fn shown(cluster: &Cluster, volume: &str) -> Vec<String> {
    let status = cluster.gluster(&format!("volume status {volume}")).ok();
    let about = status.lines().filter(|line| line.starts_with("Self-heal Daemon"));
    about.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn wait_served(cluster: &Cluster, volume: &str) {
    wait_until("the self-heal daemon", || {
        shown(cluster, volume).first().is_some_and(|line| line.contains(" Y "))
    });
}

/// How many entries each brick that answers `heal info` names.
fn pending(cluster: &Cluster, volume: &str) -> Vec<u32> {
    let info = cluster.gluster(&format!("volume heal {volume} info")).out;
    let counts = info.lines().filter_map(|line| line.strip_prefix("Number of entries: "));
    // A brick that does not answer has a dash.
    counts.filter_map(|count| count.trim().parse().ok()).collect()
}

#[test]
fn one_self_heal_daemon_serves_all_volumes_that_heal() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "d", "", 2);
    assert_eq!(self_heal(&cluster).len(), 0, "nothing to heal");
    create(&cluster, "r", "replica 3", 3);
    wait_served(&cluster, "r");
    let first = self_heal(&cluster);
    assert_eq!(first.len(), 1);
    let words: Vec<&str> = first[0].argv.iter().map(String::as_str).collect();
    let line = words[1..].join(" ");
    assert!(
        line.starts_with("-s localhost --volfile-id shd/r -p /var/run/gluster/shd/r/r-shd.pid -l "),
        "{line}"
    );
    assert!(line.ends_with("--process-name glustershd --client-pid=-6"), "{line}");
    create(&cluster, "e", "disperse 3 redundancy 1", 3);
    wait_served(&cluster, "e");
    assert_eq!(shown(&cluster, "e"), shown(&cluster, "r"), "one process for both");
    assert_eq!(self_heal(&cluster).len(), 1);
    cluster.gluster("volume stop r").ok();
    assert_eq!(self_heal(&cluster).len(), 1);
    wait_served(&cluster, "e");
    cluster.gluster("volume heal e").ok();
    cluster.gluster("volume stop e").ok();
    wait_until("its end with the last volume", || self_heal(&cluster).is_empty());
}

/// What `get-state` says of the self-heal daemon, for each volume.
fn heal_state(cluster: &Cluster) -> Vec<String> {
    cluster.gluster("get-state odir /run file state").ok();
    let text = fs::read_to_string(cluster.view("/run/state")).expect("it was written");
    text.lines().filter_map(|line| line.split_once(".shd_svc.")).map(|(_, word)| word.to_owned()).collect()
}

#[test]
fn get_state_shows_the_self_heal_daemon_as_it_is() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "r", "replica 3", 3);
    wait_served(&cluster, "r");
    assert_eq!(heal_state(&cluster), ["online_status: Online", "inited: True"]);
    self_heal(&cluster).iter().for_each(|process| process.signal(rustix::process::Signal::KILL));
    wait_until("its end", || self_heal(&cluster).is_empty());
    assert_eq!(heal_state(&cluster), ["online_status: Offline", "inited: True"]);
    cluster.gluster("volume stop r").ok();
    assert_eq!(heal_state(&cluster), ["online_status: Offline", "inited: False"]);
}

#[test]
fn bricks_hold_back_what_changes_the_disk_until_they_are_told_otherwise() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let option = || {
        cluster
            .gluster("volume info v")
            .ok()
            .lines()
            .find(|l| l.starts_with("features.barrier"))
            .map(str::to_owned)
    };
    let failed = "volume barrier: command unsuccessful : Failed to reconfigure barrier.";
    let says = |word: &str, code: i32, text: &str| {
        let answer = cluster.gluster(&format!("volume barrier v {word}"));
        assert_eq!((answer.code, answer.said().trim_end()), (code, text), "{word}");
    };
    says("disable", 1, failed);
    says("enable", 0, "volume barrier: command successful");
    says("enable", 1, failed);
    says("maybe", 1, failed);
    assert_eq!(option().as_deref(), Some("features.barrier: enable"));
    says("disable", 0, "volume barrier: command successful");
    assert_eq!(option().as_deref(), Some("features.barrier: disable"));
    cluster.gluster("volume stop v").ok();
    says("enable", 1, "volume barrier: command unsuccessful : Volume v is not started");
}

#[test]
fn what_heal_says_is_what_the_incumbent_says() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "d", "", 2);
    create(&cluster, "r", "replica 3", 3);
    create(&cluster, "e", "disperse 3 redundancy 1", 3);
    wait_served(&cluster, "r");
    wait_served(&cluster, "e");
    let says = |words: &str, code: i32, text: &str| {
        let answer = cluster.gluster(words);
        assert_eq!((answer.code, answer.said().trim_end()), (code, text), "{words}");
    };
    let heal = "Launching heal operation to perform";
    let off = "Self-heal-daemon is disabled. Heal will not be triggered on volume";
    let check = "\nUse heal info commands to check status.";
    says("volume heal r", 0, &format!("{heal} index self heal on volume r has been successful {check}"));
    says("volume heal r full", 0, &format!("{heal} full self heal on volume r has been successful {check}"));
    says("volume heal e", 0, &format!("{heal} index self heal on volume e has been successful {check}"));
    says("volume heal d", 1, &format!("{heal} index self heal on volume d has been unsuccessful:\n{off} d"));
    says("volume heal d enable", 1, "Enable heal on volume d has been unsuccessful:\noperation failed");
    says(
        "volume heal none",
        1,
        &format!("{heal} index self heal on volume none has been unsuccessful:\nVolume none does not exist"),
    );
    let brick = |n: u32| format!("\nBrick {HOST}:/srv/r-{n}\nNumber of entries: 0\n");
    let counts = [1, 2, 3].map(brick).concat();
    let head = "Gathering count of entries to be healed on volume r has been successful \n";
    says("volume heal r statistics heal-count", 0, format!("{head}{counts}").trim_end());
    let statistics = cluster.gluster("volume heal r statistics").ok();
    assert!(
        statistics.contains("Crawl statistics for brick no 2") && statistics.contains("Type of crawl: INDEX"),
        "{statistics}"
    );
    says(
        "volume heal e statistics",
        1,
        "Gathering crawl statistics on volume e has been unsuccessful:\nThis command is supported for only volume of \
         replicated type. Volume e is not of type replicate",
    );
    // The program behind `info` is a client that asks as soon as it has heard of each brick, be it that it still connects.
    let counted = |words: &str, line: &str| {
        wait_result(words, || {
            let said = cluster.gluster(words).ok();
            if said.matches(line).count() == 3 { Ok(()) } else { Err(said) }
        });
    };
    counted("volume heal r info summary", "Status: Connected\nTotal Number of entries: 0");
    counted("volume heal r info split-brain", "Status: Connected\nNumber of entries in split-brain: 0");
    says(
        "volume heal r granular-entry-heal disable",
        0,
        "Disable granular entry heal on volume r has been successful",
    );
    says(
        "volume heal r granular-entry-heal enable",
        0,
        "Enable granular entry heal on volume r has been successful",
    );
    says("volume heal r disable", 0, "Disable heal on volume r has been successful");
    assert_eq!(shown(&cluster, "r"), Vec::<String>::new());
    says(
        "volume heal r full",
        1,
        &format!("{heal} full self heal on volume r has been unsuccessful:\n{off} r"),
    );
    says("volume status r shd", 1, "Self-heal Daemon is disabled for volume r");
    says("volume heal r enable", 0, "Enable heal on volume r has been successful");
    cluster.gluster("volume status r shd mem").ok();
    says(
        "volume heal r split-brain bigger-file /x",
        22,
        "Lookup failed on /x:No such file or directory.\nVolume heal failed.",
    );
}

#[test]
fn a_dead_self_heal_daemon_is_shown_and_comes_back_by_force() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "r", "replica 3", 3);
    wait_served(&cluster, "r");
    let dead = self_heal(&cluster);
    dead.iter().for_each(|process| process.signal(rustix::process::Signal::KILL));
    wait_until("its end", || self_heal(&cluster).is_empty());
    assert_eq!(shown(&cluster, "r"), ["Self-heal Daemon on localhost N/A N/A N N/A"]);
    let answer = cluster.gluster("volume heal r");
    assert!(
        answer.said().contains("Self-heal daemon is not running. Check self-heal daemon log file."),
        "{}",
        answer.said()
    );
    cluster.gluster("volume start r force").ok();
    wait_served(&cluster, "r");
}

#[test]
fn the_self_heal_daemon_outlives_the_daemon_and_is_taken_over() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "r", "replica 3", 3);
    create(&cluster, "e", "disperse 3 redundancy 1", 3);
    wait_served(&cluster, "e");
    let before = shown(&cluster, "r");
    cluster.end_all("glusterd", rustix::process::Signal::KILL);
    cluster.start_daemon();
    wait_served(&cluster, "e");
    if !cluster.server().is_system() {
        // The incumbent starts a new one.
        assert_eq!((shown(&cluster, "r"), shown(&cluster, "e")), (before.clone(), before));
    }
    assert_eq!(self_heal(&cluster).len(), 1);
    cluster.gluster("volume heal e").ok();
    // One that is missing is started again with the daemon.
    cluster.end_all("glusterd", rustix::process::Signal::KILL);
    self_heal(&cluster).iter().for_each(|process| process.signal(rustix::process::Signal::KILL));
    wait_until("its end", || self_heal(&cluster).is_empty());
    cluster.start_daemon();
    wait_served(&cluster, "r");
    wait_served(&cluster, "e");
}

/// What the brick's folder holds, without what the brick keeps for itself.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a brick lists").map(|entry| entry.expect("an entry"));
    let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    let mut all: Vec<(String, Vec<u8>)> = named
        .filter(|(name, _)| !name.starts_with('.'))
        .map(|(name, path)| (name, fs::read(path).expect("a file")))
        .collect();
    all.sort();
    all
}

#[test]
fn what_a_dead_brick_has_missed_is_healed() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "r", "replica 3", 3);
    wait_served(&cluster, "r");
    let m = cluster.mount("r", "m");
    for n in 0..5 {
        fs::write(m.join(format!("old{n}")), "before").expect("write");
    }
    let victim = cluster.bricks().into_iter().find(|brick| brick.argv.iter().any(|word| word == "/srv/r-1"));
    victim.expect("the first brick runs").signal(rustix::process::Signal::KILL);
    wait_until("its end", || cluster.bricks().len() == 2);
    for n in 0..5 {
        fs::write(m.join(format!("old{n}")), vec![b'x'; 100_000]).expect("write");
        fs::write(m.join(format!("new{n}")), "new").expect("write");
    }
    fs::remove_file(m.join("old4")).expect("unlink");
    wait_until("entries to heal", || pending(&cluster, "r").iter().any(|count| *count > 0));
    cluster.gluster("volume start r force").ok();
    wait_served(&cluster, "r");
    wait_until("nothing to heal", || {
        // Until the self-heal daemon has found the brick it refuses.
        cluster.gluster("volume heal r");
        pending(&cluster, "r") == [0, 0, 0]
    });
    let copies: Vec<_> = (1..=3).map(|n| content(&cluster.view(format!("/srv/r-{n}")))).collect();
    assert_eq!(copies[0].len(), 9);
    assert!(copies[0] == copies[1] && copies[1] == copies[2], "the copies differ");
}

#[test]
fn a_new_copy_and_one_in_the_place_of_another_are_filled() {
    let Some(cluster) = Cluster::up() else { return };
    create(&cluster, "r", "replica 2", 2);
    wait_served(&cluster, "r");
    let m = cluster.mount("r", "m");
    for n in 0..5 {
        fs::write(m.join(format!("f{n}")), vec![b'x'; 10_000]).expect("write");
    }
    let whole = content(&cluster.view("/srv/r-2"));
    assert_eq!(whole.len(), 5);
    let wait_filled = |brick: &str| {
        wait_until("a copy that is filled", || {
            // Until the self-heal daemon has found the brick it refuses.
            cluster.gluster("volume heal r");
            content(&cluster.view(brick)) == whole && pending(&cluster, "r") == [0, 0, 0]
        });
    };
    cluster.gluster("volume add-brick r replica 3 box:/srv/r-3 force").ok();
    wait_filled("/srv/r-3");
    cluster.gluster("volume replace-brick r box:/srv/r-1 box:/srv/r-9 commit force").ok();
    wait_filled("/srv/r-9");
    assert_eq!(fs::read(m.join("f3")).expect("read"), vec![b'x'; 10_000]);
    cluster.gluster("volume remove-brick r replica 1 box:/srv/r-2 box:/srv/r-3 force").ok();
    assert_eq!(fs::read(m.join("f4")).expect("read"), vec![b'x'; 10_000]);
    wait_until("the end of the self-heal daemon", || self_heal(&cluster).is_empty());
}
