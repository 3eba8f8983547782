//! Volumes with copies: a brick dies under load, comes back and is healed, by the heal daemon or by the client.

use rustix::fs::{XattrFlags, getxattr, listxattr, setxattr};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::cluster::{Cluster, DATA};
use tests::process::Process;
use tests::wait::{wait_result, wait_until};

/// How many work at once, and what each of them does before and after a brick dies.
const WORKERS: usize = 4;
const ROUNDS: usize = 24;

/// A started and mounted volume with copies.
struct Volume {
    cluster: Cluster,
    bricks: u32,
    mount: PathBuf,
}

/// What was acknowledged: the content of each file, by its path in the volume.
type Acknowledged = BTreeMap<String, Vec<u8>>;

impl Volume {
    fn new(kind: &str, bricks: u32) -> Option<Self> {
        let cluster = Cluster::up()?;
        let names: Vec<String> = (1..=bricks).map(|number| cluster.brick_name("v", number)).collect();
        cluster.gluster(&format!("volume create v {kind} {} force", names.join(" "))).ok();
        cluster.gluster("volume start v").ok();
        cluster.wait_bricks_online("v", bricks as usize);
        let mount = cluster.mount("v", "m");
        let volume = Self { cluster, bricks, mount };
        wait_result("all bricks", || fs::write(volume.mount.join("first"), "first"));
        Some(volume)
    }

    fn process(&self, number: u32) -> Process {
        let folder = self.folder(number);
        let ours = |process: &Process| process.argv.iter().any(|word| Path::new(word) == folder);
        self.cluster.bricks().into_iter().find(ours).expect("the brick runs")
    }

    /// The folder of a brick, as the inside names it.
    fn folder(&self, number: u32) -> PathBuf {
        self.cluster.brick("v", number)
    }

    fn view(&self, number: u32) -> PathBuf {
        self.cluster.view(self.folder(number))
    }

    fn kill(&self, number: u32) {
        let process = self.process(number);
        process.signal(Signal::KILL);
        wait_until("the brick's end", || !process.is_alive());
    }

    /// Several write at once; when half is done, brick `number` dies.
    fn work_while_dying(&self, number: u32) -> Acknowledged {
        let (done, half) = (AtomicUsize::new(0), WORKERS * ROUNDS / 2);
        let all = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS)
                .map(|worker| (worker, &self.mount, &done))
                .map(|(w, m, d)| scope.spawn(move || work(m, w, d)))
                .collect();
            wait_until("half of the work", || done.load(Ordering::SeqCst) >= half);
            self.kill(number);
            workers
                .into_iter()
                .map(|worker| worker.join().expect("every change is acknowledged"))
                .collect::<Vec<_>>()
        });
        all.into_iter().flatten().collect()
    }

    fn start_brick(&self) {
        self.cluster.gluster("volume start v force").ok();
        self.cluster.wait_bricks_online("v", self.bricks as usize);
    }

    /// The heal daemon: the one that the management daemon runs, or else the client's program on its volfile.
    fn heal_by_daemon(&self) {
        let heals = |process: &Process| process.argv.iter().any(|word| word == "glustershd");
        if self.cluster.processes().iter().any(heals) {
            return;
        }
        let volfile = "/var/lib/glusterd/vols/v/v-shd.vol";
        let args = ["-f", volfile, "-l", "/var/log/glusterfs/glustershd.log"];
        let own = ["-p", "/run/shd.pid", "--process-name", "glustershd", "--client-pid=-6"];
        self.cluster.run("/usr/sbin/glusterfs", args.into_iter().chain(own)).ok();
    }

    /// The entries of every list of every brick.
    fn listed(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for number in 1..=self.bricks {
            for list in ["xattrop", "dirty", "entry-changes"] {
                let folder = self.view(number).join(".glusterfs/indices").join(list);
                let entries = fs::read_dir(&folder)
                    .expect("each list has a folder")
                    .map(|entry| entry.expect("an entry").path());
                let base = format!("{list}-");
                found.extend(entries.filter(|path| {
                    !path.file_name().unwrap_or_default().to_string_lossy().starts_with(&base)
                }));
            }
        }
        found
    }

    /// The files that some brick missed a change of, and that are there. A client heals those alone: it takes nothing off
    /// that is gone, and leaves what is merely marked as being changed.
    fn missed(&self) -> Vec<PathBuf> {
        let mut found = self.listed();
        found.retain(|path| path.ancestors().nth(1).is_some_and(|list| list.ends_with("xattrop")));
        found.retain(|path| {
            let gfid = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let brick = path.ancestors().nth(4).expect("brick, .glusterfs, indices, list, entry");
            let handle = brick.join(".glusterfs").join(&gfid[..2]).join(&gfid[2..4]).join(&gfid);
            handle.symlink_metadata().is_ok()
        });
        found
    }

    fn wait_healed(&self) {
        wait_result("empty lists", || {
            // What was locked when the daemon came by is healed the next time.
            self.cluster.gluster("volume heal v");
            match &self.listed()[..] {
                [] => Ok(()),
                all => Err(all.iter().map(|path| about(path)).collect::<Vec<_>>().join("; ")),
            }
        });
    }

    fn check_mount(&self, acknowledged: &Acknowledged) {
        for (path, content) in acknowledged {
            let found = fs::read(self.mount.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(found == *content, "{path} is not what was acknowledged");
        }
        for worker in 0..WORKERS {
            let names = fs::read_dir(self.mount.join(format!("w{worker}"))).expect("a folder lists");
            let names: BTreeSet<String> =
                names.map(|name| name.expect("an entry").file_name().into_string().expect("plain")).collect();
            let wanted = acknowledged
                .keys()
                .filter_map(|path| path.strip_prefix(&format!("w{worker}/")))
                .filter(|name| !name.contains('/'));
            for name in wanted {
                assert!(names.contains(name), "w{worker}/{name} is not listed");
            }
            assert!(
                !names.iter().any(|name| name.starts_with("gone")),
                "what was removed came back: {names:?}"
            );
        }
    }
}

