//! Files that move between the bricks of a volume: to bricks that joined it, and off bricks that are to leave.

use rustix::process::Signal;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::cluster::{Cluster, STATE};
use tests::process::Process;
use tests::stack::Stack;
use tests::wait::{wait_for, wait_result, wait_until};

/// A started and mounted volume `v` of two bricks with so many files in two folders.
fn filled(files: u32) -> Option<Cluster> {
    let cluster = Cluster::with_volume()?;
    // Nothing moves to a disk with less room than this; the machine's may be rather full.
    cluster.gluster("volume set v cluster.min-free-disk 1%").ok();
    let m = cluster.mount("v", "m");
    for n in 0..files {
        let folder = m.join(format!("d{}", n % 2)).join("below");
        fs::create_dir_all(&folder).expect("the volume takes a folder");
        fs::write(folder.join(format!("f{n}")), content(n)).expect("the volume takes a file");
    }
    Some(cluster)
}

fn content(n: u32) -> String {
    format!("this is file {n}\n").repeat(40)
}

/// Every file is there, and holds what was written.
#[track_caller]
fn check(cluster: &Cluster, files: u32) {
    for n in 0..files {
        let path = cluster.view("/srv/m").join(format!("d{}/below/f{n}", n % 2));
        // The mount may be on its way back to bricks that were started again.
        let found = wait_result(&path.display().to_string(), || fs::read_to_string(&path));
        assert_eq!(found, content(n), "{}", path.display());
    }
}

/// How many files with content lie on a brick.
fn on_brick(cluster: &Cluster, number: u32) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let seen = entries.filter(|entry| entry.file_name() != ".glusterfs");
        let of = |path: &Path| match fs::symlink_metadata(path) {
            Ok(about) if about.is_dir() => count(path),
            Ok(about) => usize::from(about.is_file() && about.len() > 0),
            Err(_) => 0,
        };
        seen.map(|entry| of(&entry.path())).sum()
    }
    count(&cluster.view(cluster.brick("v", number)))
}

#[track_caller]
fn says(cluster: &Cluster, words: &str, code: i32, text: &str) {
    let answer = cluster.gluster(words);
    assert_eq!((answer.code, answer.said().trim_end()), (code, text), "{words}");
}

/// A line of the volume's state on this node.
fn state(cluster: &Cluster, key: &str) -> String {
    let text =
        fs::read_to_string(cluster.view(format!("{STATE}/vols/v/node_state.info"))).expect("it is there");
    let found = text.lines().find_map(|line| line.strip_prefix(&format!("{key}=")).map(str::to_owned));
    found.unwrap_or_default()
}

/// The process that moves files; while it leaves the terminal there are two.
fn movers(cluster: &Cluster) -> Vec<Process> {
    let is_it = |process: &Process| process.argv.iter().any(|word| word == "rebalance/v");
    cluster.processes().into_iter().filter(is_it).collect()
}

/// Waits until `words`, a command with `status` in it, says that the task is where it is to be.
#[track_caller]
fn wait_status(cluster: &Cluster, words: &str, status: &str) -> String {
    let shown = format!("<statusStr>{status}</statusStr>");
    wait_for(status, || {
        let xml = cluster.gluster(&format!("{words} --xml")).out;
        xml.contains(&shown).then_some(xml)
    })
}

/// What stands between the first tags of this name.
fn value<'a>(xml: &'a str, tag: &str) -> &'a str {
    let behind = xml.split_once(&format!("<{tag}>")).map_or("", |(_, behind)| behind);
    behind.split_once('<').map_or("", |(value, _)| value)
}

