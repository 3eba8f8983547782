//! A volume mounted for a moment, for what only a client can do.

use crate::bricks::process::launch;
use plugin_api::{log, rt};
use rustix::fs::{XattrFlags, lsetxattr, stat};
use rustix::mount::{UnmountFlags, unmount};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the mount may take to come up.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// A mount, and the folder that was made for it.
#[derive(Debug)]
pub struct Temporary {
    point: PathBuf,
}

impl Temporary {
    /// Mounts by this command line, whose last word is the mount point. It blocks.
    ///
    /// # Errors
    /// A sentence: it does not come up. Nothing is left then.
    pub async fn new(argv: Vec<OsString>, plugin_dirs: &str) -> Result<Self, String> {
        let point = PathBuf::from(argv.last().ok_or("a mount without a mount point")?);
        std::fs::create_dir_all(&point).map_err(|error| format!("{}: {error}", point.display()))?;
        let mount = Self { point };
        match mount.come_up(&argv, plugin_dirs).await {
            Ok(()) => Ok(mount),
            Err(why) => {
                mount.end().await;
                Err(why)
            }
        }
    }

    async fn come_up(&self, argv: &[OsString], plugin_dirs: &str) -> Result<(), String> {
        let status = launch(argv, plugin_dirs, LIMIT).await.map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("the mount program ended with {status}"));
        }
        let until = Instant::now() + LIMIT;
        while !self.is_mounted() {
            if Instant::now() > until {
                return Err(format!("{} is not mounted after {LIMIT:?}", self.point.display()));
            }
            rt::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn is_mounted(&self) -> bool {
        let device = |path: &std::path::Path| stat(path).ok().map(|found| found.st_dev);
        let above = self.point.parent().and_then(device);
        device(&self.point).is_some_and(|own| Some(own) != above)
    }

    /// Writes an attribute on the root.
    ///
    /// # Errors
    /// What the volume answers.
    pub fn set(&self, attribute: &str, value: &str) -> Result<(), String> {
        lsetxattr(&self.point, attribute, value.as_bytes(), XattrFlags::empty())
            .map_err(|errno| format!("{attribute} on the volume's root: {errno}"))
    }

    /// Takes the mount and its folder away; the client ends with it.
    pub async fn end(self) {
        let _ = unmount(&self.point, UnmountFlags::DETACH);
        if let Err(error) = std::fs::remove_dir(&self.point) {
            log!(Warn, "mount point stays", path = self.point.display(), why = error);
        }
    }
}
