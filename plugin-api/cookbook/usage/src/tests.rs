//! What the counter promises: that it says what a walk would say.

use std::time::Instant;

use plugin_testkit::{Bench, Fake, Testkit};

use super::*;

/// A tree with a counter on it.
struct Tree {
    bench: Bench,
}

fn at(dir: &Inode, name: &str) -> Loc {
    Loc::entry(dir.clone(), IoBuf::from(name.to_owned()))
}

fn root() -> Inode {
    Inode::new(Gfid::ROOT, FileType::Directory)
}

impl Tree {
    fn over(disk: &Fake) -> Self {
        let bench = Testkit::<Usage>::new().option("interval", "3600").child(disk.clone()).start();
        let tree = Self { bench };
        tree.wait_until_exact();
        tree
    }

    fn mkdir(&self, dir: &Inode, name: &str) -> Inode {
        let asked = Mkdir { loc: at(dir, name), mode: 0o755, umask: 0, xdata: Dict::new() };
        let made = self.bench.call::<kind::mkdir>(asked).unwrap();
        Inode::new(made.iatt.gfid, FileType::Directory)
    }

    fn create(&self, dir: &Inode, name: &str) -> Fd {
        let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Regular), libc::O_RDWR, 1);
        let asked = Create { loc: at(dir, name), flags: 0, mode: 0o644, umask: 0, fd, xdata: Dict::new() };
        self.bench.call::<kind::create>(asked).unwrap().fd
    }

    fn write(&self, fd: &Fd, offset: u64, len: usize) {
        let data = IoBuf::from(vec![7; len]).into();
        let asked = Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
        self.bench.call::<kind::writev>(asked).unwrap();
    }

    fn unlink(&self, dir: &Inode, name: &str) -> FopResult<Removed> {
        self.bench.call::<kind::unlink>(Unlink { loc: at(dir, name), flags: 0, xdata: Dict::new() })
    }

    fn rename(&self, from: (&Inode, &str), to: (&Inode, &str)) -> FopResult<Renamed> {
        let (old, new) = (at(from.0, from.1), at(to.0, to.1));
        self.bench.call::<kind::rename>(Rename { old, new, xdata: Dict::new() })
    }

    fn ask(&self, dir: &Inode) -> String {
        let asked = Getxattr { loc: Loc::of(dir.clone()), name: ASK.to_vec().into(), xdata: Dict::new() };
        let answer = self.bench.call::<kind::getxattr>(asked).unwrap();
        answer.xattrs.str("user.mortar.usage").unwrap().to_owned()
    }

    fn wait_until_exact(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.ask(&root()).ends_with("exact=no") {
            assert!(Instant::now() < end, "it is still being counted");
            std::thread::yield_now();
        }
    }

    fn recount(&self) {
        let xattrs = Dict::new().with(RECOUNT, 1);
        let asked = Setxattr { loc: Loc::of(root()), xattrs, flags: 0, xdata: Dict::new() };
        self.bench.call::<kind::setxattr>(asked).unwrap();
    }
}

#[test]
fn every_directory_above_knows_what_is_below_it() {
    let tree = Tree::over(&Fake::memory());
    let a = tree.mkdir(&root(), "a");
    let b = tree.mkdir(&a, "b");
    let file = tree.create(&b, "f");
    tree.write(&file, 0, 100);
    tree.write(&file, 50, 100);
    tree.create(&a, "empty");
    assert_eq!(tree.ask(&b), "bytes=150 files=1 directories=0 exact=yes");
    assert_eq!(tree.ask(&a), "bytes=150 files=2 directories=1 exact=yes");
    assert_eq!(tree.ask(&root()), "bytes=150 files=2 directories=2 exact=yes");
    tree.bench.call::<kind::ftruncate>(Ftruncate { fd: file, offset: 10, xdata: Dict::new() }).unwrap();
    tree.unlink(&a, "empty").unwrap();
    assert_eq!(tree.ask(&root()), "bytes=10 files=1 directories=2 exact=yes");
    tree.unlink(&b, "f").unwrap();
    tree.bench.call::<kind::rmdir>(Rmdir { loc: at(&a, "b"), flags: 0, xdata: Dict::new() }).unwrap();
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=1 exact=yes");
}

#[test]
fn what_moves_takes_its_counts_along_and_what_it_replaces_is_gone() {
    let tree = Tree::over(&Fake::memory());
    let (a, b) = (tree.mkdir(&root(), "a"), tree.mkdir(&root(), "b"));
    let inner = tree.mkdir(&a, "inner");
    tree.write(&tree.create(&inner, "f"), 0, 100);
    tree.write(&tree.create(&b, "old"), 0, 7);
    tree.rename((&a, "inner"), (&b, "inner")).unwrap();
    assert_eq!(tree.ask(&a), "bytes=0 files=0 directories=0 exact=yes");
    assert_eq!(tree.ask(&b), "bytes=107 files=2 directories=1 exact=yes");
    tree.rename((&inner, "f"), (&b, "old")).unwrap();
    assert_eq!(tree.ask(&inner), "bytes=0 files=0 directories=0 exact=yes");
    assert_eq!(tree.ask(&root()), "bytes=100 files=1 directories=3 exact=yes");
}

