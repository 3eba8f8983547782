//! Mount: what a client does before it leaves the terminal.
use crate::ctx::Ctx;
use crate::report::StartError;

/// Prepares the mount that the settings ask for.
/// # Errors
/// A mount was asked for: `mount/fuse` is not there yet.
pub fn prepare(ctx: &Ctx) -> Result<(), StartError> {
    match &ctx.settings.mount {
        Some(mount) => Err(StartError::Mount { point: mount.point.clone() }),
        None => Ok(()),
    }
}
