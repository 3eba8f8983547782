//! A volume of three bricks in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use cluster_distribute::Distribute;
use plugin_api::prelude::*;
use plugin_testkit::{Bench, Fake, Testkit};

/// Three children that note their calls, below a root that is known.
pub(crate) fn watched() -> (Bench, Vec<Fake>) {
    let fakes: Vec<_> = (0..3).map(|_| Fake::memory()).collect();
    let kit = Testkit::<Distribute>::new().named("v-dht");
    let bench = fakes.iter().fold(kit, |kit, fake| kit.child(fake.clone())).start();
    let root = bench.inode(Gfid::ROOT, FileType::Directory);
    bench.call::<kind::lookup>(Lookup { loc: Loc::of(root), xdata: Dict::new() }).unwrap();
    (bench, fakes)
}
