//! The ABI as other compilers and other times see it.
#![forbid(unsafe_code)]

#[path = "abi/golden.rs"]
mod golden;
#[path = "abi/in_c.rs"]
mod in_c;
#[path = "abi/kept.rs"]
mod kept;
#[path = "abi/made_up.rs"]
mod made_up;
