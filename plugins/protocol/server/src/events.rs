//! What clients do at this brick, told as events on the node whose daemon gave the brick its volfile.

use gluster_events::{Event, PORT, send_to};
use gluster_rpc::Peer;
use plugin_api::{InitCx, rt};

use crate::session::Session;

/// Who tells.
#[derive(Debug)]
pub(crate) struct Events {
    node: String,
}

impl Events {
    pub(crate) fn of(cx: &InitCx<'_>) -> Self {
        Self { node: cx.setting("volfile-server") }
    }

    /// A client is in.
    pub(crate) fn connected(&self, peer: &Peer, session: &Session) {
        // Whoever mounts a folder of the volume is told of with it.
        let subdir = session.applicant.request.str("subdir-mount").unwrap_or("(null)");
        self.tell(Event::ClientConnect, format!("{};subdir_mount={subdir}", of_session(peer, session)));
    }

    /// A client is gone.
    pub(crate) fn disconnected(&self, peer: &Peer, session: &Session) {
        self.tell(Event::ClientDisconnect, of_session(peer, session));
    }

    /// A client was not let in.
    pub(crate) fn rejected(&self, peer: &Peer, uid: &str, brick: &str) {
        self.tell(Event::ClientAuthReject, details(peer, uid, brick));
    }

    /// On a thread that may block: the node's name may have to be looked up.
    fn tell(&self, event: Event, details: String) {
        if self.node.is_empty() {
            return;
        }
        let node = self.node.clone();
        rt::spawn_blocking(async move {
            let _ = send_to((node.as_str(), PORT), event, &details);
        });
    }
}

fn of_session(peer: &Peer, session: &Session) -> String {
    details(peer, session.client.uid(), &session.server.bricks[session.brick].name)
}

fn details(peer: &Peer, uid: &str, brick: &str) -> String {
    let uid = one_value(uid);
    let local = peer.info().local;
    format!("client_uid={uid};client_identifier={};server_identifier={local};brick_path={brick}", peer.name())
}

/// The client chose it; it stays one value.
fn one_value(text: &str) -> String {
    text.replace(|c: char| c.is_control() || matches!(c, ';' | '=' | ' '), "_")
}

#[cfg(test)]
mod tests {
    use super::one_value;

    #[test]
    fn what_a_client_calls_itself_adds_no_key_to_an_event() {
        assert_eq!(one_value("CTX_ID:1-PID:2"), "CTX_ID:1-PID:2");
        assert_eq!(one_value("a;brick_path=/etc\n"), "a_brick_path_/etc_");
    }
}
