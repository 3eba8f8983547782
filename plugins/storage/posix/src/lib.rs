//! `storage/posix`: the brick on disk.
#![forbid(unsafe_code)]
#![allow(dead_code)]

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
mod gfid2path;
mod glob;
mod handle;
mod handles;
mod health;
mod hidden;
mod inodes;
mod landfill;
mod link;
mod make;
mod mdata;
mod name;
mod options;
mod paths;
mod place;
mod remove;
mod rename;
mod space;
mod stat;
#[cfg(test)]
mod testing;
mod times;
mod xattrop;
mod xattrs;

#[derive(Debug, Default)]
pub(crate) struct DirEntry {
    ino: u64,
    offset: u64,
    kind: u32,
    name: plugin_api::IoBuf,
    iatt: plugin_api::Iatt,
    xattrs: plugin_api::Dict,
}
