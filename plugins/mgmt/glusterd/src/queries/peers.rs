//! `peer status` and `pool list`: the other nodes, and this one.

use crate::daemon::Daemon;
use gluster_xdr::cli::{ListFriendsReq, ListFriendsRsp};
use plugin_api::Dict;

/// `flags` of the request: this node, too.
const WITH_OURSELVES: i32 = 2;

/// What people see of a peer's state, by its number.
const STATES: [&str; 12] = [
    "Establishing Connection",
    "Probe Sent to Peer",
    "Probe Received from Peer",
    "Peer in Cluster",
    "Accepted peer request",
    "Sent and Received peer request",
    "Peer Rejected",
    "Peer detach in progress",
    "Probe Received from peer",
    "Connected to Peer",
    "Peer is connected and Accepted",
    "Invalid State",
];

/// What people see of a peer's state.
pub(super) fn state_name(state: u32) -> &'static str {
    usize::try_from(state).ok().and_then(|n| STATES.get(n)).unwrap_or(&"Invalid State")
}

/// Answers `peer status` or `pool list`.
#[must_use]
pub fn answer(daemon: &Daemon, request: &ListFriendsReq) -> ListFriendsRsp {
    let state = daemon.state();
    let mut dict = Dict::new();
    let mut count = 0;
    for peer in &state.peers {
        count += 1;
        let mut add = |key: &str, value: plugin_api::Value| dict.push(format!("friend{count}.{key}"), value);
        add("uuid", peer.uuid.to_string().into());
        add("hostname", peer.hostnames.first().map_or("", String::as_str).into());
        add("hostname_count", u64::try_from(peer.hostnames.len()).unwrap_or(u64::MAX).into());
        for (n, name) in peer.hostnames.iter().enumerate() {
            add(&format!("hostname{n}"), name.as_str().into());
        }
        add("port", 0.into());
        add("stateId", peer.state.into());
        add("state", state_name(peer.state).into());
        // Nobody calls them yet.
        add("connected", 0.into());
    }
    if request.flags == WITH_OURSELVES {
        count += 1;
        dict.push(format!("friend{count}.uuid"), daemon.node.to_string());
        dict.push(format!("friend{count}.hostname"), "localhost");
        dict.push(format!("friend{count}.connected"), 1);
    }
    dict.push("count", count);
    ListFriendsRsp { op_ret: 0, op_errno: 0, friends: dict }
}
