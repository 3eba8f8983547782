//! The way into the folder: a deleted file moves, what is cut off is copied.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::prelude::*;
use plugin_api::{OwnedFrame, date};

use crate::can::{Can, derived, entry};
use crate::options::Settings;

/// Bytes of one read and write of a copy.
const CHUNK: usize = 128 << 10;
/// How many files of one path are kept from one second.
const SAME_SECOND: u32 = 64;
/// Removals that their caller has tied to a condition, which a move does not look at.
const CONDITIONS: [&str; 2] = ["unlink-only-if-dht-linkto-file", "dont-unlink-for-open-fd"];

/// Keeps what one fop takes away.
pub(crate) struct Keeper {
    frame: OwnedFrame,
    settings: Arc<Settings>,
    internal: bool,
    /// The caller's time, which is the same on every brick.
    time: (i64, u32),
}

/// Why something is not kept: by a rule, or because it could not be.
enum NotKept {
    ByRule,
    Failed(FopError),
}

impl From<FopError> for NotKept {
    fn from(error: FopError) -> Self {
        Self::Failed(error)
    }
}

fn now() -> (i64, u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(now.as_secs()).unwrap_or(i64::MAX), now.subsec_nanos())
}

impl Keeper {
    pub(crate) fn new(frame: &Frame, settings: Arc<Settings>, internal: bool) -> Self {
        let who = frame.identity();
        let time = if who.time == 0 { now() } else { (who.time, who.time_nsec) };
        Self { frame: frame.fork(), settings, internal, time }
    }

    /// Moves a file into the folder in place of its removal, and answers as that would; `None` when it is to be removed.
    pub(crate) async fn unlink(self, args: &Unlink) -> Option<Removed> {
        if CONDITIONS.iter().any(|key| args.xdata.int(key).is_some_and(|wanted| wanted != 0)) {
            return None;
        }
        let Self { frame, settings, internal, time } = self;
        let can = Can::within(frame, &settings);
        let moved = move_in(&can, args, &settings, internal, time).await;
        told(moved, "a file is deleted that could not be kept")
    }

    /// Copies a file into the folder before it is cut.
    pub(crate) async fn truncate(self, loc: &Loc, size: u64) {
        let Self { frame, settings, internal, time } = self;
        let can = Can::within(frame, &settings);
        let copied = copy_in(&can, loc, size, &settings, internal, time).await;
        told(copied, "a file is cut whose content could not be kept");
    }
}

fn told<T>(kept: Result<T, NotKept>, what: &'static str) -> Option<T> {
    match kept {
        Ok(kept) => Some(kept),
        Err(NotKept::ByRule) => None,
        Err(NotKept::Failed(error)) => {
            log!(Warn, what, error = error.to_string());
            None
        }
    }
}

async fn move_in(
    can: &Can<'_>,
    args: &Unlink,
    settings: &Settings,
    internal: bool,
    time: (i64, u32),
) -> Result<Removed, NotKept> {
    let (parent, name) = (args.loc.directory(), &args.loc.name[..]);
    // What is not there, the removal itself says.
    let file = can.find(parent, name).await.ok_or(NotKept::ByRule)?;
    // With another name left, nothing is lost.
    if file.is_dir() || file.nlink > 1 || file.size > settings.max_size {
        return Err(NotKept::ByRule);
    }
    let mut path = can.path(parent).await.ok_or(FopError::from(Errno::ENOENT))?;
    path.push(name.to_vec());
    let new = place(can, &path, settings, internal, time.0).await?;
    let old = entry(parent, name);
    let moved = can.frame().child().rename(Rename { old, new, xdata: Dict::new() }).await?;
    let mut xdata = Dict::new();
    for (asked, answered) in
        [("get-link-count", "get-link-count"), ("gf_request_link_count", "gf_response_link_count")]
    {
        if args.xdata.contains(asked) {
            xdata.push(answered, file.nlink);
        }
    }
    if args.xdata.contains("gf_get_file_block_count") {
        xdata.push("gf_get_file_block_count", file.blocks);
    }
    if args.xdata.contains("dht-get-iatt-in-xattr") {
        xdata.push("dht-get-iatt-in-xattr", Iatt { nlink: 0, ..moved.iatt });
    }
    Ok(Removed { pre_parent: moved.pre_old_parent, post_parent: moved.post_old_parent, xdata })
}

