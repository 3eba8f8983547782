//! The inodes of a brick as reports show them: those in use, those that are kept, and how often each is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin_api::{FileType, Gfid, Inode, KnownInode};

use crate::bricks::Brick;
use crate::session::Session;

/// What is known of a brick's inodes.
#[derive(Debug)]
pub(crate) struct Inodes {
    /// Somebody uses them; the root always counts as in use.
    pub(crate) active: Vec<Row>,
    /// Nobody does: they are kept in case that they are needed again.
    pub(crate) kept: Vec<Row>,
}

/// One inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) gfid: Gfid,
    pub(crate) file_type: FileType,
    /// How many hold it beside the table.
    pub(crate) users: usize,
    /// How many descriptors clients have of it; one that nobody opened is none.
    pub(crate) open: usize,
}

impl Inodes {
    /// Looks at the table of `brick` and at what its clients have open: an order of a person, so it may take a while.
    pub(crate) fn of(brick: &Brick, sessions: &[Arc<Session>]) -> Self {
        let opened = opened(sessions.iter().filter(|session| session.brick == brick.index));
        join(brick.inodes.known(), opened)
    }
}

/// Inodes that are open, by gfid, and how often.
fn opened<'a>(sessions: impl Iterator<Item = &'a Arc<Session>>) -> BTreeMap<Gfid, (Inode, usize)> {
    let mut opened = BTreeMap::new();
    for session in sessions {
        session.fds.for_each(|_, fd| {
            let inode = fd.inode();
            opened.entry(inode.gfid()).or_insert_with(|| (inode.clone(), 0)).1 += 1;
        });
    }
    opened
}

fn join(known: Vec<KnownInode>, mut opened: BTreeMap<Gfid, (Inode, usize)>) -> Inodes {
    let known = known.into_iter().map(|KnownInode { gfid, file_type, users }| Row {
        gfid,
        file_type,
        users,
        open: opened.remove(&gfid).map_or(0, |(_, open)| open),
    });
    let (mut active, kept): (Vec<_>, Vec<_>) =
        known.partition(|row| row.users > 0 || row.open > 0 || row.gfid.is_root());
    // What lost its last name is in no table any more, but lives while it is open.
    active.extend(opened.into_values().map(|(inode, open)| Row {
        gfid: inode.gfid(),
        file_type: inode.file_type(),
        users: inode.object().count().saturating_sub(1),
        open,
    }));
    Inodes { active, kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_in_use_even_when_its_names_are_gone() {
        let id = |n: u8| Gfid([n; 16]);
        let inode = |n| Inode::new(id(n), FileType::Regular);
        let known = |gfid, users| KnownInode { gfid, file_type: FileType::Regular, users };
        let row = |gfid, users, open| Row { gfid, file_type: FileType::Regular, users, open };
        let rows = join(
            vec![known(Gfid::ROOT, 0), known(id(5), 2), known(id(6), 0), known(id(7), 1)],
            BTreeMap::from([(id(5), (inode(5), 2)), (id(9), (inode(9), 1))]),
        );
        assert_eq!(
            rows.active,
            [row(Gfid::ROOT, 0, 0), row(id(5), 2, 2), row(id(7), 1, 0), row(id(9), 0, 1)]
        );
        assert_eq!(rows.kept, [row(id(6), 0, 0)]);
    }
}
