//! A volume mounted for a moment, for what only a client can do.

use super::service;
use crate::bricks::process::launch;
use crate::daemon::Daemon;
use crate::store::atomic;
use crate::volgen::files;
use crate::volume::Volume;
use plugin_api::{log, rt};
use rustix::fs::{XattrFlags, lsetxattr, stat};
use rustix::mount::{UnmountFlags, unmount};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long the mount may take to come up.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// The client that may say which copy is new or empty; copies listen to nobody else.
const ADD_COPY_MOUNT: &str = "--client-pid=-12";

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
        // What a crash has left, or somebody for whom it was made.
        let _ = unmount(&point, UnmountFlags::DETACH);
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

    /// The mount point.
    #[must_use]
    pub fn point(&self) -> &Path {
        &self.point
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

/// What a volume is mounted by.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The volfile that is served for the volume of this name.
    Served(&'a str),
    /// The graph of a volume that nobody is served yet.
    Graph(&'a Volume),
}

/// Mounts a volume for what management may do and writes an attribute on its root.
///
/// # Errors
/// A sentence: it cannot be mounted, or does not take the attribute.
pub async fn mark(
    daemon: &Daemon,
    source: Source<'_>,
    attribute: &'static str,
    value: &str,
) -> Result<(), String> {
    let config = &daemon.config;
    let place = config.paths.run.join(format!("mount-{}", Uuid::new_v4()));
    let mut volfile = None;
    let mut argv = match source {
        Source::Served(volume) => {
            let mut argv = service::served_client(config);
            argv.extend(["--volfile-id", volume].map(OsString::from));
            argv
        }
        Source::Graph(volume) => {
            let options = daemon.state().options.clone();
            let text = files::trusted_client(volume, &options, &*daemon.plugins);
            // It holds the volume's password.
            let path = place.with_extension("vol");
            atomic::replace(&path, text.as_bytes()).map_err(|error| error.to_string())?;
            volfile = Some(path.clone());
            vec![config.client_program.clone().into(), "-f".into(), path.into()]
        }
    };
    argv.extend([ADD_COPY_MOUNT, "--process-name", "mark", "-l"].map(OsString::from));
    argv.push(config.paths.log.join("marks.log").into());
    argv.push(place.into());
    let marked = daemon.services.mark(argv, attribute, value.to_owned()).await;
    if let Some(path) = volfile {
        let _ = std::fs::remove_file(path);
    }
    marked
}
