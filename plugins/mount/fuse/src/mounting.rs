//! Mounting and unmounting, and the first words with the kernel.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use plugin_api::{Errno, InitError};

use crate::options::{LARGEST, Settings};
use crate::wire::request::{Fields, HEADER, Header};
use crate::wire::{MAJOR, MINOR, OLDEST_MINOR, init_flag, opcode, reply};

/// What `/proc/mounts` shows as the type.
const TYPE: &str = "fuse.glusterfs";
/// Where the kernel hands out connections.
const DEVICE: &str = "/dev/fuse";
/// Bytes of a page, in which the kernel counts a request's payload.
const PAGE: u32 = 4096;

/// A file system that is mounted, and the way to the kernel's side of it.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Requests come from here, and replies go there.
    pub(crate) device: File,
    /// The most bytes of a WRITE.
    pub(crate) largest: usize,
    place: Place,
}

/// Where it is mounted, and as which of the mounts that may lie there one upon the other.
#[derive(Debug)]
struct Place {
    point: PathBuf,
    /// The number of its device, as the list of mounts has it.
    number: Option<String>,
}

impl Mounted {
    /// Mounts, and answers the kernel's first request.
    ///
    /// # Errors
    /// A sentence that names the mount point; nothing is mounted then.
    pub(crate) fn new(settings: &Settings) -> Result<Self, InitError> {
        let point = &settings.point;
        check_point(point)?;
        let cannot =
            |what: &str, error: io::Error| InitError(format!("{}: {what}: {error}", point.display()));
        let real = point.canonicalize().map_err(|error| cannot("cannot be mounted on", error))?;
        let device = File::options()
            .read(true)
            .write(true)
            .open(DEVICE)
            .map_err(|error| cannot("/dev/fuse cannot be opened", error))?;
        let (flags, data) = kernel_options(settings, device.as_raw_fd());
        mount(Some(settings.fsname.as_str()), point, Some(TYPE), flags, Some(data.as_str()))
            .map_err(|errno| cannot("cannot be mounted on", errno.into()))?;
        let number = topmost(&real);
        let place = Place { point: real, number };
        match greet(&device, settings) {
            Ok(largest) => Ok(Self { device, largest, place }),
            Err(error) => {
                place.unmount();
                Err(cannot("the kernel's file system does not start", error))
            }
        }
    }

    /// Takes the mount away; what is open there fails from now on, and others wait for nothing.
    pub(crate) fn unmount(&self) {
        self.place.unmount();
    }
}

impl Place {
    fn unmount(&self) {
        // What somebody has mounted upon it stays: ours is out of sight, and goes with the last who is in it.
        if self.number.is_some() && topmost(&self.point) == self.number {
            // Who unmounted it before us did what we wanted.
            let _ = umount2(&self.point, MntFlags::MNT_DETACH);
        }
    }
}

/// The number of the device that a look at a folder ends in, where something is mounted there. The folder itself is not
/// looked at: who serves it may be the one who asks.
fn topmost(point: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut there = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(2);
        let (number, place) = (words.next()?, words.nth(1)?);
        (Path::new(&unescaped(place)) == point).then(|| number.to_owned())
    });
    there.next_back()
}

fn check_point(point: &Path) -> Result<(), InitError> {
    let refuse = |why: String| Err(InitError(format!("{}: {why}", point.display())));
    match point.metadata() {
        Ok(found) if !found.is_dir() => {
            return refuse(format!(
                "is no folder, so nothing can be mounted there (os error {})",
                libc::ENOTDIR
            ));
        }
        Ok(_) => {}
        Err(error) if error.raw_os_error() == Some(libc::ENOTCONN) => {
            return refuse(format!(
                "a mount whose process has ended is still there; umount it first: {error}"
            ));
        }
        Err(error) => return refuse(format!("cannot be mounted on: {error}")),
    }
    Ok(())
}

