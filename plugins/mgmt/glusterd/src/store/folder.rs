//! `vols/<volume>/` as a whole: written so that a crash leaves the old volume or the new, and removed likewise.

use super::checksum::InfoChecksum;
use super::rebalance_state::RebalanceState;
use super::{Lines, StoreError, atomic, brick_file, info};
use crate::paths::Paths;
use crate::volume::Volume;
use rustix::fs::{CWD, renameat};
use std::collections::HashSet;
use std::path::Path;

/// A volume with all that its folder holds besides volfiles.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVolume {
    /// The volume.
    pub volume: Volume,
    /// Rebalance state on this node.
    pub rebalance: RebalanceState,
    /// Port of the snapshot daemon, 0 when it never ran.
    pub snapd_port: u16,
    /// What peers compare; computed from the info file.
    pub checksum: InfoChecksum,
}

impl StoredVolume {
    /// A new volume, with nothing running.
    ///
    /// # Errors
    /// A value holds a line break.
    pub fn new(volume: Volume) -> Result<Self, StoreError> {
        let checksum = InfoChecksum::of(&info_text(&volume)?);
        Ok(Self { volume, rebalance: RebalanceState::default(), snapd_port: 0, checksum })
    }

    /// Creates the volume's folder. It is built out of sight and renamed into `vols/`, so a restart finds all of it
    /// or nothing. `volfiles` are names and texts of the files generated for it.
    ///
    /// # Errors
    /// A volume of that name is there already; a file cannot be written. Nothing is left in `vols/` then.
    pub fn create(&mut self, paths: &Paths, volfiles: &[(String, String)]) -> Result<(), StoreError> {
        self.create_after(paths, volfiles, || Ok(()))
    }

    /// As [`create`](Self::create), with a last step before the volume can be seen. While it runs the volume lies in
    /// `trash/<id>.creating`, so that after a crash what it did can be taken back.
    ///
    /// # Errors
    /// As there, and those of the last step.
    pub fn create_after<E: From<StoreError>>(
        &mut self,
        paths: &Paths,
        volfiles: &[(String, String)],
        last_step: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let trash = paths.trash();
        std::fs::create_dir_all(&trash).map_err(StoreError::std_io(&trash, "create folder"))?;
        let building = trash.join(format!("{}.creating", self.volume.id));
        remove_if_there(&building)?;
        let bricks = building.join("bricks");
        std::fs::create_dir_all(&bricks).map_err(StoreError::std_io(&bricks, "create folder"))?;
        let target = paths.volume(&self.volume.name);
        let built = volfiles
            .iter()
            .try_for_each(|(name, text)| atomic::replace(&building.join(name), text.as_bytes()))
            .and_then(|()| self.write_into(&building))
            .map_err(E::from)
            .and_then(|()| last_step())
            .and_then(|()| Ok(rename_new(&building, &target)?))
            .and_then(|()| {
                // Nobody is told of a volume that may not be there after a power cut: out of sight again.
                atomic::sync_folder(&paths.volumes()).or_else(|error| {
                    rename_new(&target, &building)?;
                    Err(error.into())
                })
            });
        if built.is_err() {
            let _ = remove_if_there(&building);
        }
        let _ = std::fs::remove_dir(&trash);
        built
    }

