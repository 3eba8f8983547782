//! The seal: how the next start knows whether all was written down.
//!
//! Two numbers lie on the root. Before the first change, `opened` becomes one more than `closed`; when all is written down,
//! `closed` becomes what `opened` is. So a mark that is set late, while others go on, says nothing that is not so, and nobody
//! has to wait for another's call: whoever finds the books closed opens them himself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use plugin_api::prelude::*;

use crate::books::lock;
use crate::disk::Disk;

const OPENED: &str = "trusted.mortar.usage.opened";
const CLOSED: &str = "trusted.mortar.usage.closed";

/// The two numbers, once they are known.
#[derive(Debug, Default)]
pub(crate) struct Seal(Mutex<Option<Marks>>);

#[derive(Debug, Clone, Copy)]
struct Marks {
    opened: u64,
    closed: u64,
}

impl Seal {
    /// Finds out how the books were left: the first who knows it says in `exact` whether they were closed.
    pub(crate) async fn look(&self, disk: &Disk, exact: &AtomicBool) -> FopResult<()> {
        if lock(&self.0).is_some() {
            return Ok(());
        }
        let (opened, closed) = (number(disk, OPENED).await?, number(disk, CLOSED).await?);
        let found = Marks { opened: opened.unwrap_or(1), closed: closed.unwrap_or(0) };
        let mut marks = lock(&self.0);
        if marks.is_none() {
            *marks = Some(found);
            exact.store(found.closed >= found.opened, Relaxed);
        }
        Ok(())
    }

    /// From here on the root says that not all is written down.
    pub(crate) async fn open(&self, disk: &Disk) -> FopResult<()> {
        let marks = *lock(&self.0);
        let Some(Marks { closed, .. }) = marks.filter(|marks| marks.closed >= marks.opened) else {
            return Ok(());
        };
        let opened = closed.saturating_add(1);
        disk.set(Gfid::ROOT, OPENED, text(opened)).await?;
        if let Some(marks) = lock(&self.0).as_mut() {
            marks.opened = marks.opened.max(opened);
        }
        Ok(())
    }

    /// Whoever comes from here on opens the books anew. Answers what [`mark`](Self::mark) is to set, when they were open.
    pub(crate) fn close(&self) -> Option<u64> {
        let mut marks = lock(&self.0);
        let marks = marks.as_mut().filter(|marks| marks.opened > marks.closed)?;
        marks.closed = marks.opened;
        Some(marks.closed)
    }

    /// Says on the root that all is written down.
    pub(crate) async fn mark(disk: &Disk, closed: u64) {
        if let Err(error) = disk.set(Gfid::ROOT, CLOSED, text(closed)).await {
            log!(Warn, xl: disk.name(), "the next start will count anew", errno = error);
        }
    }
}

async fn number(disk: &Disk, name: &'static str) -> FopResult<Option<u64>> {
    let there = disk.get(Gfid::ROOT, name).await?;
    Ok(there.as_ref().and_then(Value::as_str).and_then(|text| text.parse().ok()))
}

fn text(number: u64) -> Value {
    Value::bytes(number.to_string().into_bytes())
}
