//! Record locks against the plainest model there is: one cell for each byte and owner.
#![expect(clippy::cast_possible_truncation, reason = "clients and bytes are small numbers here")]

use features_locks::engine::posix::{PosixLocks, Record};
use features_locks::engine::{Access, ClientKey, Effects, FdKey, Holder, LkOwner, Range, Verdict};
use proptest::prelude::*;

const BYTES: usize = 32;
const CLIENTS: usize = 3;

fn holder(client: usize) -> Holder {
    Holder { client: ClientKey(client as u64), name: LkOwner::new(b"owner").expect("short") }
}

fn cells(range: Range) -> std::ops::RangeInclusive<usize> {
    range.start as usize..=range.end.min(BYTES as u64 - 1) as usize
}

fn held_by(locks: &PosixLocks<()>, client: usize) -> Vec<Record> {
    let mut own: Vec<_> = locks.held().iter().filter(|held| held.holder == holder(client)).cloned().collect();
    own.sort_unstable_by_key(|held| held.range.start);
    own
}

proptest! {
    #[test]
    fn locks_agree_with_a_model_of_single_bytes(
        steps in proptest::collection::vec((0..CLIENTS, 0..3_u8, 0..16_i64, 0..6_i64), 1..60)
    ) {
        let mut locks = PosixLocks::<()>::default();
        let mut effects = Effects::default();
        let mut model = [[None::<Access>; BYTES]; CLIENTS];
        for (client, what, start, len) in steps {
            let range = Range::from_wire(start, len).expect("within a file");
            if what == 2 {
                locks.unlock(&holder(client), range, &mut effects);
                model[client][cells(range)].fill(None);
                continue;
            }
            let access = if what == 0 { Access::Read } else { Access::Write };
            let free = (0..CLIENTS).filter(|other| *other != client).all(|other| {
                model[other][cells(range)].iter().flatten().all(|held| !held.excludes(access))
            });
            let fd = FdKey(client as u64);
            let asked = Record { holder: holder(client), fd, pid: 1, range, access, mandatory: false };
            let verdict = locks.lock(asked, None::<fn()>, &mut effects);
            prop_assert_eq!(verdict == Verdict::Granted, free);
            if free {
                model[client][cells(range)].fill(Some(access));
            }
        }
        for (client, expected) in model.iter().enumerate() {
            let mut found = [None; BYTES];
            let held = held_by(&locks, client);
            for record in &held {
                for cell in &mut found[cells(record.range)] {
                    prop_assert!(cell.is_none(), "an owner's locks do not overlap");
                    *cell = Some(record.access);
                }
            }
            prop_assert_eq!(&found, expected);
            let melted = held
                .windows(2)
                .all(|pair| !pair[0].range.touches(pair[1].range) || pair[0].access != pair[1].access);
            prop_assert!(melted, "like neighbours are one lock: {:?}", held);
        }
    }
}
