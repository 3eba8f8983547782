//! From a gfid back to paths in the volume.

use plugin_api::Gfid;
use rustix::fs::Dir;
use rustix::io::{Errno, Result};

use crate::brick::Brick;
use crate::find::Found;
use crate::gfid2path;
use crate::handle::{DirTarget, HandleName};
use crate::xattrs::names;

const MAX_DEPTH: usize = 4096;

impl Brick {
    /// The path of the directory `gfid` from the root of the volume: `/` or `/a/b`.
    pub(crate) fn dir_path(&self, gfid: Gfid) -> Result<Vec<u8>> {
        let (mut parts, mut at) = (Vec::new(), gfid);
        while !at.is_root() {
            match self.read_dir_handle(at)? {
                DirTarget::Root => return Err(Errno::STALE),
                DirTarget::In(parent, name) => {
                    parts.push(name);
                    at = parent;
                }
            }
            if parts.len() > MAX_DEPTH {
                return Err(Errno::LOOP);
            }
        }
        if parts.is_empty() {
            return Ok(b"/".to_vec());
        }
        Ok(parts.iter().rev().flat_map(|part| [b"/", &part[..]].concat()).collect())
    }

    /// Every path under which the object is known.
    pub(crate) fn paths(&self, found: &Found<'_>) -> Result<Vec<Vec<u8>>> {
        if found.is_dir() {
            return Ok(vec![self.dir_path(found.gfid)?]);
        }
        let mut paths = Vec::new();
        for name in names(&found.place)?.iter().filter(|name| name.starts_with(gfid2path::PREFIX)) {
            let Ok(value) = found.place.xattr_vec(name) else { continue };
            let Some((parent, name)) = gfid2path::parse(&value) else { continue };
            let Ok(mut path) = self.dir_path(parent) else { continue };
            if path.last() != Some(&b'/') {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            paths.push(path);
        }
        if paths.is_empty() { Err(Errno::NODATA) } else { Ok(paths) }
    }

    /// `<POSIX(BRICK):HOST:PATH>`: where the object really lies.
    pub(crate) fn path_info(&self, found: &Found<'_>) -> String {
        let options = self.options();
        let host = match (&options.glusterd_uuid, options.node_uuid_pathinfo) {
            (Some(uuid), true) => uuid,
            _ => &options.hostname,
        };
        let inside = self
            .paths(found)
            .ok()
            .and_then(|paths| paths.into_iter().next())
            .unwrap_or_else(|| [b"/.glusterfs/", HandleName::of(found.gfid).bytes()].concat());
        let brick = self.path.display();
        let inside = if inside == b"/" { "/".into() } else { String::from_utf8_lossy(&inside).into_owned() };
        format!("<POSIX({brick}):{host}:{brick}{inside}>")
    }

    /// The entry of the directory `gfid` whose name is `wanted` but for the case of its letters. `ENODATA` without one.
    pub(crate) fn real_name(&self, gfid: Gfid, wanted: &[u8]) -> Result<Vec<u8>> {
        let dir = self.dir(gfid)?;
        for entry in Dir::read_from(&*dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name.eq_ignore_ascii_case(wanted) && !(gfid.is_root() && name == gluster_brick::HIDDEN) {
                return Ok(name.to_vec());
            }
        }
        Err(Errno::NODATA)
    }
}