/// What a test says of an entry that stays on a list: what lies in it, and what its file is marked with.
fn about(listed: &Path) -> String {
    let gfid = listed.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let brick = listed.ancestors().nth(4).expect("brick, .glusterfs, indices, list, entry");
    let handle = brick.join(".glusterfs").join(&gfid[..2]).join(&gfid[2..4]).join(&gfid);
    let names = fs::read_dir(listed).map(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name()).unwrap_or_default()).collect::<Vec<_>>()
    });
    let marks = [
        "trusted.afr.dirty",
        "trusted.afr.v-client-0",
        "trusted.afr.v-client-1",
        "trusted.afr.v-client-2",
        "trusted.ec.dirty",
        "trusted.ec.version",
        "trusted.ec.size",
    ]
    .map(|name| {
        let mut value = vec![0; 16];
        getxattr(&handle, name, &mut value).map(|count| (name, value[..count].to_vec())).ok()
    });
    let marks: Vec<_> = marks.into_iter().flatten().collect();
    format!("{} is listed: {names:?}, {}, {marks:?}", listed.display(), handle.display())
}

/// Makes, appends, renames, links, changes and removes; what it returns was acknowledged.
fn work(mount: &Path, worker: usize, done: &AtomicUsize) -> Acknowledged {
    let folder = mount.join(format!("w{worker}"));
    fs::create_dir(&folder).expect("mkdir");
    let mut acknowledged = Acknowledged::new();
    let mut log = Vec::new();
    for round in 0..ROUNDS {
        let content: Vec<u8> =
            (0..3_000 + 700 * round).map(|at| (at * 7 + worker * 31 + round).to_le_bytes()[0]).collect();
        let path = folder.join(format!("new{round}"));
        let mut file = File::create_new(&path).expect("create");
        file.write_all(&content).expect("write");
        file.sync_all().expect("fsync");
        drop(file);
        fs::rename(&path, folder.join(format!("f{round}"))).expect("rename");
        acknowledged.insert(format!("w{worker}/f{round}"), content.clone());
        let mut shared = OpenOptions::new().append(true).create(true).open(folder.join("log")).expect("open");
        let line = format!("round {round}\n");
        shared.write_all(line.as_bytes()).expect("append");
        shared.sync_all().expect("fsync");
        log.extend_from_slice(line.as_bytes());
        let gone = folder.join(format!("gone{round}"));
        fs::write(&gone, &content).expect("write");
        fs::set_permissions(folder.join(format!("f{round}")), fs::Permissions::from_mode(0o640))
            .expect("chmod");
        setxattr(folder.join(format!("f{round}")), "user.round", line.as_bytes(), XattrFlags::empty())
            .expect("setxattr");
        symlink(format!("f{round}"), folder.join(format!("l{round}"))).expect("symlink");
        let below = folder.join(format!("d{round}"));
        fs::create_dir(&below).expect("mkdir");
        fs::hard_link(folder.join(format!("f{round}")), below.join("same")).expect("link");
        acknowledged.insert(format!("w{worker}/d{round}/same"), content);
        fs::remove_file(&gone).expect("unlink");
        done.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged.insert(format!("w{worker}/log"), log);
    acknowledged
}

/// What lies on a brick for its users: by path, everything that copies share.
fn copy(brick: &Path, content: bool) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![brick.to_path_buf()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("a folder lists") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(brick).expect("below the brick").to_string_lossy().into_owned();
            if name.starts_with(".glusterfs") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).expect("it is there");
            let mut said = format!("{:o} {} {} ", meta.mode(), meta.uid(), meta.gid());
            if meta.is_dir() {
                left.push(path.clone());
            } else if meta.is_symlink() {
                said += &fs::read_link(&path).expect("a link").to_string_lossy();
            } else if content {
                said += &format!("{:?}", fs::read(&path).expect("it reads"));
            }
            if !meta.is_symlink() {
                said += &xattrs(&path);
            }
            found.insert(name, said);
        }
    }
    found
}

