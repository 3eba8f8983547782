//! Volumes: from the settings to a graph that serves.
use crate::ctx::Ctx;
use crate::settings::VolfileSource;
use crate::volfile::{self, Plan, VolfileError};

/// The graph cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum VolumesError {
    /// The volfile cannot be used.
    #[error(transparent)]
    Volfile(#[from] VolfileError),
    /// What comes after the volfile is not there yet.
    #[error("{what} is not built yet")]
    Unbuilt {
        /// The part.
        what: &'static str,
    },
}

/// Reads the volfile that the settings name.
/// # Errors
/// The volfile cannot be read or used.
pub fn plan(ctx: &Ctx) -> Result<Plan, VolumesError> {
    match &ctx.settings.volfile {
        VolfileSource::File(path) => Ok(volfile::load(path)?),
        VolfileSource::Server(_) => Err(VolumesError::Unbuilt { what: "fetching a volfile from a server" }),
    }
}
