//! What a restart finds after volumes came, changed and went, and after crashes in between.
#![allow(clippy::unwrap_used)] // a test: whatever is not there fails it

use mgmt_glusterd::brick::Brick;
use mgmt_glusterd::options::edit;
use mgmt_glusterd::paths::Paths;
use mgmt_glusterd::store::StoreError;
use mgmt_glusterd::store::folder::StoredVolume;
use mgmt_glusterd::store::restore::{Restored, SkipReason, make_folders, restore};
use mgmt_glusterd::user_xlators::plugins::NoPlugins;
use mgmt_glusterd::volgen::files;
use mgmt_glusterd::volume::{Credentials, Volume, VolumeKind, VolumeStatus};
use uuid::Uuid;

struct State {
    paths: Paths,
    _root: tempfile::TempDir,
}

impl State {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let mut paths = Paths::new(at("work"), at("run"), at("log"));
        paths.sockets = at("run");
        make_folders(&paths).unwrap();
        Self { paths, _root: root }
    }

    fn create(&self, name: &str) -> StoredVolume {
        let kind = VolumeKind::Distribute;
        let mut volume = Volume::new(name, Uuid::new_v4(), kind, Credentials::generate());
        for n in [1, 2] {
            let id = volume.next_brick_id();
            volume.bricks.push(Brick::new(Uuid::new_v4(), "box", &format!("/b/{n}/{name}"), &id));
        }
        edit::set_created(&mut volume, "inet");
        let volfiles = files::generate(&volume, &self.restore().options, &self.paths, &NoPlugins);
        let mut stored = StoredVolume::new(volume).unwrap();
        stored.create(&self.paths, &volfiles).unwrap();
        stored
    }

    fn restore(&self) -> Restored {
        restore(&self.paths).unwrap()
    }
}

#[test]
fn volumes_come_back_as_they_were_left() {
    let state = State::new();
    let mut a = state.create("a");
    let b = state.create("b");
    a.volume.status = VolumeStatus::Started;
    a.volume.bricks[0].port = 49152;
    a.volume.options.set("user.note", "x");
    a.volume.version += 1;
    a.rebalance.files = 7;
    a.save(&state.paths).unwrap();
    let back = state.restore();
    assert_eq!(back.volumes.values().collect::<Vec<_>>(), [&a, &b]);
    assert_eq!(back.node, state.restore().node);
    assert!(back.skipped.is_empty());
}

#[test]
fn a_name_is_not_given_twice_and_the_first_volume_stands() {
    let state = State::new();
    let first = state.create("a");
    let mut second = StoredVolume::new(first.volume.clone()).unwrap();
    second.volume.id = Uuid::new_v4();
    second.create(&state.paths, &[]).unwrap_err();
    assert_eq!(state.restore().volumes["a"], first);
    assert!(!state.paths.trash().exists());
}

#[test]
fn a_deleted_volume_is_gone_and_leaves_nothing() {
    let state = State::new();
    let a = state.create("a");
    a.remove(&state.paths).unwrap();
    assert!(state.restore().volumes.is_empty());
    assert!(!state.paths.trash().exists());
}

#[test]
fn what_a_crash_left_of_a_volume_that_came_or_went_is_cleared() {
    let state = State::new();
    let a = state.create("a");
    let trash = state.paths.trash();
    std::fs::create_dir_all(trash.join("x.creating/bricks")).unwrap();
    std::fs::rename(state.paths.volume("a"), trash.join(format!("{}.deleted", a.volume.id))).unwrap();
    assert!(state.restore().volumes.is_empty());
    assert!(!trash.exists());
}

#[test]
fn a_folder_without_info_is_told_of_and_left_out() {
    let state = State::new();
    let a = state.create("a");
    std::fs::create_dir_all(state.paths.volume("half").join("bricks")).unwrap();
    std::fs::create_dir_all(state.paths.volumes().join("no.name")).unwrap();
    std::fs::write(state.paths.volumes().join("file"), "").unwrap();
    let mut back = state.restore();
    assert_eq!(back.volumes.values().collect::<Vec<_>>(), [&a]);
    back.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    let skipped: Vec<_> = back.skipped.iter().map(|s| (s.path.clone(), s.reason.clone())).collect();
    let (half, name) = (state.paths.volume("half"), state.paths.volumes().join("no.name"));
    assert_eq!(skipped, [(half, SkipReason::NoInfo), (name, SkipReason::Name)]);
}

