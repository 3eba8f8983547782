//! HTIME: the index of a time in which changes were journalled without a gap.
//!
//! Absolute paths of journals, each with a NUL; a journal in which nothing happened has a name of small letters, and no
//! file. `trusted.glusterfs.htime` of the index says `LAST:COUNT`, `trusted.glusterfs.current_htime` of its folder which
//! index goes on.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};

const TOTAL: &str = "trusted.glusterfs.htime";
const CURRENT: &str = "trusted.glusterfs.current_htime";
/// A name `HTIME.` and seconds.
const LONGEST_NAME: usize = 64;

/// The index that goes on.
#[derive(Debug)]
pub(crate) struct Htime {
    file: File,
    count: u64,
    /// The seconds in the name of the last journal; 0 without one.
    pub(crate) last: u64,
    /// The path of the last journal.
    pub(crate) last_path: Option<PathBuf>,
}

impl Htime {
    /// The index that goes on, or a new one from `now` on.
    pub(crate) fn open(folder: &Path, now: u64, fresh: bool) -> io::Result<Self> {
        match Self::current(folder)? {
            Some(name) if !fresh => Self::go_on(&folder.join(name)),
            _ => Self::begin(folder, now),
        }
    }

    fn current(folder: &Path) -> io::Result<Option<String>> {
        let mut name = [0; LONGEST_NAME];
        let length = match fgetxattr(File::open(folder)?, CURRENT, &mut name[..]) {
            Ok(length) => length,
            Err(rustix::io::Errno::NODATA | rustix::io::Errno::RANGE) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let name = String::from_utf8_lossy(&name[..length]).trim_end_matches('\0').to_owned();
        let sound = name.starts_with("HTIME.") && !name.contains('/');
        Ok(Some(name).filter(|name| sound && folder.join(name).is_file()))
    }

    fn begin(folder: &Path, now: u64) -> io::Result<Self> {
        let name = format!("HTIME.{now}");
        let file = options().create(true).open(folder.join(&name))?;
        let mut htime = Self { file, count: 0, last: 0, last_path: None };
        htime.recount()?;
        htime.tell()?;
        file_sync(&htime.file)?;
        let folder = File::open(folder)?;
        fsetxattr(&folder, CURRENT, name.as_bytes(), XattrFlags::empty())?;
        file_sync(&folder)?;
        Ok(htime)
    }

    fn go_on(path: &Path) -> io::Result<Self> {
        let mut htime = Self { file: options().open(path)?, count: 0, last: 0, last_path: None };
        htime.recount()?;
        htime.tell()?;
        Ok(htime)
    }

    /// Reads what is there: after a crash, the file is right and its xattr may be behind; a path that was not written to
    /// its end is cut off.
    fn recount(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == 0).map_or(0, |end| end + 1);
        if whole < bytes.len() {
            self.file.set_len(whole as u64)?;
        }
        let mut paths = bytes[..whole].split(|byte| *byte == 0).filter(|path| !path.is_empty());
        self.count = 0;
        self.last_path = None;
        if let Some(last) = paths.next_back() {
            self.count = paths.count() as u64 + 1;
            self.last_path = Some(PathBuf::from(std::ffi::OsStr::from_bytes(last)));
            let seconds =
                last.rsplit(|byte| *byte == b'.').next().and_then(|end| std::str::from_utf8(end).ok());
            self.last = seconds.and_then(|end| end.parse().ok()).unwrap_or(0);
        }
        Ok(())
    }

    /// Adds a journal, and brings it to the disk.
    pub(crate) fn add(&mut self, journal: &Path, seconds: u64) -> io::Result<()> {
        let line = [journal.as_os_str().as_bytes(), b"\0"].concat();
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&line) {
            // Half a path would be taken for one.
            self.file.set_len(before)?;
            return Err(error);
        }
        self.count += 1;
        self.last = seconds;
        self.last_path = Some(journal.to_owned());
        file_sync(&self.file)
    }

    /// Lets consumers see what was added.
    pub(crate) fn tell(&self) -> io::Result<()> {
        let total = format!("{}:{}", self.last, self.count);
        Ok(fsetxattr(&self.file, TOTAL, total.as_bytes(), XattrFlags::empty())?)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o644).custom_flags(libc::O_NOFOLLOW);
    options
}

fn file_sync(file: &File) -> io::Result<()> {
    file.sync_all()
}
