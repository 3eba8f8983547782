//! Builds: other builds of the plugin `bench/marked`, as if its source had changed.

use crate::built::{file, place};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What lies in the plugin before its mark of five digits.
const MARK: &[u8] = b"mark-of-this-build:";

/// What lies before the linker's id of a build.
const NOTE: &[u8] = b"\x03\0\0\0GNU\0";

/// Puts a build with this mark into a folder of plugins, by a rename as `install` does.
///
/// # Panics
/// When the plugin has no mark or no id, or the folder takes no file.
pub fn install(folder: &Path, mark: u32) {
    let mut bytes = fs::read(file("libbench_marked.so")).expect("cargo has built it");
    let at = find(&bytes, MARK);
    bytes[at..at + 5].copy_from_slice(format!("{mark:05}").as_bytes());
    let id = find(&bytes, NOTE);
    bytes[id..id + 4].copy_from_slice(&mark.to_be_bytes());
    drop_in(folder, &bytes);
}

/// Writes the id of another build over that of the file that lies there, as `cp` would write all of it: no code is touched.
///
/// # Panics
/// When there is no such file.
pub fn overwrite_id(folder: &Path, mark: u32) {
    let path = place(folder, "bench/marked");
    let id = find(&fs::read(&path).expect("a build lies there"), NOTE);
    let file = fs::OpenOptions::new().write(true).open(path).expect("it opens");
    file.write_all_at(&mark.to_be_bytes(), id as u64).expect("it takes four bytes");
}

/// Puts any bytes where a folder of plugins holds `bench/marked`, by a rename.
///
/// # Panics
/// When the folder takes no file.
pub fn drop_in(folder: &Path, bytes: &[u8]) {
    let path = place(folder, "bench/marked");
    let new = path.with_extension("new");
    fs::write(&new, bytes).expect("the folder takes a file");
    fs::rename(new, path).expect("the folder takes a name");
}

/// The place after `what`.
fn find(bytes: &[u8], what: &[u8]) -> usize {
    let at = bytes.windows(what.len()).position(|part| part == what);
    at.expect("it lies in every build") + what.len()
}
