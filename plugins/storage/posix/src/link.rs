//! Second names for objects that are there, and the counts of them.

use std::os::fd::AsFd;

use plugin_api::Gfid;
use rustix::fs::{AtFlags, XattrFlags};
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::caller::Caller;
use crate::find::Entry;
use crate::gfid2path;
use crate::handle::{HandleName, gfid_text};
use crate::make::Made;
use crate::place::Place;
use crate::seam::seam;

impl Brick {
    /// Gives the object `gfid` the name `entry`. `EMLINK` past `max-hardlinks`, `EPERM` for a directory.
    pub(crate) fn link(&self, caller: &Caller, gfid: Gfid, entry: &Entry<'_>) -> Result<Made> {
        self.check_space(caller)?;
        let _names = self.share_names(entry.parent);
        let inode = self.inodes.get(gfid);
        // The last name does not go while another is added.
        let _handle = inode.handle.read().expect("no panic under it");
        let found = self.locate(gfid)?;
        let Place::Handle(_, handle) = &found.place else { return Err(Errno::PERM) };
        let options = self.options();
        let names = found.st.stx_nlink.saturating_sub(1);
        if options.max_hardlinks > 0 && names >= options.max_hardlinks {
            return Err(Errno::MLINK);
        }
        let (parent_st, pre_parent, parent_inode) = self.show_parent(entry)?;
        seam()?;
        rustix::fs::linkat(
            &self.glusterfs,
            handle.bytes(),
            &entry.dir,
            entry.name.bytes(),
            AtFlags::empty(),
        )?;
        let recorded = (|| {
            if options.parent_link_counts {
                self.count_parent_link(&found.place, entry.parent, 1)?;
            }
            if options.gfid2path && names <= gfid2path::MAX_LINKS {
                let record = gfid2path::record(entry.parent, entry.name);
                found.place.set_xattr(&record.key, &record.value, XattrFlags::empty())?;
            }
            Ok(())
        })();
        if let Err(e) = recorded {
            let _ = rustix::fs::unlinkat(&entry.dir, entry.name.bytes(), AtFlags::empty());
            return Err(e);
        }
        // It is done; what cannot be told any more does not undo it.
        let mut st = found.st;
        st.stx_nlink += 1;
        let st = found.place.stat().unwrap_or(st);
        self.touch(&found.inode, &found.place, caller);
        let parent = entry.parent_place();
        let parent_st = parent.stat().unwrap_or(parent_st);
        self.touch_parent(&parent_inode, &parent, caller);
        Ok(Made {
            iatt: self.show(&st, gfid, &found.inode, &found.place),
            pre_parent,
            post_parent: self.show(&parent_st, entry.parent, &parent_inode, &parent),
            file: None,
        })
    }

    /// Adds `step` to the count of links that the object has in `parent`; at zero the record goes.
    pub(crate) fn count_parent_link(&self, place: &Place<'_>, parent: Gfid, step: i32) -> Result<()> {
        let key = [b"trusted.pgfid.", &gfid_text(parent)[..]].concat();
        let inode = self.inodes.get(parent);
        let _one = inode.xattrop.lock().expect("no panic under it");
        let mut count = [0; 4];
        let before = match place.xattr(&key, &mut count) {
            Ok(4) => u32::from_be_bytes(count),
            Ok(_) | Err(Errno::NODATA | Errno::RANGE) => 0,
            Err(e) => return Err(e),
        };
        match before.saturating_add_signed(step) {
            0 if before > 0 => place.remove_xattr(&key),
            0 => Ok(()),
            after => place.set_xattr(&key, &after.to_be_bytes(), XattrFlags::empty()),
        }
    }

    /// Takes the record of the name `entry` off an object that lost it.
    pub(crate) fn forget_name(&self, place: &Place<'_>, entry: &Entry<'_>) {
        let options = self.options();
        if options.gfid2path {
            let _ = place.remove_xattr(&gfid2path::record(entry.parent, entry.name).key);
        }
        if options.parent_link_counts {
            let _ = self.count_parent_link(place, entry.parent, -1);
        }
    }

    /// Puts the record of the name `entry` on an object that won it.
    pub(crate) fn record_name(&self, place: &Place<'_>, entry: &Entry<'_>) {
        let options = self.options();
        if options.gfid2path {
            let record = gfid2path::record(entry.parent, entry.name);
            let _ = place.set_xattr(&record.key, &record.value, XattrFlags::empty());
        }
        if options.parent_link_counts {
            let _ = self.count_parent_link(place, entry.parent, 1);
        }
    }

    /// The handle of `gfid` as a place, for an object that is no directory.
    pub(crate) fn handle_place(&self, gfid: Gfid) -> Place<'_> {
        Place::Handle(self.housekeeping(), HandleName::of(gfid))
    }

    /// Reads where the symlink `gfid` points, up to `size` bytes.
    pub(crate) fn read_link(&self, gfid: Gfid, size: usize) -> Result<(Vec<u8>, crate::find::Found<'_>)> {
        let found = self.locate(gfid)?;
        let Place::Handle(keep, handle) = &found.place else { return Err(Errno::INVAL) };
        let target = rustix::fs::readlinkat(keep.fd.as_fd(), handle.bytes(), Vec::new())?;
        let mut target = target.into_bytes();
        target.truncate(size);
        Ok((target, found))
    }
}
