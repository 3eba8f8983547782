//! A library that is no plugin: it exports no root.
#![forbid(unsafe_code)]

/// Something, so that there is a library.
pub extern "C" fn nothing() {}
