//! Xattrs that are not on any disk: they tell where things lie.

use futures_util::future::join_all;
use plugin_api::Key;
use plugin_api::prelude::*;

use crate::call::{Call, worst};
use crate::layout::{Has, Part};

const PLACES: [&[u8]; 2] = [b"trusted.glusterfs.pathinfo", b"glusterfs.pathinfo"];
const NODES: [&[u8]; 2] = [b"trusted.glusterfs.node-uuid", b"trusted.glusterfs.list-node-uuids"];
const STATUS: &[u8] = b"dht.subvol.status";
const HASHED: &[u8] = b"dht.file.hashed-subvol.";
const ANY_CASE: &[u8] = b"glusterfs.get_real_filename:";

impl Call<'_> {
    /// What such a name tells of an inode; `None` for a name that is none of them.
    pub(crate) async fn virtual_xattr(&self, inode: &Inode, args: &Getxattr) -> Option<FopResult<Xattrs>> {
        let name = &args.name[..];
        let told = if PLACES.contains(&name) {
            self.places(inode, args).await
        } else if NODES.contains(&name) {
            self.nodes(inode, args).await
        } else if name == STATUS {
            let all_up = (0..self.count()).all(|at| self.dht.is_up(at));
            Ok(if all_up { "1" } else { "0" }.to_owned())
        } else if let Some(name) = name.strip_prefix(HASHED) {
            self.holder(inode, name).await
        } else if name.starts_with(ANY_CASE) {
            return Some(self.on_all::<kind::getxattr>(args).await);
        } else {
            return None;
        };
        let key = Key::new(args.name.clone());
        Some(told.map(|text| Xattrs { xattrs: Dict::new().with(key, Value::str(text)), xdata: Dict::new() }))
    }

    /// What each of these children says of a name, with nothing for those that say nothing.
    async fn ask_each(&self, children: &[usize], args: &Getxattr) -> FopResult<Vec<Option<String>>> {
        let answers = join_all(children.iter().map(|at| self.child(*at).getxattr(args.clone()))).await;
        if answers.iter().all(Result::is_err) {
            return Err(worst(answers.into_iter().filter_map(Result::err)));
        }
        let text = |told: Xattrs| {
            let wanted = Key::new(args.name.clone());
            let (_, value) = told.xattrs.iter().find(|(key, _)| **key == wanted)?;
            let bytes = value.as_bytes()?;
            Some(String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned())
        };
        Ok(answers.into_iter().map(|answer| answer.ok().and_then(text)).collect())
    }

    /// The children that have something of an inode.
    async fn holders(&self, inode: &Inode) -> FopResult<Vec<usize>> {
        match self.is_dir(inode).await? {
            true => Ok((0..self.count()).collect()),
            false => Ok(vec![self.cached(inode).await?]),
        }
    }

    /// Where a file lies, or on which bricks a directory, and which hashes each of them holds.
    async fn places(&self, inode: &Inode, args: &Getxattr) -> FopResult<String> {
        let name = self.frame.name();
        let told = self.ask_each(&self.holders(inode).await?, args).await?;
        let told = told.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if !self.is_dir(inode).await? {
            return Ok(format!("(<DISTRIBUTE:{name}> {told})"));
        }
        let layout = self.layout(inode).await?;
        let parts = layout.parts.iter().enumerate().filter(|(_, part)| part.has == Has::Range);
        let mut parts: Vec<_> = parts.collect();
        parts.sort_by_key(|(_, part)| part.start);
        let part =
            |(at, part): &(usize, &Part)| format!("({} {} {}) ", self.dht.names[*at], part.start, part.stop);
        let parts: String = parts.iter().map(part).collect();
        Ok(format!("((<DISTRIBUTE:{name}> {told}) ({name}-layout {}))", parts.trim_end()))
    }

    /// The nodes that have something of an inode.
    async fn nodes(&self, inode: &Inode, args: &Getxattr) -> FopResult<String> {
        let told = self.ask_each(&self.holders(inode).await?, args).await?;
        let nobody = || Gfid::NULL.to_string();
        Ok(told.into_iter().map(|node| node.unwrap_or_else(nobody)).collect::<Vec<_>>().join(" "))
    }

    /// The child that a name in a directory belongs on.
    async fn holder(&self, dir: &Inode, name: &[u8]) -> FopResult<String> {
        let holder = self.layout(dir).await?.holder(self.hash(name)).ok_or(Errno::ENODATA)?;
        Ok(self.dht.names[holder].clone())
    }
}
