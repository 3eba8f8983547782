//! Mount: what a client does before it leaves the terminal, and the translator that mounts.
use std::io;
use std::path::PathBuf;

use crate::ctx::Ctx;
use crate::settings::{MountSettings, VolfileSource};

/// The translator that a volfile never holds: a client with a mount point has one, above its graph.
pub const TYPE: &str = "mount/fuse";
/// Its name, as the incumbent's.
pub const NAME: &str = "fuse";

/// Nothing can be mounted there.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", point.display())]
pub struct MountError {
    /// The mount point.
    pub point: PathBuf,
    why: String,
    errno: i32,
}

impl MountError {
    /// The system's error number.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(self.errno).ok().filter(|code| *code != 0).unwrap_or(1)
    }
}

/// Looks at the mount point that the settings name, while there is a terminal to say it on. The mount itself is made by the
/// translator, after the fork: no plugin is open before.
/// # Errors
/// It is not there, is no folder, or holds a mount whose process is gone.
pub fn prepare(ctx: &Ctx) -> Result<(), MountError> {
    let Some(MountSettings { point, .. }) = &ctx.settings.mount else { return Ok(()) };
    let refuse = |why: &str, errno| Err(MountError { point: point.clone(), why: why.to_owned(), errno });
    match point.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => refuse("is no folder, so nothing can be mounted there", libc::ENOTDIR),
        Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => {
            refuse("a mount whose process has ended is still there; umount it first", libc::ENOTCONN)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse("there is no such folder to mount on", libc::ENOENT)
        }
        Err(error) => {
            refuse(&format!("cannot be mounted on: {error}"), error.raw_os_error().unwrap_or(libc::EIO))
        }
    }
}

/// What the list of mounts shows as the device: the server, its volume and the folder of it, or the volfile.
pub fn device(volfile: &VolfileSource, folder: Option<&str>) -> String {
    match volfile {
        VolfileSource::File(path) => path.display().to_string(),
        VolfileSource::Server(server) => {
            let first = server.servers.first().map(String::as_str).unwrap_or_default();
            let volume = server.id.trim_start_matches('/');
            let folder = folder.unwrap_or_default().trim_matches('/');
            let slash = if folder.is_empty() { "" } else { "/" };
            format!("{first}:/{volume}{slash}{folder}")
        }
    }
}
