//! Many clients at once on the same few names: afterwards every name, handle and link count agrees.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use plugin_api::Gfid;
use rustix::fs::OFlags;

use crate::find::Gfidless;
use crate::make::{Kind, New};
use crate::remove::UnlinkOnly;
use crate::testing::{TestBrick, brick, user};

const THREADS: u64 = 4;
const ROUNDS: u64 = 400;

/// A small generator, so that a run can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn gfid_of(brick: &TestBrick, parent: Gfid, name: &str) -> Option<Gfid> {
    let mut entry = brick.entry(parent, name.as_bytes()).ok()?;
    Some(brick.lookup(&mut entry, Gfidless::default()).ok()?.gfid)
}

fn client(brick: &TestBrick, dirs: [Gfid; 2], seed: u64) {
    let mut dice = Dice(seed * 7919 + 1);
    for _ in 0..ROUNDS {
        let names: [String; 2] = std::array::from_fn(|_| format!("n{}", dice.roll(5)));
        let parents: [Gfid; 2] = std::array::from_fn(|_| dirs[usize::from(dice.roll(2) == 1)]);
        let (Ok(one), Ok(two)) =
            (brick.entry(parents[0], names[0].as_bytes()), brick.entry(parents[1], names[1].as_bytes()))
        else {
            continue;
        };
        let new = |kind| New { gfid: brick.fresh_gfid(), kind, mode: 0o644, xattrs: Vec::new(), times: None };
        // What fails, fails: only what is there in the end counts.
        match dice.roll(7) {
            0 | 1 => drop(brick.make(&user(), &one, &new(Kind::File(OFlags::RDWR)))),
            2 => drop(brick.unlink(&user(), &one, UnlinkOnly::default())),
            3 => drop(brick.rename(&user(), &one, &two, None)),
            4 => {
                if let Some(gfid) = gfid_of(brick, parents[1], &names[1]) {
                    let _ = brick.link(&user(), gfid, &one);
                }
            }
            5 => {
                if let Some(file) =
                    gfid_of(brick, parents[0], &names[0]).and_then(|gfid| brick.open_file(gfid, 2).ok())
                {
                    let _ = brick.write(&user(), &file, &[b"data"], 0, 0, false);
                    let _ = brick.unlink(&user(), &one, UnlinkOnly::default());
                }
            }
            _ => drop(brick.make(&user(), &one, &new(Kind::Symlink(b"/etc")))),
        }
    }
}

#[test]
fn names_handles_and_links_agree_after_many_clients_at_once() {
    let brick = brick();
    let dirs = [brick.mkdir(Gfid::ROOT, "a"), brick.mkdir(Gfid::ROOT, "b")];
    std::thread::scope(|scope| {
        for seed in 0..THREADS {
            let brick = &brick;
            scope.spawn(move || client(brick, dirs, seed + 1));
        }
    });
    brick.check_whole();
    let handles = brick.tree().iter().filter(|path| path.matches('-').count() >= 4).count();
    let names: usize = ["a", "b"].iter().map(|dir| std::fs::read_dir(brick.path(dir)).unwrap().count()).sum();
    assert!(handles <= names + 3, "{handles} handles for {names} names, two directories and the root");
}

#[test]
fn a_name_that_turns_into_a_symlink_and_back_is_never_followed() {
    let brick = brick();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "do not touch").unwrap();
    let before = std::fs::metadata(&secret).unwrap().permissions();
    let gfid = brick.mkfile(Gfid::ROOT, "f");
    let (path, aside, link) = (brick.path("f"), brick.path("aside"), brick.path("link"));
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    crate::testing::set_behind(&link, "trusted.gfid", &gfid.0);
    let swaps = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while swaps.load(Relaxed) < 2000 {
                std::fs::rename(&path, &aside).unwrap();
                std::fs::rename(&link, &path).unwrap();
                std::fs::rename(&path, &link).unwrap();
                std::fs::rename(&aside, &path).unwrap();
                swaps.fetch_add(1, Relaxed);
            }
        });
        while swaps.load(Relaxed) < 2000 {
            let mut entry = brick.at(Gfid::ROOT, "f");
            if let Ok(mut found) = brick.lookup(&mut entry, Gfidless::default()) {
                assert_ne!(brick.content(&found, 4096).as_deref(), Some(&b"do not touch"[..]));
                let _ = brick.set_attributes(&user(), &mut found, &plugin_api::Iatt::default(), 1);
                let set = plugin_api::Dict::new().with("user.x", vec![1]);
                let _ = brick.set_xattrs(&found, &set, 0);
            }
        }
    });
    assert_eq!(std::fs::read(&secret).unwrap(), b"do not touch");
    assert_eq!(std::fs::metadata(&secret).unwrap().permissions(), before);
}
