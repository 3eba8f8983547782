//! File operations through the client's mount.

use rustix::fs::{
    CWD, Mode, OFlags, XattrFlags, getxattr, listxattr, mkdirat, removexattr, setxattr, statvfs,
};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tests::cluster::Cluster;

/// A mounted volume of two bricks.
fn mounted() -> Option<(Cluster, PathBuf)> {
    let cluster = Cluster::with_volume()?;
    let view = cluster.mount("v", "m");
    Some((cluster, view))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries =
        fs::read_dir(folder).expect("a folder lists").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.into_string().expect("plain names")).collect()
}

/// Bytes that differ from place to place, so that a block in the wrong place shows.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut all: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    all.truncate(length);
    all
}

#[test]
fn a_file_reads_back_as_written() {
    let Some((_cluster, m)) = mounted() else { return };
    for (name, length) in [("empty", 0), ("one", 1), ("block", 4096), ("odd", 131_073), ("more", 3 << 20)] {
        let content = bytes(length, 7);
        fs::write(m.join(name), &content).expect("a file can be written");
        assert_eq!(fs::metadata(m.join(name)).expect("it is there").len(), length as u64);
        assert!(fs::read(m.join(name)).expect("a file can be read") == content, "{name} differs");
    }
}

#[test]
fn a_file_is_the_same_through_a_second_mount() {
    let Some((cluster, m)) = mounted() else { return };
    let other = cluster.mount("v", "other");
    let content = bytes(300_000, 5);
    fs::create_dir(m.join("d")).expect("a folder");
    fs::write(m.join("d/f"), &content).expect("a file can be written");
    assert!(fs::read(other.join("d/f")).expect("a file can be read") == content);
    assert_eq!(names(&other.join("d")), BTreeSet::from(["f".to_owned()]));
    let inode = |m: &Path| fs::metadata(m.join("d/f")).expect("it is there").ino();
    assert_eq!(inode(&m), inode(&other));
}

#[test]
fn folders_are_made_listed_and_removed() {
    let Some((cluster, m)) = mounted() else { return };
    fs::create_dir_all(m.join("a/b/c")).expect("folders");
    assert_eq!(names(&m.join("a")), BTreeSet::from(["b".to_owned()]));
    assert!(cluster.view("/srv/v-1/a/b/c").is_dir() && cluster.view("/srv/v-2/a/b/c").is_dir());
    let error = fs::remove_dir(m.join("a/b")).expect_err("it is not empty");
    assert_eq!(error.kind(), ErrorKind::DirectoryNotEmpty);
    fs::remove_dir(m.join("a/b/c")).expect("it is empty");
    fs::remove_dir(m.join("a/b")).expect("it is empty");
    assert_eq!(names(&m.join("a")), BTreeSet::new());
    let error = fs::create_dir(m.join("a")).expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(!cluster.view("/srv/v-1/a/b").exists() && !cluster.view("/srv/v-2/a/b").exists());
}

#[test]
fn a_name_that_is_not_there_is_not_found() {
    let Some((_cluster, m)) = mounted() else { return };
    assert_eq!(fs::metadata(m.join("no")).expect_err("not there").kind(), ErrorKind::NotFound);
    assert_eq!(fs::remove_file(m.join("no")).expect_err("not there").kind(), ErrorKind::NotFound);
    assert_eq!(fs::rename(m.join("no"), m.join("x")).expect_err("not there").kind(), ErrorKind::NotFound);
    let long = "n".repeat(256);
    assert_eq!(fs::write(m.join(long), "x").expect_err("too long").raw_os_error(), Some(36));
}

#[test]
fn rename_keeps_the_file_and_replaces_the_target() {
    let Some((_cluster, m)) = mounted() else { return };
    for number in 0..20 {
        let (old, new) = (m.join(format!("old{number}")), m.join(format!("new{number}")));
        fs::write(&old, format!("{number}")).expect("a file can be written");
        fs::write(&new, "to be replaced").expect("a file can be written");
        let inode = fs::metadata(&old).expect("it is there").ino();
        fs::rename(&old, &new).expect("rename");
        assert_eq!(fs::read_to_string(&new).expect("it is there"), format!("{number}"));
        assert_eq!(fs::metadata(&new).expect("it is there").ino(), inode);
        assert!(!old.exists());
    }
    assert_eq!(names(&m).len(), 20);
    fs::create_dir(m.join("d")).expect("a folder");
    fs::rename(m.join("new1"), m.join("d/moved")).expect("rename into a folder");
    fs::rename(m.join("d"), m.join("e")).expect("rename a folder");
    assert_eq!(fs::read_to_string(m.join("e/moved")).expect("it is there"), "1");
}

