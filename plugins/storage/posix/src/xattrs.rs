//! Sets, reads, lists and removes xattrs.

use plugin_api::{Dict, IoBuf, Key, Value};
use rustix::fs::XattrFlags;
use rustix::io::{Errno, Result};
use smallvec::SmallVec;

use crate::brick::Brick;
use crate::disk_value::on_disk;
use crate::find::Found;
use crate::hidden::{Setting, is_hidden, is_identity, setting};
use crate::mdata::Times;
use crate::place::Place;
use crate::stat::S_IFREG;

/// Key of a request that only brings the times a client saw.
const SET_TIMES: &str = "set-ctime-mdata";

/// What a read of one name gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Value(Vec<u8>),
    /// There, but not for anybody: success with nothing in it.
    Withheld,
}

impl Brick {
    /// Sets all of `xattrs`, in order; the first failure ends it.
    pub(crate) fn set_xattrs(&self, found: &Found<'_>, xattrs: &Dict, flags: i32) -> Result<()> {
        if let Some(Value::Mdata(times)) = xattrs.get(SET_TIMES) {
            return self.merge_times(&found.inode, &found.place, &Times::from(times));
        }
        let flags =
            XattrFlags::from_bits(u32::try_from(flags).map_err(|_| Errno::INVAL)?).ok_or(Errno::INVAL)?;
        for (name, value) in xattrs.iter() {
            let name = name.as_bytes();
            match setting(name) {
                Setting::Ignore => {}
                Setting::Refuse(e) => return Err(e),
                Setting::Times => {
                    let times = value.as_bytes().and_then(Times::decode).ok_or(Errno::INVAL)?;
                    self.merge_times(&found.inode, &found.place, &times)?;
                }
                Setting::Store if name == b"system.posix_acl_access" && is_pointer(found) => {}
                Setting::Store => {
                    let value = on_disk(value).ok_or(Errno::INVAL)?;
                    found.place.set_xattr(name, &value, flags)?;
                }
            }
        }
        Ok(())
    }

    /// Removes what a heal does not bring along: user xattrs and ACLs that are not in `keep`.
    pub(crate) fn drop_other_xattrs(&self, found: &Found<'_>, keep: &Dict) -> Result<()> {
        let healed = |name: &[u8]| name.starts_with(b"user.") || name.starts_with(b"system.posix_acl_");
        for name in names(&found.place)?.iter() {
            if healed(name) && !keep.iter().any(|(key, _)| key.as_bytes() == name) {
                found.place.remove_xattr(name)?;
            }
        }
        Ok(())
    }

    /// Reads one xattr that lies on disk. `ENODATA` when there is none, or none for this caller.
    pub(crate) fn get_xattr(&self, place: &Place<'_>, name: &[u8], pid: i32) -> Result<Got> {
        if is_hidden(name, pid) {
            return Err(Errno::NODATA);
        }
        let value = place.xattr_vec(name)?;
        Ok(if is_identity(name) { Got::Withheld } else { Got::Value(value) })
    }

