//! The enforcer: asks the rules before each fop, and learns from each answer.

use plugin_api::fop::set_attr;
use plugin_api::{Dict, Errno, Frame, Iatt, InitCx, InitError, Inode, IoBuf, Loc, Value};

use crate::known::Known;
use crate::{ACCESS_XATTR, Acl, AttrChange, Born, DEFAULT_XATTR, Denied, Perm, SetGid, Subject, Times, born};

const SET_GID: u32 = 0o2000;
/// Open flag of the kernel's own: the file is opened to be executed.
const FMODE_EXEC: i32 = 0o40;

/// What stands behind a translator that enforces access: its one option.
#[derive(Debug, Default)]
pub struct Enforcer {
    super_uid: u32,
}

impl Enforcer {
    /// Reads the options.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub fn new(cx: &InitCx<'_>) -> Result<Self, InitError> {
        let uid = cx.int("super-uid")?;
        let super_uid = u32::try_from(uid)
            .map_err(|_| InitError(format!("option `super-uid` is `{uid}`, expected a user id")))?;
        Ok(Self { super_uid })
    }

    /// Whether nothing is refused to whoever asks: root, and the cluster's own processes.
    pub(crate) fn trusts(&self, frame: &Frame) -> bool {
        let identity = frame.identity();
        identity.pid < 0 || identity.uid == self.super_uid
    }

    /// Lets a caller pass who has every permission of `wanted` on `inode`.
    pub(crate) async fn check(
        &self,
        frame: &Frame,
        inode: Option<&Inode>,
        wanted: Perm,
    ) -> Result<(), Errno> {
        let Some(inode) = inode.filter(|_| !self.trusts(frame)) else { return Ok(()) };
        let known = Known::of(frame, inode).await?;
        known.object().check(subject(frame), wanted).map_err(errno)
    }

    /// Lets a caller pass who may add names to the folder of `loc`.
    pub(crate) async fn check_addition(&self, frame: &Frame, loc: &Loc) -> Result<(), Errno> {
        self.check(frame, loc.parent.as_ref().into_option(), Perm::WRITE | Perm::EXEC).await
    }

    /// Lets a caller pass who may take the name of `loc` out of its folder.
    pub(crate) async fn check_removal(&self, frame: &Frame, loc: &Loc) -> Result<(), Errno> {
        let Some(parent) = loc.parent.as_ref().into_option().filter(|_| !self.trusts(frame)) else {
            return Ok(());
        };
        let folder = Known::of(frame, parent).await?;
        let victim = match loc.inode.as_ref().into_option() {
            Some(inode) if folder.object().is_sticky() && !inode.gfid().is_null() => {
                Known::of(frame, inode).await.ok()
            }
            _ => None,
        };
        let victim = victim.map(|known| known.object().clone());
        folder.object().check_removal(subject(frame), victim.as_ref()).map_err(errno)
    }

    /// Lets a caller pass who may open a file so.
    pub(crate) async fn check_open(&self, frame: &Frame, inode: &Inode, flags: i32) -> Result<(), Errno> {
        self.check(frame, Some(inode), open_permissions(flags)).await
    }

    /// Lets a caller pass who may set these attributes; leaves out a set-gid bit that is not theirs to set.
    pub(crate) async fn check_setattr(
        &self,
        frame: &Frame,
        inode: Option<&Inode>,
        iatt: &mut Iatt,
        valid: u32,
    ) -> Result<(), Errno> {
        let Some(inode) = inode.filter(|_| !self.trusts(frame)) else { return Ok(()) };
        let known = Known::of(frame, inode).await?;
        let on = |bit| valid & bit != 0;
        let times = on(set_attr::ATIME | set_attr::MTIME);
        let to_now = (!on(set_attr::ATIME) || on(set_attr::ATIME_NOW))
            && (!on(set_attr::MTIME) || on(set_attr::MTIME_NOW));
        let change = AttrChange {
            mode: on(set_attr::MODE).then_some(iatt.mode),
            uid: on(set_attr::UID).then_some(iatt.uid),
            gid: on(set_attr::GID).then_some(iatt.gid),
            times: times.then_some(if to_now { Times::Now } else { Times::Given }),
        };
        if change.check(&known.object(), subject(frame)).map_err(errno)? == SetGid::Cleared {
            iatt.mode &= !SET_GID;
        }
        Ok(())
    }

    /// Lets a caller pass who may set or remove an attribute of this name.
    pub(crate) async fn check_xattr_change(
        &self,
        frame: &Frame,
        inode: Option<&Inode>,
        mut names: impl Iterator<Item = &[u8]>,
    ) -> Result<(), Errno> {
        let Some(inode) = inode.filter(|_| !self.trusts(frame)) else { return Ok(()) };
        let known = Known::of(frame, inode).await?;
        let object = known.object();
        let who = subject(frame);
        if names.any(is_list) {
            return object.check_owner(who).map_err(errno);
        }
        object.check(who, Perm::WRITE).map_err(errno)
    }

    /// Lets a caller pass who may read an attribute of this name; everybody may read the lists.
    pub(crate) async fn check_xattr_read(
        &self,
        frame: &Frame,
        inode: Option<&Inode>,
        name: &[u8],
    ) -> Result<(), Errno> {
        if is_list(name) { Ok(()) } else { self.check(frame, inode, Perm::READ).await }
    }

    /// What an object made in the folder of `loc` starts with; the lists go into `xdata`, where the brick finds them.
    pub(crate) async fn born(
        &self,
        frame: &Frame,
        loc: &Loc,
        xdata: &mut Dict,
        mode: u32,
        umask: u32,
        folder: bool,
    ) -> Result<Born, Errno> {
        let number = |key| xdata.uint(key).and_then(|n| u32::try_from(n).ok());
        let (mode, umask) = (number("mode").unwrap_or(mode), number("umask").unwrap_or(umask));
        let start = match loc.parent.as_ref().into_option() {
            Some(parent) => Known::of(frame, parent).await?.object().default.clone(),
            None => None,
        };
        let born = born(start.as_deref(), mode, umask, folder);
        for (key, list) in [(ACCESS_XATTR, &born.access), (DEFAULT_XATTR, &born.default)] {
            if let Some(list) = list {
                xdata.set(key, Value::Bytes(IoBuf::from(list.encode())));
            }
        }
        Ok(born)
    }

    /// Takes over lists that were set.
    pub(crate) fn note_xattrs(frame: &Frame, inode: &Inode, xattrs: &Dict) {
        let Some(known) = Known::find(frame, inode) else { return };
        let mut object = known.object();
        for (key, value) in xattrs.iter() {
            let Some(Ok(list)) = value.as_bytes().map(Acl::decode) else { continue };
            match key.as_str() {
                ACCESS_XATTR => object.set_access(list),
                DEFAULT_XATTR => object.default = list.map(Box::new),
                _ => {}
            }
        }
    }

    /// Takes over that a list was removed.
    pub(crate) fn note_removal(frame: &Frame, inode: &Inode, name: &[u8]) {
        let Some(known) = Known::find(frame, inode) else { return };
        match () {
            () if name == ACCESS_XATTR.as_bytes() => known.object().set_access(None),
            () if name == DEFAULT_XATTR.as_bytes() => known.object().default = None,
            () => {}
        }
    }
}

