//! Random writes, cuts, reads and syncs by several descriptors over a child that is late, takes little and fails, against a
//! plain array: what was acknowledged is read back, or somebody was told.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::{Arc, Mutex};

use performance_write_behind::WriteBehind;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Fault, Random, Testkit};

const LONGEST: u64 = 4096;
const OPERATIONS: usize = 2_000;
const DESCRIPTORS: usize = 3;

type Content = Arc<Mutex<Vec<u8>>>;

/// A child that keeps one file, takes a part of every third write, and fails one in `failing` writes.
fn child(seed: u64, failing: Option<u64>) -> Fake {
    let content = Content::default();
    let dice = Mutex::new(Random::new(seed));
    let (written, cut, read, shown) = (content.clone(), content.clone(), content.clone(), content);
    Fake::answering()
        .with::<kind::writev>(move |args| {
            let mut dice = dice.lock().unwrap();
            if failing.is_some_and(|n| dice.one_in(n)) {
                return Err(Errno::ENOSPC.into());
            }
            let len = if dice.one_in(3) { 1 + dice.below(args.len()) } else { args.len() };
            let (bytes, len) = (args.data.to_iobuf(), usize::try_from(len.min(args.len())).unwrap());
            let mut content = written.lock().unwrap();
            let at = usize::try_from(args.offset).unwrap();
            if content.len() < at + len {
                content.resize(at + len, 0);
            }
            content[at..at + len].copy_from_slice(&bytes[..len]);
            Ok(Written { count: len as u64, ..Written::default() })
        })
        .with::<kind::ftruncate>(move |args| {
            cut.lock().unwrap().resize(usize::try_from(args.offset).unwrap(), 0);
            Ok(PrePost::default())
        })
        .with::<kind::readv>(move |args| {
            let content = read.lock().unwrap();
            let from = usize::try_from(args.offset).unwrap().min(content.len());
            let to = (from + args.size).min(content.len());
            Ok(Data { data: IoBuf::copy_from_slice(&content[from..to]).into(), ..Data::default() })
        })
        .with::<kind::fstat>(move |_| {
            let size = shown.lock().unwrap().len() as u64;
            Ok(Attr { iatt: Iatt { size, ..Iatt::default() }, ..Attr::default() })
        })
}

/// What the file is, as far as one can know: a byte is unsure from when it was told that something failed until it is
/// written again.
#[derive(Default)]
struct Model {
    bytes: Vec<Option<u8>>,
    /// Written and not yet known to be safe.
    recent: Vec<(usize, usize)>,
    sure_of_size: bool,
}

impl Model {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        if self.bytes.len() < at + bytes.len() {
            self.bytes.resize(at + bytes.len(), Some(0));
        }
        for (place, byte) in self.bytes[at..].iter_mut().zip(bytes) {
            *place = Some(*byte);
        }
        self.recent.push((at, at + bytes.len()));
    }

    fn failed(&mut self) {
        for (from, to) in self.recent.clone() {
            let to = to.min(self.bytes.len());
            self.bytes[from.min(to)..to].fill(None);
        }
        self.sure_of_size = false;
    }
}

struct Run {
    bench: Bench,
    fds: Vec<Fd>,
    model: Model,
    dice: Random,
    fails: bool,
    errors: usize,
}

