//! The greeting: from a connection to a brick that serves, by way of the management daemon where the port is not known.

use std::sync::Arc;
use std::time::Duration;

use gluster_rpc::{CallError, Client};
use gluster_xdr::auth::Credential;
use gluster_xdr::dump::{DUMP, DumpProc, DumpReq, DumpRsp};
use gluster_xdr::fop::FOP;
use gluster_xdr::handshake::{HANDSHAKE_BRICK, HandshakeProc, SetvolumeReq, SetvolumeRsp};
use gluster_xdr::pmap::{PMAP, PmapProc, PortByBrickReq, PortByBrickRsp};
use gluster_xdr::rpc::Caller;
use gluster_xdr::{Xdr, dict};
use plugin_api::{Dict, Errno, EventKind, IoBuf, Payload, Value, log, rt};

use crate::brick::Brick;
use crate::fds;

/// How long a greeting may take, all of it: who does not answer is given up and tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a 10.3 client says of itself.
const CLIENT_VERSION: &str = "10.3";
const OP_VERSION: u32 = 100_000;
/// What the incumbent's clients put into their DUMP; nobody looks.
const MAGIC: u64 = 0xcaed;

/// Why a greeting came to nothing.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Silent,
    #[error("the brick has not signed in at the management daemon: is it running?")]
    NotRunning,
    #[error("the management daemon names port {0}")]
    NoPort(i32),
    #[error("the server serves no bricks of this version")]
    NoProgram,
    #[error("{text} ({errno})")]
    SignIn { errno: Errno, text: String },
    #[error("the brick is of volume {found}, expected {expected}")]
    OtherVolume { found: String, expected: String },
}

/// Greets whoever is at the other end; a connection on which that fails is given up, and another attempt follows.
pub(crate) async fn greet(brick: Arc<Brick>, generation: u64) {
    // A greeting that is cut short leaves nothing behind: the connection goes with it.
    let outcome = rt::timeout(PATIENCE, greeted(&brick, generation)).await.unwrap_or(Err(Refused::Silent));
    let Err(why) = outcome else { return };
    log!(Warn, xl: brick.handle.name(), "no brick at the other end", brick = brick.settings().subvolume, why = why);
    if let Some(rpc) = brick.rpc() {
        rpc.disconnect_in(generation);
    }
}

async fn greeted(brick: &Arc<Brick>, generation: u64) -> Result<(), Refused> {
    let Some(rpc) = brick.rpc() else { return Ok(()) };
    let offer: DumpRsp = rpc.call(DUMP, DumpProc::Dump.number(), &DumpReq { gfs_id: MAGIC }).await?;
    if offer.serves(PMAP) {
        let port = port(brick, rpc).await?;
        brick.go_on_to(generation, brick.settings().first.clone().with("remote-port", u32::from(port)));
        return Ok(());
    }
    if !offer.serves(FOP) {
        return Err(Refused::NoProgram);
    }
    let serves = sign_in(brick, rpc, generation).await?;
    fds::open_again(brick, generation).await;
    if serves {
        brick.serves(generation)
    } else {
        brick.pauses(generation)
    }
    Ok(())
}

async fn port(brick: &Brick, rpc: &Client) -> Result<u16, Refused> {
    let ask = PortByBrickReq { brick: IoBuf::from(brick.settings().subvolume.clone()) };
    let told: PortByBrickRsp = rpc.call(PMAP, PmapProc::PortByBrick.number(), &ask).await?;
    if told.op_ret < 0 {
        return Err(Refused::NotRunning);
    }
    u16::try_from(told.port).ok().filter(|port| *port != 0).ok_or(Refused::NoPort(told.port))
}

/// Signs in; whether the brick serves already.
async fn sign_in(brick: &Brick, rpc: &Client, generation: u64) -> Result<bool, Refused> {
    let request = SetvolumeReq { dict: IoBuf::from(dict::encode(&introduction(brick))) };
    let who = Credential::default();
    let put = |w: &mut gluster_xdr::Writer| request.put(w);
    let procedure = HandshakeProc::Setvolume.number();
    let pending =
        rpc.start_in(generation, HANDSHAKE_BRICK, procedure, Caller::V3(&who), put, Payload::default());
    let told: SetvolumeRsp = gluster_xdr::decode(&pending.await?).map_err(CallError::from)?;
    if told.op_ret < 0 {
        return Err(refusal(brick, &told));
    }
    if let Some(found) = told.dict.str("volume-id") {
        let expected = brick.settings().volume_id.clone();
        let is_other = expected.as_deref().is_some_and(|expected| expected != found);
        if is_other || !brick.is_of(found) {
            let expected = expected.or_else(|| brick.volume_id()).unwrap_or_default();
            return Err(Refused::OtherVolume { found: found.to_owned(), expected });
        }
    }
    log!(Info, xl: brick.handle.name(), "signed in", brick = brick.settings().subvolume);
    Ok(told.dict.int("child_up") != Some(0))
}

/// Why the brick does not let us in; those above hear of what a further attempt will not mend.
fn refusal(brick: &Brick, told: &SetvolumeRsp) -> Refused {
    let errno = Errno::from_raw(told.op_errno);
    let has_folder = brick.settings().told.contains("subdir-mount");
    match errno {
        Errno::EACCES => brick.announce(EventKind::AUTH_FAILED),
        Errno::ENOENT if has_folder => brick.announce(EventKind::AUTH_FAILED),
        Errno::ESTALE => brick.announce(EventKind::VOLFILE_MODIFIED),
        _ => {}
    }
    Refused::SignIn { errno, text: told.dict.str("ERROR").unwrap_or("no reason given").to_owned() }
}

/// Who we are, as the incumbent's clients say it: the options, and then some.
fn introduction(brick: &Brick) -> Dict {
    let settings = brick.settings();
    let process = if brick.process_name.is_empty() { "fuse" } else { &brick.process_name };
    let mut all = settings
        .told
        .clone()
        .with("fops-version", FOP.number)
        .with("client-version", CLIENT_VERSION)
        .with("opversion", OP_VERSION)
        .with("clnt-lk-version", 1)
        .with("volfile-checksum", 0)
        .with("process-name", Value::str(process))
        .with("process-uuid", Value::str(format!("{}{}", brick.uid, brick.next_sign_in())));
    if !brick.volfile_id.is_empty() {
        all.set("volfile-key", Value::str(brick.volfile_id.clone()));
    }
    if let Some(id) = brick.volume_id() {
        all.set("volume-id", Value::str(id));
    }
    all
}