#[test]
fn files_move_to_a_brick_that_joins() {
    const FILES: u32 = 120;
    let Some(cluster) = filled(FILES) else { return };
    cluster.gluster("volume add-brick v box:/srv/v-3 force").ok();
    assert_eq!(on_brick(&cluster, 3), 0);
    let said = cluster.gluster("volume rebalance v start").ok();
    let success = "volume rebalance: v: success: Rebalance on v has been started successfully. Use rebalance status command \
                   to check status of the rebalance process.\nID: ";
    assert!(said.starts_with(success), "{said}");
    let task = said[success.len()..].trim().to_owned();
    let xml = wait_status(&cluster, "volume rebalance v status", "completed");
    assert_eq!((value(&xml, "task-id"), value(&xml, "failures")), (task.as_str(), "0"), "{xml}");
    let moved: usize = value(&xml, "files").parse().expect("a number");
    assert!(moved > 0, "{xml}");
    assert_eq!(on_brick(&cluster, 3), moved);
    assert_eq!((1..=3).map(|n| on_brick(&cluster, n)).sum::<usize>(), FILES as usize);
    check(&cluster, FILES);
    wait_until("the end of the process", || movers(&cluster).is_empty());
    assert_eq!((state(&cluster, "status").as_str(), state(&cluster, "rebalance_op").as_str()), ("3", "19"));
    assert_eq!(
        (state(&cluster, "rebalance-id"), state(&cluster, "rebalanced-files")),
        (task, moved.to_string())
    );
    let tasks = cluster.gluster("volume status v tasks").ok();
    assert!(tasks.contains("Task                 : Rebalance") && tasks.contains("completed"), "{tasks}");
    cluster.gluster("volume rebalance v stop").ok();
    says(
        &cluster,
        "volume rebalance v status",
        1,
        "volume rebalance: v: failed: Rebalance not started for volume v.",
    );
    let tasks = cluster.gluster("volume status v tasks").ok();
    assert!(tasks.contains("There are no active volume tasks"), "{tasks}");
    cluster.gluster("volume rebalance v fix-layout start").ok();
    wait_status(&cluster, "volume rebalance v status", "fix-layout completed");
}

#[test]
fn a_brick_that_is_to_leave_is_emptied_first() {
    const FILES: u32 = 60;
    let Some(cluster) = filled(FILES) else { return };
    assert!(on_brick(&cluster, 2) > 0);
    let (all, two) = ("volume remove-brick v", "volume remove-brick v box:/srv/v-2");
    let volfile =
        || fs::read_to_string(cluster.view(format!("{STATE}/vols/v/v.tcp-fuse.vol"))).expect("it is there");
    says(
        &cluster,
        &format!("{two} status"),
        1,
        "volume remove-brick status: failed: remove-brick not started for volume v.",
    );
    let said = cluster.gluster(&format!("{two} start")).ok();
    assert!(said.starts_with("volume remove-brick start: success\nID: "), "{said}");
    assert!(volfile().contains("option decommissioned-bricks v-client-1\n"), "{}", volfile());
    says(
        &cluster,
        &format!("{all} box:/srv/v-1 status"),
        1,
        "volume remove-brick status: failed: Incorrect brick for volume v",
    );
    wait_status(&cluster, &format!("{two} status"), "completed");
    wait_until("the end of the process", || movers(&cluster).is_empty());
    assert_eq!((on_brick(&cluster, 1), on_brick(&cluster, 2)), (FILES as usize, 0));
    let tasks = cluster.gluster("volume status v tasks").ok();
    assert!(tasks.contains("Remove brick") && tasks.contains("\nbox:/srv/v-2"), "{tasks}");
    says(
        &cluster,
        &format!("{two} start"),
        1,
        "volume remove-brick start: failed: An earlier remove-brick task exists for volume v. Either commit it or stop it \
         before starting a new task.",
    );
    says(
        &cluster,
        "volume rebalance v start",
        1,
        "volume rebalance: v: failed: A remove-brick task on volume v is not yet committed. Either commit or stop the \
         remove-brick task.",
    );
    cluster.gluster(&format!("{two} stop")).ok();
    assert!(!volfile().contains("decommissioned"));
    cluster.gluster(&format!("{two} start")).ok();
    wait_status(&cluster, &format!("{two} status"), "completed");
    wait_until("the end of the process", || movers(&cluster).is_empty());
    let said = cluster.gluster(&format!("{two} commit")).ok();
    assert!(said.starts_with("volume remove-brick commit: success\n"), "{said}");
    assert_eq!(cluster.wait_bricks_online("v", 1).len(), 1);
    assert!(!volfile().contains("v-client-1"));
    assert_eq!((state(&cluster, "rebalance_op").as_str(), state(&cluster, "brick1").as_str()), ("0", ""));
    check(&cluster, FILES);
}

