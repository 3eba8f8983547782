//! The aggregator: a process of this node that knows what lies below a directory on all bricks of a volume together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gluster_rpc::{Client, NoEvents, Settings};
use gluster_xdr::Program;
use gluster_xdr::cli::{CliReq, CliRsp};
use plugin_api::{Dict, Gfid, Value, open, rt};

use crate::limit::Amount;
use crate::tree::SIZE;

const PROGRAM: Program = Program::new(29_852_134, 1, "Gluster Aggregator");
/// Limit and usage of a directory.
const GETLIMIT: u32 = 2;
/// In the request: the kind of list that is asked for, limits of bytes.
const LIST: u32 = 5;
/// Where the incumbent's aggregator listens on every node.
const SOCKET: &str = "/var/run/gluster/quotad.socket";
/// A fop waits no longer than this for the answer.
const LIMIT: Duration = Duration::from_secs(2);
/// Nobody is asked again for so long after there was no answer: the brick's own account has to do.
const PAUSE: Duration = Duration::from_secs(5);

/// The connection to it, made when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Aggregator(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The volume's name, which options and the aggregator call its uuid.
    volume: String,
    link: Option<Client>,
    silent_since: Option<Instant>,
}

impl Aggregator {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of which volume the brick is; the empty text for none.
    pub(crate) fn serve(&self, volume: &str) {
        volume.clone_into(&mut self.state().volume);
    }

    /// What lies below a directory on all bricks; `None` when nobody says.
    pub(crate) async fn used(&self, dir: Gfid) -> Option<Amount> {
        let (link, volume) = self.link()?;
        let dict = Dict::new().with("gfid", dir.to_string()).with("volume-uuid", volume).with("type", LIST);
        let request = CliReq { dict };
        let answer = async {
            link.ready().await.ok()?;
            link.call::<_, CliRsp>(PROGRAM, GETLIMIT, &request).await.ok()
        };
        let Some(answer) = rt::timeout(LIMIT, answer).await.flatten() else {
            self.state().silent_since = Some(Instant::now());
            return None;
        };
        if answer.op_ret != 0 {
            return None;
        }
        answer.dict.get(SIZE).and_then(Value::as_bytes).and_then(Amount::parse)
    }

    fn link(&self) -> Option<(Client, String)> {
        let mut state = self.state();
        if state.volume.is_empty() || state.silent_since.is_some_and(|since| since.elapsed() < PAUSE) {
            return None;
        }
        state.silent_since = None;
        if let Some(link) = state.link.as_ref().filter(|link| link.is_connected()) {
            return Some((link.clone(), state.volume.clone()));
        }
        // Where no transport is installed, there is nobody to ask.
        let transport = open::transport("socket").ok()?;
        let options = Dict::new()
            .with("transport.address-family", "unix")
            .with("transport.socket.connect-path", SOCKET)
            .with("transport.socket.read-fail-log", "off");
        let settings = Settings {
            name: format!("{}-quotad", state.volume),
            frame_timeout: LIMIT,
            reconnect: None,
            ..Settings::default()
        };
        let link = Client::open(transport, options, settings, NoEvents);
        state.link = Some(link.clone());
        Some((link, state.volume.clone()))
    }
}