/// The xattrs that copies share; those that mark a heal must say that nothing is left.
fn xattrs(path: &Path) -> String {
    let mut list = vec![0; 4096];
    let length = listxattr(path, &mut list).expect("xattrs list");
    let mut said = BTreeMap::new();
    for name in list[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let mut value = vec![0; 4096];
        let length = getxattr(path, name.as_str(), &mut value).expect("it reads");
        value.truncate(length);
        if name.starts_with("trusted.afr.") || name == "trusted.ec.dirty" {
            assert!(value.iter().all(|byte| *byte == 0), "{}: {name} is {value:02x?}", path.display());
        } else if !name.starts_with("trusted.gfid2path.") {
            if name == "trusted.glusterfs.mdata" {
                // A new link moves the ctime of its file, and a read the atime of the one copy that is read; no client
                // marks that for healing. What is left is the mtime.
                value[9..25].fill(0);
                value[41..].fill(0);
            }
            said.insert(name, value);
        }
    }
    format!(" {said:?}")
}

/// Nothing is on one brick that is not on the other, or is another there.
#[track_caller]
fn assert_equal(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    if let Some(difference) = difference(one, other) {
        panic!("{difference}");
    }
}

/// What is on one brick and not on the other, or is another there.
fn difference(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Option<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let name = names.into_iter().find(|name| one.get(*name) != other.get(*name))?;
    let said = [one, other].map(|copy| copy.get(name).map_or("missing", String::as_str));
    let at = said[0].bytes().zip(said[1].bytes()).take_while(|(a, b)| a == b).count();
    let near = |said: &str| said.chars().skip(at.saturating_sub(80)).take(400).collect::<String>();
    Some(format!("{name} differs at {at}:\n{}\n{}", near(said[0]), near(said[1])))
}

#[test]
fn a_replica_that_died_under_load_is_healed_by_the_daemon() {
    let Some(volume) = Volume::new("replica 3", 3) else { return };
    let acknowledged = volume.work_while_dying(3);
    assert!(!volume.listed().is_empty(), "what the dead brick missed is listed");
    volume.start_brick();
    volume.heal_by_daemon();
    volume.wait_healed();
    volume.check_mount(&acknowledged);
    let first = copy(&volume.view(1), true);
    assert!(first.len() > WORKERS * ROUNDS * 4);
    for number in 2..=3 {
        let other = copy(&volume.view(number), true);
        assert_equal(&first, &other);
    }
}

