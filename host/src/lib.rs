//! The host: reads a volfile, opens its translators, serves the graph.
//!
//! - [`volfile`]: the text: grammar, AST, check
//! - [`suggest`]: "did you mean"
pub mod suggest;
pub mod volfile;