/// Writes a file over and over in place, piece by piece, until it is told to stop, and once more all of it; what it then
/// holds was acknowledged.
fn rewrite(path: &Path, seed: u8, stop: &AtomicBool) -> Vec<u8> {
    const PIECE: usize = 48 << 10;
    let mut content = vec![seed; 40 * PIECE];
    fs::write(path, &content).expect("the volume takes a file");
    let file = OpenOptions::new().write(true).open(path).expect("it opens");
    for turn in 0_usize.. {
        let at = turn * 7 % 40 * PIECE;
        content[at..at + PIECE].fill(seed.wrapping_add(turn.to_le_bytes()[0]));
        let written = file.write_all_at(&content[at..at + PIECE], at as u64);
        written.unwrap_or_else(|e| panic!("{}, turn {turn}: {e}", path.display()));
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    file.sync_all().expect("it is on disk");
    content
}

#[test]
fn what_is_written_while_files_move_is_in_them_afterwards() {
    let Some(cluster) = filled(40) else { return };
    let (ours, theirs) = (cluster.mount_by(&Stack::server(), "v", "own"), cluster.view("/srv/m"));
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let stop = &stop;
        let writers: Vec<_> = (0..8_u8)
            .map(|n| if n % 2 == 0 { &ours } else { &theirs }.join(format!("written{n}")))
            .enumerate()
            .map(|(n, path)| scope.spawn(move || (path.clone(), rewrite(&path, n.to_le_bytes()[0], stop))))
            .collect();
        cluster.gluster("volume add-brick v box:/srv/v-3 force").ok();
        for _ in 0..3 {
            cluster.gluster("volume rebalance v start force").ok();
            wait_status(&cluster, "volume rebalance v status", "completed");
            wait_until("the end of the process", || movers(&cluster).is_empty());
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().expect("every write is taken")).collect::<Vec<_>>()
    });
    let fresh = cluster.mount("v", "fresh");
    for (path, content) in written {
        let name = path.file_name().expect("it has a name");
        let found = fs::read(fresh.join(name)).expect("it is there");
        let differs = found.iter().zip(&content).position(|(found, wanted)| found != wanted);
        assert_eq!((found.len(), differs), (content.len(), None), "{}", path.display());
    }
    check(&cluster, 40);
}

/// A volume whose files move: the process is held still at the first of them. Each move takes a while, until [`hasten`].
fn held(files: u32) -> Option<(Cluster, Process)> {
    let cluster = filled(files)?;
    cluster.gluster("volume add-brick v box:/srv/v-3 force").ok();
    cluster.gluster("volume set v debug.delay-gen posix").ok();
    cluster.gluster("volume set v delay-gen.delay-percentage 100").ok();
    cluster.gluster("volume stop v").ok();
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 3);
    cluster.gluster("volume rebalance v start force").ok();
    wait_until("the first file", || {
        let xml = cluster.gluster("volume rebalance v status --xml").out;
        value(&xml, "lookups").parse::<u32>().is_ok_and(|seen| seen > 0)
    });
    let mover = movers(&cluster).pop().expect("files move for a while");
    mover.signal(Signal::STOP);
    assert_eq!(state(&cluster, "status"), "1", "it was held in time");
    Some((cluster, mover))
}

/// Lets files move as fast as they can.
fn hasten(cluster: &Cluster) {
    cluster.gluster("volume set v delay-gen.delay-percentage 0").ok();
}

#[test]
fn one_that_stands_still_after_it_was_told_to_stop_is_ended() {
    let Some((cluster, mover)) = held(300) else { return };
    let bricks = cluster.bricks();
    bricks.iter().for_each(|brick| brick.signal(Signal::STOP));
    // Nobody answers it any more, so that it cannot see through what it has begun.
    mover.signal(Signal::CONT);
    let stopped = cluster.gluster("volume rebalance v stop").ok();
    assert!(stopped.contains("stopped"), "{stopped}");
    assert_eq!(movers(&cluster), [mover]);
    wait_until("the end of the process", || movers(&cluster).is_empty());
    bricks.iter().for_each(|brick| brick.signal(Signal::CONT));
    hasten(&cluster);
    cluster.gluster("volume rebalance v start force").ok();
    wait_status(&cluster, "volume rebalance v status", "completed");
    check(&cluster, 300);
}

