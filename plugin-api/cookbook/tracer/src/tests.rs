//! What the tracer promises.

use plugin_testkit::{Bench, Fake, Testkit};

use super::*;

fn bench(name: &str, sample: &str, lines: &str) -> Bench {
    let kit = Testkit::<Tracer>::new().named(name).option("sample", sample).option("lines-per-second", lines);
    kit.child(Fake::answering()).start()
}

fn stat(bench: &Bench) {
    let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
    bench.call::<kind::stat>(Stat { loc, xdata: Dict::new() }).unwrap();
}

#[test]
fn a_fop_is_told_of_with_who_what_how_long_and_how_it_ended() {
    let bench = Testkit::<Tracer>::new().named("whole").child(Fake::new()).start();
    let who = Identity { uid: 7, pid: 99, ..Identity::default() };
    let loc = Loc::entry(Inode::new(Gfid::ROOT, FileType::Directory), "f".into());
    let unlink = Unlink { loc, flags: 0, xdata: Dict::new() };
    plugin_testkit::block_on(bench.frame(who, None).child().unlink(unlink)).unwrap_err();
    let line = &plugin_testkit::logged("whole")[0];
    assert!(line.starts_with("unlink 00000000-0000-0000-0000-000000000001/f uid=7 pid=99 took="), "{line}");
    assert!(line.ends_with(" ENOSYS"), "{line}");
}

#[test]
fn each_nth_fop_is_told_of_and_all_are_counted() {
    let bench = bench("sampled", "3", "100");
    (0..7).for_each(|_| stat(&bench));
    assert_eq!(plugin_testkit::logged("sampled").len(), 3, "the first, the fourth, the seventh");
    assert!(bench.dump().starts_with("stat=7 <"), "{}", bench.dump());
}

#[test]
fn a_second_has_room_for_so_many_lines_and_the_next_one_for_as_many() {
    let budget = Budget::default();
    let within = |second, most| budget.take(second, most);
    assert_eq!([within(5, 2), within(5, 2), within(5, 2), within(6, 2)], [true, true, false, true]);
}

#[test]
fn quick_fops_are_not_told_of_when_slow_ones_are_asked_for() {
    let bench = bench("slow", "1", "100");
    bench.reconfigure(&[("slower-than", "60000")]);
    stat(&bench);
    assert!(plugin_testkit::logged("slow").is_empty());
}
