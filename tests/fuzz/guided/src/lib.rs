//! What the targets share: reading a message, and reading again what was read.
#![forbid(unsafe_code)]

use std::fmt::Debug;

use gluster_xdr::{Xdr, decode, encode};
use plugin_api::IoBuf;

/// Reads a `T`; what was read is written and read again.
///
/// # Panics
/// When what was written cannot be read.
pub fn read<T: Xdr + Debug>(bytes: &IoBuf) {
    if let Ok(message) = decode::<T>(bytes) {
        let again = IoBuf::from(encode(&message));
        decode::<T>(&again).unwrap_or_else(|error| panic!("{error}: {message:?}"));
    }
}

/// The first byte chooses; the others are what is read.
pub fn chosen(data: &[u8]) -> Option<(u32, IoBuf)> {
    data.split_first().map(|(first, rest)| (u32::from(*first), IoBuf::copy_from_slice(rest)))
}
