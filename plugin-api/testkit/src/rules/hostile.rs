//! Rule `hostile`: no arguments bring a translator down.

use plugin_api::fop::{Flock, LockCmd, LockKind};
use plugin_api::prelude::*;

use super::Rule;
use super::trial::{Kept, Trial};
use crate::samples::{PROBES, Parts};
use crate::{Bench, Caller, Failed, Fake, Random};

pub(super) const RULE: Rule = Rule {
    name: "hostile",
    about: "empty places, null file ids, absurd names, huge offsets and sizes, values of the wrong type, descriptors of \
            another kind: each is answered, nothing panics, and it serves on",
    check,
};

fn check(trial: &mut Trial<'_>) -> Kept {
    let rounds = trial.size.pick(12, 400);
    let child = Fake::memory();
    child.stop_noting();
    let bench = trial.start(&child)?;
    let good = trial.parts(&bench, "hostile").ok();
    let written: Vec<u32> = trial.subject.fops().collect();
    for probe in PROBES.iter().filter(|probe| written.contains(&probe.code)) {
        for number in 0..rounds {
            if trial.is_enough() {
                break;
            }
            trial.step(format!("{} with hostile arguments, number {number}", probe.name));
            let parts = hostile(&mut trial.random, &bench, good.as_ref());
            let client = Client::new("somebody", "nowhere:1", false);
            let identity = identity(&mut trial.random);
            let caller = Caller::new(&bench, trial.random.number()).identified(identity);
            let caller = if trial.random.one_in(2) { caller.from_client(&client) } else { caller };
            if let Err(failed @ Failed::Silent { .. }) = (probe.ask)(&caller, &parts) {
                trial.found(format!("{failed}: {}", shown(&parts)));
            }
            for fault in bench.take_faults() {
                trial.found(format!("it panicked: {fault}: {}", shown(&parts)));
            }
            // What it locked must not be in the way of those who come later.
            bench.disconnect(&client);
        }
    }
    trial.step("an ordinary program after all of this");
    trial.serves(&bench, "afterwards");
    drop(good);
    trial.finish(bench);
    Ok(())
}

fn shown(parts: &Parts) -> String {
    let mut text = format!("{parts:?}");
    if text.len() > 700 {
        let end = (0..=700).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text += " …";
    }
    text
}

/// Files that nobody made: for translators that let none be made.
pub(super) fn nobodys(bench: &Bench) -> Parts {
    let file = bench.inode(Gfid([7; 16]), FileType::Regular);
    let folder = bench.inode(Gfid::ROOT, FileType::Directory);
    let entry = |name: &'static str| Loc::entry(folder.clone(), IoBuf::from(name));
    let (fd, dir) = (bench.fd(file.clone(), libc::O_RDWR), bench.fd(folder.clone(), libc::O_DIRECTORY));
    Parts::sane(Loc::of(file), entry("new"), entry("other"), fd, dir)
}

const NUMBERS: [u64; 12] = [
    0,
    1,
    4095,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 40) + 1,
    i64::MAX as u64 - 1,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX - 1,
    u64::MAX,
];

/// Keys that somebody or other reads.
const KEYS: [&str; 24] = [
    "gfid-req",
    "trusted.gfid",
    "glusterfs.content",
    "glusterfs.open-fd-count",
    "link-count",
    "lock-mode",
    "fops-version",
    "internal-op",
    "readdir-filter-directories",
    "trusted.glusterfs.quota.limit-set",
    "trusted.glusterfs.quota.size",
    "trusted.glusterfs.dht",
    "trusted.afr.dirty",
    "trusted.ec.version",
    "trusted.bit-rot.version",
    "trusted.glusterfs.mdata",
    "system.posix_acl_access",
    "system.posix_acl_default",
    "security.selinux",
    "glusterfs.xattrop_index_gfid",
    "glusterfs.gfid2path",
    "lease-id",
    "virtual.trusted.start_time",
    "user.test",
];

/// The low half of a number, whatever it was.
fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).expect("masked")
}

fn signed(number: u64) -> i32 {
    i32::from_ne_bytes(low(number).to_ne_bytes())
}

fn name(random: &mut Random) -> IoBuf {
    let names: [&[u8]; 11] =
        [b"", b".", b"..", b"/", b"a/b", b"\0", b"a\0b", b"new", b".glusterfs", b".trashcan", &[0xff; 3]];
    match random.below(4) {
        0 => IoBuf::from(vec![b'n'; *random.pick(&[255, 256, 4096, 70_000])]),
        _ => IoBuf::copy_from_slice(names[random.index(names.len())]),
    }
}

/// Bytes, one of these many.
fn some(random: &mut Random, lengths: &[usize]) -> IoBuf {
    let len = *random.pick(lengths);
    IoBuf::from(random.bytes(len))
}

