//! Signing in: the checks of SETVOLUME, one after the other, and the session at their end.

use std::sync::Arc;

use gluster_rpc::Peer;
use plugin_api::auth::Applicant;
use plugin_api::fop::Lookup;
use plugin_api::{Client, Dict, Errno, Gfid, Identity, Inode, IoBuf, Loc, rt};

use super::auth::Accepted;
use crate::bricks::{Brick, State};
use crate::door::Servers;
use crate::names;
use crate::server::Server;
use crate::session::Session;

/// Why a client stays out: what it is answered.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) errno: Errno,
    pub(super) text: String,
}

fn refuse<T>(errno: Errno, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { errno, text: text.into() })
}

/// The longest name that a client may give itself, bytes; the incumbent's have about 150.
const LONGEST_UID: usize = 4096;
/// What clients send as `fops-version`: the program's number.
const FOPS_VERSION: u64 = gluster_xdr::fop::FOP.number as u64;
/// Where a brick keeps its volume's id.
const VOLUME_ID: &str = "trusted.glusterfs.volume-id";

impl Servers {
    /// Lets a client in that shows `request`, a serialized dict.
    pub(super) async fn sign_in(&self, peer: &Arc<Peer>, request: &IoBuf) -> Result<Arc<Session>, Refusal> {
        let Ok(request) = gluster_xdr::dict::decode(request) else {
            return refuse(Errno::EINVAL, "Internal error: failed to unserialize request dictionary");
        };
        let Some(name) = request.str("remote-subvolume") else {
            return refuse(Errno::EINVAL, "No remote-subvolume option specified");
        };
        let Some((server, brick)) = self.find(name) else {
            return refuse(Errno::ENOENT, "Brick not found");
        };
        server.sign_in(brick, peer, request).await
    }
}

impl Server {
    async fn sign_in(
        self: Arc<Self>,
        brick: usize,
        peer: &Arc<Peer>,
        request: Dict,
    ) -> Result<Arc<Session>, Refusal> {
        let brick = self.brick_that_serves(brick)?;
        let uid = match request.str("process-uuid") {
            Some(uid) if !uid.is_empty() && uid.len() <= LONGEST_UID => uid.to_owned(),
            _ => return refuse(Errno::EINVAL, "UUID not specified"),
        };
        self.check_volume(brick, &request).await?;
        check_version(&request)?;
        let applicant = Applicant {
            brick: brick.name.as_str().into(),
            peer: peer.name().into(),
            tls_name: Default::default(),
            request,
            ..Applicant::default()
        };
        let (applicant, verdict) = self.ask_authenticators(applicant).await;
        let Some(accepted) = verdict else {
            self.events.rejected(peer, &uid, &brick.name);
            return refuse(Errno::EACCES, "Authentication failed");
        };
        let subdir = self.subdir(brick, &applicant.request).await?;
        let client = Client::new(&uid, peer.name(), accepted.trusted);
        let session = Arc::new(Session::new(self.clone(), client, brick.index, subdir, peer, applicant));
        if let Some(before) = peer.detach::<Session>() {
            before.server.leave(&before);
        }
        peer.attach(session.clone());
        if !self.enter(&session) {
            return refuse(Errno::ENOENT, "Brick not found");
        }
        Ok(session)
    }

    /// Asks who decides, on a thread that may block: an authenticator may have to resolve a host name.
    async fn ask_authenticators(self: &Arc<Self>, applicant: Applicant) -> (Applicant, Option<Accepted>) {
        let (server, who) = (self.clone(), applicant.clone());
        let verdict = async move { server.authenticators().verdict(&server.settings().values, &who) };
        (applicant, rt::offload(verdict).await.flatten())
    }

    fn brick_that_serves(&self, index: usize) -> Result<&Brick, Refusal> {
        let brick = &self.bricks[index];
        match brick.state() {
            State::Up => Ok(brick),
            State::Starting => {
                refuse(Errno::EAGAIN, "xlator graph in server is not initialised yet. Try again later")
            }
            State::Down => refuse(Errno::EAGAIN, "Not received child_up for this xlator"),
        }
    }

    async fn check_volume(&self, brick: &Brick, request: &Dict) -> Result<(), Refusal> {
        if brick.volume_id.get().is_none() {
            self.ask_for_volume_id(brick).await;
        }
        match (request.str("volume-id"), brick.volume_id.get()) {
            (Some(theirs), Some(ours)) if theirs != ours => refuse(
                Errno::EINVAL,
                format!("Volume-ID different, possible case of same brick re-used in another volume: {ours}"),
            ),
            _ => Ok(()),
        }
    }

    /// Asks the brick which volume it belongs to; one that cannot say is served all the same.
    async fn ask_for_volume_id(&self, brick: &Brick) {
        let frame = self.handle.frame(Identity::default());
        let xdata = Dict::new().with(VOLUME_ID, 0_u32);
        let args = Lookup { loc: Loc::of(brick.inodes.root()), xdata };
        let Ok(root) = frame.child_at(brick.index).lookup(args).await else { return };
        if let Some(id) = root.xdata.gfid(VOLUME_ID) {
            let _ = brick.volume_id.set(id.to_string());
        }
    }

    /// The folder that the client wants for its root, when it does not want the root.
    async fn subdir(&self, brick: &Brick, request: &Dict) -> Result<Option<Gfid>, Refusal> {
        let path = request.str("subdir-mount").unwrap_or("/");
        let mut folder = brick.inodes.root();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder = match self.step(brick, folder, name).await {
                Ok(next) => next,
                Err(_) => {
                    return refuse(
                        Errno::ENOENT,
                        format!("subdirectory for mount \"{}\" is not found", path.escape_debug()),
                    );
                }
            };
        }
        Ok(Some(folder.gfid()).filter(|gfid| !gfid.is_root()))
    }

    async fn step(&self, brick: &Brick, parent: Inode, name: &str) -> Result<Inode, Errno> {
        names::check(name.as_bytes())?;
        let frame = self.handle.frame(Identity::default());
        // Offered to a folder that was put on the brick without an id.
        let offered = Gfid(uuid::Uuid::new_v4().into_bytes());
        let xdata = Dict::new().with("gfid-req", offered);
        let loc = Loc::entry(parent, IoBuf::from(name.to_owned()));
        let found = frame.child_at(brick.index).lookup(Lookup { loc, xdata }).await.map_err(|e| e.errno)?;
        if !found.iatt.is_dir() || found.iatt.gfid.is_null() {
            return Err(Errno::ENOTDIR);
        }
        Ok(brick.inodes.link(found.iatt.gfid, found.iatt.file_type()))
    }
}

fn check_version(request: &Dict) -> Result<(), Refusal> {
    match request.uint("fops-version") {
        Some(FOPS_VERSION) => Ok(()),
        theirs => {
            let (theirs, mgmt) = (theirs.unwrap_or(0), request.uint("mgmt-version").unwrap_or(0));
            refuse(Errno::EINVAL, format!("version mismatch: client({theirs}) - client-mgmt({mgmt})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_the_number_of_the_program_as_its_version() {
        let version = |text: &str| check_version(&Dict::new().with("fops-version", text));
        assert!(version("1298437").is_ok());
        assert_eq!(version("400").unwrap_err().text, "version mismatch: client(400) - client-mgmt(0)");
        assert_eq!(check_version(&Dict::new()).unwrap_err().errno, Errno::EINVAL);
    }
}
