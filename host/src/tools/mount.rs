//! `mount.glusterfs`: has a client mount, and leaves nothing mounted that does not answer.
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use nix::mount::{MntFlags, umount2};

use super::ToolError;

/// What `mount.glusterfs` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Where to mount.
    pub point: PathBuf,
    /// The command line of the client that serves the mount.
    pub words: Vec<String>,
    /// What is said before it begins.
    pub warnings: Vec<String>,
}

/// Nothing was mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountToolError {
    /// Nobody mounts there.
    #[error("Cannot mount over {}", if point.parent().is_none() { "root".into() } else { point.to_string_lossy() })]
    Sacred {
        /// The folder.
        point: PathBuf,
    },
    /// There is no such folder.
    #[error("{}: cannot be mounted on: {source}", point.display())]
    Point {
        /// The mount point.
        point: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A volume is mounted there.
    #[error("{} is already mounted", point.display())]
    Taken {
        /// The mount point.
        point: PathBuf,
    },
    /// The folder is a brick, or holds one: a mount would hide it from its own process.
    #[error("{}: {} is a brick of a volume, which a mount would hide", point.display(), brick.display())]
    Brick {
        /// The mount point.
        point: PathBuf,
        /// The brick.
        brick: PathBuf,
    },
    /// The client cannot be started.
    #[error("{}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The client said why, on standard error or in its log.
    #[error("Mounting glusterfs on {} failed.", point.display())]
    Failed {
        /// The mount point.
        point: PathBuf,
        /// How the client ended.
        status: ExitStatus,
    },
    /// The client mounted, and has ended since: a brick refused it.
    #[error("Mounting glusterfs on {} failed: the client has ended again, and its log says why", point.display())]
    Ended {
        /// The mount point.
        point: PathBuf,
    },
    /// The mount is there, and its root does not answer.
    #[error("Mounting glusterfs on {} failed: {source}; it was unmounted again", point.display())]
    Silent {
        /// The mount point.
        point: PathBuf,
        /// What a look at it gave.
        source: io::Error,
    },
}

impl MountToolError {
    /// The incumbent's: 2 for a folder that nobody mounts on, 32 where a volume is mounted already.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sacred { .. } => 2,
            Self::Taken { .. } => 32,
            _ => 1,
        }
    }
}

/// Mounts; the volume's root has answered when this returns.
/// # Errors
/// The mount point is none, or the client fails.
pub(super) fn mount(ask: &Ask) -> Result<(), ToolError> {
    let point = &ask.point;
    for warning in &ask.warnings {
        eprintln!("{warning}");
    }
    check(point)?;
    let device = |found: fs::Metadata| found.dev();
    let before = fs::metadata(point).map(device).ok();
    let program = client()?;
    let status = Command::new(&program)
        .arg0(program.with_file_name("glusterfs"))
        .args(&ask.words)
        .status()
        .map_err(|source| MountToolError::Start { program, source })?;
    if !status.success() {
        return Err(MountToolError::Failed { point: point.clone(), status }.into());
    }
    match fs::metadata(point).map(device) {
        // The folder itself answers where the mount is gone.
        Ok(after) if Some(after) == before => Err(MountToolError::Ended { point: point.clone() }.into()),
        Ok(_) => Ok(()),
        Err(source) => {
            // Who took it away before us did what we wanted.
            let _ = umount2(point, MntFlags::MNT_DETACH);
            Err(MountToolError::Silent { point: point.clone(), source }.into())
        }
    }
}

/// This program, which is the client by another name.
fn client() -> Result<PathBuf, MountToolError> {
    std::env::current_exe().map_err(|source| MountToolError::Start { program: "glusterfs".into(), source })
}

fn check(point: &Path) -> Result<(), MountToolError> {
    if point == Path::new("/") || point == Path::new("/tmp") {
        return Err(MountToolError::Sacred { point: point.to_owned() });
    }
    let cannot = |source| MountToolError::Point { point: point.to_owned(), source };
    let real = point.canonicalize().map_err(cannot)?;
    if !fs::metadata(&real).map_err(cannot)?.is_dir() {
        return Err(cannot(io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    if holds_a_volume(&real) {
        return Err(MountToolError::Taken { point: point.to_owned() });
    }
    let is_brick = rustix::fs::getxattr(&real, "trusted.gfid", &mut [0_u8; 16][..]).is_ok();
    let below =
        if is_brick { Some(real.clone()) } else { running_bricks().find(|brick| brick.starts_with(&real)) };
    match below {
        Some(brick) => Err(MountToolError::Brick { point: point.to_owned(), brick }),
        None => Ok(()),
    }
}

/// Whether what is mounted on a folder is a volume. The client itself would mount upon it, as the incumbent's.
fn holds_a_volume(real: &Path) -> bool {
    let mounts = fs::read("/proc/self/mounts").unwrap_or_default();
    let mut there = mounts.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        (place == escaped(real)).then_some(kind)
    });
    there.next_back().is_some_and(|kind| kind == b"fuse.glusterfs")
}

/// A path as the list of mounts has it.
fn escaped(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes
        .flat_map(|byte| match byte {
            b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
            byte => vec![*byte],
        })
        .collect()
}

/// The bricks whose processes run on this machine, by their command lines.
fn running_bricks() -> impl Iterator<Item = PathBuf> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| {
        let line = fs::read(process.path().join("cmdline")).ok()?;
        let mut words = line.split(|byte| *byte == 0).skip_while(|word| *word != b"--brick-name");
        let name = words.nth(1)?;
        Some(PathBuf::from(String::from_utf8_lossy(name).into_owned()))
    })
}
