//! Stands between a client and a brick, and changes what the brick answers.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::sandbox::Sandbox;

/// The program of file operations.
const FOPS: u32 = 1_298_437;
/// Its procedure that reads a directory with attributes.
const READDIRP: u32 = 40;
/// Bytes of a reply's head: number, kind, verdict, an empty verifier and the status.
const HEAD: usize = 24;
/// No honest record of these tests is longer.
const LONGEST: usize = 16 << 20;

/// What becomes of the answers to file operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// Nothing.
    None,
    /// They end in the middle.
    Cut,
    /// Some of their bytes are others: ids, sizes, types.
    Garbled,
    /// Some of their words are very large: lengths among them.
    Huge,
    /// A mebibyte of noise follows.
    Padded,
    /// The first part of a listing comes again and again, whatever is asked.
    Endless,
}

/// All but the first.
pub const MISCHIEVOUS: [Mischief; 5] =
    [Mischief::Cut, Mischief::Garbled, Mischief::Huge, Mischief::Padded, Mischief::Endless];

/// The one in between; its threads end with the connections and with the sandbox.
#[derive(Debug, Clone)]
pub struct Meddler(Arc<State>);

#[derive(Debug)]
struct State {
    mischief: Mutex<Mischief>,
    /// Answers that were changed.
    met: AtomicU64,
    noise: AtomicU64,
    /// What comes again and again.
    listing: Mutex<Option<Vec<u8>>>,
    /// The fops whose answers are awaited, by the numbers of their calls.
    asked: Mutex<HashMap<u32, u32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meddler {
    /// Listens on one port of the sandbox, for a brick that listens on the other.
    ///
    /// # Panics
    /// The port is taken.
    pub fn start(sandbox: &Sandbox, port: u16, brick: u16) -> Self {
        let state = State {
            mischief: Mutex::new(Mischief::None),
            met: AtomicU64::new(0),
            noise: AtomicU64::new(0x9e37_79b9_7f4a_7c15),
            listing: Mutex::default(),
            asked: Mutex::default(),
        };
        let meddler = Self(Arc::new(state));
        let listener =
            sandbox.within_network(|| TcpListener::bind(("127.0.0.1", port)).expect("a free port"));
        let (enter, kept) = (sandbox.network(), meddler.clone());
        thread::spawn(move || {
            enter();
            for client in listener.incoming().flatten() {
                if let Ok(brick) = TcpStream::connect(("127.0.0.1", brick)) {
                    kept.join(client, brick);
                }
            }
        });
        meddler
    }

    /// What becomes of answers from now on.
    pub fn set(&self, mischief: Mischief) {
        *lock(&self.0.mischief) = mischief;
    }

    /// How many answers were changed so far.
    pub fn met(&self) -> u64 {
        self.0.met.load(Ordering::SeqCst)
    }

    fn join(&self, client: TcpStream, brick: TcpStream) {
        let streams = |from: &TcpStream, to: &TcpStream| Some((from.try_clone().ok()?, to.try_clone().ok()?));
        let (Some(calls), Some(answers)) = (streams(&client, &brick), streams(&brick, &client)) else {
            return;
        };
        let (one, other) = (self.clone(), self.clone());
        thread::spawn(move || pass(calls, |call| one.note(call)));
        thread::spawn(move || pass(answers, |answer| other.change(answer)));
    }

    /// Remembers what is asked.
    fn note(&self, call: &[u8]) {
        if word(call, 4) == Some(0)
            && word(call, 12) == Some(FOPS)
            && let (Some(xid), Some(procedure)) = (word(call, 0), word(call, 20))
        {
            lock(&self.0.asked).insert(xid, procedure);
        }
    }

    fn noise(&self) -> u64 {
        let mut noise = self.0.noise.load(Ordering::Relaxed);
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        self.0.noise.store(noise, Ordering::Relaxed);
        noise
    }

    /// A place behind the head.
    fn place(&self, answer: &[u8]) -> usize {
        let room = u64::try_from(answer.len() - HEAD).expect("a few megabytes");
        HEAD + usize::try_from(self.noise() % room).expect("within the answer")
    }

    fn change(&self, answer: &mut Vec<u8>) {
        let asked = word(answer, 0).and_then(|xid| lock(&self.0.asked).remove(&xid));
        let Some(procedure) = asked.filter(|_| answer.len() > HEAD + 4) else { return };
        match *lock(&self.0.mischief) {
            Mischief::None => return,
            Mischief::Cut => answer.truncate(self.place(answer)),
            Mischief::Garbled => (0..4).for_each(|_| {
                let place = self.place(answer);
                answer[place] = self.noise().to_le_bytes()[0];
            }),
            Mischief::Huge => (0..3).for_each(|_| {
                let place = self.place(answer) / 4 * 4;
                let end = (place + 4).min(answer.len());
                answer[place..end].copy_from_slice(&[0x7f, 0xff, 0xff, 0xf0][..end - place]);
            }),
            Mischief::Padded => {
                answer.resize_with(answer.len() + (1 << 20), || self.noise().to_le_bytes()[0])
            }
            Mischief::Endless if procedure == READDIRP => {
                let xid = answer[..4].to_vec();
                answer.clone_from(lock(&self.0.listing).get_or_insert_with(|| answer.clone()));
                answer[..4].copy_from_slice(&xid);
            }
            Mischief::Endless => return,
        }
        self.0.met.fetch_add(1, Ordering::SeqCst);
    }
}

fn word(record: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(record.get(at..at + 4)?.try_into().ok()?))
}

/// Passes whole records on until one side ends.
fn pass((mut from, mut to): (TcpStream, TcpStream), mut change: impl FnMut(&mut Vec<u8>)) {
    let mut one = || -> io::Result<()> {
        let mut mark = [0; 4];
        from.read_exact(&mut mark)?;
        let len = usize::try_from(u32::from_be_bytes(mark) & 0x7fff_ffff).expect("32 bits");
        if len > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut record = vec![0; len];
        from.read_exact(&mut record)?;
        change(&mut record);
        let len = u32::try_from(record.len()).expect("a few megabytes");
        to.write_all(&(0x8000_0000 | len).to_be_bytes())?;
        to.write_all(&record)
    };
    while one().is_ok() {}
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
