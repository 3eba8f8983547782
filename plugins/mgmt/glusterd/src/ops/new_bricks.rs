//! Bricks that a command names, on their way into a volume.

use super::{Refusal, Request, shown};
use crate::brick::{Brick, BrickName};
use crate::bricks::check::{BrickError, Candidate, CheckedFolder, check_folder, check_length, check_overlap};
use crate::bricks::claim::{claim, unclaim};
use crate::bricks::place;
use crate::daemon::Daemon;
use crate::net::is_local_host;
use crate::volume::Volume;
use std::path::Path;
use uuid::Uuid;

/// More bricks than any volume has.
const MAX_BRICKS: usize = 10_000;

/// Bricks to be.
#[derive(Debug)]
pub struct NewBricks {
    names: Vec<BrickName>,
    force: bool,
    ignore_partition: bool,
    folders: Vec<CheckedFolder>,
}

impl NewBricks {
    /// Those of a request that names them in `bricks` and counts them in `count`.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn read(asked: Request<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            names: brick_names(asked.text("bricks")?, asked.number("count")?)?,
            force: asked.flag("force")?,
            ignore_partition: asked.flag("ignore-partition")?,
            folders: Vec::new(),
        })
    }

    /// A single one.
    ///
    /// # Errors
    /// Its path is not canonical.
    pub fn one(name: BrickName, force: bool, ignore_partition: bool) -> Result<Self, Refusal> {
        check_canonical(&name)?;
        Ok(Self { names: vec![name], force, ignore_partition, folders: Vec::new() })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether `force` was given.
    #[must_use]
    pub fn is_forced(&self) -> bool {
        self.force
    }

    /// Checks each of them and adds it to the volume's. Folders that are made for them go again unless they are
    /// [kept](Self::keep). `stays` may be where a new brick is: the one that it takes the place of.
    ///
    /// # Errors
    /// The first that cannot be a brick.
    pub fn check(
        &mut self,
        daemon: &Daemon,
        volume: &mut Volume,
        stays: Option<&Brick>,
    ) -> Result<(), Refusal> {
        for name in std::mem::take(&mut self.names) {
            let brick = self.check_one(daemon, volume, &name, stays)?;
            volume.bricks.push(brick);
        }
        Ok(())
    }

    fn check_one(
        &mut self,
        daemon: &Daemon,
        volume: &Volume,
        name: &BrickName,
        stays: Option<&Brick>,
    ) -> Result<Brick, Refusal> {
        check_length(&volume.name, name, &daemon.config.paths)?;
        if !is_local_host(&name.host) {
            return Err(Refusal::new(format!(
                "Host {} is not in 'Peer in Cluster' state",
                shown(&name.host)
            )));
        }
        let path = Path::new(&name.path);
        let unplaced = |error: std::io::Error| Refusal::new(format!("{}: {error}", shown(&name.path)));
        let real = place::real_path(path).map_err(unplaced)?;
        {
            let state = daemon.state();
            let others = state.bricks().chain(&volume.bricks);
            let others = others.filter(|other| stays.is_none_or(|stays| stays.real_path != other.real_path));
            check_overlap(name, &real, daemon.node, others)?;
        }
        let candidate = Candidate {
            volume: &volume.name,
            name,
            force: self.force,
            ignore_partition: self.ignore_partition,
        };
        self.folders.push(check_folder(candidate, &daemon.config.paths)?);
        let mut brick = Brick::new(daemon.node, &name.host, &name.path, &volume.next_brick_id());
        brick.fsid = place::fsid(path).map_err(unplaced)?;
        brick.mount_dir = place::mount_dir(&real).map_err(unplaced)?;
        brick.real_path = real.display().to_string();
        Ok(brick)
    }

    /// The folders that were made for them stay.
    pub fn keep(&mut self) {
        self.folders.drain(..).for_each(CheckedFolder::keep);
    }
}

/// Marks on brick folders, taken back unless they are [kept](Self::keep).
#[derive(Debug)]
pub struct Claims {
    volume: Uuid,
    taken: Vec<String>,
}

impl Claims {
    /// None yet, for a volume.
    #[must_use]
    pub fn new(volume: Uuid) -> Self {
        Self { volume, taken: Vec::new() }
    }

    /// Marks a brick's folder as the volume's.
    ///
    /// # Errors
    /// It is marked already, or cannot be.
    pub fn take(&mut self, brick: &Brick, force: bool) -> Result<(), BrickError> {
        claim(Path::new(&brick.path), self.volume, force)?;
        self.taken.push(brick.path.clone());
        Ok(())
    }

    /// The marks stay.
    pub fn keep(&mut self) {
        self.taken.clear();
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        for path in &self.taken {
            unclaim(Path::new(path), self.volume);
        }
    }
}

/// The bricks of `" host:/path host:/path "`.
fn brick_names(text: &str, count: u32) -> Result<Vec<BrickName>, Refusal> {
    let names: Vec<BrickName> = text
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(MAX_BRICKS + 1)
        .map(str::parse)
        .collect::<Result<_, crate::brick::BrickNameError>>()
        .map_err(|error| Refusal::at_once(shown(&error.to_string())))?;
    if names.is_empty() || names.len() > MAX_BRICKS || u32::try_from(names.len()) != Ok(count) {
        return Err(Refusal::at_once(format!(
            "the request names {} bricks and says that there are {count}, expected from 1 to {MAX_BRICKS}",
            names.len()
        )));
    }
    names.iter().try_for_each(check_canonical)?;
    Ok(names)
}

fn check_canonical(name: &BrickName) -> Result<(), Refusal> {
    let plain = |part: &str| !matches!(part, "." | "..") && !part.is_empty();
    if name.path == "/" || !name.path[1..].split('/').all(plain) {
        return Err(Refusal::at_once(format!(
            "brick path {} is not canonical: no `.`, no `..`, no empty part",
            shown(&name.path)
        )));
    }
    Ok(())
}