#[test]
fn what_was_there_before_is_counted_and_so_is_what_a_crash_has_left() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let a = tree.mkdir(&root(), "a");
    tree.write(&tree.create(&a, "f"), 0, 100);
    // It goes without having written anything down.
    drop(tree);
    let tree = Tree::over(&disk);
    assert_eq!(tree.ask(&a), "bytes=100 files=1 directories=0 exact=yes");
}

#[test]
fn books_that_were_closed_are_not_made_anew() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let a = tree.mkdir(&root(), "a");
    tree.bench.send_down(&EventKind::PARENT_DOWN.into());
    drop(tree);
    disk.forget();
    let tree = Tree::over(&disk);
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=1 exact=yes");
    assert!(!disk.calls().contains(&"readdirp"), "it was counted again");
    tree.create(&a, "f");
    drop(tree);
    let tree = Tree::over(&disk);
    assert!(disk.calls().contains(&"readdirp"), "what came after the close was not written down");
    assert_eq!(tree.ask(&root()), "bytes=0 files=1 directories=1 exact=yes");
}

#[test]
fn an_open_file_that_lost_its_name_counts_nowhere() {
    let tree = Tree::over(&Fake::memory());
    let file = tree.create(&root(), "f");
    tree.bench
        .call::<kind::open>(Open {
            loc: Loc::of(file.inode().clone()),
            flags: libc::O_RDWR,
            fd: file.clone(),
            xdata: Dict::new(),
        })
        .unwrap();
    tree.unlink(&root(), "f").unwrap();
    tree.write(&file, 0, 100);
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=0 exact=yes");
}

#[test]
fn a_file_of_several_names_counts_once() {
    let tree = Tree::over(&Fake::memory());
    let (a, b) = (tree.mkdir(&root(), "a"), tree.mkdir(&root(), "b"));
    let file = tree.create(&a, "f");
    tree.write(&file, 0, 100);
    let link = Link { old: Loc::of(file.inode().clone()), new: at(&b, "g"), xdata: Dict::new() };
    tree.bench.call::<kind::link>(link).unwrap();
    assert_eq!(tree.ask(&root()), "bytes=100 files=1 directories=2 exact=yes");
    tree.unlink(&a, "f").unwrap();
    tree.unlink(&b, "g").unwrap();
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=2 exact=yes");
}

/// Threads that make, grow, move and remove, while everything is counted again and again.
#[test]
fn counts_are_right_however_fops_and_counts_meet() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let dirs: Vec<Inode> = (0..4).map(|n| tree.mkdir(&root(), &format!("d{n}"))).collect();
    let shared = tree.create(&root(), "shared");
    std::thread::scope(|scope| {
        for worker in 0..4_usize {
            let (tree, dirs, shared) = (&tree, &dirs, &shared);
            scope.spawn(move || {
                let (here, there) = (&dirs[worker], &dirs[(worker + 1) % 4]);
                for n in 0..50 {
                    let (name, moved) = (format!("f{worker}-{n}"), format!("m{worker}-{n}"));
                    let file = tree.create(here, &name);
                    tree.write(&file, 0, n);
                    tree.rename((here, &name), (there, &moved)).unwrap();
                    tree.write(&file, 0, n * 2);
                    tree.write(shared, (n * 4 + worker) as u64 * 10, 10);
                    if n % 3 == 0 {
                        tree.unlink(there, &moved).unwrap();
                    }
                    if n % 10 == 0 {
                        let dir = tree.mkdir(here, &format!("i{worker}-{n}"));
                        tree.create(&dir, "inside");
                        tree.rename((here, &format!("i{worker}-{n}")), (there, &format!("j{worker}-{n}")))
                            .unwrap();
                    }
                }
            });
        }
        (0..20).for_each(|_| tree.recount());
    });
    let told = dirs.iter().chain([&root()]).map(|dir| tree.ask(dir)).collect::<Vec<_>>();
    tree.recount();
    tree.wait_until_exact();
    let counted = dirs.iter().chain([&root()]).map(|dir| tree.ask(dir)).collect::<Vec<_>>();
    let bytes: usize = (0..50).filter(|n| n % 3 != 0).map(|n| n * 2).sum();
    let (bytes, files) = (bytes * 4 + 2000, (33 + 5) * 4 + 1);
    let right = format!("bytes={bytes} files={files} directories={} exact=yes", 4 + 20);
    assert_eq!(counted[4], right);
    // Who is not sure says so; who says yes is right.
    told.iter()
        .zip(&counted)
        .filter(|(told, _)| told.ends_with("yes"))
        .for_each(|(told, counted)| assert_eq!(told, counted));
}
