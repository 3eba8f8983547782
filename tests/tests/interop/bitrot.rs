//! Bit-rot: objects are signed by the incumbent's signer, and one that rots is found by its scrubber and not read any more.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use tests::cluster::Cluster;
use tests::process::Process;
use tests::wait::wait_until;

const VERSION: &str = "trusted.bit-rot.version";
const SIGNATURE: &str = "trusted.bit-rot.signature";
const BAD: &str = "trusted.bit-rot.bad-file";
const EIO: i32 = 5;
const EINVAL: i32 = 22;

/// An extended attribute of a file.
fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// Of which version a file's signature is.
fn signed(path: &Path) -> Option<u64> {
    let signature = attribute(path, SIGNATURE)?;
    Some(u64::from_ne_bytes(*signature[1..].first_chunk().expect("a signature has a version")))
}

fn version(path: &Path) -> Option<u64> {
    let version = attribute(path, VERSION)?;
    Some(u64::from_ne_bytes(*version.first_chunk().expect("a version has a number")))
}

fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> Option<i32> {
    result.expect_err("it is bad").raw_os_error()
}

#[test]
fn an_object_is_signed_and_once_it_rots_it_is_named_and_not_served() {
    let Some(cluster) = Cluster::with_volume() else { return };
    let m = cluster.mount("v", "m");
    fs::write(m.join("old"), "written before").expect("the volume takes a file");
    let off = cluster.gluster("volume bitrot v scrub status");
    assert_eq!(
        (off.code, off.said().trim_end()),
        (1, "Bitrot command failed : Bitrot is not enabled on volume v")
    );
    cluster.gluster("volume bitrot v enable").ok();
    let again = cluster.gluster("volume bitrot v enable");
    assert_eq!(
        (again.code, again.said().trim_end()),
        (1, "Bitrot command failed : Bitrot is already enabled")
    );
    cluster.gluster("volume bitrot v signing-time 3").ok();
    cluster.gluster("volume bitrot v scrub-throttle aggressive").ok();
    // It learns of that some time later, and would keep its hands off for two minutes what is written until then: started
    // again, it begins with it.
    let signers = || {
        let is_it = |process: &Process| process.argv.iter().any(|word| word == "gluster/bitd");
        cluster.processes().into_iter().filter(is_it).collect::<Vec<_>>()
    };
    signers().iter().for_each(|signer| signer.signal(Signal::KILL));
    wait_until("the signer's end", || signers().is_empty());
    cluster.gluster("volume start v force").ok();
    wait_until("the signer", || !signers().is_empty());
    fs::write(m.join("f"), "hello").expect("the volume takes a file");
    let brick = (1..=2).map(|n| cluster.view(cluster.brick("v", n)));
    let on_brick = |name: &str| {
        brick.clone().map(|brick| brick.join(name)).find(|path| path.metadata().is_ok_and(|m| m.len() > 0))
    };
    let (f, old) = (on_brick("f").expect("a brick has it"), on_brick("old").expect("a brick has it"));
    let first = version(&f).expect("it was written to");
    assert!(first >= 2, "{first}");
    wait_until("the new file is signed", || signed(&f).is_some() && signed(&f) == version(&f));
    wait_until("what was there before is signed", || signed(&old) == Some(2));
    let first = version(&f);
    // A change makes another version, which gets its own signature.
    fs::write(m.join("f"), "hello again").expect("it may be written");
    assert!(version(&f) > first);
    wait_until("the file is signed anew", || signed(&f) == version(&f));

    let status = cluster.gluster("volume status v").ok();
    for daemon in ["Bitrot Daemon on localhost", "Scrubber Daemon on localhost"] {
        let line = status.lines().find(|line| line.starts_with(daemon)).unwrap_or_else(|| panic!("{status}"));
        assert!(line.contains(" Y "), "{line}");
    }
    let xattr = |name| rustix::fs::setxattr(m.join("f"), name, b"1", rustix::fs::XattrFlags::empty());
    for name in [VERSION, SIGNATURE, BAD, "trusted.glusterfs.set-signature"] {
        assert_eq!(xattr(name).map_err(|e| e.raw_os_error()), Err(EINVAL), "{name}");
    }

    fs::write(&f, "hellO again").expect("behind the client's back");
    let scrub = || {
        wait_until("the scrubber begins", || {
            cluster.gluster("volume bitrot v scrub ondemand").code == 0 || attribute(&f, BAD).is_some()
        });
    };
    scrub();
    wait_until("the file is marked", || attribute(&f, BAD).is_some());
    assert_eq!(attribute(&f, BAD), Some(b"1\0".to_vec()));
    assert_eq!(attribute(&old, BAD), None);
    let fresh = cluster.mount("v", "fresh");
    assert_eq!(errno(fs::read(fresh.join("f"))), Some(EIO));
    assert_eq!(errno(fs::write(fresh.join("f"), "new")), Some(EIO));
    assert_eq!(errno(fs::read(m.join("f"))), Some(EIO));
    assert_eq!(fs::read(fresh.join("old")).expect("it is good"), b"written before");
    let named = || cluster.gluster("volume bitrot v scrub status").ok();
    wait_until("the scrubber is done", || named().contains("Error count: 1"));
    let said = named();
    assert!(said.contains("State of scrub: Active (Idle)") && said.contains("path: /f"), "{said}");

    cluster.gluster("volume bitrot v scrub pause").ok();
    let twice = cluster.gluster("volume bitrot v scrub pause");
    assert_eq!(twice.said().trim_end(), "Bitrot command failed : Scrub is already paused for volume v");
    assert!(named().contains("State of scrub: pause (Idle)"));
    cluster.gluster("volume bitrot v scrub resume").ok();
    cluster.gluster("volume bitrot v scrub-frequency weekly").ok();
    assert!(named().contains("Scrub frequency: weekly"));
    fs::remove_file(m.join("f")).expect("a bad file may be removed");
    wait_until("nothing is bad any more", || named().contains("Error count: 0"));

    cluster.gluster("volume bitrot v disable").ok();
    let info = cluster.gluster("volume info v").ok();
    assert!(info.contains("features.bitrot: off") && info.contains("features.scrub: Inactive"), "{info}");
    assert!(!cluster.gluster("volume status v").ok().contains("Scrubber"));
}
