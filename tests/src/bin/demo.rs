//! `make run`: a demo volume in a private place.
fn main() {}