#[test]
fn hard_links_share_one_file() {
    let Some((_cluster, m)) = mounted() else { return };
    fs::write(m.join("a"), "x").expect("a file can be written");
    fs::hard_link(m.join("a"), m.join("b")).expect("link");
    assert_eq!(fs::metadata(m.join("b")).expect("it is there").nlink(), 2);
    fs::write(m.join("b"), "changed").expect("a file can be written");
    assert_eq!(fs::read_to_string(m.join("a")).expect("it is there"), "changed");
    fs::remove_file(m.join("a")).expect("unlink");
    assert_eq!(fs::read_to_string(m.join("b")).expect("it is there"), "changed");
    assert_eq!(fs::metadata(m.join("b")).expect("it is there").nlink(), 1);
}

#[test]
fn symbolic_links_hold_their_target_as_given() {
    let Some((_cluster, m)) = mounted() else { return };
    fs::write(m.join("f"), "x").expect("a file can be written");
    symlink("f", m.join("l")).expect("symlink");
    symlink("../../no/such", m.join("dangling")).expect("symlink");
    assert_eq!(fs::read_link(m.join("l")).expect("a link"), Path::new("f"));
    assert_eq!(fs::read_link(m.join("dangling")).expect("a link"), Path::new("../../no/such"));
    assert_eq!(fs::read_to_string(m.join("l")).expect("it is there"), "x");
    assert!(fs::symlink_metadata(m.join("l")).expect("it is there").is_symlink());
}

#[test]
fn mode_owner_and_times_are_kept() {
    let Some((cluster, m)) = mounted() else { return };
    let file = m.join("f");
    fs::write(&file, "x").expect("a file can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("chmod");
    std::os::unix::fs::chown(&file, Some(1234), Some(4321)).expect("chown");
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    let open = OpenOptions::new().write(true).open(&file).expect("it opens");
    open.set_times(fs::FileTimes::new().set_modified(time).set_accessed(time)).expect("utimens");
    drop(open);
    let check = |m: &Path| {
        let found = fs::metadata(m.join("f")).expect("it is there");
        assert_eq!((found.mode() & 0o7777, found.uid(), found.gid()), (0o640, 1234, 4321));
        assert_eq!((found.mtime(), found.mtime_nsec()), (1_000_000_000, 123_456_789));
    };
    check(&m);
    check(&cluster.mount("v", "other"));
}

#[test]
fn truncate_cuts_and_fills_with_zeros() {
    let Some((_cluster, m)) = mounted() else { return };
    let path = m.join("f");
    fs::write(&path, bytes(10_000, 3)).expect("a file can be written");
    let file = OpenOptions::new().write(true).open(&path).expect("it opens");
    file.set_len(5).expect("truncate");
    file.set_len(9_000).expect("truncate");
    drop(file);
    let content = fs::read(&path).expect("it is there");
    assert_eq!(content.len(), 9_000);
    assert_eq!(content[..5], bytes(10_000, 3)[..5]);
    assert!(content[5..].iter().all(|&byte| byte == 0));
}

#[test]
fn writes_land_where_they_were_aimed() {
    let Some((_cluster, m)) = mounted() else { return };
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(m.join("f")).expect("create");
    file.write_all_at(b"end", 1 << 20).expect("write past the end");
    file.write_all_at(b"start", 0).expect("write");
    file.sync_all().expect("fsync");
    let mut found = [0; 3];
    file.read_exact_at(&mut found, 1 << 20).expect("read");
    assert_eq!(&found, b"end");
    assert_eq!(file.metadata().expect("fstat").len(), (1 << 20) + 3);
    let mut tail = OpenOptions::new().append(true).open(m.join("f")).expect("it opens");
    tail.write_all(b"+").expect("append");
    assert_eq!(fs::metadata(m.join("f")).expect("it is there").len(), (1 << 20) + 4);
}

#[test]
fn a_file_is_read_and_written_past_the_caches() {
    let Some((cluster, m)) = mounted() else { return };
    let size = 1 << 20;
    let direct = |m: &Path| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).custom_flags(OFlags::DIRECT.bits().cast_signed());
        options.open(m.join("f")).expect("it opens")
    };
    let mut own = vec![0_u8; size + 4096];
    let start = own.as_ptr().align_offset(4096);
    let block = &mut own[start..start + size];
    block.copy_from_slice(&bytes(size, 9));
    direct(&m).write_all_at(block, 0).expect("write");
    block.fill(0);
    direct(&cluster.mount("v", "other")).read_exact_at(block, 0).expect("read");
    assert!(*block == bytes(size, 9), "it differs");
}

#[test]
fn an_open_file_outlives_its_name() {
    let Some((_cluster, m)) = mounted() else { return };
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(m.join("f")).expect("create");
    file.write_all_at(b"still here", 0).expect("write");
    fs::remove_file(m.join("f")).expect("unlink");
    let mut found = [0; 10];
    file.read_exact_at(&mut found, 0).expect("read");
    assert_eq!(&found, b"still here");
    assert_eq!(names(&m), BTreeSet::new());
}

