//! The stamp on a call: the client's time, and which times it is for.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_api::fop::set_attr;
use plugin_api::{Frame, Iatt, Mdata, OwnedFrame};

/// The object's change time.
pub(crate) const CTIME: u32 = 0x1;
/// Its modification time.
pub(crate) const MTIME: u32 = 0x2;
/// Its access time.
pub(crate) const ATIME: u32 = 0x4;
/// Change and modification time of the directory.
const PARENT: u32 = 0x18;

/// What making an object moves.
pub(crate) const MADE: u32 = CTIME | MTIME | ATIME | PARENT;
/// What a change of a name moves.
pub(crate) const MOVED: u32 = CTIME | PARENT;
/// What reserving room or writing zeros moves: GlusterFS names these two, and bricks move the change time with them.
pub(crate) const RESERVED: u32 = MTIME | ATIME;

/// A time: seconds and nanoseconds since the epoch.
pub(crate) type Time = (i64, u32);

/// What reading moves.
pub(crate) const fn read(keeps_atime: bool) -> u32 {
    if keeps_atime { ATIME } else { 0 }
}

/// The client's clock.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos())
}

/// What setting attributes moves, and when. Times that an application sets to now are the stamp's own, so that all of
/// them come out the same; a change of mode or owner, or of nothing, moves the change time.
pub(crate) fn attributes(valid: u32, iatt: &Iatt) -> (u32, Time) {
    let owner = set_attr::MODE | set_attr::UID | set_attr::GID;
    let flags = if valid == 0 || valid & owner != 0 { CTIME } else { 0 };
    let time = if valid & set_attr::MTIME_NOW != 0 {
        (iatt.mtime, iatt.mtime_nsec)
    } else if valid & set_attr::ATIME_NOW != 0 {
        (iatt.atime, iatt.atime_nsec)
    } else {
        now()
    };
    (flags, time)
}

/// The call with the stamp.
pub(crate) fn stamped(frame: &Frame, flags: u32, (time, nsec): Time) -> OwnedFrame {
    let mut mine = frame.fork();
    let who = mine.identity_mut();
    (who.time, who.time_nsec, who.time_flags) = (time, nsec, flags);
    mine
}

/// The times of an object, as bricks keep them.
pub(crate) fn at(iatt: &Iatt) -> Mdata {
    Mdata {
        atime: iatt.atime,
        mtime: iatt.mtime,
        ctime: iatt.ctime,
        atime_nsec: iatt.atime_nsec,
        mtime_nsec: iatt.mtime_nsec,
        ctime_nsec: iatt.ctime_nsec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_mode_moves_the_change_time_and_a_touch_moves_none_by_itself() {
        assert_eq!(attributes(set_attr::MODE, &Iatt::default()).0, CTIME);
        assert_eq!(attributes(0, &Iatt::default()).0, CTIME);
        let touched = Iatt { mtime: 7, mtime_nsec: 8, atime: 7, atime_nsec: 8, ..Iatt::default() };
        assert_eq!(attributes(0x1b0, &touched), (0, (7, 8)));
    }

    #[test]
    fn the_flags_are_those_of_the_wire() {
        assert_eq!((MADE, MOVED, MTIME | CTIME, RESERVED), (0x1f, 0x19, 0x3, 0x6));
        assert_eq!((read(false), read(true)), (0, 4));
    }
}
