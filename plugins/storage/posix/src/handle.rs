//! Handle names: where under `.glusterfs` an object is found by its gfid.

use gluster_brick::Name;
use plugin_api::Gfid;

const HEX: &[u8; 16] = b"0123456789abcdef";
const ROOT_TARGET: &[u8] = b"../../..";

/// `aa/bb/GFID`, relative to `.glusterfs`, ended by a NUL.
#[derive(Clone, Copy)]
pub(crate) struct HandleName([u8; 43]);

impl HandleName {
    pub(crate) fn of(gfid: Gfid) -> Self {
        let mut name = [0; 43];
        let text = gfid_text(gfid);
        name[..2].copy_from_slice(&text[..2]);
        name[2] = b'/';
        name[3..5].copy_from_slice(&text[2..4]);
        name[5] = b'/';
        name[6..42].copy_from_slice(&text);
        Self(name)
    }

    /// The whole name.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..42]
    }

    /// The first folder, `aa`.
    pub(crate) fn first(&self) -> &[u8] {
        &self.0[..2]
    }

    /// Both folders, `aa/bb`.
    pub(crate) fn folder(&self) -> &[u8] {
        &self.0[..5]
    }
}

/// The 36 characters of `gfid`, without the formatting machinery: this runs in every fop.
pub(crate) fn gfid_text(gfid: Gfid) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (n, byte) in gfid.0.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

/// The gfid in exactly 36 characters with dashes in their places.
pub(crate) fn parse_gfid(text: &[u8]) -> Option<Gfid> {
    if text.len() != 36 || [8, 13, 18, 23].iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let gfid: Gfid = std::str::from_utf8(text).ok()?.parse().ok()?;
    (gfid_text(gfid) == text.to_ascii_lowercase().as_slice()).then_some(gfid)
}

/// What the symlink that is a directory's handle points to: its parent's handle and its name.
pub(crate) fn dir_target(parent: Gfid, name: Name<'_>) -> Vec<u8> {
    let mut target = Vec::with_capacity(49 + name.bytes().len());
    target.extend_from_slice(b"../../");
    target.extend_from_slice(HandleName::of(parent).bytes());
    target.push(b'/');
    target.extend_from_slice(name.bytes());
    target
}

/// Where a directory hangs, read back from its handle.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DirTarget {
    /// The brick itself.
    Root,
    /// A directory of this name in that parent.
    In(Gfid, Vec<u8>),
}

/// Reads the target of a directory handle; `None` when it is anything else.
pub(crate) fn parse_dir_target(target: &[u8]) -> Option<DirTarget> {
    if target == ROOT_TARGET {
        return Some(DirTarget::Root);
    }
    let rest = target.strip_prefix(b"../../")?;
    let (handle, name) = (rest.get(..42)?, rest.get(43..)?);
    let parent = parse_gfid(&handle[6..])?;
    let sound = rest[42] == b'/' && HandleName::of(parent).bytes() == handle && !parent.is_null();
    (sound && Name::new(name).is_ok()).then(|| DirTarget::In(parent, name.to_vec()))
}

/// The target of the root's own handle.
pub(crate) fn root_target() -> &'static [u8] {
    ROOT_TARGET
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gfid() -> Gfid {
        "f5ed0674-0433-46ed-983b-19dd06856421".parse().unwrap()
    }

    #[test]
    fn a_handle_lies_two_folders_deep_by_its_first_bytes() {
        assert_eq!(HandleName::of(gfid()).bytes(), b"f5/ed/f5ed0674-0433-46ed-983b-19dd06856421");
        assert_eq!(HandleName::of(gfid()).folder(), b"f5/ed");
        assert_eq!(parse_gfid(&gfid_text(gfid())), Some(gfid()));
    }

    #[test]
    fn a_directory_handle_reads_back() {
        let target = dir_target(gfid(), Name::new(b"some dir").unwrap());
        assert_eq!(target, b"../../f5/ed/f5ed0674-0433-46ed-983b-19dd06856421/some dir");
        assert_eq!(parse_dir_target(&target), Some(DirTarget::In(gfid(), b"some dir".to_vec())));
        assert_eq!(parse_dir_target(b"../../.."), Some(DirTarget::Root));
    }

    #[test]
    fn targets_that_are_no_directory_handles_are_told_apart() {
        for bad in [
            &b"/etc/passwd"[..],
            b"../../../etc",
            b"../../f5/ee/f5ed0674-0433-46ed-983b-19dd06856421/x",
            b"../../f5/ed/f5ed0674-0433-46ed-983b-19dd06856421/",
            b"../../f5/ed/f5ed0674-0433-46ed-983b-19dd06856421/..",
            b"../../f5/ed/f5ed0674-0433-46ed-983b-19dd06856421/a/b",
            b"../../f5/ed/f5ed0674-0433-46ed-983b-19dd06856421",
            b"../../f5/ed/f5ed0674x0433-46ed-983b-19dd06856421/a",
            b"../../00/00/00000000-0000-0000-0000-000000000000/a",
            b"",
        ] {
            assert_eq!(parse_dir_target(bad), None, "{}", bad.escape_ascii());
        }
    }
}
