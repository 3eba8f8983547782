//! Files that are moved to where their names belong, and layouts that are dealt out anew.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod volume;

use cluster_distribute::Distribute;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Fault, Testkit, block_on};
use volume::watched;

fn order(bench: &Bench, loc: Loc, key: &'static str, value: &'static str) -> Result<(), Errno> {
    let args = Setxattr { loc, xattrs: Dict::new().with(key, value), flags: 0, xdata: Dict::new() };
    bench.call::<kind::setxattr>(args).map(drop).map_err(|e| e.errno)
}

fn migrate(bench: &Bench, loc: Loc) -> Result<(), Errno> {
    order(bench, loc, "trusted.distribute.migrate-data", "force")
}

/// A file whose name belongs elsewhere than it lies: it was given its name later.
fn misplaced(caller: &Caller<'_>, fakes: &[Fake]) -> (Loc, Vec<u8>) {
    let root = caller.root();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for n in 0..20 {
        let (old, new) = (format!("old{n}"), format!("new{n}"));
        let fd = caller.create(&root, &old).unwrap();
        caller.write(&fd, 0, &content).unwrap();
        let (inode, _) = caller.lookup(&root, &old).unwrap();
        let from = Loc { gfid: inode.gfid(), inode: Some(inode.clone()).into(), ..caller.entry(&root, &old) };
        let to = Loc { inode: None.into(), ..caller.entry(&root, &new) };
        caller.rename(from, to).unwrap();
        // Its data stayed, and a pointer was made: one more object than files.
        let objects: usize = fakes.iter().map(Fake::objects).sum();
        if objects > fakes.len() + 1 {
            return (
                Loc { gfid: inode.gfid(), inode: Some(inode).into(), ..caller.entry(&root, &new) },
                content,
            );
        }
        caller.unlink(&root, &new).unwrap();
    }
    panic!("every name belongs to the same child");
}

#[test]
fn a_file_is_moved_with_all_that_belongs_to_it_and_leaves_nothing_behind() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 31);
    let (loc, content) = misplaced(&caller, &fakes);
    order(&bench, loc.clone(), "user.kept", "yes").unwrap();
    let before = caller.lookup(&caller.root(), "x").is_err();
    assert!(before);
    migrate(&bench, loc.clone()).unwrap();
    assert_eq!(fakes.iter().map(Fake::objects).sum::<usize>(), fakes.len() + 1, "one file, three roots");
    let name = String::from_utf8(loc.name.to_vec()).unwrap();
    let (inode, iatt) = caller.lookup(&caller.root(), &name).unwrap();
    assert_eq!((iatt.gfid, iatt.mode & 0o7000), (loc.gfid, 0));
    let fd = caller.open(&inode, libc::O_RDWR).unwrap();
    assert!(caller.read(&fd, 0, content.len() + 1).unwrap() == content);
    let ask = Getxattr { loc: Loc::of(inode), name: "user.kept".into(), xdata: Dict::new() };
    assert_eq!(bench.call::<kind::getxattr>(ask).unwrap().xattrs.str("user.kept"), Some("yes"));
    assert_eq!(migrate(&bench, loc), Err(Errno::EEXIST), "it is where it belongs");
}

#[test]
fn a_move_that_fails_at_any_step_loses_nothing() {
    let mut met = 0;
    let faults = [Fault::Fail(Errno::EIO), Fault::Lose(Errno::EIO)];
    for (child, fault) in (0..3).flat_map(|child| faults.map(|fault| (child, fault))) {
        for call in 0..30 {
            let (bench, fakes) = watched();
            let caller = Caller::new(&bench, 32);
            let (loc, content) = misplaced(&caller, &fakes);
            fakes[child].fault(call, fault);
            let moved = migrate(&bench, loc.clone());
            met += u32::from(!fakes[child].is_failing());
            fakes[child].clear_faults();
            let name = String::from_utf8(loc.name.to_vec()).unwrap();
            let found = caller.lookup(&caller.root(), &name);
            let (inode, iatt) =
                found.unwrap_or_else(|e| panic!("lost at call {call} of {child}: {moved:?}, {e:?}"));
            assert_eq!(iatt.mode & 0o7000, 0, "call {call} of {child}: {moved:?}");
            let fd = caller.open(&inode, libc::O_RDWR).unwrap();
            assert!(
                caller.read(&fd, 0, content.len() + 1).unwrap() == content,
                "call {call} of {child}: {moved:?}"
            );
            caller.write(&fd, 0, b"again").unwrap();
            let again = migrate(&bench, loc);
            assert!(
                matches!(again, Ok(()) | Err(Errno::EEXIST)),
                "call {call} of {child}: {moved:?}, {again:?}"
            );
            let (inode, _) = caller.lookup(&caller.root(), &name).unwrap();
            let fd = caller.open(&inode, libc::O_RDWR).unwrap();
            assert_eq!(caller.read(&fd, 0, 5).unwrap(), b"again");
        }
    }
    assert!(met > 20, "{met} faults were met");
}

