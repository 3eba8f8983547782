//! Which names are answered without a child.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use performance_nl_cache::NlCache;
use plugin_api::prelude::*;
use plugin_api::upcall;
use plugin_testkit::{Bench, Caller, Fake, Fault, Testkit, block_on, poll};

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<NlCache>::new().options(options).child(Fake::memory()).start()
}

fn is_there(caller: &Caller<'_>, name: &str) -> bool {
    match caller.lookup(&caller.root(), name) {
        Ok(_) => true,
        Err(failed) => {
            assert_eq!(failed.errno(), Some(Errno::ENOENT));
            false
        }
    }
}

fn lookups(bench: &Bench) -> usize {
    bench.calls().iter().filter(|call| **call == "lookup").count()
}

fn place(bench: &Bench, name: &str) -> Loc {
    Loc::entry(bench.inode(Gfid::ROOT, FileType::Directory), IoBuf::from(name.to_owned()))
}

#[test]
fn a_missing_name_is_looked_for_once_until_it_is_made() {
    let bench = bench(&[]);
    let caller = Caller::new(&bench, 1);
    // Contexts live as long as somebody has the directory.
    let root = caller.root();
    assert!(!is_there(&caller, "f") && !is_there(&caller, "f"));
    assert_eq!(lookups(&bench), 1);
    drop(caller.create(&root, "f").unwrap());
    assert!(is_there(&caller, "f"));
    caller.unlink(&root, "f").unwrap();
    assert!(!is_there(&caller, "f"));
    assert_eq!(lookups(&bench), 2, "who removes a name knows that it is missing");
    caller.mkdir(&root, "f").unwrap();
    assert!(is_there(&caller, "f"));
    caller.rmdir(&root, "f").unwrap();
    caller.symlink(&root, "g", "f").unwrap();
    assert!(!is_there(&caller, "h"));
    caller.rename(place(&bench, "g"), place(&bench, "h")).unwrap();
    assert!(is_there(&caller, "h") && !is_there(&caller, "g"));
    drop(root);
    bench.close();
}

#[test]
fn without_time_to_live_and_switched_off_nothing_is_kept() {
    for option in [("nl-cache-timeout", "0"), ("pass-through", "on"), ("nl-cache-limit", "0")] {
        let bench = bench(&[option]);
        let caller = Caller::new(&bench, 1);
        let _root = caller.root();
        assert!(!is_there(&caller, "f") && !is_there(&caller, "f"));
        assert_eq!(lookups(&bench), 2, "{option:?}");
    }
}

#[test]
fn a_lookup_that_a_change_has_overtaken_is_not_kept() {
    let bench = bench(&[]);
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    bench.fake().fault(0, Fault::Hold);
    bench.on::<kind::lookup>(|_| Err(Errno::ENOENT.into()));
    let frame = bench.frame(Identity::default(), None);
    let mut late = frame.child().lookup(Lookup { loc: place(&bench, "f"), xdata: Dict::new() });
    assert!(poll(&mut late).is_none(), "the child keeps it");
    drop(caller.create(&root, "f").unwrap());
    bench.fake().release();
    block_on(late).unwrap_err();
    bench.on::<kind::lookup>(|_| {
        Ok(Looked { iatt: Iatt { gfid: Gfid([9; 16]), ..Iatt::default() }, ..Looked::default() })
    });
    assert!(is_there(&caller, "f"), "it was made after that lookup began");
}

#[test]
fn when_children_come_or_go_or_others_change_the_directory_names_are_looked_for_again() {
    let told = |gfid: Gfid| {
        let data = Dict::new()
            .with(upcall::KIND, upcall::kind::CACHE_INVALIDATION)
            .with(upcall::GFID, gfid)
            .with(upcall::FLAGS, u64::from(upcall::flag::TIMES));
        Event { kind: EventKind::UPCALL, data }
    };
    let events = [EventKind::CHILD_UP.into(), EventKind::SOME_DESCENDENT_DOWN.into(), told(Gfid::ROOT)];
    for event in events {
        let bench = bench(&[]);
        let caller = Caller::new(&bench, 1);
        let _root = caller.root();
        is_there(&caller, "f");
        bench.send_up(&told(Gfid([5; 16])));
        is_there(&caller, "f");
        assert_eq!(lookups(&bench), 1);
        bench.send_up(&event);
        is_there(&caller, "f");
        assert_eq!(lookups(&bench), 2);
    }
}

#[test]
fn of_a_directory_that_is_made_here_every_name_is_known_when_told_so() {
    for (whole, asked) in [("on", 0), ("off", 1)] {
        let bench = bench(&[("nl-cache-positive-entry", whole)]);
        let caller = Caller::new(&bench, 1);
        let root = caller.root();
        let fresh = Inode::new(Gfid::NULL, FileType::Invalid);
        let loc = Loc { inode: Some(fresh.clone()).into(), ..place(&bench, "d") };
        let gfid = Gfid([8; 16]);
        let xdata = Dict::new().with("gfid-req", gfid);
        caller.ask::<kind::mkdir>(Mkdir { loc, mode: 0o755, umask: 0, xdata }).unwrap();
        let dir = bench.adopt(&fresh, gfid, FileType::Directory);
        drop(caller.create(&dir, "there").unwrap());
        caller.lookup(&dir, "there").unwrap();
        bench.fake().forget();
        caller.lookup(&dir, "missing").unwrap_err();
        assert_eq!(lookups(&bench), asked);
        caller.lookup(&dir, "there").unwrap();
        drop(root);
    }
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    let bench = bench(&[("nl-cache-limit", "4KB")]);
    let caller = Caller::new(&bench, 1);
    let _root = caller.root();
    for n in 0..1000 {
        is_there(&caller, &format!("name{n}"));
    }
    let dump = bench.dump();
    let bytes: u64 = dump.lines().find_map(|line| line.strip_prefix("bytes=")).unwrap().parse().unwrap();
    assert!(bytes > 0 && bytes <= 4096, "{dump}");
}
