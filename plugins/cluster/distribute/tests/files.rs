//! Files and directories over three bricks in memory.

use std::sync::{Arc, Mutex};

use cluster_distribute::Distribute;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit};

fn bench() -> Bench {
    let kit = Testkit::<Distribute>::new().named("v-dht");
    let bench = kit.child(Fake::memory()).child(Fake::memory()).child(Fake::memory()).start();
    let root = bench.inode(Gfid::ROOT, FileType::Directory);
    bench
        .call::<kind::lookup>(Lookup { loc: Loc::of(root), xdata: Dict::new() })
        .expect("an empty volume has a root");
    bench
}

fn rename(
    caller: &Caller<'_>,
    from: (&Inode, &str),
    to: (&Inode, &str),
) -> Result<(), plugin_testkit::Failed> {
    let (old, new) = (caller.entry(from.0, from.1), caller.entry(to.0, to.1));
    caller.ask::<kind::rename>(Rename { old, new, xdata: Dict::new() }).map(drop)
}

#[test]
fn files_of_many_names_are_found_listed_once_and_removed() {
    let bench = bench();
    let caller = Caller::new(&bench, 1);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    let mut names: Vec<_> = (0..60).map(|n| format!("file-{n}")).collect();
    for name in &names {
        let fd = caller.create(&dir, name).unwrap();
        caller.write(&fd, 0, name.as_bytes()).unwrap();
    }
    caller.mkdir(&dir, "sub").unwrap();
    names.push("sub".into());
    names.sort();
    let mut listed = caller.names(&dir).unwrap();
    listed.sort();
    assert_eq!(listed, names);
    for name in names.iter().filter(|name| *name != "sub") {
        let (inode, _) = caller.lookup(&dir, name).unwrap();
        let fd = caller.open(&inode, libc::O_RDWR).unwrap();
        assert_eq!(caller.read(&fd, 0, 100).unwrap(), name.as_bytes());
        caller
            .ask::<kind::unlink>(Unlink { loc: caller.entry(&dir, name), flags: 0, xdata: Dict::new() })
            .unwrap();
    }
    assert_eq!(caller.names(&dir).unwrap(), ["sub"]);
}

#[test]
fn who_reads_a_directory_ahead_is_told_what_its_listing_asks_for() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let [opened, listed] = [told.clone(), told.clone()];
    let child = Fake::memory()
        .with::<kind::opendir>(move |args| {
            opened.lock().unwrap().push(args.xdata);
            Ok(Opened { fd: args.fd, xdata: Dict::new() })
        })
        .with::<kind::readdirp>(move |args| {
            listed.lock().unwrap().push(args.xdata);
            Ok(Entries { at_end: true, ..Entries::default() })
        });
    let bench = Testkit::<Distribute>::new().named("v-dht").child(child).start();
    let caller = Caller::new(&bench, 1);
    caller.names(&caller.root()).unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() == 2 && told[0] == told[1] && !told[0].is_empty(), "{told:?}");
}

#[test]
fn a_renamed_file_is_found_under_its_new_name_alone() {
    let bench = bench();
    let caller = Caller::new(&bench, 2);
    let root = caller.root();
    for n in 0..40 {
        let (old, new) = (format!("old-{n}"), format!("new-{n}"));
        let fd = caller.create(&root, &old).unwrap();
        caller.write(&fd, 0, old.as_bytes()).unwrap();
        if n % 2 == 0 {
            caller.create(&root, &new).unwrap();
        }
        rename(&caller, (&root, &old), (&root, &new)).unwrap();
        assert_eq!(caller.lookup(&root, &old).unwrap_err().errno(), Some(Errno::ENOENT), "{old}");
        let (inode, _) = caller.lookup(&root, &new).unwrap();
        let fd = caller.open(&inode, libc::O_RDWR).unwrap();
        assert_eq!(caller.read(&fd, 0, 100).unwrap(), old.as_bytes());
    }
    assert_eq!(caller.names(&root).unwrap().len(), 40);
}

#[test]
fn a_rename_that_fails_at_any_step_loses_no_file() {
    let mut met = 0;
    for child in 0..3 {
        for call in 0..40 {
            let kit = Testkit::<Distribute>::new().named("v-dht");
            let fakes: Vec<_> = (0..3).map(|_| Fake::memory()).collect();
            let bench = fakes.iter().fold(kit, |kit, fake| kit.child(fake.clone())).start();
            let caller = Caller::new(&bench, 3);
            let root = bench.inode(Gfid::ROOT, FileType::Directory);
            bench.call::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).unwrap();
            let fd = caller.create(&root, "source-7").unwrap();
            caller.write(&fd, 0, b"kept").unwrap();
            fakes[child].fail_call(call, Errno::EIO);
            let renamed = rename(&caller, (&root, "source-7"), (&root, "target-3"));
            met += u32::from(!fakes[child].is_failing());
            fakes[child].clear_faults();
            let names = ["target-3", "source-7"];
            let found = names.iter().find_map(|name| caller.lookup(&root, name).ok());
            let (inode, _) = found.unwrap_or_else(|| panic!("lost at call {call} of {child}: {renamed:?}"));
            let fd = caller.open(&inode, libc::O_RDWR).unwrap();
            assert_eq!(caller.read(&fd, 0, 100).unwrap(), b"kept");
        }
    }
    assert!(met > 10, "{met} faults were met");
}

#[test]
fn a_directory_with_a_file_anywhere_stays_and_an_empty_one_goes_everywhere() {
    let bench = bench();
    let caller = Caller::new(&bench, 4);
    let root = caller.root();
    let dir = caller.mkdir(&root, "d").unwrap();
    caller.create(&dir, "in").unwrap();
    let rmdir =
        || caller.ask::<kind::rmdir>(Rmdir { loc: caller.entry(&root, "d"), flags: 0, xdata: Dict::new() });
    assert_eq!(rmdir().unwrap_err().errno(), Some(Errno::ENOTEMPTY));
    assert!(caller.lookup(&dir, "in").is_ok());
    caller
        .ask::<kind::unlink>(Unlink { loc: caller.entry(&dir, "in"), flags: 0, xdata: Dict::new() })
        .unwrap();
    rmdir().unwrap();
    assert_eq!(caller.lookup(&root, "d").unwrap_err().errno(), Some(Errno::ENOENT));
}

#[test]
fn own_xattrs_are_not_for_callers() {
    let bench = bench();
    let root = Caller::new(&bench, 5).root();
    let set = |key: &'static str| {
        let xattrs = Dict::new().with(key, vec![0; 16]);
        bench.call::<kind::setxattr>(Setxattr {
            loc: Loc::of(root.clone()),
            xattrs,
            flags: 0,
            xdata: Dict::new(),
        })
    };
    assert_eq!(set("trusted.glusterfs.dht").unwrap_err().errno, Errno::EPERM);
    assert_eq!(set("distribute.fix.layout").unwrap_err().errno, Errno::EOPNOTSUPP);
    set("user.mine").unwrap();
}
