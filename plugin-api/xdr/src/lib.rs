//! Wire types and codecs of GlusterFS 10; no I/O.