fn subject(frame: &Frame) -> Subject<'_> {
    let identity = frame.identity();
    Subject { uid: identity.uid, gid: identity.gid, groups: &identity.groups }
}

fn is_list(name: &[u8]) -> bool {
    name == ACCESS_XATTR.as_bytes() || name == DEFAULT_XATTR.as_bytes()
}

fn open_permissions(flags: i32) -> Perm {
    let access = match flags & libc::O_ACCMODE {
        libc::O_WRONLY => Perm::WRITE,
        libc::O_RDWR => Perm::READ | Perm::WRITE,
        _ if flags & FMODE_EXEC != 0 => Perm::EXEC,
        _ => Perm::READ,
    };
    if flags & libc::O_TRUNC != 0 { access | Perm::WRITE } else { access }
}

fn errno(denied: Denied) -> Errno {
    match denied {
        Denied::Access => Errno::EACCES,
        Denied::NotOwner => Errno::EPERM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_needs_what_the_flags_say() {
        assert_eq!(open_permissions(libc::O_RDONLY), Perm::READ);
        assert_eq!(open_permissions(libc::O_RDONLY | libc::O_TRUNC), Perm::READ | Perm::WRITE);
        assert_eq!(open_permissions(libc::O_WRONLY | libc::O_APPEND), Perm::WRITE);
        assert_eq!(open_permissions(libc::O_RDWR), Perm::READ | Perm::WRITE);
        assert_eq!(open_permissions(FMODE_EXEC), Perm::EXEC, "to execute, a file need not be readable");
    }
}
