//! Limits of folders: set, held over all bricks, listed and taken away by the incumbent's CLI and client.

use std::fs;
use std::io::Write;
use std::path::Path;
use tests::cluster::{Cluster, STATE};
use tests::wait::wait_until;

const LIMIT: usize = 10 << 20;

/// Writes a file until it is as long as asked, or nothing more fits; how long it became, and whether it fitted.
fn fill(path: &Path, length: usize) -> (usize, bool) {
    let block = vec![7; 128 << 10];
    let Ok(mut file) = fs::File::create(path) else { return (0, false) };
    for written in (0..length).step_by(block.len()) {
        if file.write_all(&block).and_then(|()| file.sync_all()).is_err() {
            return (written, false);
        }
    }
    (length, true)
}

/// The words of the line that `list` shows of a path.
fn listed(cluster: &Cluster, words: &str, path: &str) -> Vec<String> {
    let out = cluster.gluster(words).out;
    let lines = out.lines().map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    lines.into_iter().find(|words| words.first().is_some_and(|first| first == path)).unwrap_or_default()
}

#[test]
fn a_limit_is_held_and_listed_and_goes_with_quota() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    fs::create_dir_all(m.join("d/before")).expect("the volume takes a folder");
    assert_eq!(fill(&m.join("d/before/f"), 1 << 20), (1 << 20, true));
    cluster.gluster("volume quota v enable").ok();
    cluster.gluster("volume quota v soft-timeout 0").ok();
    cluster.gluster("volume quota v hard-timeout 0").ok();
    let again = cluster.gluster("volume quota v enable");
    assert_eq!((again.code, again.said().trim_end()), (1, "quota command failed : Quota is already enabled"));
    cluster.gluster("volume quota v limit-usage /d 10MB").ok();
    wait_until("what was there is accounted", || {
        listed(&cluster, "volume quota v list", "/d").get(3).is_some_and(|used| used == "1.0MB")
    });
    let (mut written, mut fits) = (1 << 20, true);
    for n in 0..20 {
        let (length, fitted) = fill(&m.join(format!("d/f{n}")), 2 << 20);
        written += length;
        fits = fitted;
        if !fits {
            break;
        }
    }
    assert!(!fits && (LIMIT / 2..=3 * LIMIT).contains(&written), "{written} bytes were let in");
    let status = cluster.gluster("volume status v").ok();
    assert!(status.lines().any(|line| line.starts_with("Quota Daemon on localhost")), "{status}");
    let conf = cluster.view(format!("{STATE}/vols/v/quota.conf"));
    assert_eq!(fs::read(&conf).expect("it is there").len(), 37 + 17);
    cluster.gluster("volume quota v remove /d").ok();
    cluster.gluster("volume quota v disable").ok();
    assert!(!conf.exists());
    assert_eq!(fill(&m.join("d/after"), LIMIT), (LIMIT, true));
}