impl Run {
    fn step(&mut self) {
        let fd = self.fds[self.dice.index(self.fds.len())].clone();
        let at = self.dice.below(LONGEST);
        let offset = usize::try_from(at).unwrap();
        let len = 1 + self.dice.index(200);
        match self.dice.below(20) {
            0..11 => {
                let bytes = self.dice.bytes(len);
                let data = IoBuf::copy_from_slice(&bytes).into();
                let args = Writev { fd, data, offset: at, flags: 0, xdata: Dict::new() };
                let done = self.bench.call::<kind::writev>(args);
                if let Some(done) = self.told(done) {
                    assert_eq!(done.count, len as u64);
                    self.model.write(offset, &bytes);
                }
            }
            11..16 => {
                let args = Readv { fd, size: len, offset: at, flags: 0, xdata: Dict::new() };
                let read = self.bench.call::<kind::readv>(args);
                if let Some(read) = self.told(read) {
                    self.compare(offset, len, &read.data.to_iobuf());
                }
            }
            16 => {
                let args = Ftruncate { fd, offset: at, xdata: Dict::new() };
                let cut = self.bench.call::<kind::ftruncate>(args);
                if self.told(cut).is_none() {
                    return;
                }
                let grown = if self.model.sure_of_size { Some(0) } else { None };
                self.model.bytes.resize(offset, grown);
                self.model.sure_of_size |= !self.fails;
            }
            17 => {
                let args = Fsync { fd, data_only: false, xdata: Dict::new() };
                let synced = self.bench.call::<kind::fsync>(args);
                if self.told(synced).is_some() && !self.fails {
                    self.model.recent.clear();
                }
            }
            18 => {
                let flushed = self.bench.call::<kind::flush>(Flush { fd, xdata: Dict::new() });
                if self.told(flushed).is_some() && self.fails {
                    // Answered before the writes: what fails later is told to who writes next, or nobody.
                    self.model.failed();
                }
            }
            _ => {
                let shown = self.bench.call::<kind::fstat>(Fstat { fd, xdata: Dict::new() }).unwrap();
                if self.model.sure_of_size {
                    assert_eq!(shown.iatt.size, self.model.bytes.len() as u64);
                }
            }
        }
    }

    fn told<T>(&mut self, answer: FopResult<T>) -> Option<T> {
        if let Err(why) = &answer {
            assert!(self.fails, "{why:?} from a child that does not fail");
            assert_eq!(why.errno, Errno::ENOSPC);
            self.errors += 1;
            self.model.failed();
        }
        answer.ok()
    }

    fn compare(&self, offset: usize, len: usize, read: &[u8]) {
        let known = self.model.bytes.iter().skip(offset).take(len);
        if self.model.sure_of_size {
            assert_eq!(read.len(), known.len(), "read of {len} at {offset}");
        }
        for (at, (known, read)) in known.zip(read).enumerate() {
            let known = known.unwrap_or(*read);
            assert_eq!(known, *read, "byte {}", offset + at);
        }
    }
}

fn run(seed: u64, failing: Option<u64>, options: &[(&str, &str)]) -> usize {
    let child = child(seed, failing);
    let bench = Testkit::<WriteBehind>::new().options(options).child(child).start();
    bench.fake().stop_noting();
    let mut dice = Random::new(!seed);
    if dice.one_in(2) {
        bench.fake().always(Some(Fault::Elsewhere));
    }
    let inode = Inode::new(Gfid([7; 16]), FileType::Regular);
    let fds = (0..DESCRIPTORS).map(|_| Fd::new(inode.clone(), libc::O_RDWR, 1)).collect();
    let model = Model { sure_of_size: failing.is_none(), ..Model::default() };
    let mut run = Run { bench, fds, model, dice, fails: failing.is_some(), errors: 0 };
    (0..OPERATIONS).for_each(|_| run.step());
    let Run { bench, fds, errors, .. } = run;
    drop(fds);
    bench.close();
    errors
}

const WAYS: [&[(&str, &str)]; 4] = [
    &[],
    &[("trickling-writes", "off"), ("aggregate-size", "300")],
    &[("strict-write-ordering", "on"), ("flush-behind", "off")],
    &[("resync-failed-syncs-after-fsync", "on"), ("aggregate-size", "100")],
];

#[test]
fn what_was_acknowledged_is_read_back() {
    for seed in 0..12 {
        run(seed, None, WAYS[usize::try_from(seed % 4).unwrap()]);
    }
}

#[test]
fn over_a_child_that_fails_it_is_read_back_or_somebody_was_told() {
    let errors: usize =
        (0..12).map(|seed| run(seed, Some(7), WAYS[usize::try_from(seed % 4).unwrap()])).sum();
    assert!(errors > 100, "{errors} errors were told, of many");
}
