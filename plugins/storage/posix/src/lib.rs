//! `storage/posix`: the brick on disk, at the foot of every brick graph.
//!
//! `fops` reads what a fop asks and answers it; everything else is the brick itself, which knows nothing of graphs.
#![forbid(unsafe_code)]

mod aligned;
mod ask;
mod attr;
mod brick;
mod caller;
mod data;
mod descriptors;
mod dirread;
mod dirs;
mod disk_value;
mod files;
mod find;
mod fops;
mod gfid2path;
mod gfids;
mod glob;
mod handle;
mod handles;
mod health;
mod hidden;
#[cfg(test)]
mod incumbent_tests;
mod inodes;
mod landfill;
mod link;
mod make;
mod mdata;
mod options;
mod paths;
mod place;
#[cfg(test)]
mod race_tests;
mod remove;
mod rename;
mod seam;
mod space;
mod stat;
#[cfg(test)]
mod testing;
mod times;
mod xattrop;
mod xattrs;
mod xlator;

pub use xlator::Posix;