/// A file that a mover has left while it copied the data.
struct Midway<'a> {
    bench: &'a Bench,
    loc: Loc,
    from: usize,
    to: usize,
}

impl<'a> Midway<'a> {
    fn new(bench: &'a Bench, caller: &Caller<'_>, fakes: &[Fake]) -> Self {
        let (loc, _) = misplaced(caller, fakes);
        let midway = Midway { bench, loc, from: 0, to: 0 };
        let sized = |at: &usize, is_data: bool| {
            midway.look(*at, &midway.loc.name).is_some_and(|iatt| (iatt.size > 0) == is_data)
        };
        let from = (0..3).find(|at| sized(at, true)).unwrap();
        let to = (0..3).find(|at| sized(at, false)).unwrap();
        let midway = Midway { from, to, ..midway };
        let target = format!("{}\0", bench.handle().child_name(to).unwrap()).into_bytes();
        let xattrs = Dict::new().with("trusted.glusterfs.dht.linkto", target);
        let mark = Setxattr { loc: midway.there(), xattrs, flags: 0, xdata: Dict::new() };
        let frame = midway.frame();
        block_on(frame.child_at(from).setxattr(mark)).unwrap();
        let mode = midway.look(from, &midway.loc.name).unwrap().mode | 0o3000;
        let (iatt, valid) = (Iatt { mode, ..Iatt::default() }, set_attr::MODE);
        let marked = Setattr { loc: midway.there(), iatt, valid, xdata: Dict::new() };
        block_on(frame.child_at(from).setattr(marked)).unwrap();
        midway
    }

    fn frame(&self) -> plugin_api::OwnedFrame {
        self.bench.handle().frame(Identity { pid: -3, ..Identity::default() })
    }

    fn there(&self) -> Loc {
        Loc::of(self.loc.inode.clone().unwrap())
    }

    /// What a child has under a name.
    fn look(&self, at: usize, name: &[u8]) -> Option<Iatt> {
        let root = self.bench.inode(Gfid::ROOT, FileType::Directory);
        let loc = Loc::entry(root, IoBuf::copy_from_slice(name));
        let asked = Lookup { loc, xdata: Dict::new() };
        block_on(self.frame().child_at(at).lookup(asked)).ok().map(|found| found.iatt)
    }
}

#[test]
fn an_xattr_that_changes_while_a_file_is_moved_changes_on_both_copies() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 36);
    let midway = Midway::new(&bench, &caller, &fakes);
    let has = |at: usize| {
        let ask = Getxattr { loc: midway.there(), name: "user.late".into(), xdata: Dict::new() };
        block_on(midway.frame().child_at(at).getxattr(ask)).is_ok()
    };
    order(&bench, midway.there(), "user.late", "yes").unwrap();
    assert_eq!((has(midway.from), has(midway.to)), (true, true));
    let name = IoBuf::from("user.late");
    let remove = Removexattr { loc: midway.there(), name, xdata: Dict::new() };
    bench.call::<kind::removexattr>(remove).unwrap();
    assert_eq!((has(midway.from), has(midway.to)), (false, false));
}

#[test]
fn a_name_that_a_file_gets_while_it_is_moved_is_one_of_both_copies() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 37);
    let midway = Midway::new(&bench, &caller, &fakes);
    for n in 0..12 {
        let name = format!("more{n}");
        let new = caller.entry(&caller.root(), &name);
        let link = Link { old: midway.loc.clone(), new, xdata: Dict::new() };
        bench.call::<kind::link>(link).unwrap();
        let gfid = |at| midway.look(at, name.as_bytes()).map(|iatt| iatt.gfid);
        let both = (gfid(midway.from), gfid(midway.to));
        assert_eq!(both, (Some(midway.loc.gfid), Some(midway.loc.gfid)), "{name}");
    }
}

