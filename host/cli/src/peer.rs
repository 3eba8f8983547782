//! `peer status` and `pool list`.

use crate::daemon::AskError;
use crate::said::Said;
use crate::words::{Session, counted};
use crate::xml::{Element, document, element};
use gluster_xdr::cli::ListFriendsRsp;
use plugin_api::Dict;

/// The reply leaves the daemon itself out.
const OTHERS: i32 = 1;
/// The reply lists the daemon itself too.
const ALL: i32 = 2;

/// `peer status`.
pub(crate) fn status(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    if !rest.is_empty() {
        return Ok(Said::usage("", "peer status"));
    }
    let reply = session.daemon.friends(OTHERS)?;
    Ok(if session.options.xml { xml(&reply) } else { outcome(&reply, "peer status", text) })
}

/// `pool list`.
pub(crate) fn pool(session: &mut Session<'_>, rest: &[&str]) -> Result<Said, AskError> {
    if !rest.is_empty() {
        return Ok(Said::usage("", "pool list"));
    }
    let reply = session.daemon.friends(ALL)?;
    Ok(if session.options.xml { xml(&reply) } else { outcome(&reply, "pool list", pool_text) })
}

fn outcome(reply: &ListFriendsRsp, command: &str, text: fn(&Dict) -> String) -> Said {
    match reply.op_ret {
        0 => Said::out(text(&reply.friends)),
        _ => Said::refused(format!("{command}: failed\n")),
    }
}

/// The numbers of the peers, from 1.
fn numbers(friends: &Dict) -> impl Iterator<Item = i64> {
    1..=counted(friends, "count")
}

fn field<'a>(friends: &'a Dict, number: i64, name: &str) -> &'a str {
    friends.str(&format!("friend{number}.{name}")).unwrap_or_default()
}

fn connected(friends: &Dict, number: i64) -> bool {
    friends.int(&format!("friend{number}.connected")) == Some(1)
}

/// The other names of a peer: `hostname0` is the one already shown.
fn other_names(friends: &Dict, number: i64) -> Vec<&str> {
    let count = counted(friends, &format!("friend{number}.hostname_count"));
    (1..count).map(|other| field(friends, number, &format!("hostname{other}"))).collect()
}

fn text(friends: &Dict) -> String {
    let mut out = format!("Number of Peers: {}\n", friends.int("count").unwrap_or(0));
    for number in numbers(friends) {
        let up = if connected(friends, number) { "Connected" } else { "Disconnected" };
        out += &format!(
            "\nHostname: {}\nUuid: {}\nState: {} ({up})\n",
            field(friends, number, "hostname"),
            field(friends, number, "uuid"),
            field(friends, number, "state"),
        );
        let others = other_names(friends, number);
        if !others.is_empty() {
            out += &format!("Other names:\n{}\n", others.join("\n"));
        }
    }
    out
}

fn pool_text(friends: &Dict) -> String {
    let widest =
        numbers(friends).map(|number| field(friends, number, "hostname").len()).max().unwrap_or(0).max(8);
    let mut out = format!("UUID\t\t\t\t\t{:widest$} \tState\n", "Hostname");
    for number in numbers(friends) {
        let up = if connected(friends, number) { "Connected" } else { "Disconnected" };
        let (uuid, host) = (field(friends, number, "uuid"), field(friends, number, "hostname"));
        out += &format!("{uuid}\t{host:widest$}\t{up} \n");
    }
    out
}

fn xml(reply: &ListFriendsRsp) -> Said {
    let friends = &reply.friends;
    let peers = numbers(friends).map(|number| peer_element(friends, number));
    let body = element("peerStatus").children(peers);
    Said::out(document(reply.op_ret, reply.op_errno, "", vec![body]))
}

fn peer_element(friends: &Dict, number: i64) -> Element {
    let host = field(friends, number, "hostname");
    let peer = element("peer").leaf("uuid", field(friends, number, "uuid")).leaf("hostname", host);
    let names = std::iter::once(host).chain(other_names(friends, number));
    let names = names.map(|name| element("hostname").text(name));
    let mut peer = if field(friends, number, "hostname_count").is_empty() {
        peer
    } else {
        peer.child(element("hostnames").children(names))
    };
    peer = peer.leaf("connected", i32::from(connected(friends, number)));
    match friends.int(&format!("friend{number}.stateId")) {
        Some(state) => peer.leaf("state", state).leaf("stateStr", field(friends, number, "state")),
        None => peer,
    }
}

#[cfg(test)]
mod tests {
    use crate::words::tests::Scripted;

    #[test]
    fn a_lone_node_has_no_peers() {
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("count", "0")]);
        assert_eq!(daemon.run("peer status").out, "Number of Peers: 0\n");
        let mut daemon = Scripted::default().reply((0, 0, ""), &[("count", "0")]);
        assert!(
            daemon.run("peer status --xml").out.ends_with("  <opErrstr/>\n  <peerStatus/>\n</cliOutput>\n")
        );
    }
}