#[test]
fn one_that_was_told_to_stop_before_it_began_stops() {
    let Some(cluster) = filled(20) else { return };
    cluster.gluster("volume add-brick v box:/srv/v-3 force").ok();
    let bricks = cluster.bricks();
    bricks.iter().for_each(|brick| brick.signal(Signal::STOP));
    // It begins when it has reached every brick; until then it takes the word, and does not heed it.
    cluster.gluster("volume rebalance v start force").ok();
    cluster.gluster("volume rebalance v stop").ok();
    bricks.iter().for_each(|brick| brick.signal(Signal::CONT));
    wait_until("the end of the process", || movers(&cluster).is_empty());
    assert_eq!((state(&cluster, "status").as_str(), on_brick(&cluster, 3)), ("2", 0));
}

#[test]
fn what_cannot_be_done_while_files_move_is_refused() {
    const FILES: u32 = 300;
    let Some((cluster, mover)) = held(FILES) else { return };
    says(
        &cluster,
        "volume rebalance v start",
        1,
        "volume rebalance: v: failed: Rebalance on v is already started",
    );
    let busy = "Volume name v rebalance is in progress. Please retry after completion";
    says(&cluster, "volume add-brick v box:/srv/v-4 force", 1, &format!("volume add-brick: failed: {busy}"));
    let swap = "volume replace-brick v box:/srv/v-1 box:/srv/v-4 commit force";
    says(&cluster, swap, 1, &format!("volume replace-brick: failed: {busy}"));
    says(
        &cluster,
        "volume remove-brick v box:/srv/v-3 start",
        1,
        "volume remove-brick start: failed: Rebalance is in progress. Please retry after completion",
    );
    says(
        &cluster,
        "volume stop v",
        1,
        "volume stop: v: failed: rebalance session is in progress for the volume 'v'",
    );
    mover.signal(Signal::CONT);
    let stopped = cluster.gluster("volume rebalance v stop").ok();
    assert!(stopped.contains("stopped"), "{stopped}");
    // It sees through what it has begun.
    hasten(&cluster);
    wait_until("the end of the process", || movers(&cluster).is_empty());
    assert_eq!((state(&cluster, "status").as_str(), state(&cluster, "rebalance_op").as_str()), ("2", "0"));
    // A mover that is stopped has stamped folders that it has not seen through, and clients miss names in them until the
    // next one has: GlusterFS 10.3 does the same.
    cluster.gluster("volume rebalance v start force").ok();
    wait_status(&cluster, "volume rebalance v status", "completed");
    check(&cluster, FILES);
}

#[test]
fn a_move_that_was_under_way_goes_on_with_the_daemon() {
    const FILES: u32 = 300;
    let Some((cluster, mover)) = held(FILES) else { return };
    let task = state(&cluster, "rebalance-id");
    cluster.end_all("glusterd", Signal::KILL);
    mover.signal(Signal::KILL);
    wait_until("the end of the process", || movers(&cluster).is_empty());
    cluster.start_daemon();
    hasten(&cluster);
    let xml = wait_status(&cluster, "volume rebalance v status", "completed");
    assert_eq!(value(&xml, "task-id"), task);
    assert!(on_brick(&cluster, 3) > 0);
    check(&cluster, FILES);
}

#[test]
fn a_mover_that_dies_has_failed() {
    let Some((cluster, mover)) = held(300) else { return };
    mover.signal(Signal::KILL);
    wait_status(&cluster, "volume rebalance v status", "failed");
    wait_until("the end of the process", || movers(&cluster).is_empty());
    hasten(&cluster);
    cluster.gluster("volume rebalance v start").ok();
    wait_status(&cluster, "volume rebalance v status", "completed");
    check(&cluster, 300);
}