#[test]
fn a_file_that_is_removed_while_it_is_moved_goes_from_both_children() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 38);
    let midway = Midway::new(&bench, &caller, &fakes);
    let unlink = Unlink { loc: midway.loc.clone(), flags: 0, xdata: Dict::new() };
    bench.call::<kind::unlink>(unlink).unwrap();
    assert!((0..3).all(|at| midway.look(at, &midway.loc.name).is_none()));
}

#[test]
fn a_file_is_removed_by_who_knew_it_where_it_was_before() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 39);
    let (loc, _) = misplaced(&caller, &fakes);
    let kit = Testkit::<Distribute>::new().named("v-dht");
    let other = fakes.iter().fold(kit, |kit, fake| kit.child(fake.clone())).start();
    let root = other.inode(Gfid::ROOT, FileType::Directory);
    other.call::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).unwrap();
    let inode = Some(other.inode(loc.gfid, FileType::Regular)).into();
    migrate(&other, Loc { inode, parent: Some(root).into(), ..loc.clone() }).unwrap();
    bench.call::<kind::unlink>(Unlink { loc, flags: 0, xdata: Dict::new() }).unwrap();
    assert_eq!(fakes.iter().map(Fake::objects).sum::<usize>(), fakes.len(), "three roots");
}

#[test]
fn a_file_with_several_names_or_a_program_s_lock_stays() {
    let (bench, fakes) = watched();
    let caller = Caller::new(&bench, 33);
    let (loc, _) = misplaced(&caller, &fakes);
    let fd = caller.open(loc.inode.as_ref().unwrap(), libc::O_RDWR).unwrap();
    let lock = |kind| {
        let flock = Flock { kind, len: 10, ..Flock::default() };
        bench.call::<kind::lk>(Lk { fd: fd.clone(), cmd: LockCmd::Set, flock, xdata: Dict::new() }).unwrap();
    };
    lock(LockKind::Write);
    assert!(matches!(migrate(&bench, loc.clone()), Err(Errno::EPERM | Errno::EBUSY)));
    lock(LockKind::Unlock);
    let linked = (0..20).any(|n| {
        let (old, new) = (loc.clone(), caller.entry(&caller.root(), &format!("second{n}")));
        bench.call::<kind::link>(Link { old, new, xdata: Dict::new() }).is_ok()
    });
    assert!(linked);
    assert_eq!(migrate(&bench, loc), Err(Errno::EPERM));
}

#[test]
fn a_new_child_gets_its_part_of_a_directory() {
    let fakes: Vec<_> = (0..3).map(|_| Fake::memory()).collect();
    let two =
        Testkit::<Distribute>::new().named("v-dht").child(fakes[0].clone()).child(fakes[1].clone()).start();
    let names: Vec<_> = (0..40).map(|n| format!("f{n}")).collect();
    {
        let caller = Caller::new(&two, 34);
        let root = two.inode(Gfid::ROOT, FileType::Directory);
        two.call::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).unwrap();
        for name in &names {
            let fd = caller.create(&root, name).unwrap();
            caller.write(&fd, 0, name.as_bytes()).unwrap();
        }
    }
    two.close();
    let kit = Testkit::<Distribute>::new().named("v-dht");
    let bench = fakes.iter().fold(kit, |kit, fake| kit.child(fake.clone())).start();
    let caller = Caller::new(&bench, 35);
    let root = bench.inode(Gfid::ROOT, FileType::Directory);
    bench.call::<kind::lookup>(Lookup { loc: Loc::of(root.clone()), xdata: Dict::new() }).unwrap();
    assert_eq!(fakes[2].objects(), 1, "nothing but the root");
    order(&bench, Loc::of(root.clone()), "distribute.fix.layout", "yes").unwrap();
    let mut moved = 0;
    for name in &names {
        let (inode, iatt) = caller.lookup(&root, name).unwrap();
        let loc = Loc { gfid: iatt.gfid, inode: Some(inode).into(), ..caller.entry(&root, name) };
        match migrate(&bench, loc) {
            Ok(()) => moved += 1,
            Err(errno) => assert_eq!(errno, Errno::EEXIST),
        }
    }
    assert!((5..25).contains(&moved), "{moved} of 40 moved");
    let files: Vec<_> = fakes.iter().map(|fake| fake.objects() - 1).collect();
    assert_eq!(files.iter().sum::<usize>(), 40, "{files:?}");
    assert!(files[2] > 5, "{files:?}");
    for name in &names {
        let (inode, _) = caller.lookup(&root, name).unwrap();
        let fd = caller.open(&inode, libc::O_RDWR).unwrap();
        assert_eq!(caller.read(&fd, 0, 100).unwrap(), name.as_bytes());
    }
}
