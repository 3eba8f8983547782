//! The translator in a graph: who fails, how often and with what.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use debug_error_gen::ErrorGen;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Caller, Fake, Testkit};

fn bench(options: &[(&str, &str)]) -> Bench {
    Testkit::<ErrorGen>::new().named("v-error-gen").options(options).child(Fake::memory()).start()
}

fn statfs(bench: &Bench) -> Option<Errno> {
    let loc = Loc::of(bench.inode(Gfid::ROOT, FileType::Directory));
    bench.call::<kind::statfs>(Statfs { loc, xdata: Dict::new() }).err().map(|error| error.errno)
}

#[test]
fn only_fops_that_are_named_fail_and_nothing_is_done() {
    let bench = bench(&[("failure", "100"), ("error-no", "ENOSPC"), ("enable", "write,mkdir")]);
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert_eq!(caller.write(&fd, 0, b"hello").unwrap_err().errno(), Some(Errno::ENOSPC));
    assert_eq!(caller.mkdir(&caller.root(), "d").unwrap_err().errno(), Some(Errno::ENOSPC));
    assert_eq!(caller.names(&caller.root()).unwrap(), ["f"]);
    assert_eq!(caller.fstat(&fd).unwrap().size, 0);
    assert_eq!(bench.dump(), "[xlator.debug.error-gen.v-error-gen.priv]\nfailed=2\n");
}

#[test]
fn nothing_fails_until_it_is_told_to_and_a_running_translator_is_told() {
    let bench = bench(&[]);
    assert!((0..1000).all(|_| statfs(&bench).is_none()));
    bench.reconfigure(&[("failure", "30"), ("error-no", "EIO")]);
    let failed = (0..1000).filter(|_| statfs(&bench) == Some(Errno::EIO)).count();
    assert!((200..400).contains(&failed), "{failed} of 1000");
}

#[test]
fn without_an_error_any_of_the_fop_is_drawn() {
    let bench = bench(&[("failure", "100")]);
    let mut errors: Vec<_> = (0..200).map(|_| statfs(&bench).unwrap().raw()).collect();
    errors.sort_unstable();
    errors.dedup();
    assert!(errors.len() > 3, "{errors:?}");
}

#[test]
fn at_random_some_fail_and_most_do_not() {
    let bench = bench(&[("random-failure", "on"), ("error-no", "EIO")]);
    let failed: Vec<_> = (0..1000).filter(|_| statfs(&bench).is_some()).collect();
    assert!((22..=333).contains(&failed.len()), "{} of 1000", failed.len());
    assert!(failed.windows(2).all(|two| (3..=44).contains(&(two[1] - two[0]))), "{failed:?}");
}

#[test]
fn a_short_write_does_half_and_says_so() {
    let bench = bench(&[("failure", "100"), ("error-no", "GF_ERROR_SHORT_WRITE"), ("enable", "writev")]);
    let caller = Caller::new(&bench, 1);
    let fd = caller.create(&caller.root(), "f").unwrap();
    assert_eq!(caller.write(&fd, 0, b"0123456789").unwrap().0, 5);
    assert_eq!(caller.read(&fd, 0, 100).unwrap(), b"01234");
}
