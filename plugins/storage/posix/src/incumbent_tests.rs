//! The incumbent as judge: its own storage/posix, under its own FUSE client, on the same folder.
//!
//! Runs where Debian's glusterfs-client and /dev/fuse are (`make test` installs them), in a mount namespace of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use plugin_api::{Dict, Gfid, Iatt};

use crate::caller::Caller;
use crate::find::Gfidless;
use crate::make::Kind;
use crate::remove::UnlinkOnly;
use crate::testing::{TestBrick, brick, user};

const GLUSTERFS: &str = "/usr/sbin/glusterfs";

/// Mounts `brick` with the incumbent, runs `script` in the mount and answers what it wrote; `None` where it cannot run.
fn under_the_incumbent(brick: &Path, script: &str) -> Option<String> {
    if !Path::new(GLUSTERFS).exists() || !Path::new("/dev/fuse").exists() {
        eprintln!("skipped: needs {GLUSTERFS} and /dev/fuse");
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let volfile = scratch.path().join("v.vol");
    let text = format!(
        "volume p\n type storage/posix\n option directory {}\n option volume-id \
         07070707-0707-0707-0707-070707070707\nend-volume\nvolume u\n type features/utime\n option noatime on\n \
         subvolumes p\nend-volume\n",
        brick.display()
    );
    fs::write(&volfile, text).unwrap();
    let mount = scratch.path().join("m");
    fs::create_dir(&mount).unwrap();
    let whole = format!(
        "set -e; {GLUSTERFS} -f {vol} -l {log} -p {pid} {m}; cd {m}; {script}; cd /; umount {m}",
        vol = volfile.display(),
        log = scratch.path().join("log").display(),
        pid = scratch.path().join("pid").display(),
        m = mount.display(),
    );
    let out = Command::new("unshare").args(["-m", "bash", "-c", &whole]).output().unwrap();
    let log = fs::read_to_string(scratch.path().join("log")).unwrap_or_default();
    assert!(out.status.success(), "{}\n{log}", String::from_utf8_lossy(&out.stderr));
    // The incumbent may still be on its way out; its pid file is locked until then.
    while let Some(pid) =
        fs::read_to_string(scratch.path().join("pid")).ok().and_then(|p| p.trim().parse::<u32>().ok())
    {
        let ended =
            fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        if ended {
            break;
        }
        std::thread::yield_now();
    }
    Some(String::from_utf8(out.stdout).unwrap())
}

const STAT: &str = "stat -c '%n %i %h %s %f %u %g %Y %Z'";

/// The same line as [`STAT`] writes it.
fn line(name: &str, iatt: &Iatt) -> String {
    let Iatt { ino, nlink, size, mode, uid, gid, mtime, ctime, .. } = iatt;
    format!("{name} {ino} {nlink} {size} {mode:x} {uid} {gid} {mtime} {ctime}")
}

fn walk<'a>(brick: &TestBrick, path: &'a str) -> (Gfid, Gfid, &'a str) {
    let (mut parent, mut at, mut last) = (Gfid::ROOT, Gfid::ROOT, "");
    for name in path.split('/').filter(|name| *name != ".") {
        (parent, last) = (at, name);
        let mut entry = brick.at(parent, name);
        at = brick.lookup(&mut entry, Gfidless::default()).unwrap().gfid;
    }
    (parent, at, last)
}

const TREE: [&str; 8] = [".", "d", "d/f", "d/h", "e2", "s", "ff", "dev"];

