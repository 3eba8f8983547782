//! What is heard unasked: children that come and go, and what others have changed.

use std::sync::atomic::Ordering;

use gluster_cache::Moment;
use plugin_api::prelude::*;
use plugin_api::upcall::{FLAGS, GFID, KIND, OLD_PARENT, PARENT, STAT, flag, kind};

use crate::MdCache;
use crate::options::Settings;

/// The `op` of an IPC fop that names the xattrs that are kept.
const NAMES_OF_INTEREST: i32 = 2;

/// Bits after which nothing that is kept of a file counts: its names, or all of it, by the word of the brick.
const DROPS: u32 = flag::NLINK | flag::RENAME | 0x100 | 0x1000 | 0x2000;
/// Bits of changed content and attributes.
const CHANGES: u32 = flag::MODE | flag::OWN | flag::SIZE | flag::TIMES | 0x20 | flag::PERM;

impl MdCache {
    /// Takes note of an event.
    pub(crate) fn heard(&self, cx: &NotifyCx<'_>, event: &Event) {
        match event.kind {
            EventKind::CHILD_UP | EventKind::SOME_DESCENDENT_UP if self.settings().watched => {
                self.subscribe(cx.me());
            }
            EventKind::CHILD_DOWN | EventKind::SOME_DESCENDENT_DOWN => self.forget_all(),
            EventKind::UPCALL if event.data.int(KIND) == Some(kind::CACHE_INVALIDATION) => {
                self.out_of_date(&event.data);
            }
            _ => {}
        }
    }

    /// Tells bricks which xattrs are kept, so that they tell of changes. Where they will not, none are kept.
    pub(crate) fn subscribe(&self, me: &Handle) {
        self.subscribed.store(true, Ordering::Relaxed);
        let (me, deaf) = (me.clone(), self.deaf.clone());
        let xdata = self.settings().names.iter().map(|name| (name.clone(), 0)).collect();
        rt::spawn(async move {
            let frame = me.frame(Identity::default());
            let told = frame.child().ipc(Ipc { op: NAMES_OF_INTEREST, xdata }).await;
            if let Err(why) = &told {
                log!(Info, xl: me.name(), "bricks do not tell of changed xattrs: none are kept", why = why);
            }
            deaf.store(told.is_err(), Ordering::Relaxed);
        });
    }

    /// Somebody else has changed something.
    fn out_of_date(&self, data: &Dict) {
        let Some(gfid) = data.gfid(GFID) else { return };
        let flags = data.uint(FLAGS).and_then(|flags| u32::try_from(flags).ok()).unwrap_or(u32::MAX);
        let iatt = |key| match data.get(key) {
            Some(Value::Iatt(iatt)) => Some(**iatt),
            _ => None,
        };
        if let Some(entry) = self.entries.find(gfid) {
            if flags & DROPS != 0 {
                entry.forget();
            } else {
                if flags & CHANGES != 0 {
                    entry.changed_to(iatt(STAT).filter(|iatt| iatt.gfid == gfid));
                }
                if flags & (flag::XATTR | flag::XATTR_RM) != 0 {
                    entry.forget_xattrs();
                    entry.changed_to(iatt(STAT).filter(|iatt| iatt.gfid == gfid));
                }
            }
        }
        for parent in [iatt(PARENT), iatt(OLD_PARENT)].into_iter().flatten() {
            if let Some(entry) = self.entries.find(parent.gfid) {
                entry.changed_to(Some(parent));
            }
        }
    }

    /// A listing tells of what is in a directory.
    pub(crate) fn listed(&self, frame: &Frame, settings: &Settings, began: Moment, read: &Entries) {
        // Of a directory that is one brick's word, where what is kept is of all of them.
        let files = read.entries.iter().filter(|found| !found.iatt.gfid.is_null() && !found.iatt.is_dir());
        for found in files {
            if let Some(known) = self.entries.find(found.iatt.gfid) {
                self.told(frame, Some(&known), began, found.iatt);
                self.put_xattrs(Some(&known), settings, began, &found.xattrs);
            }
        }
    }
}
