//! What the counter promises: that it says what a walk would say.

use std::time::Instant;

use plugin_testkit::rules::Subject;
use plugin_testkit::{Bench, Fake, Fault, SOON, Testkit};

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

    fn call<F: plugin_api::fop::FopType>(&self, args: F::Args) -> FopResult<F::Reply> {
        self.bench.ask::<F>(args, SOON).expect("every fop is answered")
    }

    fn mkdir(&self, dir: &Inode, name: &str) -> Inode {
        let asked = Mkdir { loc: at(dir, name), mode: 0o755, umask: 0, xdata: Dict::new() };
        let made = self.call::<kind::mkdir>(asked).unwrap();
        Inode::new(made.iatt.gfid, FileType::Directory)
    }

    fn create(&self, dir: &Inode, name: &str) -> Fd {
        let fd = Fd::new(Inode::new(Gfid::NULL, FileType::Regular), libc::O_RDWR, 1);
        let asked = Create { loc: at(dir, name), flags: 0, mode: 0o644, umask: 0, fd, xdata: Dict::new() };
        self.call::<kind::create>(asked).unwrap().fd
    }

    fn write(&self, fd: &Fd, offset: u64, len: usize) {
        let data = IoBuf::from(vec![7; len]).into();
        let asked = Writev { fd: fd.clone(), data, offset, flags: 0, xdata: Dict::new() };
        self.call::<kind::writev>(asked).unwrap();
    }

    fn unlink(&self, dir: &Inode, name: &str) -> FopResult<Removed> {
        self.call::<kind::unlink>(Unlink { loc: at(dir, name), flags: 0, xdata: Dict::new() })
    }

    fn rename(&self, from: (&Inode, &str), to: (&Inode, &str)) -> FopResult<Renamed> {
        let (old, new) = (at(from.0, from.1), at(to.0, to.1));
        self.call::<kind::rename>(Rename { old, new, xdata: Dict::new() })
    }

    fn ask(&self, dir: &Inode) -> String {
        let asked = Getxattr { loc: Loc::of(dir.clone()), name: ASK.to_vec().into(), xdata: Dict::new() };
        let answer = self.call::<kind::getxattr>(asked).unwrap();
        answer.xattrs.str("user.mortar.usage").unwrap().to_owned()
    }

    fn wait_until_exact(&self) {
        let end = Instant::now() + Duration::from_secs(10);
        while self.ask(&root()).ends_with("exact=no") {
            assert!(Instant::now() < end, "it is still being counted");
            std::thread::yield_now();
        }
    }

    fn rmdir(&self, dir: &Inode, name: &str) {
        let asked = Rmdir { loc: at(dir, name), flags: 0, xdata: Dict::new() };
        self.call::<kind::rmdir>(asked).unwrap();
    }

    fn link(&self, file: &Fd, dir: &Inode, name: &str) {
        let link = Link { old: Loc::of(file.inode().clone()), new: at(dir, name), xdata: Dict::new() };
        self.call::<kind::link>(link).unwrap();
    }

    fn recount(&self) {
        let xattrs = Dict::new().with(RECOUNT, 1);
        let asked = Setxattr { loc: Loc::of(root()), xattrs, flags: 0, xdata: Dict::new() };
        self.call::<kind::setxattr>(asked).unwrap();
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
    tree.call::<kind::ftruncate>(Ftruncate { fd: file, offset: 10, xdata: Dict::new() }).unwrap();
    tree.unlink(&a, "empty").unwrap();
    assert_eq!(tree.ask(&root()), "bytes=10 files=1 directories=2 exact=yes");
    tree.unlink(&b, "f").unwrap();
    tree.rmdir(&a, "b");
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
    tree.call::<kind::open>(Open {
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
    tree.link(&file, &b, "g");
    assert_eq!(tree.ask(&root()), "bytes=100 files=1 directories=2 exact=yes");
    tree.unlink(&a, "f").unwrap();
    tree.unlink(&b, "g").unwrap();
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=2 exact=yes");
}

#[test]
fn what_moves_before_it_is_written_down_is_counted_where_it_ends() {
    let tree = Tree::over(&Fake::memory());
    let dirs: Vec<Inode> = ["a", "b", "c"].iter().map(|name| tree.mkdir(&root(), name)).collect();
    let (stays, goes) = (tree.mkdir(&dirs[0], "stays"), tree.mkdir(&dirs[0], "goes"));
    tree.write(&tree.create(&stays, "f"), 0, 100);
    tree.write(&tree.create(&goes, "f"), 0, 10);
    assert_eq!(tree.ask(&dirs[0]), "bytes=110 files=2 directories=2 exact=yes");
    for name in ["stays", "goes"] {
        tree.rename((&dirs[0], name), (&dirs[1], name)).unwrap();
        tree.rename((&dirs[1], name), (&dirs[2], name)).unwrap();
    }
    tree.unlink(&goes, "f").unwrap();
    tree.rmdir(&dirs[2], "goes");
    let told: Vec<String> = dirs.iter().map(|dir| tree.ask(dir)).collect();
    let nothing = "bytes=0 files=0 directories=0 exact=yes";
    assert_eq!(told, [nothing, nothing, "bytes=100 files=1 directories=1 exact=yes"]);
}

/// Does `other` while the `nth` call below from `first` is not answered.
fn beside_a_held_call(disk: &Fake, nth: u64, first: impl FnOnce() + Send, other: impl FnOnce()) {
    std::thread::scope(|scope| {
        disk.fault(nth, Fault::Hold);
        let first = scope.spawn(first);
        let end = Instant::now() + SOON;
        while disk.held() == 0 {
            assert!(Instant::now() < end, "the call did not come");
            std::thread::yield_now();
        }
        other();
        disk.release();
        first.join().unwrap();
    });
}

#[test]
fn nobody_waits_for_who_opens_the_books() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    tree.bench.send_down(&EventKind::PARENT_DOWN.into());
    let first = || drop(tree.mkdir(&root(), "first"));
    beside_a_held_call(&disk, 0, first, || drop(tree.mkdir(&root(), "other")));
    assert_eq!(disk.calls().iter().filter(|call| **call == "mkdir").count(), 2);
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=2 exact=yes");
}

#[test]
fn who_asks_does_not_wait_for_long_for_sums_that_are_being_written_down() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let (a, b) = (tree.mkdir(&root(), "a"), tree.mkdir(&root(), "b"));
    let first = || drop(tree.ask(&root()));
    beside_a_held_call(&disk, 1, first, || {
        tree.mkdir(&a, "inner");
        tree.rename((&a, "inner"), (&b, "inner")).unwrap();
        assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=0 exact=no");
    });
    assert_eq!(tree.ask(&root()), "bytes=0 files=0 directories=3 exact=yes");
    assert_eq!(tree.ask(&b), "bytes=0 files=0 directories=1 exact=yes");
}

