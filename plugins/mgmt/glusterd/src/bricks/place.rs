//! Where a brick folder lies.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The path with symbolic links resolved. The last parts need not be there yet: they stand as they are.
///
/// # Errors
/// A part that is there cannot be resolved.
pub fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match (path.parent(), path.file_name())
        {
            (Some(parent), Some(name)) => Ok(real_path(parent)?.join(name)),
            _ => Err(error),
        },
        other => other,
    }
}

/// The file system's id, by which bricks that share space know each other.
///
/// # Errors
/// The folder is not there.
pub fn fsid(path: &Path) -> std::io::Result<u64> {
    Ok(rustix::fs::statvfs(path)?.f_fsid)
}

/// The part of a resolved path below the mount point of its file system, with a leading slash.
///
/// # Errors
/// The table of mounts cannot be read.
pub fn mount_dir(real_path: &Path) -> std::io::Result<String> {
    Ok(below_mount(real_path, &std::fs::read(MOUNTS)?))
}

/// The mount that a path lies on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: PathBuf,
    /// What is mounted.
    pub device: String,
    /// The kind of file system.
    pub kind: String,
    /// The options it is mounted with, commas between.
    pub options: String,
}

/// The mount that a resolved path lies on.
///
/// # Errors
/// The table of mounts cannot be read, or does not hold it.
pub fn mount(real_path: &Path) -> std::io::Result<Mount> {
    innermost(real_path, &std::fs::read(MOUNTS)?).ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

const MOUNTS: &str = "/proc/self/mounts";

fn innermost(path: &Path, mounts: &[u8]) -> Option<Mount> {
    let text = |field: &[u8]| String::from_utf8_lossy(&unescape(field)).into_owned();
    let found = mounts.split(|b| *b == b'\n').filter_map(|line| {
        let mut fields = line.split(|b| *b == b' ');
        let device = text(fields.next()?);
        let point = PathBuf::from(OsStr::from_bytes(&unescape(fields.next()?)));
        Some(Mount { point, device, kind: text(fields.next()?), options: text(fields.next()?) })
    });
    // Of two mounts on one place the later one is seen.
    found.filter(|mount| path.starts_with(&mount.point)).max_by_key(|mount| mount.point.as_os_str().len())
}

fn below_mount(path: &Path, mounts: &[u8]) -> String {
    let mount = innermost(path, mounts);
    let rest = mount.as_ref().and_then(|mount| path.strip_prefix(&mount.point).ok()).unwrap_or(path);
    format!("/{}", rest.display().to_string().trim_start_matches('/'))
}

/// The kernel writes space, tab, line break and backslash as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| first == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            out.push(byte);
            rest = &tail[3..];
        } else {
            out.push(first);
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_point_counts_also_with_a_space_in_it() {
        let mounts =
            b"/dev/a / ext4 rw 0 0\ntmpfs /bricks tmpfs rw 0 0\ntmpfs /bricks/my\\0402 tmpfs rw 0 0\n";
        for (path, below) in [
            ("/tmp/b", "/tmp/b"),
            ("/bricks/1/v", "/1/v"),
            ("/bricks/my 2/v", "/v"),
            ("/bricks/my 2", "/"),
            ("/bricksx/v", "/bricksx/v"),
        ] {
            assert_eq!(below_mount(Path::new(path), mounts), below, "{path}");
        }
    }

    #[test]
    fn links_are_resolved_also_above_a_folder_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(folder.path()).unwrap();
        std::fs::create_dir(real.join("real")).unwrap();
        std::os::unix::fs::symlink(real.join("real"), real.join("link")).unwrap();
        assert_eq!(real_path(&real.join("link/new/brick")).unwrap(), real.join("real/new/brick"));
    }
}
