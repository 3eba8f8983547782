//! Records: what a change looks like in a journal.
//!
//! # Source
//! Journals that GlusterFS 10.3 wrote, byte for byte; `libgfchangelog` reads both encodings.

use plugin_api::prelude::*;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Ids and numbers as they lie in memory.
    Binary,
    /// As text.
    #[default]
    Ascii,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A name came, went or moved.
    Entry {
        /// What the name is of.
        gfid: Gfid,
        /// Which fop.
        fop: u32,
        /// Mode, owner and group, where something was made.
        made: Option<[u32; 3]>,
        /// Directory and name; where it moved, both.
        places: Vec<(Gfid, IoBuf)>,
        /// The path of what was deleted; empty when it is not written down.
        deleted: Option<Vec<u8>>,
    },
    /// Content.
    Data(Gfid),
    /// Attributes, or extended ones; and which fop.
    Metadata(Gfid, u32),
}

impl Encoding {
    /// By the name that the option has.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ascii" => Some(Self::Ascii),
            "binary" => Some(Self::Binary),
            _ => None,
        }
    }

    /// What a journal begins with.
    #[must_use]
    pub fn header(self) -> String {
        let number = match self {
            Self::Binary => 1,
            Self::Ascii => 2,
        };
        format!("GlusterFS Changelog | version: v1.2 | encoding : {number}\n")
    }

    fn gfid(self, gfid: Gfid, out: &mut Vec<u8>) {
        match self {
            Self::Binary => out.extend_from_slice(&gfid.0),
            Self::Ascii => out.extend_from_slice(gfid.to_string().as_bytes()),
        }
    }

    fn number(self, number: u32, out: &mut Vec<u8>) {
        match self {
            Self::Binary => out.extend_from_slice(&number.to_le_bytes()),
            Self::Ascii => out.extend_from_slice(number.to_string().as_bytes()),
        }
        out.push(0);
    }
}

impl Change {
    /// The record, with the NUL that ends it.
    #[must_use]
    pub fn record(&self, encoding: Encoding) -> Vec<u8> {
        let mut out = Vec::with_capacity(160);
        let begin = |kind, gfid, out: &mut Vec<u8>| {
            out.push(kind);
            encoding.gfid(gfid, out);
            out.push(0);
        };
        match self {
            Self::Data(gfid) => begin(b'D', *gfid, &mut out),
            Self::Metadata(gfid, fop) => {
                begin(b'M', *gfid, &mut out);
                encoding.number(*fop, &mut out);
            }
            Self::Entry { gfid, fop, made, places, deleted } => {
                begin(b'E', *gfid, &mut out);
                encoding.number(*fop, &mut out);
                for number in made.iter().flatten() {
                    encoding.number(*number, &mut out);
                }
                for (parent, name) in places {
                    encoding.gfid(*parent, &mut out);
                    out.push(b'/');
                    out.extend_from_slice(name);
                    out.push(0);
                }
                if let Some(path) = deleted {
                    // A path that is not known is one NUL, and has its own NUL behind it.
                    out.extend_from_slice(if path.is_empty() { b"\0" } else { path });
                    out.push(0);
                }
            }
        }
        out
    }
}
