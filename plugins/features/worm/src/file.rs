//! What is written on a file about its being kept: read by one lookup, written as root.

use std::time::{SystemTime, UNIX_EPOCH};

use plugin_api::prelude::*;
use plugin_api::{OwnedFrame, fop::set_attr};

use crate::options::Settings;
use crate::retention::{Retention, Standing};

/// On each file that was made while files were kept one by one.
const MARK: &str = "trusted.worm_file";
/// When it was made, in seconds.
const MADE: &str = "trusted.start_time";
/// How it is kept, once it is committed.
const STATE: &str = "trusted.reten_state";

/// The process id of work that the brick does by itself.
const INTERNAL: i32 = -1;

/// A file that is kept, or may be one day.
pub(crate) struct File {
    inode: Inode,
    pub(crate) iatt: Iatt,
    pub(crate) standing: Standing,
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

fn as_root(frame: &Frame) -> OwnedFrame {
    let mut own = frame.fork();
    let identity = own.identity_mut();
    (identity.uid, identity.gid, identity.pid) = (0, 0, INTERNAL);
    own
}

/// Text on disk ends with a NUL, as GlusterFS writes it.
fn text(text: &impl ToString) -> Vec<u8> {
    let mut bytes = text.to_string().into_bytes();
    bytes.push(0);
    bytes
}

/// Marks a file that was made just now.
pub(crate) async fn mark(frame: &Frame, fd: &Fd) -> Result<(), Errno> {
    let xattrs = Dict::new().with(MARK, text(&1)).with(MADE, text(&now()));
    let args = Fsetxattr { fd: fd.clone(), xattrs, flags: 0, xdata: Dict::new() };
    as_root(frame).child().fsetxattr(args).await.map_err(|error| error.errno)?;
    Ok(())
}

impl File {
    /// The file at a place; `None` when it is not one that is kept, or is not there.
    pub(crate) async fn at(frame: &Frame, mut loc: Loc, settings: &Settings) -> Option<Self> {
        let fresh = Inode::new(loc.target(), FileType::Invalid);
        let inode = loc.inode.clone().into_option().unwrap_or(fresh);
        loc.inode = Some(inode.clone()).into();
        let xdata = [MARK, MADE, STATE].into_iter().fold(Dict::new(), |asked, name| asked.with(name, 0));
        let found = as_root(frame).child().lookup(Lookup { loc, xdata }).await.ok()?;
        let value = |name| found.xdata.get(name).and_then(Value::as_bytes);
        if found.iatt.is_dir() || value(MARK).is_none() {
            return None;
        }
        let made = value(MADE).and_then(|text| std::str::from_utf8(text).ok());
        let made = made.and_then(|text| text.trim_end_matches('\0').parse().ok()).unwrap_or(i64::MAX);
        let retention = value(STATE).and_then(Retention::parse);
        let standing = Standing::of(retention, made, found.iatt.atime, now(), settings);
        // Who removes a name need not say what is behind it.
        let known = !inode.gfid().is_null();
        let inode = if known { inode } else { Inode::new(found.iatt.gfid, found.iatt.file_type()) };
        Some(Self { inode, iatt: found.iatt, standing })
    }

    /// Commits the file: it is kept from now on, until its access time.
    pub(crate) async fn commit(&self, frame: &Frame, settings: &Settings) -> Result<(), Errno> {
        let retention = Retention::new(settings);
        self.keep_until(frame, now().saturating_add_unsigned(retention.period())).await?;
        self.note(frame, retention).await
    }

    /// Notes that the file's time is over; its access time is what it was before.
    pub(crate) async fn expire(&self, frame: &Frame, retention: Retention) -> Result<(), Errno> {
        self.note(frame, retention.over()).await?;
        self.keep_until(frame, self.iatt.atime.saturating_sub_unsigned(retention.period())).await
    }

    /// Writes how the file is kept.
    pub(crate) async fn note(&self, frame: &Frame, retention: Retention) -> Result<(), Errno> {
        let xattrs = Dict::new().with(STATE, text(&retention));
        let args = Setxattr { loc: Loc::of(self.inode.clone()), xattrs, flags: 0, xdata: Dict::new() };
        as_root(frame).child().setxattr(args).await.map_err(|error| error.errno)?;
        Ok(())
    }

    async fn keep_until(&self, frame: &Frame, atime: i64) -> Result<(), Errno> {
        let iatt = Iatt { atime, ..self.iatt };
        let args =
            Setattr { loc: Loc::of(self.inode.clone()), iatt, valid: set_attr::ATIME, xdata: Dict::new() };
        as_root(frame).child().setattr(args).await.map_err(|error| error.errno)?;
        Ok(())
    }
}
