//! The ABI as other compilers and other times see it.
#![forbid(unsafe_code)]

#[path = "abi/in_c.rs"]
mod in_c;