#[test]
fn nobody_waits_for_long_for_a_directory_that_is_being_counted_and_it_is_read_again() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let file = tree.create(&root(), "f");
    let asked = Removexattr { loc: Loc::of(file.inode().clone()), name: HOME.into(), xdata: Dict::new() };
    tree.call::<kind::removexattr>(asked).unwrap();
    // It has read the names, and looks at the file.
    beside_a_held_call(&disk, 1, || tree.recount(), || drop(tree.create(&root(), "g")));
    tree.wait_until_exact();
    assert_eq!(tree.ask(&root()), "bytes=0 files=2 directories=0 exact=yes");
}

#[test]
fn a_count_waits_for_a_fop_that_is_under_way() {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let first = || drop(tree.create(&root(), "f"));
    beside_a_held_call(&disk, 0, first, || {
        disk.forget();
        tree.recount();
        assert!(tree.ask(&root()).ends_with("exact=no"));
        assert!(!disk.calls().contains(&"readdirp"), "it was read while a file was being made");
    });
    tree.wait_until_exact();
    assert_eq!(tree.ask(&root()), "bytes=0 files=1 directories=0 exact=yes");
}

#[test]
fn nothing_goes_on_after_the_end_however_often_the_child_came_back() {
    let tree = Tree::over(&Fake::memory());
    (0..5).for_each(|_| tree.bench.send_up(&EventKind::CHILD_UP.into()));
    tree.bench.close();
}

