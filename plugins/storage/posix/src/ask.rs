//! What a request asks for in its xdata, and the answers.

use std::sync::atomic::Ordering::Relaxed;

use plugin_api::{Dict, IoBuf, Key, Value};
use smallvec::SmallVec;

use crate::brick::Brick;
use crate::find::Found;
use crate::hidden::{is_hidden, is_identity, is_xattr};
use crate::stat::{S_IFREG, kind};
use crate::xattrs::{Names, names};
use crate::{gfid2path, glob, mdata};

/// A xattr that marks a file in migration; a lookup may ask for its end.
pub(crate) const PROTECT_XATTR: &[u8] = b"trusted.glusterfs.protect.writes";

/// Read once from a request, answered for one object or for each entry of a directory.
#[derive(Debug, Default)]
pub(crate) struct Ask<'a> {
    names: SmallVec<[&'a [u8]; 16]>,
    patterns: SmallVec<[&'a [u8]; 2]>,
    content: Option<u64>,
    open_count: bool,
    active_count: bool,
    size: bool,
    mode: bool,
    link_count: bool,
    list: bool,
    paths: bool,
    unprotect: bool,
}

impl<'a> Ask<'a> {
    /// Reads `xdata`: known requests, and any other key as the name or pattern of an xattr.
    pub(crate) fn of(xdata: &'a Dict) -> Self {
        let mut ask = Self::default();
        for (key, value) in xdata.iter() {
            match key.as_bytes() {
                b"glusterfs.content" => ask.content = value.as_u64(),
                b"glusterfs.open-fd-count" => ask.open_count = true,
                b"glusterfs.open-active-fd-count" => ask.active_count = true,
                b"get-size" => ask.size = true,
                b"dht-get-mode-in-xattr" => ask.mode = true,
                b"gf_request_link_count" => ask.link_count = true,
                b"list-xattr" => ask.list = true,
                b"glusterfs.ancestry.path" => ask.paths = true,
                b"glusterfs.clean.writexattr" => ask.unprotect = true,
                name if !is_xattr_name(name) => {}
                name if glob::is_pattern(name) => ask.patterns.push(name),
                name => ask.names.push(name),
            }
        }
        ask
    }

    /// Content is answered to names alone, not to descriptors.
    pub(crate) fn forget_content(&mut self) {
        self.content = None;
    }

    /// Whether anything that lies on disk is asked for.
    fn wants_xattrs(&self) -> bool {
        self.list || !self.names.is_empty() || !self.patterns.is_empty()
    }

    fn wants(&self, name: &[u8]) -> bool {
        self.names.contains(&name)
            || self.patterns.iter().any(|pattern| glob::matches(pattern, name))
            || (self.list && !is_identity(name) && !is_listed_never(name))
    }
}

/// A key without a dot in it, or of our own namespace, is a request of another translator: the disk is not asked.
fn is_xattr_name(key: &[u8]) -> bool {
    is_xattr(key) || (glob::is_pattern(key) && !key.contains(&0))
}

fn is_listed_never(name: &[u8]) -> bool {
    is_hidden(name, 0) && name != mdata::XATTR || name.starts_with(b"trusted.glusterfs.quota.")
}

impl Brick {
    /// The answers to `ask` for one object, whatever can be read of them.
    pub(crate) fn answer(&self, ask: &Ask<'_>, found: &Found<'_>, pid: i32) -> Dict {
        let mut answers = Dict::new();
        if ask.unprotect {
            let _ = found.place.remove_xattr(PROTECT_XATTR);
        }
        self.answer_xattrs(ask, found, pid, &mut answers);
        if let Some(content) = ask.content.and_then(|max| self.content(found, max)) {
            answers.push("glusterfs.content", content);
        }
        if ask.open_count {
            answers.push("glusterfs.open-fd-count", found.inode.fds.load(Relaxed));
        }
        if ask.active_count {
            answers.push("glusterfs.open-active-fd-count", found.inode.active_fds.load(Relaxed));
        }
        if ask.size && kind(&found.st) == S_IFREG {
            answers.push("get-size", found.st.stx_size);
        }
        if ask.mode && kind(&found.st) == S_IFREG {
            answers.push("dht-get-mode-in-xattr", u32::from(found.st.stx_mode));
        }
        if let Some(Ok(paths)) = ask.paths.then(|| self.paths(found)) {
            answers.push("glusterfs.ancestry.path", Value::Str(paths.join(&b":"[..]).into()));
        }
        if ask.link_count {
            answers
                .push("gf_request_link_count", found.st.stx_nlink.saturating_sub(u32::from(!found.is_dir())));
        }
        answers
    }

    fn answer_xattrs(&self, ask: &Ask<'_>, found: &Found<'_>, pid: i32, answers: &mut Dict) {
        if !ask.wants_xattrs() {
            return;
        }
        // One call tells which of the many names are there at all.
        let there = match (&ask.names[..], ask.list || !ask.patterns.is_empty()) {
            ([one], false) => Names::one(one),
            _ => names(&found.place).unwrap_or_default(),
        };
        for name in there.iter().filter(|name| ask.wants(name)) {
            if name.starts_with(gfid2path::PREFIX) || (is_hidden(name, pid) && name != mdata::XATTR) {
                continue;
            }
            if name == mdata::XATTR
                && let Some(record) = self.times_record(&found.inode, &found.place)
            {
                answers.push("trusted.glusterfs.mdata", record.to_vec());
            } else if let Ok(value) = found.place.xattr_vec(name) {
                answers.push(Key::new(IoBuf::copy_from_slice(name)), Value::from(value));
            }
        }
    }
}