#[test]
fn a_brick_that_the_incumbent_wrote_reads_the_same() {
    let before = brick();
    let folder = before.path(".");
    let script = format!(
        "mkdir d d/e; echo hello > d/f; ln d/f d/g; ln -s /etc/passwd s; mkfifo ff; mknod dev c 1 3; mv d/e e2; \
         touch -d 2001-02-03 d/f; chown 12:34 d/f; chmod 4750 d/f; setfattr -n user.x -v y d/f; : > gone; rm gone; \
         mkdir gd; rmdir gd; mv d/g d/h; {STAT} {}",
        TREE.join(" ")
    );
    let Some(said) = under_the_incumbent(&folder, &script) else { return };
    let brick = before.reopen();
    let ours: Vec<_> =
        TREE.iter().map(|path| line(path, &brick.attributes(walk(&brick, path).1).unwrap())).collect();
    assert_eq!(said.lines().collect::<Vec<_>>(), ours);
    let (_, file, _) = walk(&brick, "d/f");
    let found = brick.locate(file).unwrap();
    let mut paths = brick.paths(&found).unwrap();
    paths.sort();
    assert_eq!(paths, [b"/d/f".to_vec(), b"/d/h".to_vec()]);
    let opened = brick.anonymous_file(file, false).unwrap();
    assert_eq!(&brick.read(&user(), &opened, 0, 100).unwrap().data[..], b"hello\n");
    // What it made, we take away to the last handle.
    for path in ["d/f", "d/h", "s", "ff", "dev"] {
        let (parent, _, name) = walk(&brick, path);
        brick.unlink(&user(), &brick.at(parent, name), UnlinkOnly::default()).unwrap();
    }
    for path in ["d", "e2"] {
        brick.rmdir(&user(), &brick.at(Gfid::ROOT, path), false).unwrap();
    }
    let left: Vec<_> = brick.tree().into_iter().filter(|path| path.matches('/').count() > 6).collect();
    assert!(
        left.iter().all(|path| path.ends_with("/00/00/00000000-0000-0000-0000-000000000001")),
        "{left:?}"
    );
}

#[test]
fn a_brick_that_we_wrote_is_read_and_emptied_by_the_incumbent() {
    let brick = brick();
    let clean = brick.tree();
    let who = Caller { uid: 12, gid: 34, ..user() };
    let dir = brick.mkdir(Gfid::ROOT, "d");
    let file = brick.mkfile(dir, "f");
    let open = brick.open_file(file, 2).unwrap();
    brick.write(&who, &open, &[b"hello\n"], 0, 0, false).unwrap();
    drop(open);
    brick.link(&who, file, &brick.at(dir, "g")).unwrap();
    brick.rename(&who, &brick.at(dir, "g"), &brick.at(dir, "h"), None).unwrap();
    brick.make_kind(Gfid::ROOT, "s", Kind::Symlink(b"/etc/passwd"), 0o777).unwrap();
    brick.make_kind(Gfid::ROOT, "ff", Kind::Node(rustix::fs::FileType::Fifo, 0), 0o600).unwrap();
    let null = Kind::Node(rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3));
    brick.make_kind(Gfid::ROOT, "dev", null, 0o600).unwrap();
    let inner = brick.mkdir(dir, "e");
    brick.rename(&who, &brick.at(dir, "e"), &brick.at(Gfid::ROOT, "e2"), None).unwrap();
    brick.mkfile(inner, "inside");
    let found = brick.locate(file).unwrap();
    brick.set_xattrs(&found, &Dict::new().with("user.x", vec![b'y']), 0).unwrap();
    let ours: Vec<_> =
        TREE.iter().map(|path| line(path, &brick.attributes(walk(&brick, path).1).unwrap())).collect();
    let script = format!(
        "{STAT} {}; cat d/f d/h; readlink s; getfattr --only-values -n user.x d/h; echo; getfattr --only-values -n \
         glusterfs.gfidtopath e2/inside; echo; rm -r d e2 s ff dev; ls -A",
        TREE.join(" ")
    );
    let folder = brick.path(".");
    let Some(said) = under_the_incumbent(&folder, &script) else { return };
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said[..8], ours);
    assert_eq!(said[8..], ["hello", "hello", "/etc/passwd", "y", "/e2/inside"]);
    let mut left = brick.reopen().tree();
    left.retain(|path| !path.ends_with("/health_check"));
    assert_eq!(left, clean);
}
