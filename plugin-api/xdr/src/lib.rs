//! Wire types of GlusterFS 10 and their codecs: XDR in, XDR out; no I/O, no copies of payloads, no trusted length.
//!
//! Every message is declared once, as a struct whose fields stand in wire order. Decoding slices the record it was
//! given: what was opaque on the wire is an [`IoBuf`](plugin_api::IoBuf) that shares the record's memory. Nothing here
//! panics on any input, and nothing is allocated for a length that was only claimed.
//!
//! A blocking caller needs three calls:
//!
//! ```
//! use gluster_xdr::{cli, record, rpc};
//! use plugin_api::Dict;
//!
//! let request = cli::CliReq { dict: Dict::new().with("volname", "v") };
//! let message = rpc::encode_call(2, cli::CLI, cli::CliProc::GetVolume.number(), &rpc::Credential::default(), &request);
//! let bytes_to_send = record::framed(&message);
//!
//! let mut records = record::Assembler::new(record::LIMIT); // push what the socket read, take whole records
//! records.push(&[0x80, 0, 0, 4, 1, 2, 3]);
//! assert!(records.next_record()?.is_none());
//! # Ok::<(), record::RecordError>(())
//! ```
#![forbid(unsafe_code)]

#[macro_use]
mod macros;

pub mod auth;
pub mod brickop;
pub mod callback;
pub mod cli;
mod codec;
pub mod dict;
pub mod dump;
pub mod fop;
pub mod gfx;
pub mod handshake;
pub mod mgmt;
pub mod peer;
pub mod pmap;
pub mod program;
pub mod record;
pub mod rpc;

pub use codec::{
    Codec, Fault, List, ListOf, Lossy, Opaque, Plain, Reader, Text, UuidWords, Writer, Xdr, XdrError, decode,
    encode,
};
pub use program::Program;