/// The place for what lies at `path`, where nothing is yet.
async fn place(
    can: &Can<'_>,
    path: &[Vec<u8>],
    settings: &Settings,
    internal: bool,
    seconds: i64,
) -> Result<Loc, NotKept> {
    let Some((name, directories)) = path.split_last() else { return Err(NotKept::ByRule) };
    if can.holds(path) || settings.eliminates(path) {
        return Err(NotKept::ByRule);
    }
    let directory = can.directory_for(directories, internal).await?;
    let [year, month, day, hour, minute, second] = date::parts(seconds);
    let stamp = format!("_{year:04}-{month:02}-{day:02}_{hour:02}{minute:02}{second:02}_+0000");
    let mut kept = [name, stamp.as_bytes()].concat();
    for nth in 1..=SAME_SECOND {
        if can.find(directory, &kept).await.is_none() {
            return Ok(entry(directory, &kept));
        }
        kept = [name, stamp.as_bytes(), format!("_{nth}").as_bytes()].concat();
    }
    Err(FopError::from(Errno::EEXIST).into())
}

async fn copy_in(
    can: &Can<'_>,
    loc: &Loc,
    size: u64,
    settings: &Settings,
    internal: bool,
    time: (i64, u32),
) -> Result<(), NotKept> {
    let child = || can.frame().child();
    let Ok(found) = child().lookup(Lookup { loc: loc.clone(), xdata: Dict::new() }).await else {
        return Err(NotKept::ByRule);
    };
    let file = found.iatt;
    if file.file_type() != FileType::Regular || size >= file.size || file.size > settings.max_size {
        return Err(NotKept::ByRule);
    }
    // A file that has no path any more was deleted already.
    let path = can.path(file.gfid).await.filter(|path| !path.is_empty()).ok_or(NotKept::ByRule)?;
    let loc = place(can, &path, settings, internal, time.0).await?;
    let (seconds, nanos) = time;
    let gfid = derived(&[b"cut", &file.gfid.0, &loc.name, &seconds.to_be_bytes(), &nanos.to_be_bytes()]);
    let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
    let fd = Fd::new(Inode::new(gfid, FileType::Regular), flags, can.frame().identity().pid);
    let xdata = Dict::new().with("gfid-req", gfid);
    let create =
        Create { loc: loc.clone(), flags, mode: file.mode & 0o7777, umask: 0, fd: fd.clone(), xdata };
    child().create(create).await?;
    let copied = copy(can, &file, &fd).await;
    if copied.is_err() {
        // The first error is the one to tell.
        let _ = child().unlink(Unlink { loc, flags: 0, xdata: Dict::new() }).await;
    }
    Ok(copied?)
}

async fn copy(can: &Can<'_>, file: &Iatt, to: &Fd) -> FopResult<()> {
    let child = || can.frame().child();
    let from = Fd::anonymous(Inode::new(file.gfid, FileType::Regular), libc::O_RDONLY);
    let mut offset = 0;
    while offset < file.size {
        let args = Readv { fd: from.clone(), size: CHUNK, offset, flags: 0, xdata: Dict::new() };
        let read = child().readv(args).await?;
        let len = read.data.len() as u64;
        if len == 0 {
            break;
        }
        let args = Writev { fd: to.clone(), data: read.data, offset, flags: 0, xdata: Dict::new() };
        if child().writev(args).await?.count != len {
            return Err(Errno::EIO.into());
        }
        offset += len;
    }
    let valid = plugin_api::fop::set_attr::UID | plugin_api::fop::set_attr::GID;
    let args = Fsetattr { fd: to.clone(), iatt: *file, valid, xdata: Dict::new() };
    child().fsetattr(args).await.map(drop)
}
