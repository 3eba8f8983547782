//! `volume clear-locks`: takes locks away from whoever holds them or waits for them, by an order that bricks take as an attribute
//! to be read.

use super::engine::Framework;
use super::request::existing;
use super::{Operation, Refusal, Request};
use crate::below::words;
use crate::daemon::Daemon;
use crate::locks::Target;
use crate::services::runner::ChangeFault;
use crate::services::service;
use gluster_xdr::mgmt::Op;
use plugin_api::{Dict, log};

/// Locks that are to go.
#[derive(Debug)]
pub struct ClearLocks {
    name: String,
    path: String,
    /// The order.
    attribute: String,
}

impl ClearLocks {
    /// Reads the request.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn new(request: &Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let (kind, of) = (asked.text("kind")?, asked.text("type")?);
        let known =
            ["blocked", "granted", "all"].contains(&kind) && ["inode", "entry", "posix"].contains(&of);
        if !known {
            return Err(Refusal::at_once(format!("there are no {kind} locks of type {of} to be cleared")));
        }
        let which = request.str("opts").map(|which| format!(".{which}")).unwrap_or_default();
        Ok(Self {
            name: asked.volume_name()?,
            path: asked.text("path")?.to_owned(),
            attribute: format!("glusterfs.clrlk.t{of}.k{kind}{which}"),
        })
    }
}

impl Operation for ClearLocks {
    const OP: Op = Op::ClearlocksVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<(), Refusal> {
        match existing(daemon, &self.name)?.volume.is_started() {
            true => Ok(()),
            false => Err(Refusal::new(format!("Volume {} is not started", self.name))),
        }
    }

    async fn commit(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<String, Refusal> {
        let argv = service::clear_locks_mount(&daemon.config, &self.name);
        let read = daemon.services.read(argv, self.path.clone(), self.attribute.clone()).await;
        let told = read.map_err(|fault| match fault {
            ChangeFault::Mount(why) => {
                log!(Error, "volume cannot be mounted", volume = self.name, why = why);
                Refusal::new(
                    "Failed to mount the client maintenance mount. Please check log file for details.",
                )
            }
            ChangeFault::Answer(errno) => {
                Refusal::new(format!("clear-locks getxattr command failed. Reason: {}", words(errno)))
            }
        })?;
        let told = told.strip_suffix(b"\0").unwrap_or(&told);
        reply.set("lk-summary", String::from_utf8_lossy(told).into_owned());
        Ok(String::new())
    }
}