#[test]
fn a_file_that_is_no_peer_is_told_of_and_the_peers_beside_it_are_restored() {
    let state = State::new();
    let peers = state.paths.peers();
    let known: Vec<String> =
        (0..3).map(|n| format!("00000000-0000-0000-0000-00000000000{}", n + 1)).collect();
    for uuid in &known {
        std::fs::write(peers.join(uuid), format!("state=1\nuuid={uuid}\nhostname=127.0.0.1\n")).unwrap();
    }
    std::fs::write(peers.join("00000000-0000-0000-0000-00000000000a"), "more random stuff\n").unwrap();
    std::fs::write(peers.join("not_a_peer_file"), "random stuff\n").unwrap();
    let back = state.restore();
    let found: Vec<_> = back.peers.iter().map(|peer| peer.uuid.to_string()).collect();
    assert_eq!(found, known);
    let told: Vec<_> = back.skipped.iter().map(|skipped| skipped.reason.to_string()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[1].ends_with("not_a_peer_file: line 1: found \"random stuff\", expected key=value"),
        "{told:?}"
    );
}

#[test]
fn an_info_file_that_contradicts_itself_stops_the_start_and_is_named() {
    let state = State::new();
    state.create("a");
    let info = state.paths.volume("a").join("info");
    let text = std::fs::read_to_string(&info).unwrap();
    for (from, to, complaint) in [
        ("count=2", "count=3", "count=3: expected as many as there are brick-<n> lines"),
        ("status=0", "status=9", "status=9: expected 0, 1 or 2"),
        ("type=0", "type=7", "type=7: expected 0 (distribute), 2 (replicate) or 4 (disperse)"),
        ("brick-0=box:-b", "brick-0=../../x:", "expected host:path with dashes"),
        ("version=1\n", "", "no version=, which this file has to have"),
        ("status=0", "status", "found \"status\", expected key=value"),
    ] {
        std::fs::write(&info, text.replacen(from, to, 1)).unwrap();
        let error = restore(&state.paths).unwrap_err().to_string();
        assert!(error.contains("vols/a/info: ") && error.contains(complaint), "{error}");
    }
}

#[test]
fn unknown_keys_survive_a_change() {
    let state = State::new();
    let a = state.create("a");
    let (info, brick) = (
        state.paths.volume("a").join("info"),
        state.paths.volume("a").join("bricks").join(a.volume.bricks[0].store_name()),
    );
    for path in [&info, &brick] {
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, text + "future.key=a=b\n").unwrap();
    }
    let mut back = state.restore().volumes.remove("a").unwrap();
    back.volume.version += 1;
    back.save(&state.paths).unwrap();
    for path in [&info, &brick] {
        assert!(std::fs::read_to_string(path).unwrap().contains("\nfuture.key=a=b\n"));
    }
}

#[test]
fn a_brick_that_left_the_volume_leaves_no_file() {
    let state = State::new();
    let mut a = state.create("a");
    let gone = a.volume.bricks.remove(0);
    a.save(&state.paths).unwrap();
    assert!(!state.paths.volume("a").join("bricks").join(gone.store_name()).exists());
    assert_eq!(state.restore().volumes["a"], a);
}

#[test]
fn a_volume_that_cannot_be_written_stands_as_it_was() {
    let state = State::new();
    let mut a = state.create("a");
    let before = a.clone();
    a.volume.options.set("user.x", "1\n2");
    assert!(matches!(a.save(&state.paths), Err(StoreError::Unstorable { .. })));
    assert_eq!(state.restore().volumes["a"], before);
}

#[test]
fn volfiles_are_rewritten_only_when_they_change() {
    let state = State::new();
    let mut a = state.create("a");
    let cluster = state.restore().options;
    assert!(!files::write(&a.volume, &cluster, &state.paths, &NoPlugins).unwrap());
    a.volume.options.set("network.ping-timeout", "7");
    assert!(files::write(&a.volume, &cluster, &state.paths, &NoPlugins).unwrap());
    assert!(!files::write(&a.volume, &cluster, &state.paths, &NoPlugins).unwrap());
}
