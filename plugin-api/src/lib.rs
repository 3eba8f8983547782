//! Everything a translator needs, and nothing else.

pub mod abi;
mod dict;
mod errno;
mod gfid;
mod iatt;
pub mod sdk;

pub use abi::iobuf::{IoBuf, IoBufMut, IoBufVtable};
pub use dict::{Dict, Key, Value};
pub use errno::Errno;
pub use gfid::{Gfid, ParseGfidError};
pub use iatt::{FileType, Iatt, Mdata, iatt_flags};