#[test]
fn the_rules_are_kept_that_are_about_others_and_about_the_end() {
    let usage = Subject::of::<Usage>();
    ["passes", "faults", "options", "events", "load"].into_iter().for_each(|rule| usage.assert_kept(rule, 1));
}

#[test]
fn counts_are_right_however_fops_meet() {
    let (told, counted) = work_and_count(0);
    assert_eq!(told, counted);
}

#[test]
fn counts_are_right_however_fops_and_counts_meet() {
    let (told, counted) = work_and_count(20);
    // Who is not sure says so; who says yes is right.
    told.iter()
        .zip(&counted)
        .filter(|(told, _)| told.ends_with("yes"))
        .for_each(|(told, counted)| assert_eq!(told, counted));
}

/// Threads that make, grow, move and remove, while everything is counted so often. Answers what is told of each directory
/// then, and what one more count says.
fn work_and_count(times: usize) -> (Vec<String>, Vec<String>) {
    let disk = Fake::memory();
    let tree = Tree::over(&disk);
    let dirs: Vec<Inode> = (0..4).map(|n| tree.mkdir(&root(), &format!("d{n}"))).collect();
    let shared = tree.create(&root(), "shared");
    std::thread::scope(|scope| {
        for worker in 0..4_usize {
            let (tree, dirs, shared, root) = (&tree, &dirs, &shared, root());
            scope.spawn(move || {
                let (here, there) = (&dirs[worker], &dirs[(worker + 1) % 4]);
                for n in 0..50 {
                    let (name, moved) = (format!("f{worker}-{n}"), format!("m{worker}-{n}"));
                    let file = tree.create(here, &name);
                    tree.write(&file, 0, n);
                    tree.rename((here, &name), (there, &moved)).unwrap();
                    tree.write(&file, 0, n * 2);
                    tree.write(shared, (n * 4 + worker) as u64 * 10, 10);
                    if worker == 0 {
                        let (from, to) = if n % 2 == 0 { (&root, here) } else { (here, &root) };
                        tree.rename((from, "shared"), (to, "shared")).unwrap();
                    }
                    if n % 3 == 0 {
                        tree.unlink(there, &moved).unwrap();
                    }
                    if n % 10 == 0 {
                        let dir = tree.mkdir(here, &format!("i{worker}-{n}"));
                        tree.create(&dir, "inside");
                        tree.rename((here, &format!("i{worker}-{n}")), (there, &format!("j{worker}-{n}")))
                            .unwrap();
                    }
                    if n % 10 == 5 {
                        let (name, moved) = (format!("k{worker}-{n}"), format!("l{worker}-{n}"));
                        let dir = tree.mkdir(here, &name);
                        let inside = tree.create(&dir, "inside");
                        tree.write(&inside, 0, 10);
                        tree.link(&inside, here, &format!("n{worker}-{n}"));
                        tree.rename((here, &name), (there, &moved)).unwrap();
                        tree.unlink(here, &format!("n{worker}-{n}")).unwrap();
                        tree.unlink(&dir, "inside").unwrap();
                        tree.rmdir(there, &moved);
                    }
                }
            });
        }
        (0..times).for_each(|_| tree.recount());
    });
    let told = dirs.iter().chain([&root()]).map(|dir| tree.ask(dir)).collect::<Vec<_>>();
    tree.recount();
    tree.wait_until_exact();
    let counted = dirs.iter().chain([&root()]).map(|dir| tree.ask(dir)).collect::<Vec<_>>();
    let bytes: usize = (0..50).filter(|n| n % 3 != 0).map(|n| n * 2).sum();
    let (bytes, files) = (bytes * 4 + 2000, (33 + 5) * 4 + 1);
    let right = format!("bytes={bytes} files={files} directories={} exact=yes", 4 + 20);
    assert_eq!(counted[4], right);
    (told, counted)
}
