//! Replies, and the one notice: bytes for the kernel.

use std::time::Duration;

use plugin_api::fop::Space;
use plugin_api::{Errno, Iatt, Payload};

/// Bytes of a reply's header.
pub(crate) const HEADER: usize = 16;
/// The highest error number that the kernel takes.
const HIGHEST_ERRNO: i32 = 511;
/// A notice: what is cached of an inode is out of date.
const INVAL_INODE: i32 = 2;
/// A notice: a name leads nowhere any more, as far as the kernel knows.
const INVAL_ENTRY: i32 = 3;
/// The block size that applications are told, as the incumbent's.
const BLOCK_SIZE: u32 = 131_072;

/// What a request is answered with.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Fields, or nothing.
    Fields(Fields),
    /// What was read.
    Data(Payload),
}

/// Fields of a reply, one after the other, behind room for the header.
#[derive(Debug)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
}

/// How attributes are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// For how long the kernel may keep attributes.
    pub(crate) attributes: Duration,
    /// For how long it may keep names.
    pub(crate) names: Duration,
    /// Whether inode numbers are folded to 32 bits.
    pub(crate) ino32: bool,
}

impl Reply {
    /// Success, and nothing to say.
    pub(crate) fn done() -> Self {
        Self::Fields(Fields::new(0))
    }

    /// A node, with its attributes.
    pub(crate) fn entry(node: u64, generation: u64, iatt: &Iatt, look: Look) -> Self {
        let mut fields = Fields::new(128);
        fields.entry(node, generation, iatt, look);
        Self::Fields(fields)
    }

    /// Attributes.
    pub(crate) fn attributes(iatt: &Iatt, look: Look) -> Self {
        let mut fields = Fields::new(104);
        fields.u64(look.attributes.as_secs());
        fields.u32(look.attributes.subsec_nanos());
        fields.u32(0);
        fields.attributes(iatt, look.ino32);
        Self::Fields(fields)
    }

    /// A descriptor.
    pub(crate) fn opened(handle: u64, flags: u32) -> Self {
        let mut fields = Fields::new(16);
        fields.opened(handle, flags);
        Self::Fields(fields)
    }

    /// A number of bytes that were written, or that there would be.
    pub(crate) fn count(count: u32) -> Self {
        let mut fields = Fields::new(8);
        fields.u32(count);
        fields.u32(0);
        Self::Fields(fields)
    }

    /// A place in a file.
    pub(crate) fn offset(offset: u64) -> Self {
        let mut fields = Fields::new(8);
        fields.u64(offset);
        Self::Fields(fields)
    }

    /// Space.
    pub(crate) fn space(space: &Space) -> Self {
        let mut fields = Fields::new(80);
        for count in [space.blocks, space.bfree, space.bavail, space.files, space.ffree] {
            fields.u64(count);
        }
        for size in [space.bsize, space.namemax, space.frsize] {
            fields.u32(u32::try_from(size).unwrap_or(u32::MAX));
        }
        (0..7).for_each(|_| fields.u32(0));
        Self::Fields(fields)
    }
}

impl Fields {
    /// Room for so many bytes, which may grow.
    pub(crate) fn new(room: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + room);
        bytes.resize(HEADER, 0);
        Self { bytes }
    }

    /// Bytes of all fields.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - HEADER
    }

    /// Four bytes.
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_ne_bytes());
    }

    /// Eight bytes.
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_ne_bytes());
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A node with its attributes; node 0 for none.
    pub(crate) fn entry(&mut self, node: u64, generation: u64, iatt: &Iatt, look: Look) {
        self.u64(node);
        self.u64(generation);
        self.u64(look.names.as_secs());
        self.u64(look.attributes.as_secs());
        self.u32(look.names.subsec_nanos());
        self.u32(look.attributes.subsec_nanos());
        self.attributes(iatt, look.ino32);
    }

    /// A descriptor.
    pub(crate) fn opened(&mut self, handle: u64, flags: u32) {
        self.u64(handle);
        self.u32(flags);
        self.u32(0);
    }

    fn attributes(&mut self, iatt: &Iatt, ino32: bool) {
        self.u64(shown_ino(iatt, ino32));
        self.u64(iatt.size);
        self.u64(iatt.blocks);
        for seconds in [iatt.atime, iatt.mtime, iatt.ctime] {
            self.u64(u64::from_ne_bytes(seconds.to_ne_bytes()));
        }
        self.u32(iatt.atime_nsec);
        self.u32(iatt.mtime_nsec);
        self.u32(iatt.ctime_nsec);
        self.u32(iatt.mode);
        self.u32(iatt.nlink);
        self.u32(iatt.uid);
        self.u32(iatt.gid);
        self.u32(kernel_rdev(iatt.rdev));
        self.u32(BLOCK_SIZE);
        self.u32(0);
    }

    /// A name in a directory, padded.
    pub(crate) fn name(&mut self, ino: u64, offset: u64, kind: u32, name: &[u8]) {
        self.u64(ino);
        self.u64(offset);
        self.u32(u32::try_from(name.len()).unwrap_or(0));
        self.u32(kind);
        self.raw(name);
        let padded = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(padded, 0);
    }

    /// The whole reply to request `unique`.
    pub(crate) fn finish(mut self, unique: u64) -> Vec<u8> {
        let head = header(self.bytes.len(), 0, unique);
        self.bytes[..HEADER].copy_from_slice(&head);
        self.bytes
    }
}

