//! The ids of directories that are reached by their ids.

use plugin_api::{Gfid, Iatt};

/// The folder of the root below which objects are reached by their ids; the incumbent's id for it.
pub(crate) const FOLDER: Gfid = Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d]);

/// Its name.
pub(crate) const NAME: &[u8] = b".gfid";

/// The byte of an id that holds its version,
const VERSION: usize = 6;
/// and what turns version 4 into 13 and 0, as ids have that were not drawn, into 9, and back: versions that there are not.
const MARK: u8 = 0x90;

/// Whether an id is one that only this translator gives.
pub(crate) fn is_alias(gfid: Gfid) -> bool {
    matches!(gfid.0[VERSION] >> 4, 9 | 13)
}

/// The id that stands for a directory reached by its id, or the directory's again.
pub(crate) fn other(gfid: Gfid) -> Gfid {
    let mut other = gfid;
    other.0[VERSION] ^= MARK;
    other
}

/// The attributes of a directory as it is seen where it was reached by its id.
pub(crate) fn seen(iatt: Iatt) -> Iatt {
    let gfid = other(iatt.gfid);
    Iatt { gfid, ino: gfid.ino(), ..iatt }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_leads_back_and_no_drawn_id_is_one() {
        let mut drawn = Gfid([0xab; 16]);
        drawn.0[VERSION] = 0x4b;
        for gfid in [drawn, Gfid::ROOT, Gfid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])] {
            assert!(!is_alias(gfid) && is_alias(other(gfid)));
            assert_eq!(other(other(gfid)), gfid);
        }
        assert!(!is_alias(FOLDER));
    }
}
