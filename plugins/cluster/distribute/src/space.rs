//! Space: what the children have, summed up for callers and remembered for who makes files.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use futures_util::future::join_all;
use plugin_api::prelude::*;

use crate::call::{Call, worst};
use crate::options::{Least, Settings};

/// What is known of the children's space.
#[derive(Debug, Default)]
pub(crate) struct Spaces(Mutex<(Option<Instant>, Vec<Space>)>);

impl Spaces {
    pub(crate) fn known(&self) -> Vec<Space> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Whether it is time to ask again; who is told so asks.
    fn is_old(&self) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = known.0.is_none_or(|at| at.elapsed().as_secs() >= 1);
        if old {
            known.0 = Some(Instant::now());
        }
        old
    }

    fn set(&self, spaces: Vec<Space>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = spaces;
    }
}

/// The size of a child in MiB, rounded up; 0 when it is not known.
pub(crate) fn weight(space: &Space) -> u64 {
    let per_chunk = (1 << 20_u64) / space.bsize.clamp(1, 1 << 20);
    space.blocks.div_ceil(per_chunk.max(1))
}

/// Whether a child has no room for a new file.
fn is_full(space: &Space, settings: &Settings) -> bool {
    if space.blocks == 0 {
        return false;
    }
    let percent = |free: u64, all: u64| if all == 0 { 100 } else { u128::from(free) * 100 / u128::from(all) };
    let disk = match settings.min_free_disk {
        Least::Percent(least) => (percent(space.bavail, space.blocks) as f64) < least,
        Least::Bytes(least) => space.bavail.saturating_mul(space.frsize) < least,
    };
    disk || (percent(space.ffree, space.files) as f64) < settings.min_free_inodes
}

impl Call<'_> {
    /// Whether a child would have too little left once it took so many bytes more.
    pub(crate) fn is_too_full(&self, space: &Space, bytes: u128) -> bool {
        let blocks = u64::try_from(bytes / u128::from(space.frsize.max(1))).unwrap_or(u64::MAX);
        is_full(&Space { bavail: space.bavail.saturating_sub(blocks), ..*space }, &self.settings())
    }

    /// Asks the children for their space, where nobody did for a second.
    pub(crate) async fn refresh_space(&self) {
        if !self.dht.spaces.is_old() {
            return;
        }
        let root = self.root();
        let ask = |at| {
            let loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
            root.child_at(at).statfs(Statfs { loc, xdata: Dict::new().with("ignore-deem-statfs", 1) })
        };
        let answers = join_all((0..self.count()).map(ask)).await;
        let spaces = answers.into_iter().map(|answer| answer.map(|a| a.space).unwrap_or_default());
        self.dht.spaces.set(spaces.collect());
    }

    /// The child for a new file that belongs on `hashed`: another one when that is full.
    pub(crate) async fn roomy(&self, hashed: usize) -> usize {
        self.refresh_space().await;
        let settings = self.settings();
        let spaces = self.dht.spaces.known();
        let leaving = |at: usize| settings.leaving.contains(&self.dht.names[at]);
        if spaces.get(hashed).is_none_or(|space| !is_full(space, &settings)) && !leaving(hashed) {
            return hashed;
        }
        let free = |space: &Space| u128::from(space.bavail) * u128::from(space.frsize);
        let others = spaces
            .iter()
            .enumerate()
            .filter(|(at, space)| !leaving(*at) && space.blocks > 0 && !is_full(space, &settings));
        others.max_by_key(|(_, space)| free(space)).map_or(hashed, |(at, _)| at)
    }

    /// The sum over all children.
    pub(crate) async fn statfs(&self, args: Statfs) -> FopResult<SpaceReply> {
        let mut args = args;
        if !matches!(args.loc.inode.as_ref().into_option(), Some(inode) if inode.file_type() == FileType::Directory)
        {
            args.loc = Loc::of(Inode::new(Gfid::ROOT, FileType::Directory));
        }
        let answers = self.all::<kind::statfs>(&args).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let good: Vec<_> = good.into_iter().flatten().collect();
        let used = |reply: &SpaceReply| reply.space.blocks.saturating_sub(reply.space.bfree);
        let deemed = good.iter().filter(|r| r.xdata.int("quota-deem-statfs").is_some_and(|n| n != 0));
        if let Some(limit) = deemed.max_by_key(|reply| used(reply)) {
            return Ok(limit.clone());
        }
        let frsize = good.iter().map(|reply| reply.space.frsize).max().unwrap_or(0);
        let bsize = good.iter().map(|reply| reply.space.bsize).max().unwrap_or(0);
        let add = |mut sum: SpaceReply, one: SpaceReply| {
            let scaled = |blocks: u64| {
                let bytes = u128::from(blocks) * u128::from(one.space.frsize) / u128::from(frsize.max(1));
                u64::try_from(bytes).unwrap_or(u64::MAX)
            };
            sum.space = Space {
                bsize,
                frsize,
                blocks: sum.space.blocks.saturating_add(scaled(one.space.blocks)),
                bfree: sum.space.bfree.saturating_add(scaled(one.space.bfree)),
                bavail: sum.space.bavail.saturating_add(scaled(one.space.bavail)),
                files: sum.space.files.saturating_add(one.space.files),
                ffree: sum.space.ffree.saturating_add(one.space.ffree),
                favail: sum.space.favail.saturating_add(one.space.favail),
                ..one.space
            };
            sum.xdata = one.xdata;
            sum
        };
        let sum = good.into_iter().fold(SpaceReply::default(), add);
        match sum.space.bsize {
            0 => Err(worst(bad.into_iter().filter_map(Result::err))),
            _ => Ok(sum),
        }
    }
}
