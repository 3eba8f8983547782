//! The count: walks all directories in the background and makes the books anew, while files go on changing.
//!
//! One directory at a time is read while nobody changes anything. What was changed in it before is in what was read; what is
//! changed in it afterwards waits in the books until the count is done.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::Relaxed;

use plugin_api::prelude::*;

use crate::books::{BELOW, Books, HOME};
use crate::counts::Counts;

/// After so many moves of directories under it, a count gives up.
const ROUNDS: usize = 5;

/// Counts everything, unless a count goes on already.
pub(crate) async fn count(books: &Books) {
    if books.counting.swap(true, Relaxed) {
        return;
    }
    books.exact.store(false, Relaxed);
    for _ in 0..ROUNDS {
        books.moved.store(false, Relaxed);
        let Ok(totals) = round(books).await else { break };
        let _alone = books.quiet().await;
        if !books.moved.load(Relaxed) {
            books.exact.store(write(books, totals).await.is_ok(), Relaxed);
            break;
        }
    }
    books.counting.store(false, Relaxed);
}

/// What lies directly in each directory, parents before what is in them.
async fn round(books: &Books) -> FopResult<Vec<(Gfid, Gfid, Counts)>> {
    let (mut found, mut linked) = (Vec::new(), HashSet::new());
    let mut waiting = vec![(Gfid::ROOT, Gfid::NULL)];
    while let Some((dir, above)) = waiting.pop() {
        if books.is_stopped() {
            return Err(Errno::ECANCELED.into());
        }
        let _alone = books.quiet().await;
        match read(books, dir, &mut linked).await {
            Ok((counts, below)) => {
                books.forget(dir);
                found.push((dir, above, counts));
                waiting.extend(below.into_iter().map(|child| (child, dir)));
            }
            // It was removed since its name was read.
            Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ESTALE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Reads one directory: gives everything in it its home, and answers what there is, and which directories.
async fn read(books: &Books, dir: Gfid, linked: &mut HashSet<Gfid>) -> FopResult<(Counts, Vec<Gfid>)> {
    let fd = Fd::anonymous(Inode::new(dir, FileType::Directory), 0);
    let (mut counts, mut below, mut offset) = (Counts::default(), Vec::new(), 0);
    loop {
        let xdata = Dict::new().with(HOME, 0);
        let asked = Readdirp { fd: fd.clone(), size: 64 << 10, offset, xdata };
        let part = books.own().child().readdirp(asked).await?;
        for entry in part.entries.iter().filter(|entry| !matches!(&entry.name[..], b"." | b"..")) {
            let gfid = entry.iatt.gfid;
            // A file of several names is counted with the one that is found first.
            if !entry.iatt.is_dir() && entry.iatt.nlink > 1 && !linked.insert(gfid) {
                continue;
            }
            if entry.xattrs.gfid(HOME) != Some(dir) {
                books.move_home(gfid, dir).await?;
            }
            counts += Counts::of(&entry.iatt);
            if entry.iatt.is_dir() {
                below.push(gfid);
            }
        }
        if part.at_end || part.entries.is_empty() {
            return Ok((counts, below));
        }
        offset = part.entries.last().map_or(offset, |entry| entry.offset);
    }
}

/// Adds up and writes down.
async fn write(books: &Books, mut found: Vec<(Gfid, Gfid, Counts)>) -> FopResult<()> {
    let mut totals = HashMap::<Gfid, Counts>::new();
    while let Some((dir, above, direct)) = found.pop() {
        let mut total = totals.remove(&dir).unwrap_or_default();
        total += direct;
        *totals.entry(above).or_default() += total;
        books.set(dir, BELOW, Value::bytes(total.to_string().into_bytes())).await?;
    }
    Ok(())
}
