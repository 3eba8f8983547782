//! State folders that GlusterFS 10.3 wrote: read, written again, and their volfiles generated anew.
//!
//! The fixtures are throw-away volumes. `MORTAR_STATE_FOLDERS` may name more state folders, or folders of them.
#![allow(clippy::unwrap_used)] // a test: whatever is not there fails it

use mgmt_glusterd::opversion::VolumeOpVersions;
use mgmt_glusterd::paths::Paths;
use mgmt_glusterd::store::checksum::InfoChecksum;
use mgmt_glusterd::store::cluster_options::ClusterOptions;
use mgmt_glusterd::store::folder::StoredVolume;
use mgmt_glusterd::store::node::Node;
use mgmt_glusterd::user_xlators::plugins::NoPlugins;
use mgmt_glusterd::volgen;
use std::path::{Path, PathBuf};

#[test]
fn every_file_of_a_stored_volume_is_written_as_it_was_read() {
    for (state, name) in stored_volumes() {
        let copy = tempfile::tempdir().unwrap();
        let paths = Paths::new(copy.path(), "/var/run/gluster", "/var/log/glusterfs");
        std::fs::create_dir_all(paths.volumes()).unwrap();
        let mut volume = StoredVolume::load(&Paths::new(&state, "/r", "/l"), &name).unwrap();
        volume.create(&paths, &[]).unwrap();
        let (theirs, ours) = (state.join("vols").join(&name), paths.volume(&name));
        for file in ["info", "cksum", "node_state.info", "snapd.info"] {
            assert_eq!(read(&theirs.join(file)), read(&ours.join(file)), "{}", theirs.join(file).display());
        }
        for brick in std::fs::read_dir(theirs.join("bricks")).unwrap() {
            let brick = brick.unwrap();
            let written = ours.join("bricks").join(brick.file_name());
            assert_eq!(read(&brick.path()), read(&written), "{}", brick.path().display());
        }
        let back = StoredVolume::load(&paths, &name).unwrap();
        assert_eq!(back, volume);
    }
}

#[test]
fn checksums_are_the_ones_stored() {
    for (state, name) in stored_volumes() {
        let folder = state.join("vols").join(&name);
        let checksum = InfoChecksum::of(&read(&folder.join("info")));
        assert_eq!(
            InfoChecksum::file_text(checksum.stored),
            read(&folder.join("cksum")),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn node_and_cluster_options_are_written_as_they_were_read() {
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lab");
    let copy = tempfile::tempdir().unwrap();
    for file in ["glusterd.info", "options"] {
        std::fs::copy(state.join(file), copy.path().join(file)).unwrap();
    }
    Node::load_or_create(copy.path()).unwrap().save(copy.path()).unwrap();
    ClusterOptions::load(copy.path()).unwrap().save(copy.path()).unwrap();
    for file in ["glusterd.info", "options"] {
        assert_eq!(read(&state.join(file)), read(&copy.path().join(file)), "{file}");
    }
}

#[test]
fn op_versions_are_the_ones_stored() {
    let mut wrong = Vec::new();
    for (state, name) in stored_volumes() {
        let stored = StoredVolume::load(&Paths::new(&state, "/r", "/l"), &name).unwrap().volume;
        let computed = VolumeOpVersions::of(&stored);
        if (computed.node, computed.client) != (stored.op_version, stored.client_op_version) {
            wrong.push(format!(
                "{}: {} computed {computed:?}, stored {} and {}",
                state.display(),
                name,
                stored.op_version,
                stored.client_op_version
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn volfiles_are_generated_byte_for_byte() {
    let mut wrong = Vec::new();
    for (state, name) in stored_volumes() {
        let volume = StoredVolume::load(&Paths::new(&state, "/r", "/l"), &name).unwrap().volume;
        let cluster = ClusterOptions::load(&state).unwrap();
        let generated = volgen::generate(&volume, &cluster, &Paths::default(), &NoPlugins);
        for (file, ours) in &generated {
            let path = state.join("vols").join(&name).join(file);
            let theirs = read(&path);
            if *ours != theirs {
                wrong.push(format!("{}\n{}", path.display(), difference(&theirs, ours)));
            }
        }
        let missing = std::fs::read_dir(state.join("vols").join(&name)).unwrap();
        for entry in missing.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
            let expected = entry.ends_with(".vol") && !entry.contains(".client.");
            if expected && !generated.iter().any(|(file, _)| *file == entry) {
                wrong.push(format!("{}: {entry} is not generated", state.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} volfiles differ\n{}", wrong.len(), wrong.join("\n"));
}

fn stored_volumes() -> Vec<(PathBuf, String)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let more = std::env::var_os("MORTAR_STATE_FOLDERS").unwrap_or_default();
    let roots =
        std::iter::once(fixtures).chain(std::env::split_paths(&more).filter(|p| !p.as_os_str().is_empty()));
    let mut found = Vec::new();
    for root in roots {
        let mut states = vec![root.clone()];
        states.extend(std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()));
        states.sort();
        for state in states.into_iter().filter(|state| state.join("vols").is_dir()) {
            for volume in std::fs::read_dir(state.join("vols")).unwrap() {
                found.push((state.clone(), volume.unwrap().file_name().into_string().unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "there are fixtures");
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| format!("{}: {error}\n", path.display()))
}

/// The lines that are in one text only.
fn difference(theirs: &str, ours: &str) -> String {
    let only = |a: &str, b: &str, sign: char| {
        let mut rest: Vec<&str> = b.lines().collect();
        let mut lines = String::new();
        for line in a.lines() {
            match rest.iter().position(|other| *other == line) {
                Some(at) => drop(rest.remove(at)),
                None => lines.push_str(&format!("  {sign} {line}\n")),
            }
        }
        lines
    };
    let text = only(theirs, ours, '-') + &only(ours, theirs, '+');
    if text.is_empty() { "  the order differs\n".to_owned() } else { text }
}
