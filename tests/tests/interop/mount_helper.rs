//! `mount -t glusterfs` by our own helper: as fstab writes it, and what it leaves behind when it fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tests::cluster::Cluster;
use tests::process::Answer;
use tests::sandbox::HOST;
use tests::stack::Stack;
use tests::wait::{wait_result, wait_until};

/// A started volume of ours; `None` without root, or where nothing of ours is under test.
fn started() -> Option<Cluster> {
    if Stack::server().is_system() {
        eprintln!("SKIPPED: the incumbent's programs are under test");
        return None;
    }
    let cluster = Cluster::up()?;
    cluster.create("v");
    cluster.gluster("volume start v").ok();
    cluster.wait_bricks_online("v", 2);
    fs::create_dir_all(cluster.view("/srv/m")).expect("scratch");
    Some(cluster)
}

fn helper(cluster: &Cluster, words: &[&str]) -> Answer {
    cluster.run(cluster.program("mount.glusterfs"), words)
}

/// The options of the mount on `/srv/m`, as the kernel lists them.
fn mounted(cluster: &Cluster) -> Option<String> {
    let table = fs::read_to_string(cluster.view("/proc/1/mounts")).expect("it is there");
    let line = table.lines().find(|line| line.contains(" /srv/m fuse.glusterfs "))?;
    Some(line.split(' ').nth(3).expect("options").to_owned())
}

fn clients(cluster: &Cluster) -> usize {
    cluster
        .processes()
        .iter()
        .filter(|process| process.argv.last().is_some_and(|last| last == "/srv/m"))
        .count()
}

fn unmount(cluster: &Cluster) {
    cluster.run("umount", ["/srv/m"]).ok();
    wait_until("the client's end", || clients(cluster) == 0);
}

#[test]
fn a_volume_is_mounted_from_fstab_and_by_hand() {
    let Some(cluster) = started() else { return };
    // mount(8) looks for its helpers in /sbin and nowhere else; the sandbox has a mount namespace of its own.
    let sbin = Path::new("/sbin/mount.glusterfs");
    if sbin.exists() {
        cluster.run("mount", [Path::new("--bind"), &cluster.program("mount.glusterfs"), sbin]).ok();
        let line =
            format!("{HOST}:/v /srv/m glusterfs defaults,_netdev,noatime,log-level=DEBUG,x-a.b=c 0 0\n");
        fs::write(cluster.view("/srv/fstab"), line).expect("scratch");
        // It is in no folder that has plugins beside it there.
        let plugins = cluster.program("../lib/mortar").canonicalize().expect("the stage has plugins");
        let setting = format!("MORTAR_PLUGIN_DIR={}", plugins.display());
        cluster.run("env", [&setting, "mount", "-T", "/srv/fstab", "/srv/m"]).ok();
        assert!(
            mounted(&cluster).is_some_and(|options| options.contains("noatime")),
            "{:?}",
            mounted(&cluster)
        );
        unmount(&cluster);
    }
    helper(&cluster, &[&format!("nowhere.invalid,{HOST}:/v"), "/srv/m", "-o", "ro"]).ok();
    assert!(mounted(&cluster).is_some_and(|options| options.starts_with("ro,")));
    let error = File::create(cluster.view("/srv/m/f")).expect_err("read-only");
    assert_eq!(error.raw_os_error(), Some(30));
    let busy = helper(&cluster, &[&format!("{HOST}:/v"), "/srv/m"]);
    assert_eq!(busy.code, 32, "{}", busy.err);
    wait_until("the end of the one that failed", || clients(&cluster) == 1);
    assert!(mounted(&cluster).is_some(), "the one that was there goes on");
    unmount(&cluster);
}

#[test]
fn a_mount_that_fails_says_why_and_leaves_nothing() {
    let Some(cluster) = started() else { return };
    let volume = format!("{HOST}:/v");
    fs::write(cluster.view("/srv/file"), "").expect("scratch");
    let brick: PathBuf = cluster.brick("v", 1);
    let brick = brick.to_str().expect("plain");
    let cases: [(&[&str], u8, &str); 9] = [
        (&["nonsense", "/srv/m"], 1, "a server and a volume were expected"),
        (&[&volume, "/srv/m", "-o", "nosuch"], 1, "Invalid option nosuch"),
        (&[&volume, "/srv/none"], 1, "No such file or directory"),
        (&[&volume, "/srv/file"], 1, "Not a directory"),
        (&[&volume, "/"], 2, "Cannot mount over root"),
        (&[&volume, "/tmp"], 2, "Cannot mount over /tmp"),
        (&[&volume, brick], 1, "is a brick of a volume"),
        (&[&volume, "/srv"], 1, "is a brick of a volume"),
        (&[&format!("{HOST}:/unknown"), "/srv/m"], 1, "unknown"),
    ];
    for (words, code, why) in cases {
        let answer = helper(&cluster, words);
        assert_eq!(answer.code, i32::from(code), "{words:?}: {}", answer.err);
        assert!(answer.err.contains(why), "{words:?}: {}", answer.err);
        assert_eq!(mounted(&cluster), None, "{words:?}");
        wait_until("the end of the one that failed", || clients(&cluster) == 0);
    }
    let away = helper(&cluster, &[&volume, "/srv/m", "-o", "server-port=1"]);
    assert_eq!((away.code, mounted(&cluster)), (1, None), "{}", away.err);
    wait_until("the end of the one that failed", || clients(&cluster) == 0);
    assert!(away.err.contains("no volfile server answers"), "{}", away.err);
    // Nothing of what failed stands in the way of what is right.
    helper(&cluster, &[&volume, "/srv/m"]).ok();
    wait_result("a file", || File::create(cluster.view("/srv/m/f")).map(drop));
    unmount(&cluster);
}

#[test]
fn a_folder_of_a_volume_is_mounted_as_if_it_were_all_of_it() {
    let Some(cluster) = started() else { return };
    let volume = format!("{HOST}:/v");
    helper(&cluster, &[&volume, "/srv/m"]).ok();
    let inside = cluster.view("/srv/m");
    wait_result("folders", || fs::create_dir_all(inside.join("a/b")));
    fs::write(inside.join("outside"), "all").expect("a file");
    unmount(&cluster);
    helper(&cluster, &[&format!("{volume}/a/b"), "/srv/m"]).ok();
    let table = fs::read_to_string(cluster.view("/proc/1/mounts")).expect("it is there");
    assert!(table.lines().any(|line| line.starts_with(&format!("{HOST}:/v/a/b /srv/m "))), "{table}");
    assert_eq!(fs::read_dir(&inside).expect("its root").count(), 0);
    fs::create_dir(inside.join("folder")).expect("a folder");
    for n in 0..20 {
        fs::write(inside.join(format!("folder/f{n}")), n.to_string()).expect("a file");
        fs::rename(inside.join(format!("folder/f{n}")), inside.join(format!("f{n}"))).expect("it moves");
    }
    unmount(&cluster);
    helper(&cluster, &[&volume, "/srv/m"]).ok();
    wait_result("what was outside", || fs::read(inside.join("outside")));
    for n in 0..20 {
        assert_eq!(fs::read_to_string(inside.join(format!("a/b/f{n}"))).expect("it is below"), n.to_string());
    }
    unmount(&cluster);
    let nowhere = helper(&cluster, &[&format!("{volume}/a/nothing"), "/srv/m"]);
    assert_eq!((nowhere.code != 0, mounted(&cluster)), (true, None), "{}", nowhere.err);
    wait_until("the end of the one that failed", || clients(&cluster) == 0);
}