/// A word of the list of mounts, which has `\040` for a space.
fn unescaped(word: &str) -> String {
    let mut text = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
        match (first, after.get(..3).and_then(octal)) {
            (b'\\', Some(byte)) => {
                text.push(byte);
                rest = &after[3..];
            }
            _ => {
                text.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Flags and text for mount(2).
fn kernel_options(settings: &Settings, device: i32) -> (MsFlags, String) {
    let mut flags = MsFlags::empty();
    let mut data = format!("fd={device},rootmode=40000,user_id=0,group_id=0");
    if !settings.acl {
        data.push_str(",default_permissions");
    }
    if settings.read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    for word in settings.mount_options.split(',').filter(|word| !word.is_empty()) {
        match flag(word) {
            Some((flag, true)) => flags |= flag,
            Some((flag, false)) => flags -= flag,
            None if matches!(word, "allow_other" | "default_permissions")
                || word.starts_with("max_read=") => {}
            None => {
                data.push(',');
                data.push_str(word);
            }
        }
    }
    data.push_str(&format!(",allow_other,max_read={LARGEST}"));
    (flags, data)
}

/// The flag that a mount option stands for, and whether it sets it.
fn flag(word: &str) -> Option<(MsFlags, bool)> {
    Some(match word {
        "ro" => (MsFlags::MS_RDONLY, true),
        "rw" => (MsFlags::MS_RDONLY, false),
        "nosuid" => (MsFlags::MS_NOSUID, true),
        "suid" => (MsFlags::MS_NOSUID, false),
        "nodev" => (MsFlags::MS_NODEV, true),
        "dev" => (MsFlags::MS_NODEV, false),
        "noexec" => (MsFlags::MS_NOEXEC, true),
        "exec" => (MsFlags::MS_NOEXEC, false),
        "noatime" => (MsFlags::MS_NOATIME, true),
        "atime" => (MsFlags::MS_NOATIME, false),
        "nodiratime" => (MsFlags::MS_NODIRATIME, true),
        "diratime" => (MsFlags::MS_NODIRATIME, false),
        "relatime" => (MsFlags::MS_RELATIME, true),
        "norelatime" => (MsFlags::MS_RELATIME, false),
        "strictatime" => (MsFlags::MS_STRICTATIME, true),
        "sync" => (MsFlags::MS_SYNCHRONOUS, true),
        "dirsync" => (MsFlags::MS_DIRSYNC, true),
        // A crash leaves nothing that root could not unmount, and nobody else mounts here.
        "auto_unmount" => (MsFlags::empty(), true),
        _ => return None,
    })
}

/// Answers INIT, which the kernel sends as soon as it is mounted; gives the most bytes of a WRITE.
fn greet(device: &File, settings: &Settings) -> io::Result<usize> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut room = vec![0; 64 * 1024];
    let len = loop {
        match (&mut &*device).read(&mut room) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    let header =
        Header::read(&room[..len]).ok_or_else(|| wrong("its first request is cut short".to_owned()))?;
    let mut body = Fields::of(&room[HEADER..len]);
    let mut word = || body.u32().map_err(|_| wrong("its first request is cut short".to_owned()));
    let (major, minor, read_ahead, offered) = (word()?, word()?, word()?, word()?);
    if header.opcode != opcode::INIT || major != MAJOR || minor < OLDEST_MINOR {
        let _ = answer(device, &[&reply::failure(Errno::EPROTO, header.unique)]);
        return Err(wrong(format!(
            "it speaks version {major}.{minor}, expected {MAJOR}.{OLDEST_MINOR} or newer"
        )));
    }
    let largest = if offered & init_flag::MAX_PAGES == 0 { 32 * PAGE } else { LARGEST };
    let mut fields = reply::Fields::new(64);
    fields.u32(MAJOR);
    fields.u32(MINOR.min(minor));
    fields.u32(read_ahead.max(LARGEST));
    fields.u32(wanted(settings) & offered);
    fields.u32(u32::from(settings.background) | u32::from(settings.congestion) << 16);
    fields.u32(largest);
    fields.u32(settings.granularity);
    fields.u32(largest / PAGE);
    (0..8).for_each(|_| fields.u32(0));
    answer(device, &[&fields.finish(header.unique)])?;
    Ok(usize::try_from(largest).expect("a megabyte"))
}

fn wanted(settings: &Settings) -> u32 {
    let when = |on: bool, flags: u32| if on { flags } else { 0 };
    init_flag::ASYNC_READ
        | init_flag::POSIX_LOCKS
        | init_flag::FLOCK_LOCKS
        | init_flag::BIG_WRITES
        | init_flag::MAX_PAGES
        | init_flag::DONT_MASK
        | init_flag::ASYNC_DIO
        | init_flag::PARALLEL_DIROPS
        | init_flag::CACHE_SYMLINKS
        | init_flag::HANDLE_KILLPRIV_V2
        | when(settings.readdirp, init_flag::DO_READDIRPLUS | init_flag::READDIRPLUS_AUTO)
        | when(settings.auto_invalidation, init_flag::AUTO_INVAL_DATA)
        | when(settings.writeback, init_flag::WRITEBACK_CACHE)
}

/// Writes one message; the kernel takes it whole.
pub(crate) fn answer(device: &File, parts: &[&[u8]]) -> io::Result<()> {
    let written = match parts {
        [whole] => (&mut &*device).write(whole),
        parts => {
            let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
            (&mut &*device).write_vectored(&slices)
        }
    };
    written.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_that_is_not_there_or_no_folder_is_refused_with_its_number() {
        let refusal = |path: &str| check_point(Path::new(path)).unwrap_err().0;
        assert!(refusal("/no/such/place").contains("(os error 2)"));
        assert!(refusal("/etc/passwd").contains("(os error 20)"));
    }

    #[test]
    fn spaces_in_the_list_of_mounts_are_read_back() {
        assert_eq!(unescaped(r"/mnt/a\040b\134c"), r"/mnt/a b\c");
        assert_eq!(unescaped(r"/mnt/\9"), r"/mnt/\9");
    }
}
