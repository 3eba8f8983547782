//! The folder: made when it is needed, renamed when the option says so, and the same one on every brick.

use plugin_api::OwnedFrame;
use plugin_api::prelude::*;
use sha2::{Digest, Sha256};

use crate::options::Settings;

/// The folder's id on every brick of every volume.
const FOLDER: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
/// That of the folder in it for what the cluster deletes by itself.
const INTERNAL: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);
const INTERNAL_NAME: &str = "internal_op";
/// The process id of what this translator does by itself.
const PID: i32 = -11;
/// Under this name the store tells the paths of what it is asked about.
const PATHS: &str = "glusterfs.ancestry.path";
const FOLDER_MODE: u32 = 0o755;

/// The folder of a brick, as this translator works in it.
pub(crate) struct Can<'a> {
    frame: OwnedFrame,
    settings: &'a Settings,
}

fn directory(gfid: Gfid) -> Inode {
    Inode::new(gfid, FileType::Directory)
}

/// A name in a directory.
pub(crate) fn entry(parent: Gfid, name: &[u8]) -> Loc {
    let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
    Loc { inode: Some(fresh).into(), ..Loc::entry(directory(parent), name.to_vec().into()) }
}

/// Whether a place is that of the folder, or of the one for internal deletions.
pub(crate) fn is_folder(loc: &Loc, settings: &Settings) -> bool {
    let named = |parent: Gfid, name: &str| loc.directory() == parent && loc.name[..] == *name.as_bytes();
    named(Gfid::ROOT, &settings.folder) || named(FOLDER, INTERNAL_NAME)
}

/// An id that every brick comes to by itself.
pub(crate) fn derived(parts: &[&[u8]]) -> Gfid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut id = [0; 16];
    id.copy_from_slice(&hash.finalize()[..16]);
    // Marked as an id of no standard's making.
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    Gfid(id)
}

impl<'a> Can<'a> {
    pub(crate) fn new(handle: &Handle, settings: &'a Settings) -> Self {
        Self::within(handle.frame(Identity::default()), settings)
    }

    /// In a frame that may be of somebody else, whose time it keeps.
    pub(crate) fn within(mut frame: OwnedFrame, settings: &'a Settings) -> Self {
        let identity = frame.identity_mut();
        (identity.uid, identity.gid, identity.pid) = (0, 0, PID);
        Self { frame, settings }
    }

    pub(crate) fn frame(&self) -> &OwnedFrame {
        &self.frame
    }

    /// Makes the folders, or gives the one that is there its new name.
    pub(crate) async fn prepare(&self) {
        if let Err(error) = self.try_prepare().await {
            log!(
                Error,
                "no folder for deleted files, they are not kept",
                folder = self.settings.folder.as_str(),
                error = error.to_string()
            );
        }
    }

    async fn try_prepare(&self) -> FopResult<()> {
        let name = self.settings.folder.as_bytes();
        match self.path(FOLDER).await {
            Some(path) if path.len() == 1 && path[0] != name => {
                let (old, new) = (entry(Gfid::ROOT, &path[0]), entry(Gfid::ROOT, name));
                self.frame.child().rename(Rename { old, new, xdata: Dict::new() }).await?;
            }
            Some(_) => {}
            None => self.make(Gfid::ROOT, name, FOLDER, FOLDER_MODE).await?,
        }
        if self.settings.internal && self.find(FOLDER, INTERNAL_NAME.as_bytes()).await.is_none() {
            self.make(FOLDER, INTERNAL_NAME.as_bytes(), INTERNAL, FOLDER_MODE).await?;
        }
        Ok(())
    }

    async fn make(&self, parent: Gfid, name: &[u8], gfid: Gfid, mode: u32) -> FopResult<()> {
        let xdata = Dict::new().with("gfid-req", gfid);
        let args = Mkdir { loc: entry(parent, name), mode, umask: 0, xdata };
        self.frame.child().mkdir(args).await.map(drop)
    }

    /// What is behind a name.
    pub(crate) async fn find(&self, parent: Gfid, name: &[u8]) -> Option<Iatt> {
        let args = Lookup { loc: entry(parent, name), xdata: Dict::new() };
        self.frame.child().lookup(args).await.ok().map(|found| found.iatt)
    }

    /// The path of an object from the root, part by part; one of them where it has several.
    pub(crate) async fn path(&self, gfid: Gfid) -> Option<Vec<Vec<u8>>> {
        if gfid.is_root() {
            return Some(Vec::new());
        }
        let loc = Loc::of(Inode::new(gfid, FileType::Invalid));
        let name = IoBuf::from(PATHS.to_owned());
        let answer = self.frame.child().getxattr(Getxattr { loc, name, xdata: Dict::new() }).await.ok()?;
        let paths = answer.xattrs.get(PATHS)?.as_bytes()?;
        // A path holds neither NUL nor, but for its own, a colon before a slash.
        let end = paths.windows(2).position(|two| two == b":/").unwrap_or(paths.len());
        let path = paths[..end].split(|byte| *byte == b'/').filter(|part| !part.is_empty());
        Some(path.map(<[u8]>::to_vec).collect())
    }

    /// Whether a path leads into the folder.
    pub(crate) fn holds(&self, path: &[Vec<u8>]) -> bool {
        path.first().is_some_and(|first| *first == self.settings.folder.as_bytes())
    }

    /// The directory in the folder that stands for that at `path`: it is made where it is not there yet.
    pub(crate) async fn directory_for(&self, path: &[Vec<u8>], internal: bool) -> FopResult<Gfid> {
        let mut here = if internal { INTERNAL } else { FOLDER };
        for (depth, name) in path.iter().enumerate() {
            here = match self.find(here, name).await {
                Some(found) if found.is_dir() => found.gfid,
                Some(_) => return Err(Errno::ENOTDIR.into()),
                None => self.stand_in(here, &path[..=depth]).await?,
            };
        }
        Ok(here)
    }

    /// Makes a directory as that at `path` is. Its id is free unless an earlier one was moved away by hand.
    async fn stand_in(&self, parent: Gfid, path: &[Vec<u8>]) -> FopResult<Gfid> {
        const TRIES: u8 = 8;
        let name = path.last().ok_or(Errno::EINVAL)?;
        let mode = self.mode_of(path).await.unwrap_or(FOLDER_MODE);
        for nth in 0..TRIES {
            let gfid = derived(&[b"directory", &parent.0, name, &[nth]]);
            match self.make(parent, name, gfid, mode).await {
                Ok(()) => return Ok(gfid),
                Err(error) if error.errno != Errno::EEXIST => return Err(error),
                // Somebody else has made it, or its id is taken.
                Err(_) => {
                    if let Some(found) = self.find(parent, name).await.filter(Iatt::is_dir) {
                        return Ok(found.gfid);
                    }
                }
            }
        }
        Err(Errno::EEXIST.into())
    }

    async fn mode_of(&self, path: &[Vec<u8>]) -> Option<u32> {
        let mut here = Gfid::ROOT;
        let mut mode = None;
        for name in path {
            let found = self.find(here, name).await?;
            (here, mode) = (found.gfid, Some(found.mode & 0o7777));
        }
        mode
    }
}