    /// Writes the volume into its folder; the caller has counted `version` up if this is a change.
    ///
    /// The info file goes last but for its checksum: until it is replaced, a restart reads the old volume.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn save(&mut self, paths: &Paths) -> Result<(), StoreError> {
        let folder = paths.volume(&self.volume.name);
        self.write_into(&folder)?;
        self.remove_stale_bricks(&folder)
    }

    fn write_into(&mut self, folder: &Path) -> Result<(), StoreError> {
        for brick in self.volume.bricks.iter().chain(&self.volume.thin_arbiters) {
            let path = folder.join("bricks").join(brick.store_name());
            let text = brick_file::encode(brick).to_text(&path)?;
            atomic::replace_if_changed(&path, text.as_bytes())?;
        }
        self.save_rebalance_in(folder)?;
        let mut snapd = Lines::default();
        snapd.push("snapd-port", self.snapd_port);
        let path = folder.join("snapd.info");
        atomic::replace_if_changed(&path, snapd.to_text(&path)?.as_bytes())?;
        let text = info_text(&self.volume)?;
        atomic::replace_if_changed(&folder.join("info"), text.as_bytes())?;
        self.checksum = InfoChecksum::of(&text);
        let text = InfoChecksum::file_text(self.checksum.stored);
        atomic::replace_if_changed(&folder.join("cksum"), text.as_bytes())?;
        Ok(())
    }

    /// Writes `node_state.info` alone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_rebalance(&self, paths: &Paths) -> Result<(), StoreError> {
        self.save_rebalance_in(&paths.volume(&self.volume.name))
    }

    fn save_rebalance_in(&self, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join("node_state.info");
        let text = self.rebalance.encode().to_text(&path)?;
        atomic::replace_if_changed(&path, text.as_bytes()).map(|_| ())
    }

    fn remove_stale_bricks(&self, folder: &Path) -> Result<(), StoreError> {
        let wanted: HashSet<String> =
            self.volume.bricks.iter().chain(&self.volume.thin_arbiters).map(|b| b.store_name()).collect();
        let bricks = folder.join("bricks");
        for entry in std::fs::read_dir(&bricks).map_err(StoreError::std_io(&bricks, "list"))? {
            let entry = entry.map_err(StoreError::std_io(&bricks, "list"))?;
            if !entry.file_name().to_str().is_some_and(|name| wanted.contains(name)) {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(StoreError::std_io(&path, "remove"))?;
            }
        }
        Ok(())
    }

    /// Reads the volume's folder back; the checksum is computed anew.
    ///
    /// # Errors
    /// The info file or a brick file cannot be read or contradicts itself. Missing state files count as fresh.
    pub fn load(paths: &Paths, name: &str) -> Result<Self, StoreError> {
        let folder = paths.volume(name);
        let info::Info { mut volume, bricks, thin_arbiters } = info::read(&folder.join("info"), name)?;
        let read = |files: &[String]| {
            let read_one = |(index, file): (usize, &String)| {
                brick_file::read(&folder.join("bricks").join(checked(file, &folder)?), name, index)
            };
            files.iter().enumerate().map(read_one).collect::<Result<Vec<_>, StoreError>>()
        };
        volume.bricks = read(&bricks)?;
        volume.thin_arbiters = read(&thin_arbiters)?;
        let rebalance = or_fresh(RebalanceState::read(&folder.join("node_state.info")))?;
        let snapd = or_fresh(Lines::read(&folder.join("snapd.info")))?;
        let snapd_port = snapd.get("snapd-port").and_then(|port| port.parse().ok()).unwrap_or(0);
        let checksum = InfoChecksum::of(&info_text(&volume)?);
        Ok(Self { volume, rebalance, snapd_port, checksum })
    }

    /// Removes the volume: its folder is renamed out of `vols/` first, so that a restart finds all of it or nothing.
    ///
    /// # Errors
    /// The folder cannot be renamed (the volume stands then) or not be emptied (the volume is gone, a rest lies in
    /// `trash/`).
    pub fn remove(&self, paths: &Paths) -> Result<(), StoreError> {
        let (folder, trash) = (paths.volume(&self.volume.name), paths.trash());
        std::fs::create_dir_all(&trash).map_err(StoreError::std_io(&trash, "create folder"))?;
        let deleted = trash.join(format!("{}.deleted", self.volume.id));
        remove_if_there(&deleted)?;
        atomic::step(&folder)?;
        renameat(CWD, &folder, CWD, &deleted).map_err(StoreError::io(&folder, "move to trash"))?;
        atomic::sync_folder(&paths.volumes())?;
        remove_if_there(&deleted)?;
        let _ = std::fs::remove_dir(&trash);
        Ok(())
    }
}

/// Empties what a crash left of volumes that were coming or going.
///
/// # Errors
/// The trash folder is there and cannot be emptied.
pub fn empty_trash(paths: &Paths) -> Result<(), StoreError> {
    remove_if_there(&paths.trash())
}

fn info_text(volume: &Volume) -> Result<String, StoreError> {
    info::encode(volume).to_text(Path::new("info"))
}

/// A brick file's name out of an info file must not lead elsewhere.
fn checked<'a>(file: &'a str, folder: &Path) -> Result<&'a str, StoreError> {
    if file.contains('/') || !file.contains(':') {
        return Err(StoreError::Value {
            path: folder.join("info"),
            key: "brick-<n>".to_owned(),
            found: file.to_owned(),
            expected: "host:path with dashes",
        });
    }
    Ok(file)
}

fn or_fresh<T: Default>(read: Result<T, StoreError>) -> Result<T, StoreError> {
    match read {
        Err(error) if error.is_not_found() => Ok(T::default()),
        other => other,
    }
}

fn rename_new(from: &Path, to: &Path) -> Result<(), StoreError> {
    atomic::step(to)?;
    rustix::fs::renameat_with(CWD, from, CWD, to, rustix::fs::RenameFlags::NOREPLACE)
        .map_err(StoreError::io(to, "rename into place"))
}

fn remove_if_there(folder: &Path) -> Result<(), StoreError> {
    atomic::step(folder)?;
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::std_io(folder, "remove")(error))
        }
        _ => Ok(()),
    }
}
