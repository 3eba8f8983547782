//! Folders that become bricks, with the xattrs that only root may set. Without root there is nothing to test.
#![allow(clippy::unwrap_used)] // a test: whatever is not there fails it

use mgmt_glusterd::brick::{Brick, BrickName};
use mgmt_glusterd::bricks::check::{BrickError, Candidate, check_folder, check_start, volume_id};
use mgmt_glusterd::bricks::claim::claim;
use mgmt_glusterd::paths::Paths;
use mgmt_glusterd::volume::{Credentials, Volume, VolumeKind};
use std::path::Path;
use uuid::Uuid;

/// A folder where `trusted.*` xattrs work, if there is one.
fn root_folder() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    claim(folder.path(), Uuid::nil(), true).ok()?;
    tempfile::tempdir().ok()
}

fn check(path: &Path, force: bool) -> Result<(), BrickError> {
    let name = BrickName { host: "box".to_owned(), path: path.to_str().unwrap().to_owned() };
    let candidate = Candidate { volume: "v", name: &name, force, ignore_partition: true };
    check_folder(candidate, &Paths::new("/nonexistent/work", "/r", "/l")).map(|folder| folder.keep())
}

#[test]
fn a_folder_of_another_volume_and_all_below_it_need_force() {
    let Some(root) = root_folder() else { return };
    let brick = root.path().join("brick");
    check(&brick, false).unwrap();
    claim(&brick, Uuid::new_v4(), false).unwrap();
    let shown = brick.display();
    assert_eq!(check(&brick, false).unwrap_err().to_string(), format!("{shown} is already part of a volume"));
    let below = brick.join("below");
    let text = check(&below, false).unwrap_err().to_string();
    assert_eq!(text, format!("parent directory {shown} is already part of a volume"));
    assert!(!below.exists());
    check(&below, true).unwrap();
}

#[test]
fn a_brick_starts_only_on_the_folder_marked_as_its_volumes() {
    let Some(root) = root_folder() else { return };
    let path = root.path().join("brick");
    let mut volume = Volume::new("v", Uuid::new_v4(), VolumeKind::Distribute, Credentials::generate());
    volume.bricks.push(Brick::new(Uuid::nil(), "box", path.to_str().unwrap(), "v-client-0"));
    let start = |volume: &Volume| check_start(volume, &volume.bricks[0]).map_err(|error| error.to_string());
    let shown = path.display();
    assert_eq!(
        start(&volume).unwrap_err(),
        format!("Failed to find brick directory {shown} for volume v. Reason : No such file or directory")
    );
    std::fs::create_dir(&path).unwrap();
    assert_eq!(
        start(&volume).unwrap_err(),
        format!(
            "Failed to get extended attribute trusted.glusterfs.volume-id for brick dir {shown}. Reason : No data \
             available"
        )
    );
    claim(&path, volume.id, false).unwrap();
    assert_eq!(volume_id(&path).unwrap(), volume.id);
    start(&volume).unwrap();
    let other = Uuid::new_v4();
    let (expected, found) = (other, volume.id);
    volume.id = other;
    assert_eq!(
        start(&volume).unwrap_err(),
        format!(
            "Volume id mismatch for brick box:{shown}. Expected volume id {expected}, volume id {found} found"
        )
    );
    claim(&path, other, false).unwrap_err();
    claim(&path, other, true).unwrap();
    start(&volume).unwrap();
}
