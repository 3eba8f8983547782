//! The `gluster` command line.
fn main() {}