fn value(random: &mut Random) -> Value {
    let number = *random.pick(&NUMBERS);
    match random.below(9) {
        0 => Value::Uint(number),
        1 => Value::Int(i64::from_ne_bytes(number.to_ne_bytes())),
        2 => Value::Double(f64::NAN),
        3 => Value::Str(name(random)),
        4 => Value::Uuid(Gfid::NULL),
        5 => Value::from(Iatt { size: number, ..Iatt::default() }),
        6 => Value::from(plugin_api::Mdata { mtime: i64::MIN, ..plugin_api::Mdata::default() }),
        7 => Value::Untyped(IoBuf::from(random.bytes(3))),
        _ => Value::Bytes(some(random, &[0, 1, 2, 4, 8, 15, 16, 17, 20, 65_537])),
    }
}

fn dict(random: &mut Random) -> Dict {
    let mut dict = Dict::new();
    for _ in 0..random.below(6) {
        let key = match random.below(6) {
            0 => plugin_api::Key::new(name(random)),
            _ => (*random.pick(&KEYS)).into(),
        };
        // As a wire does: a key may come twice.
        dict.push(key, value(random));
    }
    dict
}

fn inode(random: &mut Random, bench: &Bench) -> Inode {
    let types =
        [FileType::Invalid, FileType::Regular, FileType::Directory, FileType::Symlink, FileType::Socket];
    match random.below(4) {
        0 => bench.inode(Gfid::NULL, *random.pick(&types)),
        1 => bench.inode(Gfid::ROOT, FileType::Directory),
        _ => bench.inode(Gfid([u8::try_from(random.below(4)).unwrap_or(9); 16]), *random.pick(&types)),
    }
}

fn loc(random: &mut Random, bench: &Bench, good: &Loc) -> Loc {
    match random.below(5) {
        0 => Loc::default(),
        1 => Loc::of(inode(random, bench)),
        2 => Loc::entry(inode(random, bench), name(random)),
        3 => Loc { name: name(random), ..good.clone() },
        _ => good.clone(),
    }
}

fn fd(random: &mut Random, bench: &Bench, good: &[&Fd]) -> Fd {
    let flags = signed(random.number());
    match random.below(4) {
        0 => bench.fd(inode(random, bench), flags),
        1 => Fd::anonymous(inode(random, bench), flags),
        // A directory where a file belongs, and the other way round.
        _ => (*random.pick(good)).clone(),
    }
}

fn hostile(random: &mut Random, bench: &Bench, good: Option<&Parts>) -> Parts {
    let good = good.cloned().unwrap_or_else(|| nobodys(bench));
    let fds = [&good.fd, &good.dir];
    let number = |random: &mut Random| *random.pick(&NUMBERS);
    let cmds = [LockCmd::Get, LockCmd::Set, LockCmd::Reserve, LockCmd::Unreserve, LockCmd::GetFd];
    Parts {
        loc: loc(random, bench, &good.loc),
        entry: loc(random, bench, &good.entry),
        other: loc(random, bench, &good.other),
        fd: fd(random, bench, &fds),
        dir: fd(random, bench, &fds),
        offset: number(random),
        len: number(random),
        // An edge bounds what is read into memory before it asks: as much as the wire carries.
        size: usize::try_from(number(random)).unwrap_or(usize::MAX).min(1 << 20),
        bytes: some(random, &[0, 1, 4096, 100_000]),
        text: name(random),
        xattrs: dict(random),
        xdata: dict(random),
        flags: signed(number(random)),
        mode: low(number(random)),
        iatt: Iatt {
            size: number(random),
            mtime: i64::MIN,
            mtime_nsec: u32::MAX,
            mode: u32::MAX,
            uid: u32::MAX,
            gid: u32::MAX,
            ..Iatt::default()
        },
        flock: Flock {
            kind: *random.pick(&[LockKind::Read, LockKind::Write, LockKind::Unlock]),
            whence: 7,
            start: number(random),
            len: number(random),
            pid: -1,
            owner: LkOwner::new(some(random, &[0, 8, 1024])),
        },
        lock_cmd: *random.pick(&cmds),
    }
}

fn identity(random: &mut Random) -> Identity {
    Identity {
        uid: *random.pick(&[0, 1, 65_534, u32::MAX]),
        gid: *random.pick(&[0, 1, 65_534, u32::MAX]),
        pid: i32::MIN,
        groups: vec![7; random.index(200)].into(),
        lk_owner: LkOwner::new(IoBuf::from(random.bytes(8))),
        time: i64::MIN,
        time_nsec: u32::MAX,
        time_flags: u32::MAX,
    }
}
