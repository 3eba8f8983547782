//! Queries: what one node answers from what it knows.

pub mod help;
pub mod info;
pub mod list;
pub mod option_values;
pub mod peers;
pub mod spec;
pub mod state_file;
