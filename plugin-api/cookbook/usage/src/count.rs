//! The count: walks all directories in the background and makes the books anew, while files go on changing.
//!
//! One directory at a time is read while nobody changes what belongs to it. What was changed in it before is in what was read;
//! what is changed in it afterwards waits in the books until the count is done.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use plugin_api::prelude::*;

use crate::books::{BELOW, Books, HOME};
use crate::counts::Counts;
use crate::disk::is_gone;

/// After so many moves of directories under it a count gives up, and after so many changes in a directory while that is read.
const ROUNDS: usize = 5;
/// Between two looks whether anybody is at work in a directory.
const PAUSE: Duration = Duration::from_millis(2);

/// Counts everything, when that was asked for; a count that goes on already does it once more.
pub(crate) async fn count(books: &Books) {
    // Nor are the books closed meanwhile.
    let Ok(_change) = books.change().await else { return };
    while books.begin_count().await {
        for _ in 0..ROUNDS {
            books.begin_round();
            let Ok(totals) = round(books).await else { break };
            let _ledger = books.ledger.lock().await;
            if books.end_round() {
                if write(books, totals).await.is_err() {
                    books.doubt();
                }
                break;
            }
        }
        books.end_count();
    }
}

/// What a directory holds.
#[derive(Default)]
struct Held {
    counts: Counts,
    directories: Vec<Gfid>,
    /// Files of several names.
    linked: HashSet<Gfid>,
}

/// What lies directly in each directory, parents before what is in them.
async fn round(books: &Books) -> FopResult<Vec<(Gfid, Gfid, Counts)>> {
    let (mut found, mut linked) = (Vec::new(), HashSet::new());
    let mut waiting = vec![(Gfid::ROOT, Gfid::NULL)];
    while let Some((dir, above)) = waiting.pop() {
        if !found.is_empty() {
            // A child that answers at once would keep the thread to itself.
            rt::yield_now().await;
        }
        let Some(held) = read_alone(books, dir, &linked).await? else { continue };
        found.push((dir, above, held.counts));
        linked.extend(held.linked);
        waiting.extend(held.directories.into_iter().map(|child| (child, dir)));
    }
    Ok(found)
}

/// Reads a directory while nobody changes what belongs to it. Nothing when it was removed since its name was read.
async fn read_alone(books: &Books, dir: Gfid, linked: &HashSet<Gfid>) -> FopResult<Option<Held>> {
    for _ in 0..ROUNDS {
        let reading = loop {
            if books.is_stopped() {
                return Err(Errno::ECANCELED.into());
            }
            if let Some(reading) = books.turns.read(dir) {
                break reading;
            }
            books.wait(PAUSE).await;
        };
        let held = match read(books, dir, linked).await {
            Ok(held) => Some(held),
            Err(error) if is_gone(&error) => None,
            Err(error) => return Err(error),
        };
        if reading.finish(|| books.forget(dir)) {
            return Ok(held);
        }
    }
    Err(Errno::EBUSY.into())
}

/// Reads one directory: gives everything in it its home, and answers what there is.
async fn read(books: &Books, dir: Gfid, linked: &HashSet<Gfid>) -> FopResult<Held> {
    let fd = Fd::anonymous(Inode::new(dir, FileType::Directory), 0);
    let (mut held, mut offset) = (Held::default(), 0);
    loop {
        let xdata = Dict::new().with(HOME, 0);
        let asked = Readdirp { fd: fd.clone(), size: 64 << 10, offset, xdata };
        let part = books.disk.own().child().readdirp(asked).await?;
        for entry in part.entries.iter().filter(|entry| !matches!(&entry.name[..], b"." | b"..")) {
            let (gfid, is_dir) = (entry.iatt.gfid, entry.iatt.is_dir());
            // A file of several names is counted with the one that is found first.
            let several = !is_dir && entry.iatt.nlink > 1;
            if linked.contains(&gfid) || (several && !held.linked.insert(gfid)) {
                continue;
            }
            match entry.xattrs.gfid(HOME) {
                Some(home) if home == dir => held.counts += Counts::of(&entry.iatt),
                home => held.counts += take_in(books, gfid, home, dir).await?,
            }
            if is_dir {
                held.directories.push(gfid);
            }
        }
        if part.at_end || part.entries.is_empty() {
            return Ok(held);
        }
        offset = part.entries.last().map_or(offset, |entry| entry.offset);
        rt::yield_now().await;
    }
}

/// Gives an object its home. Who changes it meanwhile does not know of this one, so what was read of it may be old.
async fn take_in(books: &Books, gfid: Gfid, home: Option<Gfid>, dir: Gfid) -> FopResult<Counts> {
    let _file = books.turns.file(gfid).await;
    if home.is_some() {
        // Changes of it may have been added to the old home after that was read.
        books.upset();
    }
    let taken = async {
        let iatt = books.disk.stat(gfid).await?;
        books.move_home(gfid, dir).await?;
        Ok(Counts::of(&iatt))
    };
    match taken.await {
        // Its name went, and that is added to the books.
        Err(error) if is_gone(&error) => Ok(Counts::default()),
        done => done,
    }
}

/// Adds up and writes down.
async fn write(books: &Books, mut found: Vec<(Gfid, Gfid, Counts)>) -> FopResult<()> {
    let mut totals = HashMap::<Gfid, Counts>::new();
    while let Some((dir, above, direct)) = found.pop() {
        let mut total = totals.remove(&dir).unwrap_or_default();
        total += direct;
        *totals.entry(above).or_default() += total;
        match books.disk.set(dir, BELOW, Value::bytes(total.to_string().into_bytes())).await {
            Err(error) if is_gone(&error) && !dir.is_root() => {}
            done => done?,
        }
    }
    Ok(())
}
