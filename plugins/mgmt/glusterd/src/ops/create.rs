//! `volume create`.

use super::engine::Framework;
use super::new_bricks::{Claims, NewBricks};
use super::{Operation, Refusal, Request, shown};
use crate::brick::BrickName;
use crate::bricks::check::check_overlap;
use crate::daemon::Daemon;
use crate::hooks::{Hook, Side};
use crate::locks::Target;
use crate::options::edit::set_created;
use crate::opversion::VolumeOpVersions;
use crate::store::folder::StoredVolume;
use crate::volgen::files;
use crate::volume::{Credentials, Transport, Volume, VolumeKind, is_valid_name};
use gluster_xdr::mgmt::Op;
use plugin_api::Dict;
use std::path::Path;
use uuid::Uuid;

/// A volume that is to be made.
#[derive(Debug)]
pub struct Create {
    volume: Volume,
    new: NewBricks,
}

impl Create {
    /// Reads the request; what the daemon makes up for the volume is added to it.
    ///
    /// # Errors
    /// The volume is there already, or the request makes no sense.
    pub fn new(daemon: &Daemon, request: &mut Dict) -> Result<Self, Refusal> {
        let asked = Request(request);
        let name = asked.volume_name()?;
        if !is_valid_name(&name) {
            return Err(Refusal::at_once(format!("{} cannot be the name of a volume", shown(&name))));
        }
        if daemon.volume(&name).is_some() {
            return Err(Refusal::at_once(format!("Volume {name} already exists")));
        }
        let new = NewBricks::read(asked)?;
        let kind = kind(asked, new.count())?;
        let transport = Transport::from_word(asked.text("transport")?)
            .ok_or_else(|| Refusal::at_once("the transport of a volume is tcp, rdma or tcp,rdma"))?;
        let mut volume = Volume::new(&name, Uuid::new_v4(), kind, Credentials::generate());
        volume.transport = transport;
        request.set("transport.address-family", daemon.config.family());
        request.set("volume-id", volume.id.to_string());
        request.set("internal-username", volume.credentials.username.clone());
        request.set("internal-password", volume.credentials.password.clone());
        Ok(Self { volume, new })
    }

    /// Bricks of one set on one server would be lost together.
    fn check_spread(&self) -> Result<(), Refusal> {
        let (kind, size) = match self.volume.kind {
            VolumeKind::Distribute => return Ok(()),
            VolumeKind::Replicate { replica, .. } => ("replicate", replica),
            VolumeKind::Disperse { bricks, .. } => ("disperse", bricks),
        };
        // Every brick is this node's, so any set of two shares a server.
        if self.new.is_forced() || size < 2 {
            return Ok(());
        }
        Err(same_server(kind))
    }
}

/// Why bricks of one set do not go on one server without force.
pub(super) fn same_server(kind: &str) -> Refusal {
    Refusal::new(format!(
        "Multiple bricks of a {kind} volume are present on the same server. This setup is not optimal. Bricks should \
         be on different nodes to have best fault tolerant configuration. Use 'force' at the end of the command if you \
         want to override this behavior. "
    ))
}

impl Operation for Create {
    const OP: Op = Op::CreateVolume;
    const FRAMEWORK: Framework = Framework::Synctask;

    fn target(&self) -> Target {
        Target::Volume(self.volume.name.clone())
    }

    async fn stage(&mut self, daemon: &Daemon, reply: &mut Dict) -> Result<(), Refusal> {
        reply.set("port", daemon.next_volume_port());
        let name = &self.volume.name;
        if daemon.volume(name).is_some() {
            return Err(Refusal::new(format!("Volume {name} already exists")));
        }
        self.check_spread()?;
        self.new.check(daemon, &mut self.volume, None)?;
        set_created(&mut self.volume, daemon.config.family());
        let needed = VolumeOpVersions::of(&self.volume);
        (self.volume.op_version, self.volume.client_op_version) = (needed.node, needed.client);
        Ok(())
    }

    async fn commit(&mut self, daemon: &Daemon, _reply: &mut Dict) -> Result<String, Refusal> {
        let _turn = daemon.creating.lock().await;
        for brick in &self.volume.bricks {
            let name = BrickName { host: brick.host.clone(), path: brick.path.clone() };
            check_overlap(&name, Path::new(&brick.real_path), daemon.node, daemon.state().bricks())?;
        }
        let options = daemon.state().options.clone();
        let volfiles = files::generate(&self.volume, &options, &daemon.config.paths, &*daemon.plugins);
        let mut claims = Claims::new(self.volume.id);
        let mut stored = StoredVolume::new(self.volume.clone())?;
        stored.create_after(&daemon.config.paths, &volfiles, || -> Result<(), Refusal> {
            for brick in &self.volume.bricks {
                claims.take(brick, self.new.is_forced())?;
            }
            Ok(())
        })?;
        claims.keep();
        self.new.keep();
        daemon.replace(stored);
        daemon.outside.volfiles_changed();
        Ok(String::new())
    }

    fn hook(&self, _daemon: &Daemon, _side: Side) -> Option<Hook> {
        Some(Hook { operation: "create", args: vec![format!("--volname={}", self.volume.name)] })
    }
}

fn kind(asked: Request<'_>, bricks: usize) -> Result<VolumeKind, Refusal> {
    let kind = match asked.number("type")? {
        0 => VolumeKind::Distribute,
        2 => VolumeKind::Replicate {
            replica: asked.number("replica-count")?,
            arbiter: asked.number("arbiter-count")?,
            thin_arbiter: asked.number("thin-arbiter-count")?,
        },
        4 => VolumeKind::Disperse {
            bricks: asked.number("disperse-count")?,
            redundancy: asked.number("redundancy-count")?,
        },
        other => {
            return Err(Refusal::at_once(format!(
                "volumes of type {other} are not supported, expected 0 (distribute), 2 (replicate) or 4 (disperse)"
            )));
        }
    };
    let makes_sense = match kind {
        VolumeKind::Distribute => true,
        VolumeKind::Replicate { thin_arbiter: 1.., .. } => {
            return Err(Refusal {
                errno: super::NOT_SUPPORTED,
                text: "thin-arbiter volumes are not supported".to_owned(),
            });
        }
        VolumeKind::Replicate { replica, arbiter: 0, .. } => replica >= 2,
        VolumeKind::Replicate { replica, arbiter, .. } => (replica, arbiter) == (3, 1),
        VolumeKind::Disperse { bricks, redundancy } => {
            bricks >= 3 && redundancy >= 1 && u64::from(redundancy) * 2 < u64::from(bricks)
        }
    };
    let size = usize::try_from(kind.set_size()).unwrap_or(usize::MAX).max(1);
    if !makes_sense || !bricks.is_multiple_of(size) {
        return Err(Refusal::at_once(format!("{bricks} bricks do not make sets of {size} of this type")));
    }
    Ok(kind)
}
