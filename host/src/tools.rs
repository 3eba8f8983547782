//! Things done and printed without serving: `mortar check` and its like.
use std::io::{self, Write};

use crate::cmdline::Tool;
use crate::volfile::{self, VolfileError};

/// A tool could not do its work, or found a fault.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The volfile is faulty.
    #[error(transparent)]
    Volfile(#[from] VolfileError),
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
    /// This build cannot do it.
    #[error("{what} is not built yet")]
    Unbuilt {
        /// The tool.
        what: &'static str,
    },
}

/// Does what the tool is for.
/// # Errors
/// The tool found a fault, or could not do its work.
pub fn run(tool: Tool) -> Result<(), ToolError> {
    match tool {
        Tool::Print(text) => print(&text),
        Tool::Check { volfile } => {
            let plan = volfile::load(&volfile)?;
            let top = plan.nodes.last().map_or("", |node| node.name.as_str());
            let (count, path) = (plan.nodes.len(), volfile.display());
            print(&format!("{path}: sound, {count} volume{}, top {top}\n", if count == 1 { "" } else { "s" }))
        }
        Tool::Graph { .. } => Err(ToolError::Unbuilt { what: "mortar graph" }),
        Tool::Plugin { .. } => Err(ToolError::Unbuilt { what: "mortar plugin" }),
    }
}

fn print(text: &str) -> Result<(), ToolError> {
    io::stdout().write_all(text.as_bytes()).map_err(ToolError::Output)
}
