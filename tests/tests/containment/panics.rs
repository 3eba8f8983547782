//! A translator that panics: each call fails with EIO, until it had its last fault.

use plugin_api::abi::graph::FaultKind;
use plugin_api::fop::{FopType, Statfs, kind};
use plugin_api::{Dict, Errno};

use crate::rig::stat;
use crate::volume::{Volume, wait};

#[test]
fn panics_are_counted_with_the_last_words_and_the_last_one_takes_the_translator_down() {
    let volume = Volume::with("bad/fop-panics", " option fault-limit 5\n");
    let later = Statfs { loc: stat().loc, xdata: Dict::new() };
    assert_eq!(volume.call::<kind::statfs>(later).unwrap_err().errno, Errno::EIO);
    let last = volume.record().last.unwrap();
    assert_eq!((last.fop, last.what.as_str()), (kind::statfs::CODE, "statfs was too much, later"));
    let calls: Vec<_> = (0..50).map(|_| volume.spawn::<kind::stat>(stat())).collect();
    volume.serves();
    let errors: Vec<_> = calls.into_iter().map(|call| wait(call).unwrap_err().errno).collect();
    assert!(errors.iter().all(|errno| [Errno::EIO, Errno::ENOTCONN].contains(errno)), "{errors:?}");
    assert_eq!(volume.stat().unwrap_err().errno, Errno::ENOTCONN);
    let record = volume.record();
    // Calls that were inside when the last one came may have added theirs.
    let panics = volume.count(FaultKind::Panic);
    assert!((5..=51).contains(&panics) && record.is_down, "{record:?}");
    let last = record.last.unwrap();
    assert_eq!((last.fop, last.what.as_str()), (kind::stat::CODE, "stat was too much"));
    volume.serves();
    let (dump, faults) = volume.reports();
    for line in
        [format!("faults.panics={panics}"), "faults.last=stat was too much".to_owned(), "down=1".to_owned()]
    {
        assert!(dump.lines().any(|found| found == line), "no {line} in {dump}");
    }
    assert!(
        faults.contains(&format!("bad bad/fop-panics: panics {panics} deadlines 0 stalls 0 memory 0")),
        "{faults}"
    );
    assert!(faults.contains("DOWN\n  last, panics in stat: stat was too much"), "{faults}");
}
