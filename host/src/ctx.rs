//! The context of a process: what the start-up steps fill and the rest reads.
use std::time::SystemTime;

use crate::settings::Settings;

/// One process that serves a graph.
#[derive(Debug)]
pub struct Ctx {
    /// What it was asked to do.
    pub settings: Settings,
    /// When it was started.
    pub started: SystemTime,
}

impl Ctx {
    /// A context for these settings, started now.
    pub fn new(settings: Settings) -> Ctx {
        Ctx { settings, started: SystemTime::now() }
    }
}