#[test]
fn a_replica_that_died_under_load_is_healed_by_a_client_that_looks_at_everything() {
    let Some(volume) = Volume::new("replica 3", 3) else { return };
    let acknowledged = volume.work_while_dying(1);
    volume.cluster.gluster("volume set v cluster.self-heal-daemon off").ok();
    for class in ["data", "metadata", "entry"] {
        volume.cluster.gluster(&format!("volume set v cluster.{class}-self-heal on")).ok();
    }
    volume.start_brick();
    let look =
        format!("find {DATA}/look -exec stat {{}} + ; find {DATA}/look -type f -exec head -c 1 {{}} +");
    wait_result("nothing to heal", || {
        // A client heals what it sees for the first time, and so much at once; the rest is for the next one.
        volume.cluster.mount("v", "look");
        volume.cluster.run("sh", ["-c", look.as_str()]);
        volume.cluster.unmount("look");
        match &volume.missed()[..] {
            [] => Ok(()),
            [first, ..] => Err(format!("{} is listed", first.display())),
        }
    });
    volume.check_mount(&acknowledged);
    volume.cluster.gluster("volume set v cluster.self-heal-daemon on").ok();
    volume.heal_by_daemon();
    wait_result("nothing marked", || {
        volume.cluster.gluster("volume heal v");
        // A client that healed leaves names behind of which nobody needs to know any more.
        match volume
            .listed()
            .iter()
            .find(|path| path.ancestors().nth(1).is_some_and(|list| !list.ends_with("entry-changes")))
        {
            None => Ok(()),
            Some(path) => Err(format!("{} is listed", path.display())),
        }
    });
    assert_equal(&copy(&volume.view(1), true), &copy(&volume.view(2), true));
}

#[test]
fn an_arbiter_and_a_brick_beside_one_are_healed() {
    let Some(volume) = Volume::new("replica 3 arbiter 1", 3) else { return };
    let acknowledged = volume.work_while_dying(2);
    volume.start_brick();
    volume.heal_by_daemon();
    volume.wait_healed();
    volume.check_mount(&acknowledged);
    assert_equal(&copy(&volume.view(1), true), &copy(&volume.view(2), true));
    volume.kill(3);
    wait_result("a write without the arbiter", || fs::write(volume.mount.join("w0/late"), "late"));
    fs::set_permissions(volume.mount.join("w0/f0"), fs::Permissions::from_mode(0o600)).expect("chmod");
    volume.start_brick();
    volume.wait_healed();
    // An arbiter takes no part in writes, so it does not know when they were.
    let timeless = |number| {
        let without =
            |said: String| said.split(", \"trusted.glusterfs.mdata\"").next().unwrap_or_default().to_owned();
        copy(&volume.view(number), false).into_iter().map(|(name, said)| (name, without(said))).collect()
    };
    let (data, arbiter) = (timeless(1), timeless(3));
    assert_equal(&data, &arbiter);
    assert_eq!(fs::metadata(volume.view(3).join("w0/late")).expect("it is there").len(), 0, "no content");
}

#[test]
fn a_fragment_that_died_under_load_is_healed_and_good_enough_to_read_from() {
    let Some(volume) = Volume::new("disperse 6 redundancy 2", 6) else { return };
    let acknowledged = volume.work_while_dying(4);
    volume.start_brick();
    volume.heal_by_daemon();
    volume.wait_healed();
    // The incumbent's heal daemon now and then takes a directory that it has just made off the lists before it has given it
    // its version (with the incumbent's own bricks in four of eight runs). A full heal looks at everything.
    volume.cluster.gluster("volume heal v full").ok();
    wait_result("equal copies", || {
        let [healed, other] = [4, 1].map(|number| copy(&volume.view(number), false));
        difference(&healed, &other).map_or(Ok(()), Err)
    });
    // With two others gone, every read needs what was healed.
    volume.kill(1);
    volume.kill(2);
    volume.cluster.unmount("m");
    let fresh = Volume { mount: volume.cluster.mount("v", "m"), ..volume };
    wait_result("the volume without two bricks", || fs::read(fresh.mount.join("first")));
    fresh.check_mount(&acknowledged);
}
