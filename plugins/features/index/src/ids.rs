//! The ids under which the lists are shown: chosen anew with each start, so that nobody guesses one.

use gluster_brick::Name;
use plugin_api::Gfid;
use uuid::Uuid;

use crate::lists::List;

/// The ids of the three lists, and the key to those of the folders in [`List::Changes`].
#[derive(Debug)]
pub(crate) struct Ids {
    lists: [Gfid; 3],
    key: Gfid,
}

impl Default for Ids {
    fn default() -> Self {
        let fresh = || Gfid(Uuid::new_v4().into_bytes());
        Self { lists: [fresh(), fresh(), fresh()], key: fresh() }
    }
}

impl Ids {
    pub(crate) fn of(&self, list: List) -> Gfid {
        self.lists[list as usize]
    }

    /// The list with this id.
    pub(crate) fn list(&self, gfid: Gfid) -> Option<List> {
        List::ALL.into_iter().find(|list| self.of(*list) == gfid)
    }

    /// From the id of a directory to that of the folder with its changes, and back. Whether there is such a folder, the
    /// disk says.
    pub(crate) fn changes(&self, gfid: Gfid) -> Gfid {
        Gfid((u128::from_be_bytes(gfid.0) ^ u128::from_be_bytes(self.key.0)).to_be_bytes())
    }
}

/// The file that an entry of a list is about: its name is the file's id as text.
pub(crate) fn file_of(name: Name<'_>) -> Option<Gfid> {
    let text = std::str::from_utf8(name.bytes()).ok()?;
    // No other way to write it: what is named is what was listed.
    text.parse::<Gfid>().ok().filter(|gfid| gfid.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_what_they_are_of() {
        let ids = Ids::default();
        for list in List::ALL {
            assert_eq!(ids.list(ids.of(list)), Some(list));
        }
        assert_eq!(ids.list(Gfid::ROOT), None);
        let folder = Gfid([9; 16]);
        assert_ne!(ids.changes(folder), folder);
        assert_eq!(ids.changes(ids.changes(folder)), folder);
    }

    #[test]
    fn only_an_id_as_it_is_written_names_a_file() {
        let file = |name: &[u8]| file_of(Name::new(name).unwrap());
        assert_eq!(file(b"00000000-0000-0000-0000-000000000001"), Some(Gfid::ROOT));
        assert_eq!(file(b"00000000000000000000000000000001"), None);
        assert_eq!(file(b"xattrop-00000000-0000-0000-0000-000000000001"), None);
    }
}
