//! `gluster-setgfid2path`: records a file's name on the file itself, for files that are older than the feature.
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use plugin_api::{Errno, Gfid};
use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};
use xxhash_rust::xxh64::xxh64;

use super::{ToolError, print};

/// Names of files with as many links are not recorded.
const MAX_LINKS: u64 = 500;

/// The name was not recorded. The words are the incumbent's.
#[derive(Debug, thiserror::Error)]
pub enum Gfid2pathError {
    /// There is no such file.
    #[error("Invalid File Path")]
    NoFile,
    /// The file has too many names.
    #[error("Number of Hardlink support exceeded. max={MAX_LINKS}")]
    Links,
    /// Its folder is not part of a brick.
    #[error("Failed to get GFID of parent directory. dir={}", folder.display())]
    NoGfid {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system refuses.
    #[error("Failed to set gfid2path xattr. errno={}\n error={errno}", errno.raw())]
    Set {
        /// Its reason.
        errno: Errno,
    },
}

/// Writes the record of the file's name, unless it is there.
/// # Errors
/// The file has no folder with a gfid, too many names, or takes no xattr.
pub(super) fn record(file: &Path) -> Result<(), ToolError> {
    let stat = fs::symlink_metadata(file).map_err(|_| Gfid2pathError::NoFile)?;
    if stat.nlink() >= MAX_LINKS {
        return Err(Gfid2pathError::Links.into());
    }
    let (folder, name) = place(file);
    let parent = gfid_of(folder).ok_or_else(|| Gfid2pathError::NoGfid { folder: folder.to_owned() })?;
    let (key, value) = entry(parent, name);
    match lsetxattr(file, &key, &value, XattrFlags::CREATE) {
        Ok(()) => {
            let value = String::from_utf8_lossy(&value);
            print(&format!("Success. file={} key={key} value={value}\n", file.display()))
        }
        Err(rustix::io::Errno::EXIST) => print("Xattr already exists, ignoring..\n"),
        Err(errno) => {
            let errno = Errno::from_raw(io::Error::from(errno).raw_os_error().unwrap_or(0));
            Err(Gfid2pathError::Set { errno }.into())
        }
    }
}

/// Folder and name, as written.
fn place(file: &Path) -> (&Path, &[u8]) {
    let name = file.file_name().map_or(b"/".as_slice(), OsStrExt::as_bytes);
    let folder = match file.parent() {
        None => file,
        Some(here) if here.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
    };
    (folder, name)
}

fn gfid_of(folder: &Path) -> Option<Gfid> {
    let mut value = [0_u8; 16];
    let length = lgetxattr(folder, "trusted.gfid", &mut value[..]).ok()?;
    (length == value.len()).then_some(Gfid(value))
}

/// The xattr's name holds a digest of its value, so that each name of a file has one of its own.
fn entry(parent: Gfid, name: &[u8]) -> (String, Vec<u8>) {
    let value = [parent.to_string().as_bytes(), b"/", name].concat();
    (format!("trusted.gfid2path.{:016x}", xxh64(&value, 0)), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_that_the_incumbent_writes() {
        let parent = Gfid(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes());
        assert_eq!(entry(parent, b"f").0, "trusted.gfid2path.d3f4def4f5b10487");
        assert_eq!(entry(parent, b"g").1, b"00112233-4455-6677-8899-aabbccddeeff/g");
    }

    #[test]
    fn a_name_without_a_folder_lies_in_the_working_one() {
        assert_eq!(place(Path::new("d")), (Path::new("."), b"d".as_slice()));
        assert_eq!(place(Path::new("a/b/")), (Path::new("a"), b"b".as_slice()));
        assert_eq!(place(Path::new("/")).0, Path::new("/"));
    }

    #[test]
    fn a_file_outside_of_a_brick_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        assert_eq!(record(&file).unwrap_err().to_string(), "Invalid File Path");
        fs::write(&file, "").unwrap();
        let told = record(&file).unwrap_err().to_string();
        assert_eq!(told, format!("Failed to get GFID of parent directory. dir={}", folder.path().display()));
    }
}
