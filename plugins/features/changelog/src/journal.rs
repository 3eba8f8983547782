//! The journal that is being written, and its turning over into the next.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::date;

use crate::htime::Htime;
use crate::record::{Change, Encoding};

/// The name of the one that is being written.
const LIVE: &str = "CHANGELOG";
/// What changes while a snapshot is taken is in here, too: the snapshot has it.
const SNAP: &str = "csnap/CHANGELOG.SNAP";
const FOLDERS: [&str; 3] = ["", "htime", "csnap"];

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    encoding: Encoding,
    live: Part,
    snap: Option<Part>,
    htime: Htime,
    /// Something was written since it was last brought to the disk.
    unsynced: bool,
}

/// A file of records.
#[derive(Debug)]
struct Part {
    file: File,
    /// Bytes of header and whole records.
    len: u64,
    empty: bool,
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Makes the folders of the journals, which are there whether anything is journalled or not.
pub(crate) fn make_folders(dir: &Path) -> io::Result<()> {
    FOLDERS.iter().try_for_each(|folder| make_folder(&dir.join(folder)))
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o600).create(path)
}

impl Part {
    fn create(path: &Path, encoding: Encoding) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)?;
        file.set_len(0)?;
        let header = encoding.header();
        file.write_all(header.as_bytes())?;
        Ok(Self { file, len: header.len() as u64, empty: true })
    }

    /// Adds a record, whole or not at all.
    fn add(&mut self, record: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(record) {
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += record.len() as u64;
        self.empty = false;
        Ok(())
    }
}

impl Journal {
    /// Opens the journals in `dir`: what an earlier process was writing is turned over. `fresh` begins a new index, since
    /// changes went by unseen.
    pub(crate) fn open(dir: &Path, encoding: Encoding, fresh: bool) -> io::Result<Self> {
        make_folders(dir)?;
        let (path, now) = (dir.join(LIVE), now());
        let mut htime = Htime::open(&dir.join("htime"), now, fresh)?;
        if has_records(&path)? {
            let last = htime.last_path.clone().filter(|last| is_of_records(last) && !last.exists());
            match last {
                // The index has its name already, only the move was missing.
                Some(last) => move_to(&path, &last)?,
                None => index(dir, &path, &mut htime, now)?,
            }
        }
        let live = Part::create(&path, encoding)?;
        Ok(Self { dir: dir.to_owned(), encoding, live, snap: None, htime, unsynced: false })
    }

    /// Writes a change down.
    pub(crate) fn add(&mut self, change: &Change) -> io::Result<()> {
        let record = change.record(self.encoding);
        self.unsynced = true;
        self.live.add(&record)?;
        self.snap.as_mut().map_or(Ok(()), |snap| snap.add(&record))
    }

    /// The file, if something in it is not on the disk yet.
    pub(crate) fn unsynced(&mut self) -> Option<io::Result<File>> {
        std::mem::take(&mut self.unsynced).then(|| self.live.file.try_clone())
    }

    /// Turns over: what was written goes to its place in the index, and the next journal begins.
    pub(crate) fn turn_over(&mut self, encoding: Encoding) -> io::Result<()> {
        let (path, seconds) = (self.dir.join(LIVE), now().max(self.htime.last + 1));
        if self.live.empty {
            self.htime.add(&place(&self.dir, "changelog", seconds), seconds)?;
            self.htime.tell()?;
            if encoding == self.encoding {
                return Ok(());
            }
        } else {
            self.live.file.sync_data()?;
            self.unsynced = false;
            index(&self.dir, &path, &mut self.htime, seconds)?;
        }
        self.live = Part::create(&path, encoding)?;
        self.encoding = encoding;
        Ok(())
    }

    /// From now on a snapshot is being taken.
    pub(crate) fn begin_snap(&mut self) -> io::Result<()> {
        self.snap = Some(Part::create(&self.dir.join(SNAP), self.encoding)?);
        Ok(())
    }

    /// The snapshot is taken.
    pub(crate) fn end_snap(&mut self) {
        self.snap = None;
    }
}

fn has_records(live: &Path) -> io::Result<bool> {
    match fs::metadata(live) {
        Ok(found) => Ok(found.len() > Encoding::Ascii.header().len() as u64),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the journal that ended at `seconds` lies.
fn place(dir: &Path, name: &str, seconds: u64) -> PathBuf {
    let [year, month, day, ..] = date::parts(i64::try_from(seconds).unwrap_or(i64::MAX));
    dir.join(format!("{year:04}/{month:02}/{day:02}/{name}.{seconds}"))
}

fn is_of_records(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(LIVE.as_bytes()))
}

/// Gives a journal its place: first in the index, so that one whose move a crash prevented is known by its name.
fn index(dir: &Path, live: &Path, htime: &mut Htime, seconds: u64) -> io::Result<()> {
    let seconds = seconds.max(htime.last + 1);
    let path = place(dir, LIVE, seconds);
    make_folder(path.parent().unwrap_or(dir))?;
    htime.add(&path, seconds)?;
    move_to(live, &path)?;
    htime.tell()
}

fn move_to(live: &Path, path: &Path) -> io::Result<()> {
    make_folder(path.parent().unwrap_or(path))?;
    fs::rename(live, path)
}