/// The number that applications see.
pub(crate) fn shown_ino(iatt: &Iatt, ino32: bool) -> u64 {
    match ino32 {
        true => (iatt.ino ^ (iatt.ino >> 32)) & u64::from(u32::MAX),
        false => iatt.ino,
    }
}

/// A device number as the kernel packs it: 12 bits of major in the middle of 20 bits of minor.
fn kernel_rdev(rdev: u64) -> u32 {
    let (major, minor) = (rdev >> 32, rdev & u64::from(u32::MAX));
    let packed = (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xf_ff00) << 12);
    u32::try_from(packed).expect("32 bits")
}

/// The kernel's device number as a fop has it.
pub(crate) fn fop_rdev(packed: u32) -> u64 {
    let packed = u64::from(packed);
    let (major, minor) = ((packed >> 8) & 0xfff, (packed & 0xff) | ((packed >> 12) & 0xf_ff00));
    major << 32 | minor
}

/// The header of a reply of `len` bytes in all.
pub(crate) fn header(len: usize, error: i32, unique: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
    header[4..8].copy_from_slice(&error.to_ne_bytes());
    header[8..].copy_from_slice(&unique.to_ne_bytes());
    header
}

/// The reply to request `unique` that it failed.
pub(crate) fn failure(errno: Errno, unique: u64) -> [u8; HEADER] {
    // A number that the kernel does not take would leave the caller waiting for ever.
    let number = if errno.raw() > HIGHEST_ERRNO { libc::EIO } else { errno.raw() };
    header(HEADER, -number, unique)
}

/// A notice that all content and attributes of a node are out of date.
pub(crate) fn invalid_node(node: u64) -> Vec<u8> {
    let mut fields = Fields::new(24);
    fields.u64(node);
    fields.u64(0);
    fields.u64(0);
    let head = header(fields.bytes.len(), INVAL_INODE, 0);
    fields.bytes[..HEADER].copy_from_slice(&head);
    fields.bytes
}

/// The notice that a name is to be looked up again: what it led to may be forgotten.
pub(crate) fn invalid_entry(parent: u64, name: &[u8]) -> Vec<u8> {
    let mut fields = Fields::new(16 + name.len() + 1);
    fields.u64(parent);
    fields.u32(u32::try_from(name.len()).unwrap_or(0));
    fields.u32(0);
    fields.bytes.extend_from_slice(name);
    fields.bytes.push(0);
    let head = header(fields.bytes.len(), INVAL_ENTRY, 0);
    fields.bytes[..HEADER].copy_from_slice(&head);
    fields.bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::request;

    const LOOK: Look =
        Look { attributes: Duration::from_millis(1500), names: Duration::from_secs(2), ino32: false };

    #[test]
    fn structs_are_as_long_as_the_kernels() {
        let len = |reply| match reply {
            Reply::Fields(fields) => fields.len(),
            other => panic!("{other:?}"),
        };
        let iatt = Iatt::default();
        assert_eq!(len(Reply::entry(5, 1, &iatt, LOOK)), 128);
        assert_eq!(len(Reply::attributes(&iatt, LOOK)), 104);
        assert_eq!(len(Reply::opened(3, 0)), 16);
        assert_eq!(len(Reply::count(3)), 8);
        assert_eq!(len(Reply::space(&Space::default())), 80);
        assert_eq!(invalid_node(7).len(), HEADER + 24);
        let notice = invalid_entry(1, b"name");
        assert_eq!((notice.len(), &notice[HEADER + 16..]), (HEADER + 16 + 5, &b"name\0"[..]));
    }

    #[test]
    fn a_reply_names_its_request_and_its_length() {
        let Reply::Fields(fields) = Reply::offset(77) else { panic!("fields") };
        let bytes = fields.finish(12);
        let mut read = request::Fields::of(&bytes);
        assert_eq!((read.u32(), read.i32(), read.u64(), read.u64()), (Ok(24), Ok(0), Ok(12), Ok(77)));
    }

    #[test]
    fn an_error_that_the_kernel_does_not_know_is_an_io_error() {
        let code = |errno| request::Fields::of(&failure(Errno::from_raw(errno), 1)[4..]).i32();
        assert_eq!((code(2), code(512), code(22_222)), (Ok(-2), Ok(-5), Ok(-5)));
    }

    #[test]
    fn device_numbers_survive_both_ways() {
        for rdev in [0, (1 << 32) | 3, (259 << 32) | 1_000_000, (4095 << 32) | 0xf_ffff] {
            assert_eq!(fop_rdev(kernel_rdev(rdev)), rdev, "{rdev:#x}");
        }
        assert_eq!(kernel_rdev((1 << 32) | 3), 0x103);
    }

    #[test]
    fn names_are_padded_and_counted_without_the_padding() {
        let mut fields = Fields::new(0);
        fields.name(9, 1, 4, b"abc");
        assert_eq!(fields.len(), 32);
        fields.name(9, 2, 4, b"abcdefgh");
        assert_eq!(fields.len(), 64);
    }

    #[test]
    fn a_folded_inode_number_has_32_bits() {
        let iatt = Iatt { ino: 0x1234_5678_0000_0001, ..Iatt::default() };
        assert_eq!(shown_ino(&iatt, true), 0x1234_5679);
        assert_eq!(shown_ino(&iatt, false), iatt.ino);
    }
}
