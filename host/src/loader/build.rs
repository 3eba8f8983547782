//! Build: which of a plugin's builds lies in a file, without opening it.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// One build of a plugin: its version, and what the linker made of its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Build {
    /// From its Cargo.toml.
    pub version: String,
    /// The build-id, or a sum of the content where a linker wrote none.
    pub id: String,
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.id.get(..8).unwrap_or(&self.id);
        if short.is_empty() { f.write_str(&self.version) } else { write!(f, "{}-{short}", self.version) }
    }
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|meta| Stamp::from(&meta))
    }

    fn from(meta: &Metadata) -> Stamp {
        let changed = (meta.mtime(), meta.mtime_nsec());
        Stamp { inode: (meta.dev(), meta.ino()), size: meta.size(), changed }
    }
}

/// The stamp of the file at `path`, and the id of the build in it.
pub(super) fn id(path: &Path) -> io::Result<(Stamp, String)> {
    let file = File::open(path)?;
    let stamp = Stamp::from(&file.metadata()?);
    let id = match build_id(&file)? {
        Some(id) => id.iter().map(|byte| format!("{byte:02x}")).collect(),
        None => sum(&file)?,
    };
    Ok((stamp, id))
}

/// Where an ELF file for this machine says how its program headers lie, and the kinds that matter here.
const HEADERS: usize = 4096;
const NOTE_SEGMENT: u32 = 4;
const GNU_BUILD_ID: u32 = 3;
/// Notes beyond this are not looked at.
const NOTES: u64 = 64 * 1024;

/// The note in which linkers leave an id; nothing where there is none that can be read.
fn build_id(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut head = vec![0; HEADERS];
    let read = read_some(file, &mut head, 0)?;
    head.truncate(read);
    // Others than 64-bit, little-endian ones are not opened anyway.
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return Ok(None);
    }
    let (Some(table), Some(size), Some(count)) = (long(&head, 32), short(&head, 54), short(&head, 56)) else {
        return Ok(None);
    };
    for index in 0..u64::from(count) {
        let Some(at) = table.checked_add(index * u64::from(size)).and_then(|at| usize::try_from(at).ok())
        else {
            break;
        };
        let (Some(kind), Some(from), Some(len)) =
            (word(&head, at), long(&head, at + 8), long(&head, at + 32))
        else {
            break;
        };
        if kind != NOTE_SEGMENT {
            continue;
        }
        let mut notes = vec![0; usize::try_from(len.min(NOTES)).unwrap_or(0)];
        let read = read_some(file, &mut notes, from)?;
        if let Some(id) = find_note(&notes[..read]) {
            return Ok(Some(id.to_vec()));
        }
    }
    Ok(None)
}

fn find_note(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let (name, text) = (word(notes, 0)?, word(notes, 4)?);
        let (name, text) = (usize::try_from(name).ok()?, usize::try_from(text).ok()?);
        let text_at = 12_usize.checked_add(name.checked_next_multiple_of(4)?)?;
        let id = notes.get(text_at..text_at.checked_add(text)?)?;
        if word(notes, 8)? == GNU_BUILD_ID && notes.get(12..16) == Some(b"GNU\0") {
            return Some(id);
        }
        notes = notes.get(text_at.checked_add(text.checked_next_multiple_of(4)?)?..)?;
    }
}

fn read_some(file: &File, into: &mut [u8], from: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < into.len() {
        match file.read_at(&mut into[read..], from.saturating_add(u64::try_from(read).unwrap_or(u64::MAX)))? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn short(from: &[u8], at: usize) -> Option<u16> {
    bytes(from, at).map(u16::from_le_bytes)
}

fn word(from: &[u8], at: usize) -> Option<u32> {
    bytes(from, at).map(u32::from_le_bytes)
}

fn long(from: &[u8], at: usize) -> Option<u64> {
    bytes(from, at).map(u64::from_le_bytes)
}

/// A sum of the whole content.
fn sum(file: &File) -> io::Result<String> {
    use std::hash::Hasher;
    let mut hash = std::hash::DefaultHasher::new();
    let mut block = vec![0; 256 * 1024];
    let mut from = 0;
    loop {
        let read = read_some(file, &mut block, from)?;
        if read == 0 {
            return Ok(format!("{:016x}", hash.finish()));
        }
        hash.write(&block[..read]);
        from += u64::try_from(read).unwrap_or(u64::MAX - from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linkers_id_is_read_from_a_program_and_other_files_are_summed() {
        let program = std::env::current_exe().unwrap();
        let (_, id_of_program) = id(&program).unwrap();
        assert!(id_of_program.len() >= 16, "{id_of_program}");
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "text").unwrap();
        std::fs::write(&two, "text").unwrap();
        assert_eq!(id(&one).unwrap().1, id(&two).unwrap().1);
        assert_ne!(id(&one).unwrap().0, id(&two).unwrap().0);
        std::fs::write(&two, "other").unwrap();
        assert_ne!(id(&one).unwrap().1, id(&two).unwrap().1);
    }

    #[test]
    fn notes_that_lie_about_their_lengths_are_none() {
        let mut note = Vec::new();
        for number in [4_u32, 20, GNU_BUILD_ID] {
            note.extend(number.to_le_bytes());
        }
        note.extend(b"GNU\0");
        assert_eq!(find_note(&note), None);
        note.extend([7; 20]);
        assert_eq!(find_note(&note), Some(&[7; 20][..]));
        note[0..4].fill(0xff);
        assert_eq!(find_note(&note), None);
    }
}
