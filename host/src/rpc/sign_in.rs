//! Signing in: tells the port map where a brick listens, and that it goes.
use std::time::Duration;

use gluster_rpc::{CallError, Client};
use gluster_xdr::pmap::{PMAP, PmapProc, SignInReq, SignInRsp, SignOutReq, SignOutRsp};
use plugin_api::{Errno, IoBuf};
use tokio::time::timeout;

use crate::settings::BrickSettings;

/// How long the daemon may take over a sign-in.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a process that ends waits for the daemon.
const FAREWELL: Duration = Duration::from_millis(500);

/// A sign-in that did not work.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The daemon did not answer.
    #[error("signing in with the port map: {0}")]
    Call(#[from] CallError),
    /// The daemon does not take the brick.
    #[error("the port map does not take brick {brick} on port {port}: {errno}")]
    Refused {
        /// The brick's path.
        brick: String,
        /// The port.
        port: u16,
        /// The daemon's error.
        errno: Errno,
    },
}

/// The brick that signs in, with the port it listens on: the one the graph tells, else the one that the process was
/// given. Nothing for a graph that is no brick's.
pub fn brick<'a>(
    name: Option<&'a str>,
    listens_on: Option<u16>,
    settings: &BrickSettings,
) -> Option<(&'a str, u16)> {
    Some((name?, listens_on.or(settings.ports.first().copied())?))
}

/// Tells the port map that the brick listens.
/// # Errors
/// The daemon does not answer, or refuses.
pub async fn sign_in(client: &Client, (brick, port): (&str, u16)) -> Result<(), SignInError> {
    let pid = i32::try_from(std::process::id()).expect("the kernel's numbers are small");
    let request = SignInReq { brick: IoBuf::from(brick.to_owned()), port: port.into(), pid };
    let call = client.call(PMAP, PmapProc::SignIn.number(), &request);
    let answer: SignInRsp = timeout(PATIENCE, call).await.unwrap_or(Err(CallError::TimedOut))?;
    if answer.op_ret < 0 {
        let errno = Errno::from_raw(answer.op_errno);
        return Err(SignInError::Refused { brick: brick.to_owned(), port, errno });
    }
    tracing::info!(brick, port, "brick signed in");
    Ok(())
}

/// Tells the port map that the brick goes. A daemon that does not answer soon notices the end of the connection.
pub async fn sign_out(client: &Client, (brick, port): (&str, u16)) {
    let request = SignOutReq { brick: IoBuf::from(brick.to_owned()), port: port.into(), rdma_port: 0 };
    let call = client.call::<_, SignOutRsp>(PMAP, PmapProc::SignOut.number(), &request);
    match timeout(FAREWELL, call).await {
        Ok(Ok(_)) => tracing::info!(brick, port, "brick signed out"),
        Ok(Err(error)) => tracing::warn!(brick, port, %error, "brick could not sign out"),
        Err(_) => tracing::info!(brick, port, "brick signed out; the daemon is busy and did not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brick_that_listens_elsewhere_signs_in_with_that_port() {
        let settings = BrickSettings { ports: vec![0], ..BrickSettings::default() };
        assert_eq!(brick(Some("/b"), Some(50_000), &settings), Some(("/b", 50_000)));
    }

    #[test]
    fn only_a_brick_with_a_port_signs_in() {
        let settings = |ports: &[u16]| BrickSettings { ports: ports.to_vec(), ..BrickSettings::default() };
        assert_eq!(brick(Some("/b"), None, &settings(&[49152, 49153])), Some(("/b", 49152)));
        assert_eq!(brick(None, Some(49152), &settings(&[49152])), None);
        assert_eq!(brick(Some("/b"), None, &settings(&[])), None);
    }
}