    /// All xattrs that this caller may see.
    pub(crate) fn list_xattrs(&self, place: &Place<'_>, pid: i32) -> Result<Dict> {
        let mut all = Dict::new();
        for name in names(place)?.iter() {
            if is_hidden(name, pid) || is_identity(name) {
                continue;
            }
            match place.xattr_vec(name) {
                Ok(value) => all.push(Key::new(IoBuf::copy_from_slice(name)), value),
                // Gone since it was listed.
                Err(Errno::NODATA) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }

    /// Removes one xattr. `EPERM` for the ids of the brick.
    pub(crate) fn drop_xattr(&self, place: &Place<'_>, name: &[u8]) -> Result<()> {
        if is_identity(name) {
            return Err(Errno::PERM);
        }
        if name.is_empty() || name.contains(&0) {
            return Err(Errno::INVAL);
        }
        place.remove_xattr(name)
    }
}

/// Whether this is a pointer file of distribute, which has no ACL of its own.
fn is_pointer(found: &Found<'_>) -> bool {
    u32::from(found.st.stx_mode) == S_IFREG | 0o1000
        && found.place.xattr(b"trusted.glusterfs.dht.linkto", &mut [0; 256]).is_ok()
}

/// Names of xattrs, as one text.
#[derive(Debug, Default)]
pub(crate) struct Names(SmallVec<[u8; 512]>);

impl Names {
    /// This one alone.
    pub(crate) fn one(name: &[u8]) -> Self {
        Self(SmallVec::from_slice(name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == 0).filter(|name| !name.is_empty())
    }
}

/// The names of all xattrs.
pub(crate) fn names(place: &Place<'_>) -> Result<Names> {
    match place.xattr_names() {
        Ok(names) => Ok(Names(names)),
        Err(Errno::OPNOTSUPP) => Ok(Names::default()),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::{Gfid, Mdata};

    use super::*;
    use crate::ask::Ask;
    use crate::testing::{brick, user};

    #[test]
    fn values_are_stored_listed_and_removed() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let found = brick.locate(gfid).unwrap();
        let large = vec![7; 2000];
        let set = Dict::new()
            .with("user.b", vec![1, 2])
            .with("trusted.gfid", vec![9; 16])
            .with("user.large", large.clone());
        brick.set_xattrs(&found, &set, 0).unwrap();
        assert_eq!(brick.get_xattr(&found.place, b"user.large", 0), Ok(Got::Value(large)));
        assert_eq!(brick.get_xattr(&found.place, b"trusted.gfid", 0), Ok(Got::Withheld));
        let listed = brick.list_xattrs(&found.place, 0).unwrap();
        assert_eq!(
            listed.iter().map(|(key, _)| key.as_str()).collect::<BTreeSetOf>().0,
            ["user.b", "user.large"]
        );
        brick.drop_xattr(&found.place, b"user.b").unwrap();
        assert_eq!(brick.drop_xattr(&found.place, b"user.b"), Err(Errno::NODATA));
        assert_eq!(brick.drop_xattr(&found.place, b"trusted.gfid"), Err(Errno::PERM));
        assert_eq!(brick.locate(gfid).unwrap().gfid, gfid);
    }

    struct BTreeSetOf(Vec<String>);
    impl<'a> FromIterator<&'a str> for BTreeSetOf {
        fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
            let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
            names.sort();
            Self(names)
        }
    }

    #[test]
    fn texts_lie_on_disk_with_their_nul() {
        let brick = brick();
        let found_gfid = brick.mkfile(Gfid::ROOT, "f");
        let found = brick.locate(found_gfid).unwrap();
        brick.set_xattrs(&found, &Dict::new().with("trusted.glusterfs.dht.linkto", "v-client-1"), 0).unwrap();
        let stored = found.place.xattr_vec(b"trusted.glusterfs.dht.linkto").unwrap();
        assert_eq!(stored, b"v-client-1\0");
    }

    #[test]
    fn create_and_replace_are_kept() {
        let brick = brick();
        let found_gfid = brick.mkfile(Gfid::ROOT, "f");
        let found = brick.locate(found_gfid).unwrap();
        let set = Dict::new().with("user.a", vec![1]);
        assert_eq!(brick.set_xattrs(&found, &set, 2), Err(Errno::NODATA));
        brick.set_xattrs(&found, &set, 1).unwrap();
        assert_eq!(brick.set_xattrs(&found, &set, 1), Err(Errno::EXIST));
        assert_eq!(brick.set_xattrs(&found, &set, 64), Err(Errno::INVAL));
    }

    #[test]
    fn brought_times_are_merged_and_shown() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        let found = brick.locate(gfid).unwrap();
        let times = Mdata { ctime: 5, mtime: 3_000_000, atime: 7, ..Mdata::default() };
        brick
            .set_xattrs(&found, &Dict::new().with("set-ctime-mdata", times).with("user.x", vec![1]), 0)
            .unwrap();
        let shown = brick.attributes(gfid).unwrap();
        assert_eq!((shown.ctime, shown.mtime), (user().time.sec, 3_000_000));
        assert_eq!(
            found.place.xattr_vec(b"user.x"),
            Err(Errno::NODATA),
            "nothing else of that request counts"
        );
        assert_eq!(brick.get_xattr(&found.place, b"trusted.glusterfs.mdata", 0), Err(Errno::NODATA));
        let bad = Dict::new().with("trusted.glusterfs.mdata", vec![1; 56]);
        assert_eq!(brick.set_xattrs(&found, &bad, 0), Err(Errno::INVAL));
    }

    #[test]
    fn a_lookup_is_answered_what_it_asks() {
        let brick = brick();
        let gfid = brick.mkfile(Gfid::ROOT, "f");
        std::fs::write(brick.path("f"), "small").unwrap();
        let _open = brick.open_file(gfid, 0).unwrap();
        let found = brick.locate(gfid).unwrap();
        let asked = Dict::new()
            .with("trusted.glusterfs.mdata", 1)
            .with("trusted.glusterfs.dht", 16)
            .with("glusterfs.content", 65536)
            .with("glusterfs.open-fd-count", 4)
            .with("get-size", 1)
            .with("link-count", "glusterfs.xattrop_index_count");
        let answers = brick.answer(&Ask::of(&asked), &found, 0);
        assert_eq!(answers.get("trusted.glusterfs.mdata").unwrap().as_bytes().unwrap().len(), 57);
        assert_eq!(answers.get("glusterfs.content").unwrap().as_bytes(), Some(&b"small"[..]));
        assert_eq!((answers.int("glusterfs.open-fd-count"), answers.int("get-size")), (Some(1), Some(5)));
        assert_eq!(answers.len(), 4);
        let small = brick.answer(&Ask::of(&Dict::new().with("glusterfs.content", 4)), &found, 0);
        assert!(small.is_empty(), "the file is larger than that");
    }

    #[test]
    fn paths_come_from_the_records_on_the_object() {
        let brick = brick();
        let dir = brick.mkdir(Gfid::ROOT, "dir");
        let gfid = brick.mkfile(dir, "f");
        brick.link(&user(), gfid, &brick.at(Gfid::ROOT, "a longer name")).unwrap();
        let found = brick.locate(gfid).unwrap();
        let mut paths = brick.paths(&found).unwrap();
        paths.sort();
        assert_eq!(paths, [b"/a longer name".to_vec(), b"/dir/f".to_vec()]);
        let asked = Dict::new().with("glusterfs.ancestry.path", 0);
        for (gfid, path) in [(dir, "/dir"), (Gfid::ROOT, "/")] {
            let answers = brick.answer(&Ask::of(&asked), &brick.locate(gfid).unwrap(), 0);
            assert_eq!(
                answers.str("glusterfs.ancestry.path"),
                Some(path),
                "the aggregator shows limits by it"
            );
        }
        let info = brick.path_info(&brick.locate(dir).unwrap());
        let root = brick.path.display();
        assert_eq!(info, format!("<POSIX({root}):here:{root}/dir>"));
        assert_eq!(brick.real_name(Gfid::ROOT, b"DIR"), Ok(b"dir".to_vec()));
        assert_eq!(brick.real_name(Gfid::ROOT, b".GLUSTERFS"), Err(Errno::NODATA));
    }
}