#[test]
fn extended_attributes_are_set_listed_and_removed() {
    let Some((_cluster, m)) = mounted() else { return };
    for path in [m.join("f"), m.join("d")] {
        if path.ends_with("f") { fs::write(&path, "x") } else { fs::create_dir(&path) }.expect("made");
        setxattr(&path, "user.k", b"v\0binary", XattrFlags::CREATE).expect("setxattr");
        let mut value = [0; 64];
        let length = getxattr(&path, "user.k", &mut value).expect("getxattr");
        assert_eq!(&value[..length], b"v\0binary");
        let again = setxattr(&path, "user.k", b"w", XattrFlags::CREATE).expect_err("it is there");
        assert_eq!(again, rustix::io::Errno::EXIST);
        let mut list = [0; 1024];
        let length = listxattr(&path, &mut list).expect("listxattr");
        let listed: Vec<&[u8]> = list[..length].split(|&byte| byte == 0).collect();
        assert!(listed.contains(&b"user.k".as_slice()));
        assert!(!listed.iter().any(|name| name.starts_with(b"trusted.gfid")), "internal names do not show");
        removexattr(&path, "user.k").expect("removexattr");
        assert_eq!(getxattr(&path, "user.k", &mut value).expect_err("gone"), rustix::io::Errno::NODATA);
    }
}

#[test]
fn df_tells_the_size_of_both_bricks() {
    let Some((cluster, m)) = mounted() else { return };
    let volume = statvfs(&m).expect("statfs");
    let brick = statvfs(cluster.view("/srv/v-1")).expect("statfs");
    let size = |of: &rustix::fs::StatVfs| (of.f_blocks * of.f_frsize) >> 20;
    assert!(size(&volume).abs_diff(size(&brick)) <= 1, "two bricks on one disk count once");
    assert!(volume.f_bavail * volume.f_frsize > 0 && volume.f_files > 0);
}

#[test]
fn a_folder_of_many_entries_lists_each_once() {
    let Some((_cluster, m)) = mounted() else { return };
    let folder = m.join("many");
    fs::create_dir(&folder).expect("a folder");
    let wanted: BTreeSet<String> = (0..1500).map(|n| format!("entry-with-a-longer-name-{n}")).collect();
    for name in &wanted {
        File::create(folder.join(name)).expect("create");
    }
    let listed: Vec<_> = fs::read_dir(&folder).expect("a folder lists").collect();
    assert_eq!(listed.len(), wanted.len(), "no entry twice");
    assert_eq!(names(&folder), wanted);
    fs::remove_dir_all(&folder).expect("rm -r");
    assert!(!folder.exists());
}

#[test]
fn a_big_file_survives_a_new_mount() {
    let Some((cluster, m)) = mounted() else { return };
    let content = bytes(64 << 20, 11);
    let mut file = File::create(m.join("big")).expect("create");
    file.write_all(&content).expect("write");
    file.sync_all().expect("fsync");
    drop(file);
    cluster.unmount("m");
    let again = cluster.mount("v", "again");
    assert!(fs::read(again.join("big")).expect("it is there") == content, "64 MiB differ");
}

#[test]
fn concurrent_writers_do_not_disturb_each_other() {
    let Some((_cluster, m)) = mounted() else { return };
    let shared = File::create_new(m.join("shared")).expect("create");
    let (writers, size) = (8_usize, 256 << 10);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (m, shared) = (&m, &shared);
            scope.spawn(move || {
                let folder = m.join(format!("w{writer}"));
                fs::create_dir(&folder).expect("a folder");
                for n in 0..25 {
                    fs::write(folder.join(format!("f{n}")), bytes(1000 + n, writer as u64)).expect("write");
                }
                shared.write_all_at(&bytes(size, writer as u64 * 2), (writer * size) as u64).expect("write");
            });
        }
    });
    for writer in 0..writers {
        let folder = m.join(format!("w{writer}"));
        for n in 0..25 {
            let found = fs::read(folder.join(format!("f{n}"))).expect("read");
            assert!(found == bytes(1000 + n, writer as u64), "w{writer}/f{n} differs");
        }
    }
    let whole = fs::read(m.join("shared")).expect("read");
    for writer in 0..writers {
        let part = &whole[writer * size..(writer + 1) * size];
        assert!(part == bytes(size, writer as u64 * 2), "part {writer} of the shared file differs");
    }
}

#[test]
fn concurrent_makers_of_one_name_agree_on_one_winner() {
    let Some((cluster, m)) = mounted() else { return };
    let other = cluster.mount("v", "other");
    for round in 0..20 {
        let name = format!("race{round}");
        let make = |m: &Path| mkdirat(CWD, m.join(&name), Mode::from_raw_mode(0o755)).is_ok();
        let won = std::thread::scope(|scope| {
            let all: Vec<_> = [&m, &other].map(|m| scope.spawn(move || make(m))).into_iter().collect();
            all.into_iter().filter(|_| true).map(|t| t.join().expect("no panic")).filter(|&won| won).count()
        });
        assert_eq!(won, 1, "{name}");
        let inode = |m: &Path| fs::metadata(m.join(&name)).expect("it is there").ino();
        assert_eq!(inode(&m), inode(&other), "{name}");
    }
}
