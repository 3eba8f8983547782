//! pjdfstest: what POSIX says of each call, in 398 cases.

use std::collections::BTreeSet;
use std::fs;
use tests::cluster::Cluster;
use tests::process::run;
use tests::stack::Stack;
use tests::tool::tool;
use tests::wait::PATIENCE;

const CONFIG: &str = r#"
[features]
posix_fallocate = {}
utime_now = {}
utimensat = {}
[settings]
naptime = 0.01
allow_remount = false
[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"]]
"#;

/// What fails on any brick: the client's cache of attributes keeps the link count of a file of several names, one of which a
/// rename replaced. With the caches off it passes, which the other test shows.
const OF_THE_CLIENT: [&str; 5] = [
    "rename::to_multiply_linked::block",
    "rename::to_multiply_linked::char",
    "rename::to_multiply_linked::fifo",
    "rename::to_multiply_linked::regular",
    "rename::to_multiply_linked::socket",
];

/// The cases that fail under a client on a volume with these options, all run; `None` where there is no sandbox or no pjdfstest.
fn failing(client: &Stack, options: &[&str]) -> Option<BTreeSet<String>> {
    let program = tool("pjdfstest")?;
    let cluster = Cluster::with_volume()?;
    for option in options {
        cluster.gluster(&format!("volume set v {option}")).ok();
    }
    cluster.wait_bricks_online("v", 2);
    cluster.mount_by(client, "v", "m");
    fs::write(cluster.view("/srv/config"), CONFIG).expect("scratch");
    // It becomes other users, who may not look into another's namespaces: it runs inside.
    let answer = run(cluster.command(program).args(["-c", "/srv/config", "-p", "/srv/m"]), 3 * PATIENCE);
    let outcome = |line: &str, word| line.strip_suffix(word).map(|name| name.trim().to_owned());
    let passed = answer.out.lines().filter_map(|line| outcome(line, " ok")).count();
    assert!(passed > 350, "{passed} passed: {}", answer.said());
    Some(answer.out.lines().filter_map(|line| outcome(line, " FAILED")).collect())
}

#[test]
fn what_posix_says_holds_but_for_what_the_client_keeps() {
    let Some(failing) = failing(&Stack::client(), &[]) else { return };
    // On a slow machine the caches may have run out, and fewer of these fail.
    let ours: Vec<_> = failing.iter().filter(|name| !OF_THE_CLIENT.contains(&name.as_str())).collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn what_posix_says_holds_where_the_client_keeps_nothing() {
    let Some(failing) = failing(&Stack::client(), &["performance.stat-prefetch off"]) else { return };
    assert_eq!(failing, BTreeSet::new());
}

#[test]
fn what_posix_says_holds_under_our_own_client() {
    let ours = Stack::server();
    if ours.is_system() {
        return;
    }
    let Some(failing) = failing(&ours, &[]) else { return };
    assert_eq!(failing, BTreeSet::new());
}
